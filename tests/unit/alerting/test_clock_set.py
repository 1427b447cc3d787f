"""Somebody sets the machine's clock, or it slept: nobody hears what is not so, and nobody waits longer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fenghuo.alerting.service import Alerting
from fenghuo.model.escalation import EscalationState
from unit.alerting.bench import Bench
from unit.alerting.escalation.duty import Duty

pytestmark = pytest.mark.anyio

CONFIG = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s, repeat_interval: 4h}
receivers: [{name: team, webhook_configs: [{url: 'http://x'}]}]
"""
HOUR_S = 3600.0
SET = [pytest.param(HOUR_S, id="ahead"), pytest.param(-HOUR_S, id="back")]


async def reported(bench: Bench, alerting: Alerting, *, every_s: float, times: int) -> None:
    """A rule reports that its alert fires, each time over four minutes of its clock, which is ours."""
    for _ in range(times):
        alerting.intake.put([bench.alert("Down", starts_s=bench.now_s - 1, ends_s=bench.now_s + 240)])
        await bench.clock.advance(every_s)


@pytest.mark.parametrize("by_s", SET)
async def test_what_goes_on_firing_is_not_told_again(bench: Bench, by_s: float) -> None:
    async with bench.service(CONFIG) as alerting:
        await reported(bench, alerting, every_s=60, times=3)
        bench.clock.step_wall(by_s)
        # Its rule has a round of its own, so that groups are looked at before it speaks.
        await bench.clock.advance(59)
        await reported(bench, alerting, every_s=60, times=10)
    assert [told.names for told in bench.told] == [["Down firing"]]


@pytest.mark.parametrize("by_s", SET)
async def test_what_is_over_is_told_as_soon_as_without_that(bench: Bench, by_s: float) -> None:
    async with bench.service(CONFIG) as alerting:
        await reported(bench, alerting, every_s=60, times=3)
        bench.clock.step_wall(by_s)
        await bench.clock.advance(30)
        alerting.intake.put([bench.alert("Down", starts_s=bench.now_s - 300, ends_s=bench.now_s)])
        await bench.clock.advance(60)
    assert [told.names for told in bench.told] == [["Down firing"], ["Down resolved"]]


@pytest.mark.parametrize("by_s", SET)
async def test_what_is_heard_of_no_more_ends_in_its_own_time(bench: Bench, by_s: float) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down"), bench.alert("Full")])
        await bench.clock.advance(60)
        bench.clock.step_wall(by_s)
        await bench.clock.advance(160)
        assert {alert.name for alert in alerting.firing()} == {"Down", "Full"}
        await bench.clock.advance(30)
        assert {alert.name for alert in alerting.firing()} == {"Full"}, "four minutes after it was heard of"
        await bench.clock.advance(60)
        assert not alerting.firing(), "five minutes after it was heard of"
        await bench.clock.advance(60)
    told = sorted(names for told in bench.told for names in told.names)
    assert told == ["Down firing", "Down resolved", "Full firing", "Full resolved"]


async def test_ends_that_were_moved_are_saved(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.clock.advance(60)
        bench.clock.step_wall(HOUR_S)
        await bench.clock.advance(60)
    ((saved, _),) = bench.state.alerts.load()
    assert saved.ends_at_ms == bench.ms(240 + HOUR_S)


async def test_groups_keep_their_timers(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down", host="a")])
        await bench.clock.advance(5)
        bench.clock.step_wall(-HOUR_S)
        await bench.clock.advance(5)
        assert len(bench.told) == 1, "group_wait is over"
        alerting.intake.put([bench.firing("Down", host="b")])
        await bench.clock.advance(59)
        assert len(bench.told) == 1
        await bench.clock.advance(1)
    assert [told.names for told in bench.told] == [["Down firing"], ["Down firing"] * 2]


async def test_a_clock_that_is_corrected_a_little_moves_nothing(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        for _ in range(100):
            bench.clock.step_wall(-0.2)
            await bench.clock.advance(1)
        (alert,) = alerting.firing()
    assert alert.ends_at_ms == bench.ms(240)


async def test_a_step_of_an_escalation_waits_no_longer(bench: Bench) -> None:
    duty = Duty(bench)
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await bench.clock.advance(300)
        bench.clock.step_wall(-HOUR_S)
        await bench.clock.advance(590)
        assert duty.told() == []
        await bench.clock.advance(15)
        assert [who for _, who in duty.told()] == ["sms 1"]
        known = alerting.escalations.get(1)
        assert known is not None
        assert known == replace(known, state=EscalationState.WAITING, next_step=1)
        await bench.clock.advance(600)
        assert len(duty.told()) == 3
        assert not [alert for alert in alerting.firing() if alert.name == "FenghuoEscalationMissed"]


async def test_a_step_that_is_being_taken_ends_as_usual(bench: Bench) -> None:
    duty = Duty(bench)

    async def slow(_: object) -> None:
        await bench.clock.sleep(20)

    async with duty.service() as alerting:
        await duty.fire(alerting)
        duty.behave = slow
        await bench.clock.advance(905)
        bench.clock.step_wall(-HOUR_S)
        await bench.clock.advance(60)
        assert [who for _, who in duty.told()] == ["sms 1"]
        await bench.clock.advance(650)
        assert len(duty.told()) == 3
