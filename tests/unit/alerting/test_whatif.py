"""What would become of an alert: the answer is what the service then does."""

from __future__ import annotations

import pytest

from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.service import Alerting
from fenghuo.alerting.whatif import WhatIf
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


def labels(**pairs: str) -> Labels:
    return Labels({"alertname": "Down", **pairs})


async def ask(
    bench: Bench, question: Labels, after_s: float = 0, *firing: Labels, silence: Silence | None = None
) -> WhatIf:
    async with Alerting(bench.parts(), settings_of(SETTINGS)) as alerting:
        await alerting.report([Alert(each, START_MS) for each in firing])
        if silence is not None:
            await alerting.silence(silence)
        return await alerting.what_if(question, START_MS + round(after_s * 1000))


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
        found = await alerting.what_if(labels(severity="critical"), START_MS)
        other = await alerting.what_if(labels(severity="info"), START_MS)
    (there,) = found.destinations
    assert found.priority == "P1"
    assert [(also.receiver, also.channels) for also in there.also] == [("db", ("webhook", "webhook")), ("nobody", ())]
    assert there.reminders_ms == (300_000, 900_000)
    assert other.priority == "P3"
    assert other.destinations[0].also == other.destinations[0].reminders_ms == ()


@pytest.mark.parametrize("question", [labels(team="db"), labels(night="yes"), labels()])
async def test_the_service_then_does_it(bench: Bench, question: Labels) -> None:
    async with Alerting(bench.parts(), settings_of(SETTINGS)) as alerting:
        said = await alerting.what_if(question, START_MS)
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
