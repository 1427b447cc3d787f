"""The program's own log: one line an event on standard error, and a counter of warnings and errors."""

from __future__ import annotations

import contextlib
import logging
import sys
import time
from collections.abc import AsyncIterator

from prometheus_client import CollectorRegistry, Counter


class LineFormatter(logging.Formatter):
    """``2026-11-21T00:45:35.120+08:00 WARNING collect.scrape: …``"""

    def formatTime(self, record: logging.LogRecord, datefmt: str | None = None) -> str:  # noqa: N802 - logging's name
        local = time.localtime(record.created)
        zone = time.strftime("%z", local)
        return f"{time.strftime('%Y-%m-%dT%H:%M:%S', local)}.{int(record.msecs):03d}{zone[:3]}:{zone[3:]}"

    def format(self, record: logging.LogRecord) -> str:
        record.part = record.name.removeprefix("fenghuo.")
        return super().format(record)


class CountingHandler(logging.Handler):
    """Counts records of level WARNING and above, so that a rule can watch our own log."""

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(logging.WARNING)
        self._messages = Counter(
            "fenghuo_log_messages", "Messages in the program's own log.", ["level"], registry=registry
        )
        for level in ("warning", "error"):
            self._messages.labels(level)

    def emit(self, record: logging.LogRecord) -> None:
        self._messages.labels("error" if record.levelno >= logging.ERROR else "warning").inc()


@contextlib.asynccontextmanager
async def counting_messages(registry: CollectorRegistry) -> AsyncIterator[None]:
    """Count what goes to the log while the context is open."""
    handler = CountingHandler(registry)
    logging.getLogger().addHandler(handler)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)


def configure_logging(level: int = logging.INFO) -> None:
    """Send the log to standard error. Called once by the command line, never when embedded."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(LineFormatter("%(asctime)s %(levelname)s %(part)s: %(message)s"))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for noisy in ("uvicorn", "uvicorn.error", "asyncio", "aiohttp"):
        logging.getLogger(noisy).setLevel(logging.WARNING)
