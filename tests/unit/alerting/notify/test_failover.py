"""Who is told in whose place, on the manual clock: at once when throttled, after a while when failing, nobody twice."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.base.document import load_yaml, validate
from fenghuo.model.notification import NoticeState
from unit.alerting.bench import Bench, FakeChannel

pytestmark = pytest.mark.anyio

CONFIG = """
global: {channel_failures: 0, channel_failing_after: 0s}
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 5m, repeat_interval: 1h}
receivers:
- name: team
  failover: phones
  webhook_configs: [{url: 'http://team'}]
- name: phones
  failover: mail
  webhook_configs: [{url: 'http://phones'}, {url: 'http://other-phones'}]
- name: mail
  webhook_configs: [{url: 'http://mail'}]
"""
Behave = Callable[[FakeChannel], Any]


def broken(*receivers: str, error: ChannelError | None = None) -> Behave:
    """Channels of these receivers fail; ``team/1`` is the second channel of a receiver."""

    async def behave(channel: FakeChannel) -> None:
        if channel.receiver in receivers or f"{channel.receiver}/{channel.index}" in receivers:
            raise error or ChannelError("HTTP 404", retryable=False)

    return behave


def heard(bench: Bench) -> list[tuple[float, str, str]]:
    """When, who, why; the second phone hears what the first hears."""
    return [(told.at_s, told.receiver, told.message.reason) for told in bench.told if told.index == 0]


async def test_who_fails_for_good_is_stood_in_for_at_once_and_the_record_says_it(bench: Bench) -> None:
    bench.behave = broken("team")
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=3_000)])
        await bench.until(60)
        notices = {(each.claim.key.receiver, each.claim.key.index): each for each in alerting.deliveries()}
    assert heard(bench) == [(10, "phones", "first")]
    assert bench.told[0].message.instead_of == "team"
    assert notices["team", 0].state is NoticeState.FAILED
    assert notices["phones", 0].state is NoticeState.SENT
    assert notices["phones", 0].claim.instead_of == "team"


async def test_what_may_pass_is_tried_for_a_while_and_a_platform_that_has_had_too_many_is_not_waited_for(
    bench: Bench,
) -> None:
    bench.behave = broken("team", error=ChannelError("HTTP 503", retryable=True))
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Slow", ends_s=3_000)])
        await bench.until(60)
        ((at_s, *_),) = heard(bench)
        assert 10 + 15 < at_s <= 10 + 30
        assert bench.tries > 5
        bench.behave = broken("team", error=ChannelError("errcode 130101", retryable=True, retry_after_s=60))
        alerting.intake.put([bench.alert("Throttled", ends_s=3_000)])
        await bench.until(120)
    assert heard(bench)[1:] == [(70, "phones", "first")]


async def test_a_receiver_that_hangs_leaves_time_for_its_failover(bench: Bench) -> None:
    """With a group_interval of 5 s a flush has 10 s."""

    async def hang(channel: FakeChannel) -> None:
        if channel.receiver == "team":
            await bench.clock.sleep(10**6)

    bench.behave = hang
    async with bench.service(CONFIG.replace("group_interval: 5m", "group_interval: 5s")) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=3_000)])
        await bench.until(16)
        assert heard(bench) == [(15, "phones", "first")]
        bench.behave = None


async def test_one_way_is_enough_for_a_failover_and_the_chain_goes_on_when_there_is_none(bench: Bench) -> None:
    bench.behave = broken("team", "phones/1")
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=7_000)])
        await bench.until(60)
        assert [(told.receiver, told.index) for told in bench.told] == [("phones", 0)]
        bench.behave = broken("team", "phones")
        alerting.intake.put([bench.alert("Worse", ends_s=7_000)])
        await bench.until(120)
    assert [(told.receiver, told.names) for told in bench.told[1:]] == [("mail", ["Worse firing"])]


async def test_who_is_well_again_is_not_told_what_was_told_in_its_place(bench: Bench) -> None:
    """It hears what is new, and the next reminder. Whoever heard that it fires hears that it is over."""
    bench.behave = broken("team")
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=9_000, instance="a")])
        await bench.until(60)
        bench.behave = None
        await bench.until(3_000)
        assert heard(bench) == [(10, "phones", "first")]
        await bench.until(4_000)
        assert heard(bench)[1:] == [(3910, "team", "first")], "the reminder is due: the receiver itself is tried first"
        alerting.intake.put([bench.alert("Down", ends_s=9_000, instance="b")])
        await bench.until(5_000)
        assert heard(bench)[2:] == [(4210, "team", "new_alerts")]
        alerting.intake.put([bench.alert("Down", starts_s=0, ends_s=5_000, instance=each) for each in "ab"])
        await bench.until(5_500)
    assert sorted(heard(bench)[3:]) == [(5110, "phones", "all_resolved"), (5110, "team", "all_resolved")]


async def test_what_is_over_goes_where_it_was_told_that_it_fired(bench: Bench) -> None:
    bench.behave = broken("team")
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=200)])
        await bench.until(60)
        bench.behave = None
        await bench.until(400)
        alerting.intake.put([bench.alert("Down", ends_s=9_000)])
        await bench.until(700)
    assert heard(bench) == [(10, "phones", "first"), (310, "phones", "all_resolved"), (410, "team", "first")]


async def test_what_is_over_waits_for_whoever_heard_that_it_fired(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=200)])
        await bench.until(60)
        bench.behave = broken("team")
        await bench.until(800)
        assert heard(bench) == [(10, "team", "first")], "nobody else is told that something they never heard of is over"
        bench.behave = None
        await bench.until(1_200)
    assert heard(bench)[1:] == [(910, "team", "all_resolved")]


async def test_a_restart_while_somebody_stands_in_changes_nothing(bench: Bench) -> None:
    bench.behave = broken("team")
    async with bench.service(CONFIG) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=9_000)])
        await bench.until(60)
    bench.behave = None
    async with bench.service(CONFIG) as alerting:
        await bench.until(400)
        alerting.intake.put([bench.alert("Down", starts_s=0, ends_s=400)])
        await bench.until(900)
    assert heard(bench) == [(10, "phones", "first"), (660, "phones", "all_resolved")]


async def test_who_is_told_anyway_stands_in_for_nobody(bench: Bench) -> None:
    """Both ways of one flush lead to the phones: they are told once, and the team is tried again."""
    bench.behave = broken("team")
    config = CONFIG.replace("http://team'}]", "http://team'}, {url: 'http://team-2'}]")
    async with bench.service(config) as alerting:
        alerting.intake.put([bench.alert("Down", ends_s=9_000)])
        await bench.until(60)
    assert heard(bench) == [(10, "phones", "first")], "two channels failed, one receiver stands in"


@pytest.mark.parametrize(
    ("old", "new", "place", "says"),
    [
        ("failover: mail", "failover: team", "receivers[0].failover", "team → phones → team"),
        ("failover: mail", "failover: phones", "receivers[1].failover", "phones → phones"),
        ("failover: mail", "failover: male", "receivers[1].failover", "undefined receiver 'male'"),
        ("webhook_configs: [{url: 'http://mail'}]", "labels: {}", "receivers[1].failover", "has no channels"),
    ],
)
def test_what_cannot_stand_in_is_refused_with_its_place(old: str, new: str, place: str, says: str) -> None:
    _, problems = validate(AlertingSettings, load_yaml(CONFIG.replace(old, new), "am.yml"))
    assert any(problem.path == place and says in problem.message for problem in problems), problems
