"""When groups run, and what a reload does, on a clock that stands still."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.errors import InputError
from fenghuo.base.guard import Guard
from fenghuo.rules import RuleFile, RuleManager, RulesSettings
from fenghuo.rules.settings import GroupSettings, RuleSettings

from .conftest import STALE, Bench, Inline

pytestmark = pytest.mark.anyio

RECORD = RuleSettings(record="r", expr="x")
ALERT = RuleSettings(alert="A", expr="x", for_ms=3_600_000)


def settings(*groups: GroupSettings, name: str = "f.yml", interval_ms: int = 60_000) -> RulesSettings:
    return RulesSettings(files=(RuleFile(name, groups),), evaluation_interval_ms=interval_ms)


def group(*rules: RuleSettings, name: str = "g", interval_ms: int = 0) -> GroupSettings:
    return GroupSettings(name=name, interval_ms=interval_ms, rules=list(rules))


@pytest.fixture
async def manager(bench: Bench, registry: CollectorRegistry) -> AsyncIterator[RuleManager]:
    bench.answers["x"] = [({}, 1.0)]
    async with RuleManager(bench.ports, registry, Guard(registry), Inline()) as running:
        yield running


def metric(registry: CollectorRegistry, name: str, group_: str = "f.yml;g") -> float | None:
    return registry.get_sample_value(f"fenghuo_rule_group_{name}", {"group": group_})


async def test_runs_at_its_slots_which_a_restart_does_not_move(manager: RuleManager, bench: Bench) -> None:
    await manager.apply(settings(group(RECORD)))
    await bench.clock.advance(180)
    first = [time_ms for _, time_ms in bench.asked]
    assert len(first) == 3
    assert {b - a for a, b in itertools.pairwise(first)} == {60_000}
    await manager.apply(settings())
    bench.asked.clear()
    await bench.clock.advance(17)
    await manager.apply(settings(group(RECORD)))
    await bench.clock.advance(120)
    assert {time_ms % 60_000 for _, time_ms in bench.asked} == {first[0] % 60_000}


async def test_groups_are_spread_over_the_interval(manager: RuleManager, bench: Bench) -> None:
    await manager.apply(settings(*[group(RECORD, name=f"g{at}") for at in range(20)]))
    await bench.clock.advance(60)
    assert len({time_ms % 60_000 for _, time_ms in bench.asked}) == 20


async def test_a_slow_evaluation_misses_slots_and_they_are_counted(bench: Bench, registry: CollectorRegistry) -> None:
    class Slow(Inline):
        async def run(self, work):  # type: ignore[no-untyped-def]
            work()
            await bench.clock.sleep(150)

    bench.answers["x"] = [({}, 1.0)]
    async with RuleManager(bench.ports, registry, Guard(registry), Slow()) as manager:
        await manager.apply(settings(group(RECORD)))
        await bench.clock.advance(60)
        assert len(bench.asked) == 1
        await bench.clock.advance(160)
        assert [b - a for (_, a), (_, b) in itertools.pairwise(bench.asked)] == [120_000]
        assert metric(registry, "iterations_missed_total") == 1.0
        assert metric(registry, "iterations_total") == 3.0


async def test_a_clock_that_is_set_back_does_not_stop_the_rules(manager: RuleManager, bench: Bench) -> None:
    await manager.apply(settings(group(RECORD)))
    await bench.clock.advance(60)
    bench.clock.step_wall(-86_400)
    bench.asked.clear()
    await bench.clock.advance(180)
    assert len(bench.asked) in (2, 3)


async def test_a_clock_that_is_set_forward_does_not_replay_the_gap(manager: RuleManager, bench: Bench) -> None:
    await manager.apply(settings(group(RECORD)))
    await bench.clock.advance(60)
    bench.clock.step_wall(86_400)
    bench.asked.clear()
    await bench.clock.advance(180)
    assert len(bench.asked) in (3, 4)


async def test_a_reload_leaves_unchanged_groups_alone(manager: RuleManager, bench: Bench) -> None:
    await manager.apply(settings(group(ALERT), group(RECORD, name="h")))
    await bench.clock.advance(60)
    active = manager.groups()[0].rules[0].alerts[0].active_at_ms
    await manager.apply(settings(group(ALERT), group(RECORD, name="i")))
    assert [view.name for view in manager.groups()] == ["g", "i"]
    assert manager.groups()[0].rules[0].alerts[0].active_at_ms == active
    assert manager.groups()[0].last_evaluation_ms is not None


async def test_a_changed_group_keeps_the_alerts_of_rules_that_stay(manager: RuleManager, bench: Bench) -> None:
    await manager.apply(settings(group(ALERT)))
    await bench.clock.advance(60)
    active = manager.groups()[0].rules[0].alerts[0].active_at_ms
    await manager.apply(settings(group(RECORD, ALERT), interval_ms=30_000))
    await bench.clock.advance(60)
    assert manager.groups()[0].rules[1].alerts[0].active_at_ms == active


async def test_a_removed_group_ends_its_series_after_two_intervals(
    manager: RuleManager, bench: Bench, registry: CollectorRegistry
) -> None:
    await manager.apply(settings(group(RECORD)))
    await bench.clock.advance(60)
    await manager.apply(settings())
    assert metric(registry, "rules") is None
    await bench.clock.advance(119)
    assert STALE not in bench.store.of("r").values()
    await bench.clock.advance(1)
    assert list(bench.store.of("r").values()) == [1.0, STALE]


async def test_a_group_that_comes_back_goes_on(manager: RuleManager, bench: Bench) -> None:
    await manager.apply(settings(group(ALERT)))
    await bench.clock.advance(60)
    active = manager.groups()[0].rules[0].alerts[0].active_at_ms
    await manager.apply(settings())
    await bench.clock.advance(30)
    await manager.apply(settings(group(ALERT)))
    await bench.clock.advance(300)
    assert manager.groups()[0].rules[0].alerts[0].active_at_ms == active
    assert not [series for series, samples in bench.store.samples.items() if STALE in samples.values()]


async def test_settings_that_cannot_run_change_nothing(manager: RuleManager) -> None:
    await manager.apply(settings(group(RECORD)))
    bad = RuleSettings(alert="B", expr="x", annotations={"summary": "{{ nothing }}"})
    with pytest.raises(InputError, match="nothing"):
        await manager.apply(settings(group(RECORD, bad)))
    assert [rule.name for rule in manager.groups()[0].rules] == ["r"]


async def test_only_the_first_settings_restore_state(manager: RuleManager, bench: Bench) -> None:
    await manager.apply(settings(group(RECORD)))
    await bench.clock.advance(60)
    asked: list[object] = []
    select = bench.store.select

    def counting(*args: object) -> object:
        asked.append(args)
        return select(*args)  # type: ignore[arg-type]

    bench.store.select = counting  # type: ignore[method-assign,assignment]
    await manager.apply(settings(group(ALERT, name="later")))
    await bench.clock.advance(60)
    assert asked == []


async def test_worker_threads_end_with_the_service(bench: Bench, registry: CollectorRegistry) -> None:
    bench.answers["x"] = [({}, 1.0)]
    async with RuleManager(bench.ports, registry, Guard(registry)) as manager:
        await manager.apply(settings(group(RECORD)))
        await bench.clock.advance(60)
        async with asyncio.timeout(10):
            while manager.groups()[0].last_evaluation_ms is None:
                await asyncio.sleep(0.001)
    assert len(bench.asked) == 1
