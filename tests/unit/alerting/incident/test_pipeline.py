"""Incidents in the whole pipeline, on the manual clock: opened, answered, reminded of, kept over restarts."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.alerting.incident import machine
from fenghuo.alerting.incident.book import UnknownIncidentError
from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.service import Alerting
from fenghuo.alerting.upkeep import CATCH_UP_S
from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml, validate
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.incident import Actor, EventKind, Incident, IncidentState, Priority
from fenghuo.state import open_state
from unit.alerting.bench import START_MS, Bench, FakeChannel, settings_of

pytestmark = pytest.mark.anyio

CONFIG = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s, repeat_interval: 10m}
receivers:
- name: team
  webhook_configs: [{url: 'http://team'}]
- name: phones
  webhook_configs: [{url: 'http://phones'}]
"""
ZHANG = Actor("zhang", "panel")


def priorities_of(text: str) -> PrioritiesSettings:
    found, problems = validate(PrioritiesSettings, load_yaml(text, "fenghuo.yml"))
    assert found is not None, [str(problem) for problem in problems]
    return found


async def keep_firing(bench: Bench, alerting: Alerting, until_s: float, *names: str, **labels: str) -> None:
    """Report these every minute, as a rule does."""
    while bench.now_s < until_s:
        alerting.intake.put([bench.firing(name, **labels) for name in names])
        await bench.until(min(until_s, bench.now_s + 60))


def reasons(bench: Bench) -> list[tuple[float, str]]:
    return [(told.at_s, told.message.reason) for told in bench.told]


async def only(alerting: Alerting) -> Incident:
    (found,) = await alerting.incidents.find()
    return found


async def test_a_fault_has_one_incident_from_its_first_notice_to_its_end(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        await keep_firing(bench, alerting, 300, "Down", severity="critical")
        incident = await only(alerting)
        assert (incident.id, incident.priority, incident.opened_ms) == ("INC-1", Priority.P1, bench.ms(10))
        alerting.intake.put([bench.alert("Down", starts_s=0, ends_s=300, severity="critical")])
        await bench.until(400)
        incident = await only(alerting)
        assert (incident.state, incident.resolved_ms) == (IncidentState.RESOLVED, bench.ms(310))
        lines = await alerting.incidents.timeline(1)
    told = [(told.message.incident.id, told.message.incident.state) for told in bench.told if told.message.incident]
    assert told == [("INC-1", "open"), ("INC-1", "resolved")]
    assert [line.kind for line in lines] == [
        EventKind.OPENED, EventKind.NOTICE, EventKind.RESOLVED, EventKind.NOTICE,
    ]  # fmt: skip
    assert bench.metric("fenghuo_incidents_opened_total", priority="P1") == 1
    assert bench.metric("fenghuo_incident_resolve_seconds_sum", priority="P1") == 300


async def test_acknowledging_stops_the_repeats_of_that_incident_and_only_of_it(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        await keep_firing(bench, alerting, 120, "Down", "Full")
        (down,) = [each for each in alerting.incidents.live() if each.title == "Down"]
        await alerting.incidents.act(down.number, lambda now, at_ms: machine.acknowledge(now, ZHANG, at_ms))
        await keep_firing(bench, alerting, 1_300, "Down", "Full")
    assert bench.said() == [
        (10, ["Down firing"]),
        (10, ["Full firing"]),
        (670, ["Full firing"]),
    ]
    assert bench.metric("fenghuo_incident_acknowledge_seconds_sum", priority="P2") == 110


async def test_what_joins_an_acknowledged_incident_is_told_as_such_also_after_a_restart(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        await keep_firing(bench, alerting, 60, "Down", instance="a")
        await alerting.incidents.act(1, lambda now, at_ms: machine.acknowledge(now, ZHANG, at_ms))
    async with bench.service(CONFIG) as alerting:
        assert [each.acknowledged_by for each in alerting.incidents.live()] == ["zhang"]
        alerting.intake.put([bench.firing("Down", instance="a"), bench.firing("Down", instance="b")])
        await bench.until(200)
        assert (await only(alerting)).state is IncidentState.ACKNOWLEDGED
    assert [reason for _, reason in reasons(bench)] == ["first", "new_since_answered"]


async def test_a_snooze_ends_with_a_reminder(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        await keep_firing(bench, alerting, 60, "Down")
        await alerting.incidents.act(1, lambda now, at_ms: machine.snooze(now, ZHANG, at_ms, 1_500_000))
        await keep_firing(bench, alerting, 1_700, "Down")
        assert (await only(alerting)).state is IncidentState.OPEN
    assert reasons(bench) == [(10, "first"), (1570, "repeat")]


async def test_a_priority_adds_receivers_and_has_its_own_reminders(bench: Bench) -> None:
    table = priorities_of("{severities: {Dead: P0}, P0: {receivers: [phones], repeat: [2m, 5m, 20m]}}")
    async with Alerting(bench.parts(), settings_of(CONFIG), None, table) as alerting:
        await keep_firing(bench, alerting, 2_400, "Down", severity="DEAD")
    assert {told.receiver for told in bench.told} == {"team", "phones"}
    for receiver in ("team", "phones"):
        at_s = [told.at_s for told in bench.told if told.receiver == receiver]
        assert [told.message.receiver for told in bench.told if told.receiver == receiver] == [receiver] * len(at_s)
        assert at_s == [10, 190, 550, 1810]


async def test_a_silence_opens_no_incident_and_a_route_that_is_gone_ends_one(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        await keep_firing(bench, alerting, 60, "Down")
        await alerting.apply(settings_of(CONFIG.replace("[alertname]", "[instance]")))
        await keep_firing(bench, alerting, 600, "Down")
        old, new = sorted(await alerting.incidents.find(), key=lambda each: each.number)
    assert (old.state, new.state) == (IncidentState.RESOLVED, IncidentState.OPEN)


async def test_a_refusing_database_keeps_nobody_from_answering(bench: Bench) -> None:
    store = bench.state.incidents
    works = store.save

    def refuses(*_: Any) -> None:
        raise OperatingError("disk full", retryable=True)

    async with bench.service(CONFIG) as alerting:
        store.save = refuses  # type: ignore[method-assign]
        await keep_firing(bench, alerting, 60, "Down")
        taken = await alerting.incidents.act(1, lambda now, at_ms: machine.acknowledge(now, ZHANG, at_ms))
        assert taken.state is IncidentState.ACKNOWLEDGED
        assert store.get(1) is None
        store.save = works  # type: ignore[method-assign]
        await bench.until(60 + CATCH_UP_S)
        kept = store.get(1)
        assert kept is not None
        assert kept.acknowledged_by == "zhang"
        kinds = [line.kind for line in store.timeline(1)]
        assert kinds == [EventKind.OPENED, EventKind.NOTICE, EventKind.ACKNOWLEDGED]


async def test_old_ones_are_found_and_reopened_unless_the_group_has_another(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=100)])
        await bench.until(4_000)
        assert alerting.incidents.live() == []
        back = await alerting.incidents.act(1, lambda now, at_ms: machine.reopen(now, ZHANG, at_ms))
        assert back.live
        await alerting.incidents.act(1, lambda now, at_ms: machine.resolve(now, ZHANG, at_ms))
        await bench.until(8_000)
        await keep_firing(bench, alerting, 8_060, "Down")
        with pytest.raises(InputError, match="INC-2 is open"):
            await alerting.incidents.act(1, lambda now, at_ms: machine.reopen(now, ZHANG, at_ms))
        with pytest.raises(UnknownIncidentError):
            await alerting.incidents.get(3)


histories = st.lists(
    st.sampled_from(["fire a", "fire b", "end a", "end b", "ack", "snooze", "restart", "fail", "wait"])
)


@settings(max_examples=25, deadline=None)
@given(history=histories, seed=st.integers(0, 100))
async def test_whatever_happens_what_fires_is_told_and_the_answered_are_left_alone(
    history: list[str], seed: int
) -> None:
    draw = random.Random(seed)
    with open_state("sqlite://") as state:
        bench = Bench(ManualClock(START_MS), state)
        failing = False

        async def behave(channel: FakeChannel) -> None:
            if failing and draw.random() < 0.5:
                raise ChannelError("trouble", retryable=False)

        bench.behave = behave
        service = bench.service(CONFIG)
        alerting = await service.__aenter__()
        starts: dict[str, float] = {}
        answered_s = None
        for deed in [*history, *["calm"] * 4]:
            failing = deed == "fail"
            verb, _, name = deed.partition(" ")
            if verb == "fire":
                starts.setdefault(name, bench.now_s)
            elif verb == "end" and name in starts:
                alerting.intake.put([bench.alert("X", starts_s=starts.pop(name), ends_s=bench.now_s, instance=name)])
            elif deed == "restart":
                await service.__aexit__(None, None, None)
                service = bench.service(CONFIG)
                alerting = await service.__aenter__()
            elif deed in ("ack", "snooze") and alerting.incidents.live():
                number = alerting.incidents.live()[0].number
                await alerting.incidents.act(
                    number,
                    lambda now, at_ms, deed=deed: (  # type: ignore[misc]
                        machine.acknowledge(now, ZHANG, at_ms)
                        if deed == "ack"
                        else machine.snooze(now, ZHANG, at_ms, 300_000)
                    ),
                )
                answered_s = bench.now_s
            alerting.intake.put([bench.firing("X", instance=each) for each in starts])
            quiet = [each.answered for each in alerting.incidents.live()] == [True]
            before = len(bench.told)
            await bench.until(bench.now_s + 61)
            still = [each.state for each in alerting.incidents.live()] == [IncidentState.ACKNOWLEDGED]
            if quiet and still:
                assert all(told.message.reason != "repeat" for told in bench.told[before:]), answered_s
        live = alerting.incidents.live()
        await service.__aexit__(None, None, None)
    assert len(live) == bool(starts)
    heard = {
        alert.labels["instance"]: alert.status for told in bench.told for alert in told.message.alerts
    }  # The last word about each.
    assert {name for name, status in heard.items() if status == "firing"} == set(starts)


async def events(alerting: Alerting, kind: EventKind, number: int = 1) -> list[float]:
    """When such lines stand on a time line, in seconds from the start."""
    return [(line.at_ms - START_MS) / 1000 for line in await alerting.incidents.timeline(number) if line.kind is kind]


async def test_an_answer_that_does_not_come_in_time_is_overdue_once_and_until_it_comes(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        await alerting.report([bench.alert("Down", ends_s=10**6, severity="page")])
        await bench.until(10)
        assert (await only(alerting)).due_ms == bench.ms(10 + 900)
        await bench.until(900)
        assert not (await only(alerting)).overdue
        await bench.until(910 + CATCH_UP_S)
        assert (await only(alerting)).overdue
        assert bench.metric("fenghuo_incidents_overdue", priority="P1") == 1
    async with bench.service(CONFIG) as alerting:
        await bench.until(2000)
        assert await events(alerting, EventKind.OVERDUE) == [910.0]
        assert (await only(alerting)).overdue
        await alerting.incidents.act(1, lambda now, at_ms: machine.acknowledge(now, ZHANG, at_ms))
        answered = await only(alerting)
        assert (answered.overdue, answered.due_ms) == (False, None)
        await bench.until(2000 + CATCH_UP_S)
        assert bench.metric("fenghuo_incidents_overdue", priority="P1") == 0


async def test_the_time_to_answer_begins_anew_when_it_waits_again_or_grows_more_urgent(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        await alerting.report([bench.alert("Down", ends_s=10**6, severity="warning", on="a")])
        await bench.until(10)
        await alerting.incidents.act(1, lambda now, at_ms: machine.snooze(now, ZHANG, at_ms, 600_000))
        assert (await only(alerting)).due_ms is None
        await bench.until(615)
        assert (await only(alerting)).due_ms == bench.ms(610 + 1800)
        await alerting.report([bench.alert("Down", ends_s=10**6, severity="fatal", on="b")])
        await bench.until(700)
        raised = await only(alerting)
        assert (raised.priority, raised.due_ms) == ("P0", bench.ms(670 + 300))
        await bench.until(1000)
        assert await events(alerting, EventKind.OVERDUE) == [970.0]
        await alerting.incidents.act(1, lambda now, at_ms: machine.resolve(now, ZHANG, at_ms))
        await alerting.incidents.act(1, lambda now, at_ms: machine.reopen(now, ZHANG, at_ms))
        assert (await only(alerting)).due_ms == bench.ms(1300)


async def test_a_deadline_is_not_in_quiet_hours_and_stays_when_settings_change(bench: Bench) -> None:
    quiet = "P3: {ack_within: 5m, quiet_hours: [{times: [{start_time: '22:15', end_time: '22:30'}], location: UTC}]}"
    config = bench.settings(CONFIG)
    async with Alerting(bench.parts(), config, priorities=priorities_of(quiet)) as alerting:
        await alerting.report([bench.alert("Disk", ends_s=10**6, severity="info")])
        await bench.until(60)
        assert (await only(alerting)).due_ms == bench.ms(1000 + 300)  # 22:30 and five minutes.
        await alerting.apply(config, priorities=priorities_of("P3: {ack_within: 1m}"))
        await bench.until(1299)
        assert not (await only(alerting)).overdue
        await bench.until(1300 + CATCH_UP_S)
        assert await events(alerting, EventKind.OVERDUE) == [1300.0]
