"""Where alerts come in: from rules, from the API, from any thread."""

from __future__ import annotations

import asyncio
import threading
from collections import deque
from collections.abc import Sequence

from fenghuo.alerting.metrics import Instruments
from fenghuo.base import limits
from fenghuo.model.alert import Alert

QUEUE = limits.declare(
    "alerts_intake_queue", 100_000, limits.Policy.REJECT, "Alerts that wait to be entered; senders report again."
)


class Intake:
    """A bounded queue between whoever reports alerts and the event loop that owns them."""

    def __init__(self, instruments: Instruments, queue_max: int = QUEUE.default) -> None:
        self._instruments = instruments
        self._queue_max = queue_max
        self._queue: deque[Alert] = deque()
        self._lock = threading.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._filled = asyncio.Event()
        instruments.queued.set_function(lambda: len(self._queue))

    def put(self, alerts: Sequence[Alert]) -> int:
        """Queue ``alerts`` and return at once, with how many of them fitted, counted from the first.

        May be called from any thread, and before the service runs. What did not fit is counted; rules report a
        firing alert again every minute.
        """
        with self._lock:
            fits = max(self._queue_max - len(self._queue), 0)
            taken = alerts[:fits]
            self._queue.extend(taken)
            if self._loop is not None and taken:
                self._loop.call_soon_threadsafe(self._filled.set)
        if len(taken) < len(alerts):
            QUEUE.hit(len(alerts) - len(taken))
            self._instruments.rejected("queue_full", len(alerts) - len(taken))
        return len(taken)

    def attach(self) -> None:
        """Wake the running loop from now on when something arrives."""
        with self._lock:
            self._loop = asyncio.get_running_loop()
            if self._queue:
                self._filled.set()

    def detach(self) -> None:
        """Wake nobody any more; what arrives stays in the queue."""
        with self._lock:
            self._loop = None

    async def drain(self) -> list[Alert]:
        """Wait for alerts, and take all there are."""
        await self._filled.wait()
        return self.take()

    def take(self) -> list[Alert]:
        """Take what is queued right now."""
        with self._lock:
            taken = list(self._queue)
            self._queue.clear()
            self._filled.clear()
        return taken
