"""The whole pipeline on the manual clock: timers, restarts, failures, muting, reload."""

from __future__ import annotations

import asyncio
import itertools
import random
import threading
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.alerting.intake import Intake
from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.service import RETIRING_S, Alerting
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.alerting.upkeep import CATCH_UP_S
from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import OperatingError
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.model.notification import NoticeState
from fenghuo.state import open_state
from unit.alerting.bench import START_MS, Bench, FakeChannel

pytestmark = pytest.mark.anyio

CONFIG = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s, repeat_interval: 10m}
receivers:
- name: team
  webhook_configs: [{url: 'http://team'}]
"""


async def test_a_fault_is_told_once_repeated_in_time_and_resolved(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        for minute in range(15):
            await bench.until(minute * 60)
            alerting.intake.put([bench.firing("Down", instance="a")])
        await bench.until(900)
        alerting.intake.put([bench.alert("Down", starts_s=0, ends_s=899, instance="a")])
        await bench.until(3000)
    assert bench.said() == [(10, ["Down firing"]), (670, ["Down firing"]), (910, ["Down resolved"])]
    reasons = [told.message.reason for told in bench.told]
    assert reasons == ["first", "repeat", "all_resolved"]


async def test_alerts_of_a_group_come_together(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down", instance="a"), bench.firing("Full", instance="a")])
        await bench.until(5)
        alerting.intake.put([bench.firing("Down", instance="b")])
        await bench.until(20)
        alerting.intake.put([bench.firing("Down", instance="c")])
        await bench.until(100)
    assert bench.said() == [
        (10, ["Down firing", "Down firing"]),
        (10, ["Full firing"]),
        (70, ["Down firing", "Down firing", "Down firing"]),
    ]
    assert bench.told[0].message.group_key == '{}:{alertname="Down"}'
    assert bench.told[0].message.common_labels == Labels({"alertname": "Down"})


async def test_what_ends_before_group_wait_is_not_told(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Flap")])
        await bench.until(5)
        alerting.intake.put([bench.alert("Flap", starts_s=0, ends_s=5)])
        await bench.until(300)
    assert bench.told == []


async def test_an_alert_without_news_ends_by_itself(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Silent")])
        await bench.until(400)
        assert await alerting.alerts() == []
    assert bench.said() == [(10, ["Silent firing"]), (310, ["Silent resolved"])]


async def test_an_old_alert_does_not_wait_for_its_group(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Old", starts_s=-60)])
        await bench.until(1)
    assert bench.said() == [(0, ["Old firing"])]


# --- restarts ---------------------------------------------------------------------------------------------------


async def test_a_restart_neither_repeats_nor_forgets(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(30)
    async with bench.service(CONFIG) as alerting:
        await bench.until(40)
        alerting.intake.put([bench.alert("Down", starts_s=0, ends_s=280)])  # The rule reports again.
        await bench.until(60)
        assert [view.alert.name for view in await alerting.alerts()] == ["Down"]
        alerting.intake.put([bench.alert("Down", starts_s=0, ends_s=59)])
        await bench.until(600)
    assert bench.said() == [(10, ["Down firing"]), (90, ["Down resolved"])]


async def test_an_alert_whose_rule_is_gone_after_a_restart_resolves(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(30)
    bench.clock.step_wall(3600)  # Nobody ran for an hour.
    back_s = bench.now_s
    async with bench.service(CONFIG):
        await bench.until(back_s + 170)
        assert len(bench.told) == 1, "its rule may still be starting"
        await bench.until(back_s + 400)
    assert [names for _, names in bench.said()] == [["Down firing"], ["Down resolved"]]
    assert back_s + 180 <= bench.told[1].at_s <= back_s + 240


async def test_an_alert_that_goes_on_after_a_long_absence_is_not_called_resolved(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(30)
    bench.clock.step_wall(3600)
    back_s = bench.now_s
    async with bench.service(CONFIG) as alerting:
        await bench.until(back_s + 120)
        alerting.intake.put([bench.alert("Down", starts_s=0, ends_s=back_s + 360)])
        await bench.until(back_s + 300)
    assert [(told.names, told.message.reason) for told in bench.told] == [
        (["Down firing"], "first"),
        (["Down firing"], "repeat"),
    ]


async def test_resolved_while_nobody_ran_is_told(bench: Bench) -> None:
    """The alert was saved as resolved; the notice was due when the process died."""
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(30)
        alerting.intake.put([bench.alert("Down", starts_s=0, ends_s=29)])
        await bench.until(31)
    async with bench.service(CONFIG):
        await bench.until(60)
    assert bench.said() == [(10, ["Down firing"]), (31, ["Down resolved"])]


@pytest.mark.parametrize("steps", range(8))
async def test_killed_around_sending(steps: int) -> None:
    """Killed before or while claiming or sending: told once. Between send and mark: told twice, never none."""
    with open_state("sqlite://") as state:
        bench = Bench(ManualClock(START_MS), state)
        service = await bench.service(CONFIG).__aenter__()
        service.intake.put([bench.firing("Down")])
        await bench.until(5)
        bench.life.steps_left = steps
        await bench.until(30)
        told, known = len(bench.told), [notice.state for notice in state.notifications.recent(5)]
        await bench.kill(service)
        async with bench.service(CONFIG):
            await bench.until(60)
        recent = [notice.state for notice in state.notifications.recent(5)]
    in_flight = known == [NoticeState.CLAIMED]
    assert recent == [NoticeState.SENT, *[NoticeState.INTERRUPTED] * in_flight]
    assert len(bench.told) == 1 + (told == 1 and in_flight)
    assert (told, in_flight) == {3: (0, True), 4: (1, True)}.get(steps, (int(steps > 4), False))


# --- failures ---------------------------------------------------------------------------------------------------


def failing(times: int, error: ChannelError) -> Callable[[FakeChannel], Any]:
    left = times

    async def behave(channel: FakeChannel) -> None:
        nonlocal left
        left -= 1
        if left >= 0:
            raise error

    return behave


async def test_a_failure_that_may_pass_is_tried_again_with_growing_pauses(bench: Bench) -> None:
    bench.behave = failing(4, ChannelError("HTTP 503", retryable=True))
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(40)
        (notice,) = alerting.deliveries(5)
    assert bench.told[0].at_s == pytest.approx(10 + 0.5 + 0.75 + 1.125 + 1.6875, abs=0.01)
    assert (notice.state, notice.attempts, notice.error) == (NoticeState.SENT, 5, "HTTP 503")
    assert bench.metric("fenghuo_notification_attempts_failed_total", channel="webhook") == 4
    assert bench.metric("fenghuo_notifications_total", channel="webhook", outcome="sent", reason="first") == 1


async def test_a_failure_that_is_final_is_recorded_at_once_and_tried_at_the_next_flush(bench: Bench) -> None:
    bench.behave = failing(1, ChannelError("HTTP 404", retryable=False))
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(40)
        assert bench.tries == 1
        assert [notice.state for notice in alerting.deliveries(5)] == [NoticeState.FAILED]
        await bench.until(75)
    assert bench.said() == [(70, ["Down firing"])]


async def test_what_the_platform_asks_to_wait_is_waited(bench: Bench) -> None:
    bench.behave = failing(1, ChannelError("HTTP 429", retryable=True, retry_after_s=20))
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(40)
    assert bench.said() == [(30, ["Down firing"])]


async def test_a_receiver_that_never_answers_is_given_up_at_the_group_interval(bench: Bench) -> None:
    async def hang(channel: FakeChannel) -> None:
        await bench.clock.sleep(10**6)

    bench.behave = hang
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(69)
        assert [notice.state for notice in alerting.deliveries(5)] == [NoticeState.CLAIMED]
        await bench.until(71)
        first = alerting.deliveries(5)[-1]
        assert first.state is NoticeState.FAILED
        assert "no answer within 60 s" in first.error
        bench.behave = None


async def test_a_failing_channel_does_not_hold_up_its_neighbour(bench: Bench) -> None:
    async def second_hangs(channel: FakeChannel) -> None:
        if channel.index == 1:
            await bench.clock.sleep(10**6)

    bench.behave = second_hangs
    config = CONFIG.replace("[{url: 'http://team'}]", "[{url: 'http://a'}, {url: 'http://b'}]")
    async with bench.service(config) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(11)
        assert [told.index for told in bench.told] == [0]
        bench.behave = None


async def test_a_fault_in_one_channel_leaves_the_flush_to_the_others(bench: Bench) -> None:
    """The second channel takes longer than the interval; the next flush waits for it and tells it nothing twice."""

    async def behave(channel: FakeChannel) -> None:
        if channel.index == 0:
            raise ZeroDivisionError
        await bench.clock.sleep(8)

    bench.behave = behave
    two = CONFIG.replace("[{url: 'http://team'}]", "[{url: 'http://a'}, {url: 'http://b'}]")
    two = two.replace("group_interval: 60s", "group_interval: 5s") + "global: {channel_failures: 0}"
    async with bench.service(two) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(60)
    assert [(told.at_s, told.index) for told in bench.told] == [(18, 1)]


async def test_a_fault_that_nobody_foresaw_closes_its_claim_and_the_next_flush_tries_again(bench: Bench) -> None:
    async def behave(channel: FakeChannel) -> None:
        if bench.now_s < 60:
            raise ZeroDivisionError

    bench.behave = behave
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(30)
        (failed,) = alerting.deliveries(5)
        assert failed.state is NoticeState.FAILED
        assert "the program's log has it" in failed.error
        await bench.until(80)
    assert bench.said() == [(70, ["Down firing"])]
    assert bench.metric("fenghuo_unexpected_faults_total", part="notification") == 1


async def test_a_full_disk_keeps_nobody_from_being_told(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: Any) -> Any:
        raise OperatingError("database or disk is full", retryable=True)

    log = bench.state.notifications
    with monkeypatch.context() as patch:
        for name in ("claim", "attempted", "mark_sent", "mark_failed", "remember"):
            patch.setattr(log, name, full)
        patch.setattr(bench.state.alerts, "save", full)
        alerting = bench.service(CONFIG)
        await alerting.__aenter__()
        alerting.intake.put([bench.firing("DiskFull")])
        await bench.until(200)
        assert bench.said() == [(10, ["DiskFull firing"])], "told, and not told again at every flush"
        assert bench.metric("fenghuo_alerting_state_errors_total", operation="save_alerts") > 0
        assert log.recent(5) == []

    await bench.until(200 + CATCH_UP_S)
    states = [(notice.state, notice.claim.claimed_at_ms) for notice in log.recent(5)]
    assert states == [(NoticeState.SENT, bench.ms(10))], "what could not be recorded is recorded once there is room"
    assert [alert.name for alert, _ in bench.state.alerts.load()] == ["DiskFull"]
    await alerting.__aexit__(None, None, None)
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("DiskFull")])
        await bench.until(400)
    assert len(bench.told) == 1, "a restart does not repeat it"


async def test_what_is_reported_together_is_told_together(bench: Bench) -> None:
    """Alerts that began long ago are told at once, but not before the last of their report is in its group."""
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Down", starts_s=-600, instance=f"h{number}") for number in range(1_000)])
        await bench.until(1)
    assert [(told.at_s, len(told.names)) for told in bench.told] == [(0, 1_000)]


# --- urgent alerts -----------------------------------------------------------------------------------------------

UNHURRIED = """
route: {receiver: team}
receivers:
- name: team
  webhook_configs: [{url: 'http://team'}]
"""


async def test_urgent_alerts_wait_for_nobody_where_no_route_says_so(bench: Bench) -> None:
    """P0 alone: at once; others of the outage after five seconds, in one notice; everything else with the interval."""
    async with bench.service(UNHURRIED) as alerting:
        alerting.intake.put([bench.alert("Fire", severity="p0")])
        await bench.until(1)
        alerting.intake.put([bench.alert("Flood", severity="p0")])
        await bench.until(2)
        alerting.intake.put([bench.alert("Storm", severity="emergency"), bench.alert("Rain", severity="warning")])
        await bench.until(40)
        alerting.intake.put([bench.alert("Wind", severity="critical"), bench.alert("Fire", severity="p0")])
        await bench.until(60)
        alerting.intake.put([bench.alert("Quake", severity="P0")])
        await bench.until(200)
        alerting.intake.put([bench.alert("Fire", severity="p0", starts_s=0, ends_s=199)])
        await bench.until(361)
    assert [(told.at_s, len(told.names)) for told in bench.told] == [(0, 1), (5, 4), (60, 6), (360, 6)]
    assert "Fire resolved" in bench.told[-1].names


@pytest.mark.parametrize(
    ("given", "when"),
    [
        ("group_wait: 30s", [30, 35]),
        ("group_interval: 5m", [0, 300]),
        ("group_wait: 30s, group_interval: 5m", [30, 330]),
    ],
)
async def test_urgent_alerts_wait_as_long_as_a_route_says(bench: Bench, given: str, when: list[int]) -> None:
    """Also when the one above says it."""
    config = UNHURRIED.replace("receiver: team}", f"receiver: team, {given}, routes: [{{receiver: team}}]}}", 1)
    async with bench.service(config) as alerting:
        alerting.intake.put([bench.firing("Fire", severity="p0")])
        await bench.until(31)
        alerting.intake.put([bench.firing("Flood", severity="p0")])
        await bench.until(331)
    assert [told.at_s for told in bench.told] == when


# --- muting, routing, reload ------------------------------------------------------------------------------------

MUTED = """
route:
  receiver: team
  group_wait: 10s
  group_interval: 60s
  routes: [{matchers: [severity=info], mute_time_intervals: [nights]}]
receivers:
- name: team
  webhook_configs: [{url: 'http://team'}]
inhibit_rules:
- {source_matchers: [alertname=HostDown], target_matchers: [alertname=ServiceDown], equal: [host]}
time_intervals:
- name: nights
  time_intervals: [{times: [{start_time: '22:00', end_time: '22:20'}]}]
"""


async def test_inhibited_alerts_are_kept_and_shown_and_told_later(bench: Bench) -> None:
    async with bench.service(MUTED) as alerting:
        alerting.intake.put([bench.alert("HostDown", host="a"), bench.alert("ServiceDown", host="a")])
        await bench.until(15)
        views = {view.alert.name: view for view in await alerting.alerts()}
        assert views["ServiceDown"].inhibited_by == Labels({"alertname": "HostDown", "host": "a"})
        assert not views["HostDown"].suppressed
        alerting.intake.put([bench.alert("HostDown", starts_s=0, ends_s=15, host="a")])
        await bench.until(80)
    assert bench.said() == [(10, ["HostDown firing"]), (70, ["HostDown resolved", "ServiceDown firing"])]
    assert bench.metric("fenghuo_notifications_muted_total", by="inhibition") == 1


async def test_muted_times_keep_quiet_and_then_speak(bench: Bench) -> None:
    # The bench starts on 2023-11-14 22:13:20 UTC.
    async with bench.service(MUTED) as alerting:
        alerting.intake.put([bench.alert("Note", severity="info", ends_s=3600)])
        await bench.until(60)
        assert (await alerting.alerts())[0].muted_by == ("nights",)
        await bench.until(600)
    assert [(told.at_s, told.names) for told in bench.told] == [(430, ["Note firing"])]


async def test_reload_swaps_receivers_and_keeps_what_was_told(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(20)
        both = CONFIG.replace("[{url: 'http://team'}]", "[{url: 'http://team'}, {url: 'http://more'}]")
        await alerting.apply(bench.settings(both))
        await bench.until(40)
    assert [(told.at_s, told.index) for told in bench.told] == [(10, 0), (20, 1)]


async def test_a_reload_neither_cuts_off_nor_repeats_what_is_being_sent(bench: Bench) -> None:
    async def slow(channel: FakeChannel) -> None:
        await bench.clock.sleep(20)

    bench.behave = slow
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(15)
        old = bench.built[-1]
        await alerting.apply(bench.settings(CONFIG))
        alerting.intake.put([bench.firing("Other")])
        await bench.until(29)
        assert not old.closed
        await bench.until(60)
        assert old.closed
        assert [notice.state for notice in alerting.deliveries(5)] == [NoticeState.SENT] * 2
    assert bench.said() == [(30, ["Down firing"]), (45, ["Other firing"])]


async def test_after_a_reload_nothing_is_tried_again_under_the_old_settings(bench: Bench) -> None:
    broken = [True]

    async def behave(channel: FakeChannel) -> None:
        if broken[0]:
            raise ChannelError("HTTP 503", retryable=True)

    bench.behave = behave
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(50)
        broken[0] = False
        await alerting.apply(bench.settings(CONFIG))
        await bench.until(51)
        assert [notice.state for notice in alerting.deliveries(5)] == [NoticeState.SENT, NoticeState.FAILED]
    assert bench.said() == [(50, ["Down firing"])]


async def test_what_hangs_when_settings_change_is_cut_off_and_told_anew(bench: Bench) -> None:
    hangs = [True]

    async def behave(channel: FakeChannel) -> None:
        if hangs[0]:
            await bench.clock.sleep(10**6)

    bench.behave = behave
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(15)
        await alerting.apply(bench.settings(CONFIG))
        hangs[0] = False
        await bench.until(15 + RETIRING_S + 1)
        assert bench.said() == [(15 + RETIRING_S, ["Down firing"])]
        await bench.until(120)
        assert [notice.state for notice in alerting.deliveries(5)] == [NoticeState.SENT, NoticeState.INTERRUPTED]


async def test_notices_follow_the_address_of_the_server_over_a_reload(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        bench.external_url = "https://new.example"
        await alerting.apply(bench.settings(CONFIG))
        alerting.intake.put([bench.firing("Down")])
        await bench.until(15)
    assert bench.told[0].message.external_url == "https://new.example"


async def test_nothing_configured_shows_alerts_and_tells_nobody(bench: Bench) -> None:
    async with Alerting(bench.parts(), AlertingSettings.built_in()) as alerting:
        alerting.intake.put([bench.firing("Down")])
        await bench.until(120)
        assert [view.receivers for view in await alerting.alerts()] == [("nobody",)]
        assert alerting.deliveries(5) == []


# --- intake -----------------------------------------------------------------------------------------------------


async def test_alerts_may_come_from_any_thread(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        threads = [
            threading.Thread(target=alerting.intake.put, args=([bench.firing("Down", i=str(i))],)) for i in range(20)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        await bench.until(15)
    assert len(bench.told[0].message.alerts) == 20


async def test_what_is_half_way_in_at_a_stop_is_entered_and_saved(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.firing("Down", instance=str(number)) for number in range(1_000)])
        while not (entered := len(alerting.firing())):
            await asyncio.sleep(0)
        assert entered < 1_000
    assert len(bench.state.alerts.load()) == 1_000


async def test_alerts_that_cannot_be(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([Alert(Labels(), 1), bench.alert("Backwards", starts_s=10, ends_s=5)])
        await bench.until(30)
    assert bench.told == []
    assert bench.metric("fenghuo_alerts_rejected_total", reason="no_labels") == 1
    assert bench.metric("fenghuo_alerts_rejected_total", reason="end_before_start") == 1


def test_a_full_queue_refuses_and_counts(bench: Bench) -> None:
    intake = Intake(Instruments(bench.registry), queue_max=3)
    alerts = [bench.alert(f"a{i}") for i in range(5)]
    assert intake.put(alerts) == 3
    assert intake.put(alerts) == 0
    assert intake.take() == alerts[:3]
    assert bench.metric("fenghuo_alerts_rejected_total", reason="queue_full") == 7


async def test_empty_groups_and_old_alerts_are_dropped(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert(f"Brief{i}", ends_s=60) for i in range(5)])
        await bench.until(30)
        assert bench.metric("fenghuo_alert_groups") == 5
        await bench.until(200)
        assert bench.metric("fenghuo_alert_groups") == 0
        assert len(bench.state.alerts.load()) == 5
        await bench.until(60 + 1800 + 301)
        assert bench.state.alerts.load() == []


# --- the promise, whatever happens ------------------------------------------------------------------------------

steps = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.integers(1, 90)),
        st.tuples(st.just("fire"), st.sampled_from("ab")),
        st.tuples(st.just("end"), st.sampled_from("ab")),
        st.tuples(st.just("restart"), st.just(0)),
        st.tuples(st.just("fail"), st.integers(0, 3)),
    ),
    max_size=14,
)


@settings(max_examples=60, deadline=None)
@given(script=steps, seed=st.integers(0, 100))
async def test_whatever_happens_the_receiver_ends_up_knowing(script: list[tuple[str, Any]], seed: int) -> None:
    """Fire, end, restart and fail in any order: in the end the last word about each alert is right, no resolved
    alert is told twice in a row, and no repeat comes before its time."""
    draw = random.Random(seed)
    with open_state("sqlite://") as state:
        bench = Bench(ManualClock(START_MS), state)
        starts: dict[str, float] = {}
        service = bench.service(CONFIG)
        alerting = await service.__aenter__()

        def report(name: str) -> None:
            if name in starts:
                alerting.intake.put([bench.alert(name, starts_s=starts[name], ends_s=bench.now_s + 240)])

        for kind, value in script:
            if kind == "wait":
                for name in "ab":
                    report(name)
                await bench.until(bench.now_s + value)
            elif kind == "fire":
                starts.setdefault(value, bench.now_s)
                report(value)
            elif kind == "end" and value in starts:
                alerting.intake.put([bench.alert(value, starts_s=starts.pop(value), ends_s=bench.now_s)])
                await bench.until(bench.now_s + 1)
            elif kind == "restart":
                await service.__aexit__(None, None, None)
                service = bench.service(CONFIG)
                alerting = await service.__aenter__()
            elif kind == "fail":
                bench.behave = failing(value, ChannelError("trouble", retryable=draw.random() < 0.5))
        for _ in range(4):
            for name in "ab":
                report(name)
            await bench.until(bench.now_s + 60)
        await service.__aexit__(None, None, None)
    for name in "ab":
        check_last_words(bench, name, fires=name in starts)


def check_last_words(bench: Bench, name: str, *, fires: bool) -> None:
    words = [
        (told.at_s, alert.status, told.message.reason)
        for told in bench.told
        for alert in told.message.alerts
        if alert.labels["alertname"] == name
    ]
    if fires:
        assert words, f"{name} fires and nobody knows"
    if words:
        assert words[-1][1] == ("firing" if fires else "resolved"), words
    for (before_s, before, _), (after_s, after, reason) in itertools.pairwise(words):
        assert (before, after) != ("resolved", "resolved"), words
        assert reason != "repeat" or after_s - before_s >= 600, words
