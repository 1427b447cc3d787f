"""An ASGI application that is made when it is first asked for, so that a start does not wait for it."""

from __future__ import annotations

import threading
from collections.abc import Callable

import anyio.to_thread
from starlette.types import ASGIApp, Receive, Scope, Send


class LateApplication:
    """Answers with what ``make`` returns, which is called once, in a worker thread."""

    def __init__(self, make: Callable[[], ASGIApp]) -> None:
        self._make = make
        self._making = threading.Lock()
        self._made: ASGIApp | None = None

    def prepare(self) -> ASGIApp:
        """Make the application now unless it is there. Blocking; from any thread."""
        with self._making:
            if self._made is None:
                self._made = self._make()
            return self._made

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        made = self._made
        if made is None:
            made = await anyio.to_thread.run_sync(self.prepare)
        await made(scope, receive, send)
