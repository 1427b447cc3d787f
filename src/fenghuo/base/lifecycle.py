"""Services, their order and their end.

A service is an async context manager: entering starts it, leaving stops it, and it owns every task it starts.
:class:`Stack` enters services in order and leaves them in reverse, each within a time limit.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager
from types import TracebackType
from typing import Self, TypeVar

log = logging.getLogger(__name__)

T = TypeVar("T")

STOP_TIMEOUT_S = 10.0
"""How long one service may take to stop before it is cancelled. Ten seconds is what systemd users expect."""


class Stack:
    """Starts services in the order given and stops them in reverse, each bounded by ``stop_timeout_s``."""

    def __init__(self, stop_timeout_s: float = STOP_TIMEOUT_S) -> None:
        self._stop_timeout_s = stop_timeout_s
        self._running: list[tuple[str, AbstractAsyncContextManager[object]]] = []

    async def __aenter__(self) -> Self:
        return self

    async def start(self, name: str, service: AbstractAsyncContextManager[T]) -> T:
        """Start ``service``; when it fails to start, what runs already is stopped by leaving the stack."""
        value = await service.__aenter__()
        self._running.append((name, service))
        return value

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # An exit stack goes on to the next service when one fails to stop, and raises what failed in the end.
        async with contextlib.AsyncExitStack() as stack:
            for name, service in self._running:
                stack.push_async_callback(self._stop, name, service)
            self._running = []

    async def _stop(self, name: str, service: AbstractAsyncContextManager[object]) -> None:
        try:
            async with asyncio.timeout(self._stop_timeout_s):
                await service.__aexit__(None, None, None)
        except TimeoutError:
            log.error("%s did not stop within %g s and was cut off", name, self._stop_timeout_s)


@contextlib.contextmanager
def on_signals(handlers: Mapping[signal.Signals, Callable[[], object]]) -> Iterator[None]:
    """Install handlers on the running loop, and take them away again."""
    loop = asyncio.get_running_loop()
    for number, handler in handlers.items():
        loop.add_signal_handler(number, handler)
    try:
        yield
    finally:
        for number in handlers:
            loop.remove_signal_handler(number)
