"""What would become of an alert: the answer is what the service then does."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fenghuo.alerting.escalation.settings import EscalationPolicy, EscalationsSettings
from fenghuo.alerting.oncall.schedule import Roster
from fenghuo.alerting.oncall.settings import OnCallSettings
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.reached import Duty, Reached, Target, kinds_of
from fenghuo.alerting.service import Alerting
from fenghuo.alerting.whatif import Destination, WhatIf, as_json
from fenghuo.base.document import load_yaml, validate
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import MatchOp
from fenghuo.model.silence import Condition, Silence
from unit.alerting.bench import START_MS, Bench, settings_of

pytestmark = pytest.mark.anyio

SETTINGS = """
route:
  receiver: ops
  group_by: [alertname]
  routes:
    - matchers: [team=db]
      receiver: db
      group_wait: 10s
      continue: true
      routes:
        - {matchers: [severity=info], receiver: nobody}
    - {matchers: [night=yes], receiver: db, mute_time_intervals: [first-minutes]}
    - {matchers: [team=db], group_by: ['...']}
receivers:
  - {name: ops, webhook_configs: [{url: 'http://x/'}]}
  - {name: db, webhook_configs: [{url: 'http://x/'}, {url: 'http://y/'}]}
  - {name: nobody}
inhibit_rules:
  - {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [alertname]}
time_intervals:
  - {name: first-minutes, time_intervals: [{times: [{start_time: '22:13', end_time: '22:20'}]}]}
"""  # The bench begins at 22:13:20 UTC.
DUTY = Duty(receivers=kinds_of(settings_of(SETTINGS)))


def labels(**pairs: str) -> Labels:
    return Labels({"alertname": "Down", **pairs})


async def ask(
    bench: Bench, question: Labels, after_s: float = 0, *firing: Labels, silence: Silence | None = None
) -> WhatIf:
    async with Alerting(bench.parts(), settings_of(SETTINGS)) as alerting:
        await alerting.report([Alert(each, START_MS) for each in firing])
        if silence is not None:
            await alerting.silence(silence)
        return await alerting.what_if(question, START_MS + round(after_s * 1000), DUTY, {})


async def test_every_destination_has_its_path_and_timers(bench: Bench) -> None:
    found = await ask(bench, labels(team="db"))
    assert [(each.receiver, each.channels, each.told_at_ms) for each in found.destinations] == [
        ("db", ("webhook", "webhook"), START_MS + 10_000),
        ("ops", ("webhook",), START_MS + 30_000),
    ]
    first, second = found.destinations
    assert [(step.index, step.matchers) for step in first.path] == [((), "{}"), ((0,), '{team="db"}')]
    assert first.group_key == '{}/{team="db"}:{alertname="Down"}'
    assert second.group_labels == labels(team="db")
    assert found.told


async def test_a_receiver_without_channels_tells_nobody(bench: Bench) -> None:
    question = labels(team="other")
    assert (await ask(bench, question)).destinations[0].receiver == "ops"
    found = await ask(bench, labels(team="db", severity="info"))
    assert [each.receiver for each in found.destinations] == ["nobody", "ops"]


async def test_a_muted_route_speaks_when_its_interval_is_over(bench: Bench) -> None:
    (found,) = (await ask(bench, labels(night="yes"))).destinations
    assert found.muted_by == ("first-minutes",)
    assert found.told_at_ms == START_MS + 30_000 + 2 * 300_000  # Looks come each 5 minutes; 22:18:50 is muted, too.


async def test_a_silence_is_named_and_its_end_is_seen(bench: Bench) -> None:
    condition = Condition("alertname", "Down", MatchOp.EQUAL)
    silence = Silence("", (condition,), START_MS, START_MS + 60_000, "li", "work")
    found = await ask(bench, labels(), silence=silence)
    assert len(found.silenced_by) == 1
    assert found.destinations[0].told_at_ms == START_MS + 330_000
    later = await ask(bench, labels(), 120, silence=silence)
    assert later.silenced_by == ()


async def test_what_fires_now_inhibits(bench: Bench) -> None:
    cause = labels(severity="critical")
    found = await ask(bench, labels(severity="warning"), 0, cause)
    assert found.inhibited_by == cause
    assert not found.told
    assert (await ask(bench, labels(severity="info"), 0, cause)).told


async def test_a_priority_adds_receivers_and_reminders(bench: Bench) -> None:
    policy = {"P1": {"receivers": ["db", "nobody"], "repeat": ["5m", "15m"]}}
    priorities = PrioritiesSettings.model_validate(policy)
    async with Alerting(bench.parts(), settings_of(SETTINGS), priorities=priorities) as alerting:
        found = await alerting.what_if(labels(severity="critical"), START_MS, DUTY, {})
        other = await alerting.what_if(labels(severity="info"), START_MS, DUTY, {})
    (there,) = found.destinations
    assert found.priority == "P1"
    assert [(also.receiver, also.channels) for also in there.also] == [("db", ("webhook", "webhook")), ("nobody", ())]
    assert there.reminders_ms == (300_000, 900_000)
    assert other.priority == "P3"
    assert other.destinations[0].also == other.destinations[0].reminders_ms == ()


async def test_the_most_urgent_waits_for_company_only_where_a_route_says_so(bench: Bench) -> None:
    found = await ask(bench, labels(team="db", severity="fatal"))
    assert [(each.group_wait_ms, each.told_at_ms) for each in found.destinations] == [
        (10_000, START_MS + 10_000),
        (0, START_MS),
    ]


@pytest.mark.parametrize(
    "question", [labels(team="db"), labels(night="yes"), labels(), labels(team="db", severity="fatal")]
)
async def test_the_service_then_does_it(bench: Bench, question: Labels) -> None:
    async with Alerting(bench.parts(), settings_of(SETTINGS)) as alerting:
        said = await alerting.what_if(question, START_MS, DUTY, {})
        await alerting.report([Alert(question, START_MS, START_MS + 3_600_000)])
        await bench.clock.advance(900)
    first = {}
    for told in bench.told:
        first.setdefault((told.receiver, told.index), told.at_s)
    assert first == {
        (each.receiver, index): (each.told_at_ms - START_MS) / 1000
        for each in said.destinations
        if each.told_at_ms is not None
        for index in range(len(each.channels))
    }


QUIET = {
    "P3": {"quiet_hours": [{"times": [{"start_time": "22:00", "end_time": "22:30"}], "location": "UTC"}]},
    "P1": {"out_of_session": {"market": "SHFE.rb", "what": "downgrade"}, "receivers": ["db"]},
}
QUIET_ENDS_S, OPENS_S = 1_000, 10_000


async def told_of(bench: Bench, question: Labels, after_s: float = 0) -> Destination:
    priorities = PrioritiesSettings.model_validate(QUIET)
    async with Alerting(bench.parts(), settings_of(SETTINGS), priorities=priorities) as alerting:
        found = await alerting.what_if(question, START_MS + round(after_s * 1000), DUTY, {})
    return found.destinations[0]


async def test_what_is_kept_is_named_and_told_when_that_ends(bench: Bench) -> None:
    found = await told_of(bench, labels(severity="info"))
    assert (found.kept_by, found.told_at_ms) == (("P3 quiet_hours",), START_MS + QUIET_ENDS_S * 1000)
    assert found.answer_by_ms == START_MS + (QUIET_ENDS_S + 3_600) * 1000


async def test_what_counts_as_less_is_told_as_such(bench: Bench) -> None:
    closed = await told_of(bench, labels(severity="page"))
    assert (closed.priority, closed.kept_by, closed.also) == ("P2", ("P1 out_of_session SHFE.rb",), ())
    assert closed.answer_by_ms == START_MS + 30_000 + 1_800_000
    traded = await told_of(bench, labels(severity="page"), OPENS_S)
    assert (traded.priority, traded.kept_by, [also.receiver for also in traded.also]) == ("P1", (), ["db"])


@pytest.mark.parametrize("severity", ["info", "page", "warning"])
async def test_what_is_kept_is_told_then(bench: Bench, severity: str) -> None:
    """A digest waits two seconds for company."""
    said = await told_of(bench, labels(severity=severity))
    priorities = PrioritiesSettings.model_validate(QUIET)
    async with Alerting(bench.parts(), settings_of(SETTINGS), priorities=priorities) as alerting:
        await alerting.report([Alert(labels(severity=severity), START_MS, START_MS + 10**8)])
        await bench.clock.advance(1_200)
        assert said.told_at_ms is not None
        assert 0 <= bench.told[0].at_s - (said.told_at_ms - START_MS) / 1000 <= 2
        (incident,) = alerting.incidents.live()
        assert (incident.priority, incident.due_ms) == (said.priority, said.answer_by_ms)


ONCALL, _ = validate(
    OnCallSettings,
    load_yaml(
        """
people:
  zhang: {name: 张伟, contacts: [{kind: sms, to: '1'}, {kind: voice, to: '1'}]}
  li:
    contacts: [{kind: email, to: li@example.com}]
    quiet_hours: [{times: [{start_time: '06:00', end_time: '06:50'}]}]
schedules:
  primary: {layers: [{people: [zhang, li], rotation: 1h, start: 2023-11-15, handoff: '00:00'}]}
  nights: {layers: [{people: [li], start: 2033-11-15}]}
""",
        "fenghuo.yml",
    ),
)
ESCALATIONS, _ = validate(
    EscalationsSettings,
    load_yaml(
        """
escalations:
  ladder:
    steps:
      - targets: ['schedule:primary', 'receiver:db']
      - {after: 20m, targets: ['schedule:primary', 'schedule:nights', 'person:li']}
    repeat: 1
""",
        "fenghuo.yml",
    ),
)


async def test_an_escalation_names_who_is_on_call_then(bench: Bench) -> None:
    assert ONCALL is not None
    assert ESCALATIONS is not None
    schedules = {name: Roster(name, each) for name, each in ONCALL.schedules.items()}
    duty = replace(DUTY, people=ONCALL.people, who=lambda name, at_ms: schedules[name].at(at_ms).person)
    priorities = PrioritiesSettings.model_validate({"P2": {"ack_within": "10m", "escalation": "ladder"}})
    async with Alerting(bench.parts(), settings_of(SETTINGS), priorities=priorities) as alerting:
        found = await alerting.what_if(labels(severity="warning"), START_MS, duty, ESCALATIONS.escalations)
    (there,) = found.destinations
    assert there.escalation == "ladder"
    assert [((step.at_ms - START_MS) / 60_000, step.round) for step in there.steps] == [
        (10.5, 1),
        (30.5, 1),
        (40.5, 2),
        (60.5, 2),
    ]
    zhang, li = Reached("zhang", "张伟", ("sms", "voice"), quiet=False), Reached("li", "li", ("email",), quiet=True)
    assert there.steps[0].targets == (  # 06:23 in Shanghai: the seventh turn.
        Target("schedule:primary", zhang, ()),
        Target("receiver:db", None, ("webhook", "webhook")),
    )
    assert there.steps[1].targets == (
        Target("schedule:primary", zhang, ()),
        Target("schedule:nights", None, ()),
        Target("person:li", li, ()),
    )
    assert there.steps[2].targets[0].person == zhang
    awake = Reached("li", "li", ("email",), quiet=False)
    assert [target.person for target in there.steps[3].targets] == [awake, None, awake]  # 07:13, the eighth turn.
    answer = as_json(found)["destinations"][0]["steps"][3]["targets"][0]
    assert answer == {
        "target": "schedule:primary",
        "person": {"key": "li", "name": "li", "contacts": ["email"], "quiet": False},
        "channels": [],
    }


async def test_a_step_that_reaches_nobody_is_followed_at_once_and_one_that_is_kept_waits(bench: Bench) -> None:
    """22:30 is 1,000 s after the start: the second step would come in quiet hours, and comes 20 minutes after them."""
    quiet = {"times": [{"start_time": "22:25", "end_time": "22:30"}], "location": "UTC"}
    table = {"P2": {"ack_within": "10m", "escalation": "short", "quiet_hours": [quiet]}}
    steps = [{"targets": ["schedule:nights"]}, {"after": "20m", "targets": ["receiver:db"]}]
    policy = EscalationPolicy.model_validate({"steps": steps})
    duty = replace(DUTY, who=lambda _schedule, _at_ms: None)
    priorities = PrioritiesSettings.model_validate(table)
    async with Alerting(bench.parts(), settings_of(SETTINGS), priorities=priorities) as alerting:
        found = await alerting.what_if(labels(severity="warning"), START_MS, duty, {"short": policy})
        later = await alerting.what_if(labels(severity="warning"), START_MS + 300_000, duty, {"short": policy})
    assert [(step.at_ms - START_MS) / 1000 for step in found.destinations[0].steps] == [630, 630]
    assert [(step.at_ms - START_MS) / 1000 for step in later.destinations[0].steps] == [1_600, 1_600]
