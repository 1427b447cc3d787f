"""What quiet hours and trading sessions keep is told when they end, once, whatever happens meanwhile.

The bench begins at 22:13:20 UTC on 14 November 2023, 06:13:20 of a Wednesday in Shanghai; seconds count from there.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Sequence
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.together import COMPANY_S
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.service import Alerting
from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml, validate
from fenghuo.model.incident import EventKind, IncidentState
from fenghuo.state import open_state
from unit.alerting.bench import START_MS, Bench, FakeChannel, settings_of

pytestmark = pytest.mark.anyio

CONFIG = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 5m, repeat_interval: 1d}
receivers:
  - {name: team, webhook_configs: [{url: 'http://team'}]}
  - {name: phones, webhook_configs: [{url: 'http://phones'}]}
"""
QUIET = "P3: {quiet_hours: [{times: [{start_time: '22:20', end_time: '22:40'}], location: UTC}]}"
BEGIN_S, END_S = 400, 1600
"""The quiet hours."""
OPENS_S = 10_000
"""When SHFE opens: at 09:00."""
LONG = 10**6


def table(text: str) -> PrioritiesSettings:
    found, problems = validate(PrioritiesSettings, load_yaml(text, "fenghuo.yml"))
    assert found is not None, [str(problem) for problem in problems]
    return found


def service(bench: Bench, priorities: str = QUIET, config: str = CONFIG) -> Alerting:
    return Alerting(bench.parts(), settings_of(config), priorities=table(priorities))


async def fire(bench: Bench, alerting: Alerting, name: str, severity: str, at_s: float, **labels: str) -> None:
    await bench.until(at_s)
    await alerting.report([bench.alert(name, ends_s=LONG, severity=severity, **labels)])


async def end(bench: Bench, alerting: Alerting, name: str, severity: str, at_s: float, since_s: float) -> None:
    await bench.until(at_s)
    await alerting.report([bench.alert(name, starts_s=since_s, ends_s=at_s, severity=severity)])


async def test_only_the_priority_that_is_quiet_is_kept_and_told_when_that_ends(bench: Bench) -> None:
    async with service(bench) as alerting:
        await fire(bench, alerting, "Disk", "info", 500)
        await fire(bench, alerting, "Down", "warning", 500)
        await bench.until(END_S - 1)
        assert bench.said() == [(510.0, ["Down firing"])]
        assert {view.alert.name: view.muted_by for view in await alerting.alerts()} == {
            "Disk": ("P3 quiet_hours",),
            "Down": (),
        }
        assert bench.metric("fenghuo_notifications_muted_total", by="quiet_hours") == 4  # At 510, 810, 1110 and 1410.
        assert [incident.title for incident in alerting.incidents.live()] == ["Down"]
        await bench.until(END_S + 2)
        assert bench.said()[1:] == [(END_S + COMPANY_S, ["Disk firing"])]
        assert [incident.title for incident in alerting.incidents.live()] == ["Down", "Disk"]
        await bench.until(END_S + 3600)
        assert len(bench.told) == 2


async def test_what_was_kept_is_one_digest(bench: Bench) -> None:
    async with service(bench) as alerting:
        for number in range(3):
            await fire(bench, alerting, f"A{number}", "info", 500 + 100 * number)
        await bench.until(END_S + 300)
        assert bench.said() == [(END_S + COMPANY_S, ["A0 firing", "A1 firing", "A2 firing"])]
        assert bench.told[0].message.reason == "digest"
        assert bench.told[0].message.incident is None
        (first, second, third) = alerting.incidents.live()
        for incident in (first, second, third):
            notices = [
                line for line in await alerting.incidents.timeline(incident.number) if line.kind is EventKind.NOTICE
            ]
            assert [line.data["state"] for line in notices] == ["sent"]


async def test_a_digest_that_fails_is_tried_again_for_all(bench: Bench) -> None:
    async def refuse(channel: FakeChannel) -> None:
        if bench.now_s < END_S + 60:
            raise ChannelError("busy", retryable=True)

    bench.behave = refuse
    async with service(bench) as alerting:
        await fire(bench, alerting, "A", "info", 500)
        await fire(bench, alerting, "B", "info", 500)
        await bench.until(END_S + 900)
    assert sorted(name for told in bench.told for name in told.names) == ["A firing", "B firing"]


async def test_what_came_and_went_meanwhile_is_not_told(bench: Bench) -> None:
    async with service(bench) as alerting:
        await fire(bench, alerting, "Disk", "info", 500)
        await end(bench, alerting, "Disk", "info", 700, 500)
        await bench.until(END_S + 900)
        assert bench.told == []
        assert await alerting.incidents.find() == []


async def test_what_came_and_went_beside_something_that_fires_on_is_told_with_it(bench: Bench) -> None:
    one_group = CONFIG.replace("group_by: [alertname], ", "")
    async with service(bench, config=one_group) as alerting:
        await fire(bench, alerting, "Disk", "info", 500)
        await fire(bench, alerting, "Fan", "info", 500)
        await end(bench, alerting, "Disk", "info", 700, 500)
        await bench.until(END_S + 900)
    assert bench.said() == [(END_S + COMPANY_S, ["Disk resolved", "Fan firing"])]


async def test_the_urgent_of_a_group_goes_at_once_and_the_rest_when_it_may(bench: Bench) -> None:
    one_group = CONFIG.replace("group_by: [alertname], ", "")
    async with service(bench, config=one_group) as alerting:
        await fire(bench, alerting, "Disk", "info", 500)
        await fire(bench, alerting, "Down", "fatal", 505)
        await bench.until(END_S + 2)
    assert bench.said() == [(510.0, ["Down firing"]), (END_S + COMPANY_S, ["Disk firing", "Down firing"])]
    assert [told.message.incident.priority for told in bench.told if told.message.incident] == ["P0", "P0"]


async def test_an_end_is_kept_and_told_too_though_the_incident_is_over_at_once(bench: Bench) -> None:
    async with service(bench) as alerting:
        await fire(bench, alerting, "Disk", "info", 0)
        await end(bench, alerting, "Disk", "info", 700, 0)
        await bench.until(1000)
        (incident,) = await alerting.incidents.find()
        assert incident.state is IncidentState.RESOLVED
        await bench.until(END_S + 3600)
    assert bench.said() == [(10.0, ["Disk firing"]), (END_S + COMPANY_S, ["Disk resolved"])]


async def test_an_end_that_was_kept_hides_no_new_incident(bench: Bench) -> None:
    """Who was told at 10 s and of no end hears of what began at 1,500 s."""
    async with service(bench) as alerting:
        await fire(bench, alerting, "Disk", "info", 0)
        await end(bench, alerting, "Disk", "info", 500, 0)
        await fire(bench, alerting, "Disk", "info", 1500)
        await bench.until(END_S + 3600)
        assert [incident.number for incident in await alerting.incidents.find()] == [2, 1]
    assert bench.said() == [(10.0, ["Disk firing"]), (END_S + COMPANY_S, ["Disk firing"])]


async def test_reminders_wait_for_the_end_of_quiet_hours(bench: Bench) -> None:
    async with service(bench, QUIET.replace("{quiet", "{repeat: [5m], quiet")) as alerting:
        await fire(bench, alerting, "Disk", "info", 0)
        await bench.until(END_S + 300)
    assert [told.at_s for told in bench.told] == [10.0, END_S + COMPANY_S]


@pytest.mark.parametrize("restarts", [(600,), (1590, 1599), (1601,), (500, 800, 1595, 1605, 2000)])
async def test_a_restart_changes_nothing(bench: Bench, restarts: Sequence[float]) -> None:
    async with service(bench) as alerting:
        await fire(bench, alerting, "Fan", "info", 0)
        await fire(bench, alerting, "Disk", "info", 450)
        await end(bench, alerting, "Fan", "info", 480, 0)
    for at_s in restarts:
        async with service(bench):
            await bench.until(at_s)
    async with service(bench):
        await bench.until(END_S + 3600)
    names = [name for told in bench.told for name in told.names]
    assert sorted(names) == ["Disk firing", "Fan firing", "Fan resolved"]
    assert all(told.at_s >= END_S for told in bench.told[1:])


async def test_inhibition_still_holds_when_quiet_hours_end(bench: Bench) -> None:
    rules = "inhibit_rules: [{source_matchers: [alertname=Host], target_matchers: [alertname=Disk]}]"
    async with service(bench, config=CONFIG + rules) as alerting:
        await fire(bench, alerting, "Disk", "info", 500)
        await fire(bench, alerting, "Host", "warning", 1000)
        await end(bench, alerting, "Host", "warning", END_S + 700, 1000)
        await bench.until(END_S + 1300)
    assert bench.said() == [(1010.0, ["Host firing"]), (2310.0, ["Disk firing"]), (2510.0, ["Host resolved"])]


async def test_out_of_session_it_is_kept_until_the_market_opens(bench: Bench) -> None:
    async with service(bench, "P1: {out_of_session: {what: hold}}") as alerting:
        await fire(bench, alerting, "NoTicks", "page", 0, exchange="SHFE", product="rb")
        await fire(bench, alerting, "Elsewhere", "page", 0)
        await bench.until(OPENS_S + 60)
    assert bench.said() == [(10.0, ["Elsewhere firing"]), (OPENS_S + COMPANY_S, ["NoTicks firing"])]


async def test_out_of_session_it_counts_as_less_and_is_raised_when_the_market_opens(bench: Bench) -> None:
    rules = "{P1: {receivers: [phones], out_of_session: {market: SHFE.rb, what: downgrade}}}"
    async with service(bench, rules) as alerting:
        await fire(bench, alerting, "NoTicks", "page", 0)
        await bench.until(OPENS_S - 1)
        (incident,) = alerting.incidents.live()
        assert incident.priority == "P2"
        await bench.until(OPENS_S)
        (incident,) = alerting.incidents.live()
        assert incident.priority == "P1"
        lines = await alerting.incidents.timeline(incident.number)
        assert "from P2 to P1" in [line.text for line in lines]
    assert [(told.at_s, told.receiver) for told in bench.told] == [(10.0, "team"), (OPENS_S, "phones")]


async def test_other_settings_let_go_of_what_was_kept(bench: Bench) -> None:
    async with service(bench) as alerting:
        await fire(bench, alerting, "Disk", "info", 500)
        await bench.until(700)
        await alerting.apply(settings_of(CONFIG), priorities=table("{}"))
        await bench.until(720)
    assert bench.said() == [(700.0, ["Disk firing"])]


@dataclass(frozen=True)
class Kept:
    """A rule for P3, the span in which it keeps, and how far apart things happen."""

    rule: str
    from_s: float
    until_s: float
    step_s: int

    def outside(self, begin_s: float, end_s: float) -> list[tuple[float, float]]:
        """The parts of a span in which nothing is kept."""
        return [(begin_s, min(end_s, self.from_s)), (max(begin_s, self.until_s), end_s)]


RULES = [
    Kept(QUIET, BEGIN_S, END_S, 50),
    Kept("P3: {out_of_session: {market: SHFE.rb, what: hold}}", float("-inf"), OPENS_S, 170),
]
spans = st.tuples(st.sampled_from(["info", "warning"]), st.integers(0, 40), st.integers(1, 40))
EFFORT = settings(max_examples=int(os.environ.get("FENGHUO_EXAMPLES", "10")), deadline=None)


@EFFORT
@given(
    st.sampled_from(RULES),
    st.lists(spans, min_size=1, max_size=5),
    st.lists(st.integers(1, 60), max_size=4, unique=True),
)
def test_a_first_notice_is_neither_lost_nor_told_twice(
    kept: Kept, drawn: list[tuple[str, int, int]], restarts: list[int]
) -> None:
    """Alerts begin and end at odd moments; the process ends and starts at any. Each alert is a group of its own."""
    step_s = kept.step_s
    alerts = [
        (f"A{number}", severity, begin * step_s + 7 + number, (begin + lasts) * step_s + 13 + number)
        for number, (severity, begin, lasts) in enumerate(drawn)
    ]
    told = asyncio.run(_story(kept, alerts, sorted(at * step_s + 31 for at in restarts)))
    for name, severity, begin_s, end_s in alerts:
        firing = [at_s for at_s, names in told if f"{name} firing" in names]
        over = [at_s for at_s, names in told if f"{name} resolved" in names]
        assert len(firing) <= 1, "twice"
        assert len(over) == len(firing), "what was told has an end, told once"
        is_kept = severity == "info"
        assert not any(is_kept and kept.from_s <= at_s < kept.until_s for at_s in (*firing, *over))
        # What fires for half a minute in which it may be told is told: a start waits for group_wait again.
        speaking = kept.outside(begin_s, end_s) if is_kept else [(begin_s, end_s)]
        if any(until_s - from_s > 30 + 30 * len(restarts) for from_s, until_s in speaking):
            assert len(firing) == 1, f"{name} is lost"


async def _story(
    kept: Kept, alerts: list[tuple[str, str, int, int]], restarts: list[int]
) -> list[tuple[float, list[str]]]:
    steps = [(begin_s, name, severity, begin_s, LONG) for name, severity, begin_s, _ in alerts]
    steps += [(end_s, name, severity, begin_s, end_s) for name, severity, begin_s, end_s in alerts]
    steps.sort()
    with open_state("sqlite://") as state:
        bench = Bench(ManualClock(START_MS), state)
        for until_s in [*restarts, 14_400]:  # The market's first break comes at 14,500 s.
            async with service(bench, kept.rule) as alerting:
                while steps and steps[0][0] < until_s:
                    at_s, name, severity, begin_s, end_s = steps.pop(0)
                    await bench.until(at_s)
                    await alerting.report([bench.alert(name, starts_s=begin_s, ends_s=end_s, severity=severity)])
                await bench.until(until_s)
        return bench.said()
