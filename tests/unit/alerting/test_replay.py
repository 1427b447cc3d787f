"""Notices of the past: as many as the service sends, at the same settings, of the same alerts."""

from __future__ import annotations

import asyncio
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import settings as effort
from hypothesis import strategies as st

from fenghuo.alerting.escalation.settings import EscalationPolicy
from fenghuo.alerting.oncall.settings import Person
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.reached import Duty, kinds_of
from fenghuo.alerting.replay import PipelineReplay
from fenghuo.alerting.service import Alerting
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.base.clock import ManualClock
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.state import open_state
from fenghuo.trading import built_in_markets
from unit.alerting.bench import START_MS, Bench, settings_of

CONFIG = """
route:
  receiver: ops
  group_by: [alertname]
  group_wait: 30s
  group_interval: 2m
  repeat_interval: 10m
  routes:
    - {matchers: [team=db], receiver: db, continue: true}
    - {matchers: [team=db], receiver: ops, mute_time_intervals: [first-minutes]}
receivers:
  - {name: ops, webhook_configs: [{url: 'http://x/', send_resolved: false}]}
  - {name: db, webhook_configs: [{url: 'http://x/'}, {url: 'http://y/'}]}
inhibit_rules:
  - {source_matchers: [severity=critical], target_matchers: [severity=warning], equal: [alertname]}
time_intervals:
  - {name: first-minutes, time_intervals: [{times: [{start_time: '22:13', end_time: '22:20'}]}]}
"""
SETTINGS = settings_of(CONFIG)
UNTIMED = settings_of(CONFIG.replace("  group_wait: 30s\n  group_interval: 2m\n", ""))
"""Timers as they are where no route says anything: P0 waits for nobody."""
LABELS = [
    Labels({"alertname": name, "severity": severity, "team": team})
    for name in ("A", "B")
    for severity, team in (("critical", "db"), ("warning", "web"), ("info", "db"), ("fatal", "web"))
]
SPAN_MS = 40 * 60_000
PRIORITIES = PrioritiesSettings.model_validate(
    {
        "P1": {"repeat": ["3m", "6m"], "receivers": ["db"]},
        "P3": {"quiet_hours": [{"times": [{"start_time": "22:20", "end_time": "22:35"}], "location": "UTC"}]},
    }
)
PLAIN = PrioritiesSettings()


def alert(labels: Labels, start_s: int, end_s: int | None = None) -> Alert:
    ends_ms = START_MS + (10_000 if end_s is None else end_s) * 1000
    return Alert(labels, START_MS + start_s * 1000, ends_ms)


def replayed(story: list[tuple[int, Alert]], priorities: PrioritiesSettings = PLAIN) -> PipelineReplay:
    """``story`` is what is reported, by seconds since the start."""
    return run(PipelineReplay(SETTINGS, built_in_markets(), priorities), story)


def run(replay: PipelineReplay, story: list[tuple[int, Alert]]) -> PipelineReplay:
    for at_s, one in sorted(story, key=lambda item: item[0]):
        replay.run_until(START_MS + at_s * 1000 - 1)
        replay.take([one], START_MS + at_s * 1000)
    replay.run_until(START_MS + SPAN_MS)
    return replay


def test_noise_is_what_was_short_or_came_back() -> None:
    down = LABELS[0]
    story = [(at, alert(down, at)) for at in (0, 600, 1200)]
    story += [(at, alert(down, at - 60, at)) for at in (60, 660)]
    (noise,) = replayed(story).noise.values()
    assert (noise.alerts, noise.short, noise.flaps) == (3, 2, 2)
    assert noise.score(86_400_000) == noise.notices  # Every alert of it was short or came back.


def test_an_alert_that_lasts_is_no_noise() -> None:
    replay = replayed([(0, alert(LABELS[0], 0))])
    (noise,) = replay.ranking(SPAN_MS)
    assert noise.notices == sum(replay.notices.values()) > 0
    assert noise.score(SPAN_MS) == 0


spans = st.tuples(st.sampled_from(LABELS), st.integers(0, 60), st.integers(1, 60))


@pytest.mark.anyio
async def test_inhibition_and_intervals_are_counted() -> None:
    story = [(1, alert(LABELS[0], 1)), (2, alert(LABELS[1], 2))]
    replay = replayed(story)
    assert replay.inhibited > 0
    assert replay.muted > 0


def test_quiet_hours_keep_and_tell_in_one_digest() -> None:
    """22:20 is 400 s after the start, 22:35 is 1,300 s."""
    quiet = [Labels({"alertname": name, "severity": "info"}) for name in ("A", "B", "C")]
    story = [(500 + at, alert(labels, 500 + at)) for at, labels in enumerate(quiet)]
    replay = replayed(story, PRIORITIES)
    assert replay.notices == {("ops", "webhook", 0): 1 + 3}  # The digest, and a reminder of each after ten minutes.
    assert replay.kept > 0
    assert replay.incidents == {"P3": 3}
    assert [noise.notices for noise in replay.noise.values()] == [2, 2, 2]


POLICY = EscalationPolicy.model_validate(
    {
        "steps": [
            {"after": "5m", "targets": ["person:zhang"]},
            {"after": "5m", "targets": ["schedule:primary", "receiver:db"]},
            {"after": "5m", "targets": ["schedule:empty"]},
        ]
    }
)
PEOPLE = {"zhang": Person.model_validate({"contacts": [{"kind": "sms", "to": "1"}]})}


@pytest.mark.parametrize(
    ("ends_s", "people", "besides", "unheard"),
    [(None, {"zhang": 2}, 1, 1), (720, {"zhang": 2}, 1, 0), (400, {"zhang": 1}, 0, 0), (200, {}, 0, 0)],
)
def test_escalations_tell_until_the_incident_is_over(
    ends_s: int | None, people: dict[str, int], besides: int, unheard: int
) -> None:
    web = Labels({"alertname": "A", "severity": "page"})
    priorities = PrioritiesSettings.model_validate({"P1": {"escalation": "ladder"}})
    duty = Duty(PEOPLE, lambda schedule, _: "zhang" if schedule == "primary" else None, kinds_of(SETTINGS))
    story = [(0, alert(web, 0))] + ([] if ends_s is None else [(ends_s, alert(web, 0, ends_s))])
    replay = run(PipelineReplay(SETTINGS, built_in_markets(), priorities, {"ladder": POLICY}, duty), story)
    assert replay.escalations.people == people
    assert replay.notices["db", "webhook", 0] == replay.notices["db", "webhook", 1] == besides
    assert replay.escalations.unheard == unheard


@effort(max_examples=25, deadline=None)
@given(
    st.lists(spans, max_size=6, unique_by=lambda span: span[0]),
    st.sampled_from([PLAIN, PRIORITIES]),
    st.sampled_from([SETTINGS, UNTIMED]),
)
def test_as_many_notices_as_the_service_sends(
    drawn: list[tuple[Labels, int, int]], priorities: PrioritiesSettings, config: AlertingSettings
) -> None:
    """Alerts begin and end at odd moments, so that no two things happen at once."""
    story: list[tuple[int, Alert]] = []
    for number, (labels, begin, lasts) in enumerate(drawn):
        start_s, end_s = begin * 20 + 7 + number, (begin + lasts) * 20 + 13 + number
        story += [(start_s, alert(labels, start_s)), (end_s, alert(labels, start_s, end_s))]
    story.sort(key=lambda item: item[0])
    replay = run(PipelineReplay(config, built_in_markets(), priorities), story)
    assert replay.notices == sent(story, priorities, config)


def sent(
    story: list[tuple[int, Alert]], priorities: PrioritiesSettings, config: AlertingSettings
) -> Counter[tuple[str, str, int]]:
    """What the service tells on a manual clock."""

    async def run() -> Counter[tuple[str, str, int]]:
        with open_state("sqlite://") as state:
            bench = Bench(ManualClock(START_MS), state)
            async with Alerting(bench.parts(), config, priorities=priorities) as alerting:
                for at_s, one in story:
                    await bench.clock.advance(at_s - bench.now_s)
                    await alerting.report([one])
                await bench.clock.advance(SPAN_MS / 1000 - bench.now_s)
                return Counter((told.receiver, "webhook", told.index) for told in bench.told)

    return asyncio.run(run())
