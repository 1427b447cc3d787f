"""The watchdog: a beat at every interval, none while the program cannot work, and what went wrong is seen."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml, validate
from fenghuo.base.guard import Guard
from fenghuo.heartbeat.settings import HeartbeatsSettings, WatchdogSettings
from fenghuo.heartbeat.watchdog import Watchdog

pytestmark = pytest.mark.anyio


@dataclass
class Listener:
    """Answers every request with ``status``; 0 answers nothing."""

    status: int = 200
    requests: list[str] = field(default_factory=list)

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[str]:
        async with await asyncio.start_server(self._answer, "127.0.0.1", 0) as server:
            yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/ping/secret"

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError):
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                self.requests.append(head.split(b" HTTP")[0].decode())
                if self.status:
                    writer.write(b"HTTP/1.1 %d Whatever\r\nContent-Length: 2\r\n\r\nok" % self.status)
        writer.close()


@dataclass
class Bench:
    """A watchdog on a manual clock, before a real listener."""

    clock: ManualClock
    registry: CollectorRegistry
    unfit: str = ""

    def watchdog(self, **settings: Any) -> Watchdog:
        made = WatchdogSettings.model_validate(settings)
        return Watchdog(made, lambda: self.unfit, self.clock, self.registry, Guard(self.registry))

    def beats(self, outcome: str) -> float:
        return self.registry.get_sample_value("fenghuo_watchdog_beats_total", {"outcome": outcome}) or 0

    async def happens(self, condition: Callable[[], bool]) -> None:
        """Wait for sockets, which no manual clock moves."""
        async with asyncio.timeout(10):
            while not condition():
                await asyncio.sleep(0.001)


@pytest.fixture
def bench(clock: ManualClock, registry: CollectorRegistry) -> Bench:
    return Bench(clock, registry)


@pytest.mark.parametrize("method", ["get", "post"])
async def test_a_beat_at_once_and_at_every_interval(bench: Bench, method: str) -> None:
    listener = Listener()
    async with listener.listening() as url, bench.watchdog(url=url, interval="30s", method=method):
        await bench.happens(lambda: bench.beats("sent") == 1)
        for beats in (2, 3):
            await bench.clock.advance(29.9)
            assert bench.beats("sent") == beats - 1
            await bench.clock.advance(0.1)
            await bench.happens(lambda beats=beats: bench.beats("sent") == beats)
    assert listener.requests == [f"{method.upper()} /ping/secret"] * 3
    last_s = bench.registry.get_sample_value("fenghuo_watchdog_last_success_timestamp_seconds")
    assert last_s == bench.clock.now_ms() / 1000


async def test_a_program_that_cannot_work_is_not_called_well(bench: Bench) -> None:
    listener = Listener()
    bench.unfit = "the disk is full"
    async with listener.listening() as url, bench.watchdog(url=url, interval="30s") as watchdog:
        await bench.happens(lambda: bench.beats("withheld") == 1)
        assert (listener.requests, watchdog.trouble) == ([], "withheld: the disk is full")
        bench.unfit = ""
        await bench.clock.advance(30)
        await bench.happens(lambda: bench.beats("sent") == 1)
        assert watchdog.trouble == ""


async def test_what_goes_wrong_is_seen_without_the_secret(bench: Bench, caplog: pytest.LogCaptureFixture) -> None:
    listener = Listener(status=404)
    async with listener.listening() as url:
        host = url.removesuffix("/ping/secret")
        async with bench.watchdog(url=url, interval="30s") as watchdog:
            await bench.happens(lambda: bench.beats("failed") == 1)
            assert watchdog.trouble == f"{host} answered 404 Whatever"
            listener.status = 0
            await bench.clock.advance(30)
            await bench.happens(lambda: len(listener.requests) == 2)
            await bench.clock.advance(10)
            await bench.happens(lambda: bench.beats("failed") == 2)
            assert watchdog.trouble == f"no answer from {host} within 10 s"
    assert len([record for record in caplog.records if "was not heard" in record.message]) == 1
    assert "secret" not in caplog.text


async def test_nobody_listens(bench: Bench) -> None:
    async with Listener().listening() as url:
        pass
    async with bench.watchdog(url=url) as watchdog:
        await bench.happens(lambda: bench.beats("failed") == 1)
        assert watchdog.trouble.startswith("no answer from http://127.0.0.1:")
        assert "secret" not in watchdog.trouble


async def test_other_settings_take_over_at_once_and_the_same_change_nothing(bench: Bench, tmp_path: Path) -> None:
    listener, file = Listener(), tmp_path / "url"
    async with listener.listening() as url, bench.watchdog() as watchdog:
        await bench.clock.advance(3600)
        assert listener.requests == []
        file.write_text(f"{url}\n")
        settings = WatchdogSettings.model_validate({"url_file": str(file)})
        await watchdog.apply(settings)
        await bench.happens(lambda: bench.beats("sent") == 1)
        await watchdog.apply(settings.model_copy())
        await bench.clock.advance(59)
        assert bench.beats("sent") == 1
        file.unlink()
        await bench.clock.advance(1)
        await bench.happens(lambda: bench.beats("failed") == 1)
        assert watchdog.trouble.startswith("url_file cannot be read")
        await watchdog.apply(WatchdogSettings())
        assert watchdog.trouble == ""
        await bench.clock.advance(3600)
    assert (bench.beats("sent"), bench.beats("failed")) == (1, 1)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("watchdog: {url: 'ftp://a'}", "unsupported scheme for url"),
        ("watchdog: {url: 'http://a', url_file: b}", "at most one of url & url_file of watchdog"),
        ("watchdog: {url: 'http://a', interval: 10ms}", "an interval under 1 s is too short"),
        ("watchdog: {url: 'http://a', timeout: 0s}", "a timeout of 0 leaves no time"),
        ("heartbeats: {a: {}}", "neither period nor cron"),
        ("heartbeats: {a: {period: 1h, cron: '* * * * *'}}", "at most one of"),
        ("heartbeats: {a: {period: 1s}}", "a period under 10 s"),
        ("heartbeats: {a: {cron: '* * * * * *'}}", "has not five fields"),
        ("heartbeats: {a: {cron: '61 * * * *'}}", "is not a cron expression: Bad minute"),
        ("heartbeats: {a: {cron: '* * * * *', zone: Mars/Base}}", "unknown time zone 'Mars/Base'"),
        ("heartbeats: {a b: {period: 1h}}", "'a b' is not a name"),
        ("heartbeats: {a: {period: 1h, labels: {alertname: x}}}", "the label 'alertname' is set by the heartbeat"),
        ("heartbeats: {a: {period: 1h, labels: {a-b: x}}}", "'a-b' is not a label name"),
    ],
)
def test_settings_that_cannot_be(given: str, message: str) -> None:
    settings, problems = validate(HeartbeatsSettings, load_yaml(given, "fenghuo.yml"))
    assert settings is None
    assert message in str(problems[0])
