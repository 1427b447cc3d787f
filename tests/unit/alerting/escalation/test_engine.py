"""Escalations in the whole pipeline, on the manual clock: steps in time, answers, restarts."""

from __future__ import annotations

import asyncio
import functools
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.alerting.escalation.auditor import ALERT, AUDIT_S, GRACE_MS
from fenghuo.alerting.escalation.settings import EscalationsSettings
from fenghuo.alerting.incident import machine
from fenghuo.alerting.notify.budget import Bucket, Budgeted
from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.escalation import EscalationState
from fenghuo.model.incident import Actor, EventKind, IncidentState
from fenghuo.model.language import Language
from fenghuo.model.matcher import MatchOp
from fenghuo.model.silence import Condition, Silence
from fenghuo.state import open_state
from unit.alerting.bench import START_MS, Bench, settings_of
from unit.alerting.escalation.duty import POLICIES, ROUTES, TABLE, Duty, Phone, read

pytestmark = pytest.mark.anyio

ZHANG = Actor("张伟", "link")
FIRST_S = 10 + 900
"""A P1 opens at 10 s and has 15 minutes to be answered."""
ROUND = [(FIRST_S, "sms 1"), (FIRST_S + 600, "email li@x"), (FIRST_S + 600, "webhook robot")]


@pytest.fixture
def duty(bench: Bench) -> Duty:
    return Duty(bench)


async def test_steps_tell_one_after_another_until_all_are_taken(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(10_000)
        again_s = FIRST_S + 600 + 900
        second = [(again_s, "sms 1"), (again_s + 600, "email li@x"), (again_s + 600, "webhook robot")]
        assert sorted(duty.told()) == sorted(ROUND + second)
        assert alerting.escalations.get(1).state is EscalationState.OVER  # type: ignore[union-attr]
        deliveries = {(each.claim.key.receiver, each.claim.reason) for each in alerting.deliveries()}
    assert deliveries == {
        ("team", "first"), ("person:zhang", "escalation"), ("person:li", "escalation"), ("robot", "escalation"),
    }  # fmt: skip
    assert duty.said(EventKind.ESCALATED)[:2] == [
        (FIRST_S, "night: step 1 of 2, round 1 of 2: person:zhang"),
        (FIRST_S + 600, "night: step 2 of 2, round 1 of 2: schedule:primary, receiver:robot"),
    ]
    assert duty.said(EventKind.REACHED)[0] == (FIRST_S, "张伟 by sms")
    assert duty.said(EventKind.ESCALATION_OVER) == [
        (again_s + 600, "every step of 'night' was taken and nobody has answered")
    ]
    assert duty.bench.metric("fenghuo_escalations_started_total", priority="P1") == 1
    assert duty.bench.metric("fenghuo_escalations_over_total", priority="P1") == 1
    assert duty.bench.metric("fenghuo_escalation_steps_total", outcome="reached") == 4


async def test_a_message_is_in_the_person_s_language_and_carries_a_link_of_their_own(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 600)
        messages = {who: message for _, who, message in duty.calls if message.reason == "escalation"}
        persons = {}
        for who, message in messages.items():
            assert message.incident is not None
            grant = alerting.links.read(message.incident.answer_url.rpartition("/")[2])
            assert grant is not None
            persons[who] = grant.person
            assert [alert.labels["alertname"] for alert in message.firing] == ["Down"]
    assert persons == {"sms 1": "张伟", "email li@x": "li", "webhook robot": ""}
    assert (messages["sms 1"].language, messages["email li@x"].language) == (Language.CHINESE, None)


async def test_escalating_leaves_the_route_s_own_reminders_as_they_are(duty: Duty) -> None:
    policies = "escalations: {night: {steps: [{after: 5m, targets: ['receiver:team']}]}}"
    async with duty.service(policies, routes=ROUTES.replace("8h", "30m")) as alerting:
        await duty.fire(alerting)
        await duty.bench.until(2_000)
    told = [(at_s, message.reason) for at_s, _, message in duty.calls]
    assert told == [(10, "first"), (310, "escalation"), (1_870, "repeat")]


@pytest.mark.parametrize("answer", ["acknowledge", "resolve"])
async def test_an_answer_stops_it(duty: Duty, answer: str) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 10)
        await alerting.incidents.act(1, lambda now, at_ms: getattr(machine, answer)(now, ZHANG, at_ms))
        await duty.bench.until(10_000)
    assert duty.told() == ROUND[:1]
    assert duty.bench.metric("fenghuo_escalations", state="waiting") == 0


async def test_the_end_of_its_alerts_stops_it(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 10)
        await duty.end(alerting)
        await duty.bench.until(10_000)
        assert alerting.escalations.get(1) is None
    assert duty.told() == ROUND[:1]
    assert duty.bench.state.escalations.load() == []


async def test_opening_again_begins_again(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 10)
        await alerting.incidents.act(1, lambda now, at_ms: machine.resolve(now, ZHANG, at_ms))
        await duty.bench.until(2_000)
        await alerting.incidents.act(1, lambda now, at_ms: machine.reopen(now, ZHANG, at_ms))
        await duty.bench.until(3_000)
    assert duty.told() == [ROUND[0], (2_900, "sms 1")]


async def test_a_snooze_pauses_it_and_it_goes_on_after_it(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(610)
        await alerting.incidents.act(1, lambda now, at_ms: machine.snooze(now, ZHANG, at_ms, 1_800_000))
        await duty.bench.until(2_800)
        ((at_s, who),) = duty.told()
    assert who == "sms 1"
    assert 610 + 1_800 + 300 <= at_s <= 610 + 1_800 + 300 + 15


async def test_a_raised_priority_starts_its_own_policy(duty: Duty) -> None:
    policies = POLICIES + "  loud: {steps: [{after: 1m, targets: ['receiver:robot']}]}\n"
    async with duty.service(policies, "{P1: {escalation: night}, P0: {escalation: loud}}") as alerting:
        await duty.fire(alerting)
        await duty.bench.until(300)
        await duty.fire(alerting, severity="p0")
        await duty.bench.until(5_000)
    assert duty.told() == [(310 + 60, "webhook robot")]


async def test_settings_that_change_alter_nothing_under_way_and_hold_for_what_opens_then(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        fresh = "escalations: {night: {steps: [{after: 1m, targets: ['receiver:robot']}]}}"
        table = read(PrioritiesSettings, TABLE)
        await alerting.apply(settings_of(ROUTES), None, table, read(EscalationsSettings, fresh))
        await duty.bench.until(600)
        await duty.fire(alerting, "Full")
        await duty.bench.until(FIRST_S)
    assert duty.told() == [(600 + 10 + 60, "webhook robot"), ROUND[0]]


async def test_what_is_open_without_an_escalation_begins_one_that_is_set_then(duty: Duty) -> None:
    async with duty.service(table="{}") as alerting:
        await duty.fire(alerting)
        await duty.bench.until(2_000)
        assert alerting.escalations.get(1) is None
        table, policies = read(PrioritiesSettings, TABLE), read(EscalationsSettings, POLICIES)
        await alerting.apply(settings_of(ROUTES), None, table, policies)
        await duty.bench.until(2_900)
    assert duty.told() == [(2_900, "sms 1")]


async def test_a_contact_that_fails_falls_to_the_next_one(duty: Duty) -> None:
    async def behave(phone: Phone) -> None:
        if phone.kind == "sms":
            raise ChannelError("number unknown", retryable=False)

    duty.behave = behave
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S)
    assert duty.told() == [(FIRST_S, "voice 1")]
    assert duty.said(EventKind.NOT_REACHED) == [(FIRST_S, "张伟 by sms: number unknown")]
    assert duty.said(EventKind.REACHED) == [(FIRST_S, "张伟 by voice")]


async def test_a_contact_that_does_not_answer_is_given_up_after_a_while(duty: Duty) -> None:
    async def behave(phone: Phone) -> None:
        if phone.kind == "sms":
            await duty.bench.clock.sleep(10_000)

    duty.behave = behave
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 31)
    assert duty.told() == [(FIRST_S + 30, "voice 1")]


@pytest.mark.parametrize(
    ("target", "says"),
    [
        ("person:wang", "wang is not told: quiet hours"),
        ("person:mute", "mute has no contacts"),
        ("schedule:empty", "schedule:empty: nobody is on call"),
    ],
)
async def test_who_cannot_be_reached_is_said_and_the_next_step_follows_at_once(
    duty: Duty, target: str, says: str
) -> None:
    steps = f"[{{after: 5m, targets: ['{target}']}}, {{after: 1h, targets: ['receiver:robot']}}]"
    async with duty.service(f"escalations: {{day: {{steps: {steps}}}}}", "{P2: {escalation: day}}") as alerting:
        await duty.fire(alerting, severity="warning")
        await duty.bench.until(400)
    assert duty.told() == [(310, "webhook robot")]
    assert duty.said(EventKind.NOT_REACHED) == [(310, says)]
    assert duty.bench.metric("fenghuo_escalation_steps_total", outcome="nobody") == 1


async def test_quiet_hours_keep_one_person_and_the_step_goes_on_to_the_rest(duty: Duty) -> None:
    steps = "[{after: 5m, targets: ['person:wang', 'person:li']}, {after: 1h, targets: ['receiver:robot']}]"
    async with duty.service(f"escalations: {{day: {{steps: {steps}}}}}", "{P2: {escalation: day}}") as alerting:
        await duty.fire(alerting, severity="warning")
        await duty.bench.until(400)
    assert duty.told() == [(310, "email li@x")]


@pytest.mark.parametrize(("severity", "reached"), [("p0", True), ("p1", True), ("p2", False), ("p3", False)])
async def test_only_the_most_urgent_reaches_people_in_their_quiet_hours(
    duty: Duty, severity: str, reached: bool
) -> None:
    policies = "escalations: {day: {steps: [{after: 5m, targets: ['person:wang']}]}}"
    table = "{P0: {escalation: day}, P1: {escalation: day}, P2: {escalation: day}, P3: {escalation: day}}"
    async with duty.service(policies, table) as alerting:
        await duty.fire(alerting, severity=severity)
        await duty.bench.until(400)
    assert duty.told() == ([(310, "sms 3")] if reached else [])


async def test_a_schedule_is_whoever_is_on_call_then_and_everybody_is_told_once(duty: Duty) -> None:
    steps = "[{after: 5m, targets: ['schedule:primary', 'person:zhang']}, {after: 5m, targets: ['schedule:primary']}]"
    async with duty.service(f"escalations: {{day: {{steps: {steps}}}}}", "{P1: {escalation: day}}") as alerting:
        duty_list = alerting._parts.oncall
        duty_list.override("primary", "zhang", duty.bench.ms(300), duty.bench.ms(500), "li")
        await duty.fire(alerting)
        await duty.bench.until(1_000)
    assert duty.told() == [(310, "sms 1"), (610, "email li@x")]


async def test_a_step_waits_while_the_rules_of_its_priority_keep_the_incident_quiet(duty: Duty) -> None:
    quiet = "{zone: UTC, P1: {escalation: night, quiet_hours: [{times: [{start_time: '22:20', end_time: '23:20'}]}]}}"
    async with duty.service(POLICIES, quiet) as alerting:
        await duty.fire(alerting)  # It is 22:13:20.
        await duty.bench.until(5_000)
    assert duty.told()[:1] == [(4_000 + 900, "sms 1")]


async def test_a_step_waits_while_all_that_fires_is_silenced(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(100)
        name = Condition("alertname", "Down", MatchOp.EQUAL)
        until_ms = duty.bench.ms(FIRST_S + 100)
        await alerting.silence(Silence("", (name,), duty.bench.ms(0), until_ms, "li", "known"))
        await duty.bench.until(FIRST_S + 950)
    assert duty.told() == [(FIRST_S + 900, "sms 1")]


async def test_a_step_waits_while_times_mute_the_route(duty: Duty) -> None:
    routes = (
        ROUTES.replace("route: {", "route: {routes: [{mute_time_intervals: [late]}], ")
        + """
time_intervals: [{name: late, time_intervals: [{times: [{start_time: '22:20', end_time: '23:00'}]}]}]
"""
    )
    async with duty.service(routes=routes) as alerting:
        await duty.fire(alerting)  # It is 22:13:20.
        await duty.bench.until(5_000)
    assert duty.told()[:1] == [(FIRST_S + 3 * 900, "sms 1")]


async def test_what_a_person_asks_for_is_not_kept_quiet(duty: Duty) -> None:
    quiet = "{zone: UTC, P1: {escalation: night, quiet_hours: [{times: [{start_time: '22:20', end_time: '23:20'}]}]}}"
    async with duty.service(POLICIES, quiet) as alerting:
        await duty.fire(alerting)
        await duty.bench.until(1_000)
        await alerting.escalations.escalate(1, ZHANG)
        await duty.bench.until(1_010)
    assert duty.told() == [(1_000, "sms 1")]


async def test_an_answer_during_a_step_keeps_the_rest_from_being_told(duty: Duty) -> None:
    async def behave(phone: Phone) -> None:
        if phone.kind == "sms":
            await duty.bench.clock.sleep(5)
            raise ChannelError("number unknown", retryable=False)

    duty.behave = behave
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 2)
        await alerting.incidents.act(1, lambda now, at_ms: machine.acknowledge(now, ZHANG, at_ms))
        await duty.bench.until(FIRST_S + 100)
        assert alerting.escalations.get(1).state is EscalationState.STOPPED  # type: ignore[union-attr]
    assert duty.told() == []


async def test_people_keep_to_the_budget_of_their_channel(duty: Duty) -> None:
    bucket = Bucket(3, 0, duty.bench.clock)
    duty.wrap = lambda phone: Budgeted(phone, bucket, duty.bench.clock) if phone.receiver == "phones" else phone
    policies = "escalations: {night: {steps: [{after: 0s, targets: ['person:zhang', 'person:wang']}]}}"
    assert bucket.take(urgent=False)
    assert bucket.take(urgent=False)
    async with duty.service(policies) as alerting:
        await duty.fire(alerting)
        await duty.bench.until(40)
    (first, _), (second, _) = duty.told()
    assert 10 <= first < second <= 40


async def test_a_person_asks_for_the_next_step(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(20)
        await alerting.escalations.escalate(1, ZHANG, "help")
        await duty.bench.until(30)
        await alerting.incidents.act(1, lambda now, at_ms: machine.acknowledge(now, ZHANG, at_ms))
        await duty.bench.until(40)
        incident = await alerting.escalations.escalate(1, ZHANG)
        assert incident.state is IncidentState.OPEN
        await duty.bench.until(50)
        await alerting.incidents.act(1, lambda now, at_ms: machine.resolve(now, ZHANG, at_ms))
        with pytest.raises(InputError, match="is resolved"):
            await alerting.escalations.escalate(1, ZHANG)
    assert sorted(duty.told()) == [(20, "sms 1"), (40, "email li@x"), (40, "webhook robot")]
    assert duty.said(EventKind.ESCALATED)[0] == (20, "the next step is asked for: help")


async def slow_sms(phone: Phone) -> None:
    if phone.kind == "sms":
        await phone.duty.bench.clock.sleep(5)


async def test_what_is_asked_for_while_a_step_is_taken_follows_it_at_once(duty: Duty) -> None:
    duty.behave = slow_sms
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 2)
        await alerting.escalations.escalate(1, ZHANG)
        await duty.bench.until(FIRST_S + 10)
        assert sorted(duty.told()) == [
            (FIRST_S + 5, "email li@x"), (FIRST_S + 5, "sms 1"), (FIRST_S + 5, "webhook robot"),
        ]  # fmt: skip
        await duty.bench.until(FIRST_S + 800)
    assert len(duty.told()) == 3, "what was asked for once is done once"


async def test_what_is_asked_for_during_the_last_step_begins_again(duty: Duty) -> None:
    duty.behave = slow_sms
    policies = "escalations: {night: {steps: [{targets: ['person:zhang']}]}}"
    async with duty.service(policies) as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 2)
        await alerting.escalations.escalate(1, ZHANG)
        await duty.bench.until(FIRST_S + 800)
    assert duty.told() == [(FIRST_S + 5, "sms 1"), (FIRST_S + 10, "sms 1")]


async def test_what_is_asked_for_after_an_answer_during_a_step_goes_on_with_the_next(duty: Duty) -> None:
    duty.behave = slow_sms
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 2)
        await alerting.incidents.act(1, lambda now, at_ms: machine.acknowledge(now, ZHANG, at_ms))
        await duty.bench.until(FIRST_S + 10)
        await alerting.escalations.escalate(1, ZHANG)
        await duty.bench.until(FIRST_S + 20)
    assert [who for _, who in duty.told()].count("sms 1") == 1
    assert (FIRST_S + 10, "email li@x") in duty.told()


async def test_what_is_asked_for_is_forgotten_with_its_incident(duty: Duty) -> None:
    """Opened again, an incident that is kept quiet stays so: nobody has asked for this step."""
    quiet = "{zone: UTC, P1: {escalation: night, quiet_hours: [{times: [{start_time: '22:20', end_time: '23:20'}]}]}}"
    duty.behave = slow_sms
    async with duty.service(POLICIES, quiet) as alerting:
        await duty.fire(alerting)
        await duty.bench.until(1_000)
        await alerting.escalations.escalate(1, ZHANG)
        await duty.bench.until(1_002)
        await alerting.escalations.escalate(1, ZHANG)
        await alerting.incidents.act(1, lambda now, at_ms: machine.resolve(now, ZHANG, at_ms))
        await alerting.incidents.act(1, lambda now, at_ms: machine.reopen(now, ZHANG, at_ms))
        await duty.bench.until(3_500)
    assert duty.told() == [(1_005, "sms 1")]


async def test_a_step_and_a_flush_that_hang_are_waited_for_at_the_same_time(duty: Duty) -> None:
    """A stop that waits for one after the other outlasts the patience of whoever stops the program."""
    leaving = asyncio.Event()

    async def behave(phone: Phone) -> None:
        if phone.kind == "sms":
            await leaving.wait()

    duty.behave = behave
    service = duty.service(drain_s=5.0)
    async with service as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 2)
        dispatcher = alerting._dispatcher
        assert dispatcher is not None
        leave = dispatcher.__aexit__

        async def told_to_leave(*error: Any) -> None:
            leaving.set()
            await leave(*error)

        dispatcher.__aexit__ = told_to_leave  # type: ignore[method-assign]
    assert [who for _, who in duty.told()] == ["sms 1"]


async def test_an_incident_that_changes_while_escalations_are_taken_up_is_seen_as_it_is_then(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(100)
    service = duty.service()
    load = duty.bench.state.escalations.load

    def answered_meanwhile() -> list[Any]:
        incident = service.incidents.known(1)
        assert incident is not None
        service.incidents._take(machine.acknowledge(incident, ZHANG, duty.bench.clock.now_ms()))
        return load()

    duty.bench.state.escalations.load = answered_meanwhile  # type: ignore[method-assign]
    async with service as alerting:
        assert alerting.escalations.get(1).state is EscalationState.STOPPED  # type: ignore[union-attr]
        await duty.bench.until(5_000)
    assert duty.told() == []


async def test_a_person_asks_where_no_policy_is_set(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting, severity="info")
        with pytest.raises(InputError, match="no escalation is set for P3"):
            await alerting.escalations.escalate(1, ZHANG)
        await duty.bench.until(10_000)
    assert duty.told() == []


@pytest.mark.parametrize(("assignee", "told"), [("li", ["email li@x"]), ("张伟", []), ("zhang", []), ("nobody", [])])
async def test_who_is_given_an_incident_is_told_unless_they_took_it(duty: Duty, assignee: str, told: list[str]) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await alerting.incidents.act(1, lambda now, at_ms: machine.assign(now, ZHANG, at_ms, assignee))
        await duty.bench.until(60)
        await alerting.incidents.act(1, lambda now, at_ms: machine.comment(now, ZHANG, at_ms, "still"))
        await duty.bench.until(90)
    assert [who for _, who in duty.told()] == told


async def test_it_goes_on_after_a_restart(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 100)
    await duty.bench.until(FIRST_S + 200)
    async with duty.service("escalations: {}", "{}"):
        await duty.bench.until(FIRST_S + 700)
    assert sorted(duty.told()) == sorted(ROUND)


async def test_of_several_steps_missed_while_the_server_was_down_only_the_newest_is_taken(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
    await duty.bench.until(3_000)
    async with duty.service():
        await duty.bench.until(3_010)
        assert duty.told() == [(3_000, "sms 1")]
    assert duty.said(EventKind.ESCALATED) == [(3_000, "night: step 1 of 2, round 2 of 2: person:zhang")]
    ((_, text),) = duty.said(EventKind.ESCALATION_MISSED)
    assert text == "2 steps left out for a newer one: nobody was there to take them"
    assert duty.bench.metric("fenghuo_escalation_steps_skipped_total") == 2


async def test_a_step_that_was_broken_off_is_taken_again(duty: Duty) -> None:
    async def behave(phone: Phone) -> None:
        if phone.kind == "email":
            await duty.bench.clock.sleep(5)

    duty.behave = behave
    async with duty.service() as alerting:
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 602)
    (kept,) = duty.bench.state.escalations.load()
    assert kept.state is EscalationState.ACTING
    async with duty.service():
        await duty.bench.until(FIRST_S + 620)
    assert [who for _, who in duty.told()] == ["sms 1", "webhook robot", "webhook robot", "email li@x"]


async def test_a_step_is_written_down_before_anybody_is_told_and_after(duty: Duty) -> None:
    seen: list[tuple[EscalationState, int]] = []

    async def behave(phone: Phone) -> None:
        seen.extend((each.state, each.next_step) for each in duty.bench.state.escalations.load())

    async with duty.service() as alerting:
        await duty.fire(alerting)
        duty.behave = behave
        await duty.bench.until(FIRST_S)
        (after,) = duty.bench.state.escalations.load()
    assert seen == [(EscalationState.ACTING, 0)]
    assert (after.state, after.next_step) == (EscalationState.WAITING, 1)


async def test_a_refusing_database_keeps_nobody_from_being_told(duty: Duty) -> None:
    store = duty.bench.state.escalations
    works = store.save

    def refuses(*_: Any) -> None:
        raise OperatingError("disk full", retryable=True)

    async with duty.service() as alerting:
        store.save = refuses  # type: ignore[method-assign]
        await duty.fire(alerting)
        await duty.bench.until(FIRST_S + 10)
        assert duty.told() == ROUND[:1]
        assert store.load() == []
        store.save = works  # type: ignore[method-assign]
        await duty.bench.until(FIRST_S + 30)
        assert store.load() == [alerting.escalations.get(1)]


async def test_a_fault_in_a_step_goes_on_with_the_next(duty: Duty, caplog: pytest.LogCaptureFixture) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        reach = alerting.escalations._terms.reach  # type: ignore[union-attr]
        broken = pytest.MonkeyPatch()
        broken.setattr(type(reach), "tell", None)
        await duty.bench.until(FIRST_S)
        broken.undo()
        await duty.bench.until(FIRST_S + 950)
    assert "failed unexpectedly" in caplog.text
    assert duty.told() == [(FIRST_S + 900, "sms 1")]


async def test_what_should_have_happened_and_did_not_is_said_loudly(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        assert alerting.escalations._loop is not None
        alerting.escalations._loop.cancel()
        await duty.bench.until(FIRST_S + GRACE_MS / 1000 + AUDIT_S + 15)
        (view,) = [view for view in await alerting.alerts() if view.alert.name == ALERT]
        assert dict(view.alert.labels) == {
            "alertname": ALERT, "severity": "critical", "source": "fenghuo", "incident": "INC-1",
        }  # fmt: skip
        assert duty.bench.metric("fenghuo_escalations_missed") == 1
        assert duty.bench.metric("fenghuo_escalation_audit_timestamp_seconds") is not None
        await alerting.incidents.act(1, lambda now, at_ms: machine.acknowledge(now, ZHANG, at_ms))
        await duty.bench.until(duty.bench.now_s + AUDIT_S + 1)
        assert not [view for view in await alerting.alerts() if view.alert.name == ALERT]
        assert duty.bench.metric("fenghuo_escalations_missed") == 0


async def test_an_escalation_that_never_began_is_missed_too(duty: Duty) -> None:
    async with duty.service() as alerting:
        alerting.incidents.followers.clear()
        await duty.fire(alerting)
        await duty.bench.until(GRACE_MS / 1000 + 2 * AUDIT_S)
        assert [view.alert.labels["incident"] for view in await alerting.alerts() if view.alert.name == ALERT] == [
            "INC-1"
        ]


async def test_what_works_is_not_missed(duty: Duty) -> None:
    async with duty.service() as alerting:
        await duty.fire(alerting)
        for at_s in range(60, 5_000, 60):
            await duty.bench.until(at_s)
            assert duty.bench.metric("fenghuo_escalations_missed") == 0
        assert not [view for view in await alerting.alerts() if view.alert.name == ALERT]


SLOW_S = 3.0


async def _course(restarts: list[float]) -> list[tuple[float, str]]:
    """Whom an escalation tells when the server restarts at these moments, each channel taking a while."""
    with open_state("sqlite://") as state:
        duty = Duty(Bench(ManualClock(START_MS), state))

        async def behave(phone: Phone) -> None:
            if phone.receiver != "team":
                await duty.bench.clock.sleep(SLOW_S)

        duty.behave = behave
        service = duty.service()
        alerting = await service.__aenter__()
        try:
            await duty.fire(alerting)
            for at_s in sorted(restarts):
                await duty.bench.until(max(at_s, duty.bench.now_s))
                await service.__aexit__(None, None, None)
                service = duty.service()
                alerting = await service.__aenter__()
            await duty.bench.until(6_000)
        finally:
            await service.__aexit__(None, None, None)
        return duty.told()


@functools.cache
def _undisturbed() -> list[tuple[float, str]]:
    return asyncio.run(_course([]))


@settings(max_examples=10, deadline=None)
@given(st.lists(st.floats(11, 5_000) | st.floats(FIRST_S, FIRST_S + 4) | st.floats(1_510, 1_516), max_size=4))
def test_a_restart_at_any_step_changes_nothing_but_time(restarts: list[float]) -> None:
    """Everybody is told as often and in the same order, but for the step under way, which is taken again."""
    plain = _undisturbed()
    told = asyncio.run(_course(restarts))
    count = len(restarts)
    late_s = count * SLOW_S + 1
    for who in {who for _, who in plain}:
        usual = [at_s for at_s, each in plain if each == who]
        now = [at_s for at_s, each in told if each == who]
        assert len(usual) <= len(now) <= len(usual) + count
        for at_s in usual:
            assert any(at_s <= each <= at_s + late_s for each in now)
        for each in now:
            assert any(at_s <= each <= at_s + late_s for at_s in usual)
