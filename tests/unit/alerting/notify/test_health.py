"""Channels that keep failing: when there is an alert about one, where it goes, and when it is over."""

from __future__ import annotations

import logging

import pytest

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.health import VALID_MS, ChannelHealth, ChannelName, FailingWhen
from fenghuo.model.alert import Alert
from unit.alerting.bench import Bench, FakeChannel

ROBOT = ChannelName("team", "dingtalk", 0)
MAIL = ChannelName("team", "email", 0)
MINUTE_MS = 60_000


def health(failures: int = 3, after_ms: int = 10 * MINUTE_MS) -> ChannelHealth:
    made = ChannelHealth()
    made.apply({ROBOT, MAIL}, FailingWhen(failures, after_ms), 0)
    return made


def kinds(alerts: list[Alert]) -> list[str]:
    return [alert.labels["kind"] for alert in alerts]


def test_failures_in_a_row_make_an_alert_that_is_reported_again_and_ends_with_a_success() -> None:
    seen = health()
    for at_ms in (0, 1_000):
        seen.note(ROBOT, at_ms, failure="HTTP 500")
        seen.note(MAIL, at_ms, failure="")
        assert seen.alerts(at_ms) == []
    seen.note(ROBOT, 2_000, failure="HTTP 502")
    (alert,) = seen.alerts(2_000)
    assert dict(alert.labels) == {
        "alertname": "FenghuoChannelFailing", "receiver": "team", "kind": "dingtalk", "index": "0",
        "severity": "critical", "source": "fenghuo",
    }  # fmt: skip
    assert (alert.starts_at_ms, alert.ends_at_ms) == (0, 2_000 + VALID_MS)
    assert alert.annotations["description"] == "HTTP 502"
    assert seen.alerts(30_000) == []
    assert kinds(seen.alerts(62_000)) == ["dingtalk"]
    seen.note(ROBOT, 63_000, failure="")
    (over,) = seen.alerts(64_000)
    assert (over.labels, over.starts_at_ms, over.ends_at_ms) == (alert.labels, 0, 63_000)
    assert seen.alerts(10**9) == []


def test_a_success_in_between_begins_the_count_anew() -> None:
    seen = health()
    for at_ms in range(10):
        seen.note(ROBOT, at_ms, failure="HTTP 500" if at_ms % 3 else "")
    assert seen.alerts(20) == []


def test_one_failure_after_which_nothing_got_through_is_enough_in_time() -> None:
    seen = health()
    seen.note(ROBOT, 0, failure="HTTP 500")
    assert seen.alerts(10 * MINUTE_MS - 1) == []
    assert kinds(seen.alerts(10 * MINUTE_MS)) == ["dingtalk"]


@pytest.mark.parametrize(("failures", "after_ms"), [(0, 0), (0, 10**12), (10**6, 0)])
def test_each_way_can_be_turned_off(failures: int, after_ms: int) -> None:
    seen = health(failures, after_ms)
    for at_ms in range(100):
        seen.note(ROBOT, at_ms, failure="HTTP 500")
    assert seen.alerts(10**9) == []


def test_what_is_said_of_a_channel_that_is_gone_is_over() -> None:
    seen = health(1)
    seen.note(ROBOT, 0, failure="HTTP 500")
    seen.alerts(0)
    seen.apply({MAIL}, FailingWhen(1), 5)
    assert [alert.ends_at_ms for alert in seen.alerts(6)] == [5]
    assert seen.failing == []


CONFIG = """
route:
  {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s, repeat_interval: 1h, routes: [ROUTES]}
receivers:
- name: team
  webhook_configs: [{url: 'http://team'}]
- name: admins
  webhook_configs: [{url: 'http://admins'}]
"""
TO_ADMINS = "{receiver: admins, matchers: [source=fenghuo]}"


@pytest.mark.anyio
async def test_the_alert_goes_its_route_and_ends_when_the_channel_works_again(
    bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    async def behave(channel: FakeChannel) -> None:
        if channel.receiver == "team" and bench.now_s < 400:
            raise ChannelError("HTTP 404", retryable=False)

    bench.behave = behave
    with caplog.at_level(logging.ERROR):
        async with bench.service(CONFIG.replace("ROUTES", TO_ADMINS)) as alerting:
            alerting.intake.put([bench.alert("Down", ends_s=5_000)])
            await bench.until(300)
            assert bench.metric("fenghuo_notification_channels_failing") == 1
            await bench.until(700)
    told = [(told.receiver, told.names) for told in bench.told]
    assert told == [
        ("admins", ["FenghuoChannelFailing firing"]),
        ("team", ["Down firing"]),
        ("admins", ["FenghuoChannelFailing resolved"]),
    ]
    assert 130 <= bench.told[0].at_s <= 160, "after the third failure"
    assert "webhook of receiver team keeps failing: HTTP 404" in caplog.text


@pytest.mark.anyio
async def test_an_alert_whose_route_is_the_dead_channel_goes_to_its_failover(bench: Bench) -> None:
    async def behave(channel: FakeChannel) -> None:
        if channel.receiver == "team":
            raise ChannelError("HTTP 404", retryable=False)

    bench.behave = behave
    config = CONFIG.replace("ROUTES", "").replace("- name: team", "- name: team\n  failover: admins")
    async with bench.service(config) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=5_000)])
        await bench.until(700)
    names = [told.names for told in bench.told if told.receiver == "admins"]
    assert names == [["Down firing"], ["FenghuoChannelFailing firing"]]


@pytest.mark.anyio
async def test_a_restart_goes_on_counting(bench: Bench) -> None:
    async def behave(channel: FakeChannel) -> None:
        if channel.receiver == "team":
            raise ChannelError("HTTP 404", retryable=False)

    bench.behave = behave
    config = CONFIG.replace("ROUTES", TO_ADMINS)
    async with bench.service(config) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=5_000)])
        await bench.until(100)
    assert bench.told == []
    async with bench.service(config) as alerting:
        await bench.until(130)
        assert [view.alert.name for view in await alerting.alerts()] == ["Down", "FenghuoChannelFailing"]
