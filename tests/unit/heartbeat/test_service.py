"""Heartbeats on a manual clock and a real database: what is told, what survives, what is refused."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.base.guard import Guard
from fenghuo.heartbeat.service import HEARTBEATS, TEXT, Heartbeats
from fenghuo.heartbeat.settings import HeartbeatsSettings
from fenghuo.heartbeat.timing import Signal
from fenghuo.model.alert import Alert
from fenghuo.state import State, open_state

pytestmark = pytest.mark.anyio

CONFIGURED = {
    "backup": {
        "period": "1h",
        "grace": "5m",
        "labels": {"team": "db", "severity": "warning"},
        "description": "no dump",
    },
}


def settings(heartbeats: dict[str, Any] | None = None) -> HeartbeatsSettings:
    return HeartbeatsSettings.model_validate({"heartbeats": CONFIGURED if heartbeats is None else heartbeats})


async def at_once(work: Callable[[], Any]) -> Any:
    """In place of a worker thread, which no manual clock moves."""
    return work()


@dataclass
class Bench:
    """Heartbeats that can be restarted on the same database."""

    clock: ManualClock
    state: State
    told: list[Alert] = field(default_factory=list)
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    @contextlib.asynccontextmanager
    async def running(self, given: HeartbeatsSettings | None = None) -> AsyncIterator[Heartbeats]:
        self.registry = CollectorRegistry()
        guard, chosen = Guard(self.registry), given or settings()
        made = Heartbeats(self.state.heartbeats, self.told.extend, self.clock, self.registry, guard, chosen, at_once)
        async with made as heartbeats:
            yield heartbeats

    async def passes(self, seconds: float) -> list[tuple[str, str]]:
        """Let time pass; what was told, as pairs of alert and ``firing`` or ``resolved``."""
        self.told.clear()
        await self.clock.advance(seconds)
        now_ms = self.clock.now_ms()
        return [(alert.name, "resolved" if alert.resolved_at(now_ms) else "firing") for alert in self.told]

    def value(self, name: str, heartbeat: str) -> float | None:
        return self.registry.get_sample_value(name, {"heartbeat": heartbeat})


@pytest.fixture
def bench(clock: ManualClock) -> Iterator[Bench]:
    with open_state("sqlite://") as state:
        yield Bench(clock, state)


async def test_silence_is_told_each_minute_and_its_end_once(bench: Bench) -> None:
    async with bench.running() as heartbeats:
        heartbeats.hear("backup", Signal.SUCCESS)
        assert await bench.passes(3_895) == []
        told = await bench.passes(130)
        assert told == [("FenghuoHeartbeatMissing", "firing")] * 3
        alert = bench.told[0]
        assert dict(alert.labels) == {
            "alertname": "FenghuoHeartbeatMissing",
            "heartbeat": "backup",
            "severity": "warning",
            "source": "fenghuo",
            "team": "db",
        }
        assert alert.starts_at_ms == bench.clock.now_ms() - 125_000
        assert alert.annotations["description"] == "no dump"
        assert alert.annotations["summary"].startswith("backup is silent, last heard from at 20")
        assert bench.value("heartbeat_up", "backup") == 0
        heartbeats.hear("backup", Signal.SUCCESS)
        assert await bench.passes(60) == [("FenghuoHeartbeatMissing", "resolved")]
        assert bench.value("heartbeat_up", "backup") == 1


async def test_a_failure_is_told_with_what_the_job_said(bench: Bench) -> None:
    async with bench.running() as heartbeats:
        heartbeats.hear("backup", Signal.START)
        await bench.passes(30)
        assert bench.value("heartbeat_running", "backup") == 1
        heartbeats.hear("backup", Signal.FAIL, b"disk\0 full\xff", 3)
        assert await bench.passes(10) == [("FenghuoHeartbeatFailed", "firing")]
        assert bench.told[0].annotations["output"] == "disk full�"
        assert bench.told[0].annotations["summary"] == "backup failed with exit code 3"
        assert bench.value("heartbeat_last_duration_seconds", "backup") == 30
        assert bench.value("heartbeat_last_success_timestamp_seconds", "backup") is None
        heartbeats.hear("backup", Signal.SUCCESS)
        assert await bench.passes(10) == [("FenghuoHeartbeatFailed", "resolved")]
        assert bench.registry.get_sample_value("fenghuo_heartbeat_signals_total", {"kind": "fail"}) == 1


async def test_a_restart_neither_forgets_nor_invents_silence(bench: Bench) -> None:
    async with bench.running() as heartbeats:
        heartbeats.hear("backup", Signal.SUCCESS)
        heard = heartbeats.all()[0].pulse
    await bench.clock.advance(7_200)
    async with bench.running() as heartbeats:
        assert heartbeats.all()[0].pulse == heard
        assert await bench.passes(890) == [], "ten minutes and the grace after the start"
        assert ("FenghuoHeartbeatMissing", "firing") in await bench.passes(20)
    async with bench.running():
        assert await bench.passes(10) == [("FenghuoHeartbeatMissing", "firing")]


async def test_one_that_was_never_heard_is_missing_in_the_end(bench: Bench) -> None:
    async with bench.running():
        await bench.passes(1_800)
    async with bench.running():
        assert await bench.passes(2_095) == []
        assert await bench.passes(10) == [("FenghuoHeartbeatMissing", "firing")]
        assert bench.told[0].annotations["summary"].startswith("backup has never been heard from")


async def test_people_make_and_remove_them(bench: Bench) -> None:
    async with bench.running() as heartbeats:
        made = heartbeats.make("sync", {"cron": "0 2 * * *", "grace": "30m", "labels": {"team": "ops"}}, "li")
        assert (made.status, made.made_by, made.settings.grace_ms) == ("new", "li", 1_800_000)
        heartbeats.hear("sync", Signal.FAIL)
        assert await bench.passes(5) == [("FenghuoHeartbeatFailed", "firing")]
        heartbeats.make("sync", {"period": "1d"}, "wang")
    async with bench.running() as heartbeats:
        assert [(one.pulse.name, one.made_by, one.status) for one in heartbeats.all()] == [
            ("backup", "", "new"),
            ("sync", "wang", "failed"),
        ]
        await bench.passes(5)
        heartbeats.remove("sync")
        assert await bench.passes(5) == [("FenghuoHeartbeatFailed", "resolved")]
        with pytest.raises(InputError, match="unknown heartbeat 'sync'"):
            heartbeats.hear("sync", Signal.SUCCESS)
    assert bench.state.heartbeats.made() == []


async def test_what_cannot_be_made_or_removed(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    async with bench.running() as heartbeats:
        for name, given, message in (
            ("a b", {"period": "1h"}, "'a b' is not a name"),
            ("a", {}, "neither period nor cron"),
            ("a", {"period": "soon"}, "heartbeat a period: "),
            ("backup", {"period": "1h"}, "stands in the configuration"),
        ):
            with pytest.raises(InputError, match=message):
                heartbeats.make(name, given, "li")
        with pytest.raises(InputError, match="stands in the configuration"):
            heartbeats.remove("backup")
        with pytest.raises(InputError, match="did you mean 'backup'"):
            heartbeats.remove("bakcup")
        monkeypatch.setattr("fenghuo.heartbeat.service.HEARTBEATS", replace(HEARTBEATS, default=1))
        with pytest.raises(InputError, match="1 heartbeats already"):
            heartbeats.make("a", {"period": "1h"}, "li")
    assert bench.state.heartbeats.made() == []


async def test_other_settings_keep_what_was_heard(bench: Bench) -> None:
    async with bench.running() as heartbeats:
        heartbeats.hear("backup", Signal.FAIL)
        await bench.passes(5)
        await heartbeats.apply(settings({"other": {"period": "1h"}}))
        assert await bench.passes(5) == [("FenghuoHeartbeatFailed", "resolved")]
        await heartbeats.apply(settings())
        assert heartbeats.all()[0].status == "failed"
    async with bench.running(settings({})):
        assert bench.state.heartbeats.pulses() == []


async def test_a_long_text_keeps_its_end(bench: Bench) -> None:
    hits = TEXT.hits
    async with bench.running() as heartbeats:
        heartbeats.hear("backup", Signal.LOG, b"x" * TEXT.default + b"the end")
        text = heartbeats.all()[0].pulse.text
    assert (len(text), text[-8:], TEXT.hits - hits) == (TEXT.default, "xthe end", 1)


async def test_what_the_database_refuses_holds_and_is_saved_later(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuses(pulses: object) -> None:
        raise OperatingError("the disk is full", retryable=True)

    async with bench.running() as heartbeats:
        with monkeypatch.context() as broken:
            broken.setattr(bench.state.heartbeats, "save", refuses)
            heartbeats.hear("backup", Signal.FAIL)
            assert await bench.passes(5) == [("FenghuoHeartbeatFailed", "firing")]
        assert bench.state.heartbeats.pulses()[0].failed_ms is None
        await bench.passes(5)
        assert bench.state.heartbeats.pulses() == [heartbeats.all()[0].pulse]


async def test_a_machine_that_slept_misses_nothing_at_once(bench: Bench) -> None:
    async with bench.running() as heartbeats:
        heartbeats.hear("backup", Signal.SUCCESS)
        await bench.passes(60)
        bench.clock.step_wall(5 * 3600)
        assert await bench.passes(600) == [], "the job could not be heard while the machine slept"
        assert ("FenghuoHeartbeatMissing", "firing") in await bench.passes(600)


async def test_a_clock_that_was_set_back_lets_nothing_be_waited_for_longer(bench: Bench) -> None:
    async with bench.running() as heartbeats:
        heartbeats.hear("backup", Signal.SUCCESS)
        await bench.passes(60)
        bench.clock.step_wall(-5 * 3600)
        assert await bench.passes(3_600) == []
        assert ("FenghuoHeartbeatMissing", "firing") in await bench.passes(400)
        bench.clock.step_wall(-3600)
        assert await bench.passes(100) != [], "what is wrong is said again"
        heartbeats.hear("backup", Signal.SUCCESS)
        assert ("FenghuoHeartbeatMissing", "resolved") in await bench.passes(60)


async def test_what_is_heard_right_after_the_clock_was_set_back_counts_from_then(bench: Bench) -> None:
    async with bench.running() as heartbeats:
        heartbeats.hear("backup", Signal.SUCCESS)
        await bench.passes(60)
        bench.clock.step_wall(-5 * 3600)
        heartbeats.hear("backup", Signal.SUCCESS)
        (heard,) = heartbeats.all()
        assert heard.pulse.heard_ms == bench.clock.now_ms()
        assert await bench.passes(3_890) == []
        assert ("FenghuoHeartbeatMissing", "firing") in await bench.passes(60)
