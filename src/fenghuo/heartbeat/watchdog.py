"""The watchdog: says to a server elsewhere, at an interval, that this program works.

Who is told raises the alarm when nothing comes. So nothing is sent while the program cannot do its work: a beat would
then say what is not true.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self

from prometheus_client import CollectorRegistry, Counter, Gauge

from fenghuo import __version__
from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.heartbeat.settings import WatchdogMethod, WatchdogSettings
from fenghuo.net.answer import host_of
from fenghuo.net.http_client import HttpClient

log = logging.getLogger(__name__)

ANSWER_BYTES_MAX = 65_536
OUTCOMES = ("sent", "failed", "withheld")


class Watchdog:
    """``async with Watchdog(settings, unfit, clock, registry, guard)``: beats while the context is open."""

    def __init__(
        self, settings: WatchdogSettings, unfit: Callable[[], str], clock: Clock, registry: CollectorRegistry,
        guard: Guard,
    ) -> None:  # fmt: skip
        """``unfit()`` says what keeps the program from its work; empty when nothing does."""
        self._settings = settings
        self._unfit = unfit
        self._clock = clock
        self._guard = guard
        self._tasks: asyncio.TaskGroup | None = None
        self._beating: asyncio.Task[None] | None = None
        self.trouble = ""
        """Why the last beat was not heard; empty when it was, and before the first."""
        self._beats = Counter(
            "fenghuo_watchdog_beats",
            "Beats of the watchdog: sent, failed on their way, or withheld because the program cannot do its work.",
            ["outcome"],
            registry=registry,
        )
        for outcome in OUTCOMES:
            self._beats.labels(outcome)
        self._last = Gauge(
            "fenghuo_watchdog_last_success_timestamp_seconds",
            "When the watchdog was last heard; 0 before.",
            registry=registry,
        )

    async def __aenter__(self) -> Self:
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._tasks is not None
        await self._stop()
        tasks, self._tasks = self._tasks, None
        await tasks.__aexit__(None, None, None)

    async def apply(self, settings: WatchdogSettings) -> None:
        """Go on with other settings; the same ones change nothing."""
        if settings == self._settings:
            return
        await self._stop()
        self._settings = settings
        self._start()

    def _start(self) -> None:
        if self._tasks is not None and self._settings.on:
            self._beating = self._tasks.create_task(self._rounds(self._settings), name="watchdog")

    async def _stop(self) -> None:
        if self._beating is not None:
            self._beating.cancel()
            await asyncio.wait([self._beating])
            self._beating = None
        self.trouble = ""

    async def _rounds(self, settings: WatchdogSettings) -> None:
        async with HttpClient(settings.http_config, f"Fenghuo/{__version__}") as client:
            while True:
                start_s = self._clock.monotonic_s()
                await self._guard.run("watchdog", lambda: self._beat(settings, client))
                await self._clock.sleep(settings.interval_ms / 1000 - (self._clock.monotonic_s() - start_s))

    async def _beat(self, settings: WatchdogSettings, client: HttpClient) -> None:
        if unfit := self._unfit():
            self._note("withheld", f"withheld: {unfit}")
            return
        try:
            self._note(*await self._sent(settings, client))
        except (OSError, UnicodeDecodeError) as error:
            self._note("failed", f"url_file cannot be read: {error}")

    async def _sent(self, settings: WatchdogSettings, client: HttpClient) -> tuple[str, str]:
        """The outcome of one request, and what went wrong."""
        url = settings.url.reveal()
        if settings.url_file:
            url = (await asyncio.to_thread(Path(settings.url_file).read_text)).strip()
        timeout_s = settings.timeout_ms / 1000
        try:
            async with self._clock.timeout(timeout_s):
                if settings.method is WatchdogMethod.POST:
                    answer = await client.post(url, {}, b"", ANSWER_BYTES_MAX)
                else:
                    answer = await client.get(url, {}, ANSWER_BYTES_MAX)
        except TimeoutError:
            return "failed", f"no answer from {host_of(url)} within {timeout_s:g} s"
        except OperatingError as error:
            # The error itself may name the URL, which is a secret.
            return "failed", f"no answer from {host_of(url)}: {error.message.replace(url, host_of(url))}"
        if not 200 <= answer.status < 300:
            return "failed", f"{host_of(url)} answered {answer.status} {answer.reason}"
        return "sent", ""

    def _note(self, outcome: str, trouble: str) -> None:
        self._beats.labels(outcome).inc()
        if outcome == "sent":
            self._last.set(self._clock.now_ms() / 1000)
        if trouble and not self.trouble:
            log.error("the watchdog was not heard; its other side raises the alarm if this goes on: %s", trouble)
        elif self.trouble and not trouble:
            log.info("the watchdog is heard again")
        self.trouble = trouble
