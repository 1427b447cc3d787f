"""The course of an escalation, step by step."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.alerting.escalation.course import (
    begin,
    caught_up,
    claimed,
    follow,
    freeze,
    hurried,
    plan,
    taken,
)
from fenghuo.alerting.escalation.settings import EscalationsSettings
from fenghuo.base.document import load_yaml, validate
from fenghuo.model.escalation import Escalation, EscalationState, FrozenPolicy, FrozenStep
from fenghuo.model.incident import Incident, IncidentState, Priority
from fenghuo.model.labels import EMPTY

M = 60_000
NIGHT = FrozenPolicy(
    "night",
    Priority.P2,
    (FrozenStep(5 * M, ("person:a",)), FrozenStep(10 * M, ("schedule:b",)), FrozenStep(20 * M, ("receiver:c",))),
    1,
    15 * M,
)
DAY = replace(NIGHT, name="day", priority=Priority.P1)
AT = 1_000 * M


def incident(state: IncidentState = IncidentState.OPEN, priority: Priority = Priority.P2) -> Incident:
    return Incident(7, "{}", "team", "Down", EMPTY, priority, AT, state=state)


def frozen(text: str, ack_within_ms: int = 5 * M) -> FrozenPolicy:
    found, problems = validate(EscalationsSettings, load_yaml(text, "fenghuo.yml"))
    assert found is not None, [str(each) for each in problems]
    ((name, policy),) = found.escalations.items()
    return freeze(name, policy, Priority.P1, ack_within_ms)


def refused(text: str) -> list[str]:
    _, problems = validate(EscalationsSettings, load_yaml(text, "fenghuo.yml"))
    return [str(each) for each in problems]


def test_a_first_step_without_a_time_comes_when_the_time_to_answer_is_over() -> None:
    policy = frozen("escalations: {night: {steps: [{targets: ['person:a']}, {after: 10m, targets: ['person:b']}]}}")
    assert [step.wait_ms for step in policy.steps] == [5 * M, 10 * M]
    assert [(each.offset_ms, each.targets) for each in plan(policy)] == [
        (5 * M, ("person:a",)),
        (15 * M, ("person:b",)),
    ]


def test_the_list_is_gone_through_again_after_the_time_to_answer() -> None:
    steps = "[{after: 0s, targets: ['person:a']}, {after: 10m, targets: ['person:b']}]"
    policy = frozen(f"escalations: {{night: {{repeat: 1, steps: {steps}}}}}", 7 * M)
    assert [(each.offset_ms // M, each.number, each.round) for each in plan(policy)] == [
        (0, 1, 1), (10, 2, 1), (17, 1, 2), (27, 2, 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("steps", "says"),
    [
        ("[]", "1 to 20 steps"),
        ("[{targets: []}]", "tells nobody"),
        ("[{targets: ['zhang']}]", "zhang names no person, schedule or receiver (write person:NAME"),
        ("[{targets: ['person: ']}]", "names no person"),
        ("[{targets: ['person:a']}, {targets: ['person:b']}]", "step 2 does not say when it comes"),
        ("[{targets: ['person:a']}, {after: 0s, targets: ['person:b']}]", "step 2 comes with the one before"),
        ("[{after: 8d, targets: ['person:a']}]", "more than 7 days"),
    ],
)
def test_steps_that_cannot_be_are_refused_with_their_place(steps: str, says: str) -> None:
    (problem,) = refused(f"escalations:\n  night:\n    steps: {steps}\n")
    assert "escalations.night.steps" in problem
    assert says in problem


def test_it_begins_when_an_incident_opens_and_its_priority_names_a_policy() -> None:
    assert follow(None, incident(), NIGHT, AT) == Escalation(7, NIGHT, AT + 5 * M)
    assert follow(None, incident(), None, AT) is None
    assert follow(None, incident(IncidentState.ACKNOWLEDGED), NIGHT, AT) is None


def test_settings_that_change_do_not_alter_one_under_way() -> None:
    known = begin(7, NIGHT, AT)
    other = replace(NIGHT, name="other", repeat=0)
    assert follow(known, incident(), other, AT + M) == known
    assert follow(known, incident(), None, AT + M) == known


def test_an_answer_stops_it_and_opening_again_begins_again() -> None:
    known = taken(begin(7, NIGHT, AT), AT + 5 * M, reached=True)
    stopped = follow(known, incident(IncidentState.ACKNOWLEDGED), NIGHT, AT + 6 * M)
    assert stopped is not None
    assert (stopped.state, stopped.next_step) == (EscalationState.STOPPED, 1)
    assert follow(stopped, incident(), NIGHT, AT + 9 * M) == begin(7, NIGHT, AT + 9 * M)
    assert follow(known, incident(IncidentState.RESOLVED), NIGHT, AT) is None


def test_a_snooze_pauses_it_and_the_rest_of_the_wait_comes_after_it() -> None:
    known = begin(7, NIGHT, AT)
    paused = follow(known, incident(IncidentState.SNOOZED), NIGHT, AT + 2 * M)
    assert paused is not None
    assert paused.state is EscalationState.PAUSED
    assert follow(paused, incident(IncidentState.SNOOZED), NIGHT, AT + 3 * M) == paused
    assert follow(paused, incident(), NIGHT, AT + 32 * M) == replace(known, next_at_ms=AT + 35 * M)


def test_a_snooze_during_a_step_pauses_the_wait_for_the_next() -> None:
    last = replace(claimed(begin(7, NIGHT, AT)), next_step=2, round=1)
    stopped = follow(last, incident(IncidentState.SNOOZED), NIGHT, AT + 5 * M)
    assert stopped is not None
    assert stopped.state is EscalationState.STOPPED, "there is no next one"
    paused = follow(claimed(begin(7, NIGHT, AT)), incident(IncidentState.SNOOZED), NIGHT, AT + 5 * M)
    assert paused is not None
    assert (paused.state, paused.next_step, paused.next_at_ms) == (EscalationState.PAUSED, 1, AT + 15 * M)


def test_what_is_asked_for_after_an_answer_during_a_step_is_the_next_one() -> None:
    now = follow(claimed(begin(7, NIGHT, AT)), incident(IncidentState.ACKNOWLEDGED), NIGHT, AT + 6 * M)
    assert now is not None
    assert (now.state, now.next_step) == (EscalationState.STOPPED, 1)
    asked = hurried(now, 7, NIGHT, AT + 7 * M)
    assert asked is not None
    assert (asked.state, asked.next_step, asked.next_at_ms) == (EscalationState.WAITING, 1, AT + 7 * M)


def test_a_snooze_of_what_was_answered_begins_again_at_its_end() -> None:
    for state in (EscalationState.STOPPED, EscalationState.OVER):
        stopped = follow(replace(begin(7, NIGHT, AT), state=state), incident(IncidentState.SNOOZED), NIGHT, AT)
        assert stopped is not None
        assert stopped.state is EscalationState.STOPPED
        assert follow(stopped, incident(), NIGHT, AT + M) == begin(7, NIGHT, AT + M)


def test_a_raised_priority_starts_its_own_policy() -> None:
    known = taken(begin(7, NIGHT, AT), AT + 5 * M, reached=True)
    raised = incident(priority=Priority.P1)
    assert follow(known, raised, DAY, AT + 8 * M) == begin(7, DAY, AT + 8 * M)
    assert follow(replace(known, state=EscalationState.OVER), raised, DAY, AT) == begin(7, DAY, AT)
    assert follow(known, raised, None, AT + 8 * M) == known


def test_steps_follow_each_other_round_by_round_and_end() -> None:
    known, moments = begin(7, NIGHT, AT), []
    while known.state is EscalationState.WAITING:
        moments.append((known.next_at_ms - AT, known.next_step, known.round))
        known = taken(claimed(known), known.next_at_ms, reached=True)
    assert known.state is EscalationState.OVER
    assert moments == [(each.offset_ms, each.number - 1, each.round - 1) for each in plan(NIGHT)]


def test_the_next_step_follows_at_once_when_nobody_was_reached_but_a_new_round_waits() -> None:
    known = taken(begin(7, NIGHT, AT), AT + 5 * M, reached=False)
    assert (known.next_step, known.next_at_ms) == (1, AT + 5 * M)
    known = taken(taken(known, AT + 5 * M, reached=False), AT + 5 * M, reached=False)
    assert (known.round, known.next_step, known.next_at_ms) == (1, 0, AT + 20 * M)


@pytest.mark.parametrize(
    ("later_m", "step", "turn", "missed"),
    [(4, 0, 0, 0), (5, 0, 0, 0), (14, 0, 0, 0), (15, 1, 0, 1), (40, 2, 0, 2), (50, 0, 1, 3), (900, 2, 1, 5)],
)
def test_of_several_steps_that_were_missed_only_the_newest_is_taken(
    later_m: int, step: int, turn: int, missed: int
) -> None:
    known, count = caught_up(begin(7, NIGHT, AT), AT + later_m * M)
    assert (known.next_step, known.round, count) == (step, turn, missed)
    assert known.state is EscalationState.WAITING


def test_a_step_under_way_is_taken_again() -> None:
    known, missed = caught_up(claimed(begin(7, NIGHT, AT)), AT + 900 * M)
    assert (known.next_step, known.next_at_ms, known.state, missed) == (0, AT + 900 * M, EscalationState.WAITING, 0)


def test_what_a_person_asks_for_comes_at_once() -> None:
    stopped = replace(taken(begin(7, NIGHT, AT), AT, reached=True), state=EscalationState.STOPPED)
    now = hurried(stopped, 7, NIGHT, AT + M)
    assert now == replace(stopped, state=EscalationState.WAITING, next_at_ms=AT + M)
    over = replace(stopped, state=EscalationState.OVER)
    assert hurried(over, 7, None, AT + M) == replace(begin(7, NIGHT, AT), next_at_ms=AT + M)
    assert hurried(None, 7, None, AT) is None
    assert hurried(None, 7, DAY, AT) == replace(begin(7, DAY, AT), next_at_ms=AT)


@given(
    st.lists(st.tuples(st.integers(0, 60), st.sampled_from(list(IncidentState)), st.sampled_from([2, 1])), max_size=30)
)
def test_what_is_open_and_never_over_always_has_a_next_step(happenings: list[tuple[int, IncidentState, int]]) -> None:
    """Whatever happens to an incident: open means that a step is to come or all were taken, answered means none is."""
    known: Escalation | None = None
    now_ms, most = AT, 2
    for minutes, state, priority in happenings:
        now_ms += minutes * M
        most = min(most, priority)
        now = incident(state, Priority(f"P{most}"))
        known = follow(known, now, NIGHT if most == 2 else DAY, now_ms)
        assert (known is None) <= (state is not IncidentState.OPEN)
        if known is None:
            continue
        if state is IncidentState.OPEN:
            assert known.state in (EscalationState.WAITING, EscalationState.OVER)
            assert known.policy.priority == now.priority
            if known.state is EscalationState.WAITING and known.next_at_ms <= now_ms:
                known = taken(claimed(known), now_ms, reached=bool(minutes % 2))
        else:
            assert known.state in (EscalationState.PAUSED, EscalationState.STOPPED)
