"""What becomes of an incident, step by step and under random histories."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.alerting.incident import machine
from fenghuo.alerting.incident.machine import REOPEN_MS, SNOOZE_MS_MAX, Sighting, Step
from fenghuo.base.errors import InputError
from fenghuo.model.incident import Actor, EventKind, Incident, IncidentState, Priority
from fenghuo.model.labels import Labels

ZHANG = Actor("zhang", "panel")
MINUTE_MS = 60_000


def seen(*told: int, muted: tuple[int, ...] = (), priority: Priority = Priority.P2) -> Sighting:
    labels = Labels({"alertname": "Down", "job": "api"})
    return Sighting("key", "team", labels, {each: f"A{each}" for each in told}, frozenset((*told, *muted)), priority)


def opened(*told: int, priority: Priority = Priority.P2) -> Incident:
    step = machine.observe(None, seen(*told, priority=priority), 7, 0)
    assert step is not None
    return step.incident


def observed(incident: Incident, sighting: Sighting, now_ms: int) -> Step:
    step = machine.observe(incident, sighting, 8, now_ms)
    assert step is not None
    return step


def kinds(step: Step) -> list[EventKind]:
    return [event.kind for event in step.events]


def test_firing_alerts_open_one_and_their_end_resolves_it() -> None:
    assert machine.observe(None, seen(), 7, 0) is None
    assert machine.observe(None, seen(muted=(1,)), 7, 0) is None, "nobody is told of what is muted"
    step = machine.observe(None, seen(1, 2), 7, 5)
    assert step is not None
    assert (step.incident.id, step.incident.state, step.incident.opened_ms) == ("INC-7", IncidentState.OPEN, 5)
    assert step.incident.title == "A1, A2 (job=api)"
    assert step.events[0].data == {"priority": "P2", "firing": 2, "alerts": ["A1", "A2"]}
    over = observed(step.incident, seen(), 90)
    assert (over.incident.state, over.incident.resolved_ms, kinds(over)) == (
        IncidentState.RESOLVED,
        90,
        [EventKind.RESOLVED],
    )


def test_nothing_new_is_no_event() -> None:
    step = observed(opened(1), seen(1), 10)
    assert step == Step(opened(1), [])


def test_a_silence_ends_no_incident() -> None:
    step = observed(opened(1), seen(muted=(1,)), 10)
    assert step.incident.live
    assert step.events == []
    assert not observed(step.incident, seen(), 20).incident.live


def test_firing_again_soon_is_the_same_incident_and_later_another() -> None:
    over = observed(opened(1), seen(), MINUTE_MS).incident
    again = observed(over, seen(1), MINUTE_MS + REOPEN_MS)
    assert (again.incident.number, again.incident.state, kinds(again)) == (7, IncidentState.OPEN, [EventKind.REOPENED])
    assert again.incident.resolved_ms is None
    later = observed(over, seen(1), MINUTE_MS + REOPEN_MS + 1)
    assert (later.incident.number, later.incident.opened_ms) == (8, MINUTE_MS + REOPEN_MS + 1)


def test_acknowledged_stays_so_when_alerts_join_and_the_time_line_tells() -> None:
    step = machine.acknowledge(opened(1), ZHANG, 50, "on it")
    assert (step.incident.acknowledged_ms, step.incident.acknowledged_by) == (50, "zhang")
    assert [(event.actor, event.text) for event in step.events] == [(ZHANG, "on it")]
    assert machine.acknowledge(step.incident, Actor("li", "api"), 60) == Step(step.incident, [])
    joined = observed(step.incident, seen(1, 2), 70)
    assert joined.incident.state is IncidentState.ACKNOWLEDGED
    assert [(event.kind, event.text) for event in joined.events] == [
        (EventKind.ALERTS, "1 alert new since acknowledged")
    ]


def test_a_more_urgent_alert_opens_what_was_acknowledged() -> None:
    acknowledged = machine.acknowledge(opened(1), ZHANG, 50).incident
    step = observed(acknowledged, seen(1, 2, priority=Priority.P0), 70)
    assert (step.incident.priority, step.incident.state) == (Priority.P0, IncidentState.OPEN)
    assert kinds(step) == [EventKind.ALERTS, EventKind.RAISED]
    assert observed(step.incident, seen(1), 80).incident.priority is Priority.P0, "it stays what it was at its worst"


def test_a_snooze_ends() -> None:
    step = machine.snooze(opened(1), ZHANG, 100, 30 * MINUTE_MS)
    until_ms = 100 + 30 * MINUTE_MS
    assert (step.incident.state, step.incident.snoozed_until_ms) == (IncidentState.SNOOZED, until_ms)
    assert observed(step.incident, seen(1), until_ms - 1).events == []
    woken = observed(step.incident, seen(1), until_ms + 5)
    assert (woken.incident.state, woken.incident.remind_ms, kinds(woken)) == (
        IncidentState.OPEN,
        until_ms,
        [EventKind.WOKEN],
    )


def test_what_a_person_resolved_stays_so_until_another_alert_fires() -> None:
    done = machine.resolve(opened(1), ZHANG, 50).incident
    going_on = observed(done, seen(1), 50 + 10 * REOPEN_MS)
    assert going_on == Step(done, [])
    assert kinds(observed(going_on.incident, seen(1, 2), 51 + 10 * REOPEN_MS)) == [EventKind.REOPENED]
    assert observed(done, seen(), 60).incident.firing == frozenset()


def test_reopened_by_hand_it_stays_open_without_alerts() -> None:
    done = observed(opened(1), seen(), 50).incident
    back = machine.reopen(done, ZHANG, 60).incident
    assert (back.state, back.resolved_ms, back.remind_ms) == (IncidentState.OPEN, None, 60)
    assert observed(back, seen(), 70).incident.live


@pytest.mark.parametrize(
    "act",
    [
        lambda: machine.reopen(opened(1), ZHANG, 5),
        lambda: machine.acknowledge(machine.resolve(opened(1), ZHANG, 5).incident, ZHANG, 6),
        lambda: machine.resolve(machine.resolve(opened(1), ZHANG, 5).incident, ZHANG, 6),
        lambda: machine.snooze(opened(1), ZHANG, 5, SNOOZE_MS_MAX + 1),
        lambda: machine.snooze(opened(1), ZHANG, 5, 0),
        lambda: machine.comment(opened(1), ZHANG, 5, "  "),
        lambda: machine.link_postmortem(opened(1), ZHANG, 5, "javascript:alert(1)"),
    ],
)
def test_what_cannot_be_is_refused(act: Callable[[], Step]) -> None:
    with pytest.raises(InputError):
        act()


def done(incident: Incident, deed: str, now_ms: int) -> Incident:
    if deed == "snooze":
        return machine.snooze(incident, ZHANG, now_ms, 15 * MINUTE_MS).incident
    act = machine.acknowledge if deed == "ack" else machine.resolve
    return act(incident, ZHANG, now_ms).incident


fingerprints = st.frozensets(st.integers(1, 4))
deeds = st.one_of(
    st.tuples(fingerprints, fingerprints, st.sampled_from(Priority)), st.sampled_from(["ack", "snooze", "resolve"])
)


@given(history=st.lists(st.tuples(st.integers(1, 20), deeds), max_size=25))
def test_what_fires_is_in_an_incident_and_times_only_go_on(history: list[tuple[int, object]]) -> None:
    known: Incident | None = None
    now_ms, number, by_hand = 0, 1, False
    for minutes, deed in history:
        now_ms += minutes * MINUTE_MS
        before = known
        if isinstance(deed, tuple):
            told, muted, priority = deed
            step = machine.observe(known, seen(*told, muted=tuple(muted), priority=priority), number, now_ms)
            if step is None:
                assert not told
                continue
            known = step.incident
            assert told <= known.firing <= told | muted | (before.firing if before else frozenset())
            if told and not known.live:
                assert by_hand, "only a person calls resolved what fires"
                assert before is not None
                assert told <= before.firing, "what joins is never swallowed"
            if told and known.live:
                assert known.priority <= priority
            by_hand = by_hand and not known.live
        elif known is not None and known.live:
            known = done(known, str(deed), now_ms)
            by_hand = deed == "resolve"
        if known is not None:
            assert known.live == (known.resolved_ms is None)
            assert (known.snoozed_until_ms is not None) == (known.state is IncidentState.SNOOZED)
            assert known.opened_ms <= (known.acknowledged_ms or known.opened_ms) <= now_ms
            number = known.number + 1
