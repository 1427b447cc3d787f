"""Thousands of alerts are looked through in many turns of the event loop, not in one."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from fenghuo.alerting.book import KEEP_RESOLVED_MS, Book
from fenghuo.alerting.incident import machine
from fenghuo.alerting.incident.book import LOOKED_AT_AT_ONCE
from fenghuo.alerting.lookup import VIEWED_AT_ONCE
from fenghuo.alerting.mute.stage import Mutes
from fenghuo.alerting.route.dispatch import ALERTS_AT_ONCE
from fenghuo.alerting.service import Alerting
from fenghuo.alerting.timing import in_turns
from fenghuo.model.escalation import EscalationState
from fenghuo.model.incident import Actor
from unit.alerting.bench import Bench
from unit.alerting.escalation.duty import Duty
from unit.alerting.test_service import CONFIG

pytestmark = pytest.mark.anyio

MANY = 1_000
GROUPS = 100


@pytest.fixture
def duty(bench: Bench) -> Duty:
    return Duty(bench)


async def turns_of(work: Awaitable[Any]) -> int:
    """How many turns of the event loop others have while ``work`` is done."""
    turns = 0

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    beside = asyncio.ensure_future(others())
    await work
    beside.cancel()
    return turns


async def filled(bench: Bench, alerting: Alerting) -> None:
    names = [f"a{number % GROUPS}" for number in range(MANY)]
    await alerting.report(
        bench.alert(name, ends_s=50_000, instance=str(number), severity="critical") for number, name in enumerate(names)
    )
    await bench.until(20)


async def test_every_item_comes_once_and_others_have_their_turns() -> None:
    seen: list[int] = []

    async def go_through() -> None:
        seen.extend([each async for each in in_turns(range(100), 10)])

    assert await turns_of(go_through()) >= 10
    assert seen == list(range(100))


@pytest.mark.parametrize(
    ("work", "turns"),
    [
        (lambda alerting: alerting.alerts(), MANY // VIEWED_AT_ONCE),
        (lambda alerting: alerting.groups(), MANY // VIEWED_AT_ONCE),
        (lambda alerting: alerting.apply(alerting.settings), MANY // ALERTS_AT_ONCE),
        (lambda alerting: alerting.incidents.catch_up(), GROUPS // LOOKED_AT_AT_ONCE),
    ],
    ids=["alerts", "groups", "apply", "incidents"],
)
async def test_looking_through_thousands_lets_others_work(
    bench: Bench, work: Callable[[Alerting], Awaitable[Any]], turns: int
) -> None:
    async with bench.service(CONFIG) as alerting:
        await filled(bench, alerting)
        assert await turns_of(work(alerting)) >= turns


async def test_groups_are_whole_and_in_order(bench: Bench) -> None:
    async with bench.service(CONFIG) as alerting:
        await filled(bench, alerting)
        groups = await alerting.groups()
        assert [group.labels for group in groups] == sorted(group.labels for group in groups)
        assert [len(group.alerts) for group in groups] == [MANY // GROUPS] * GROUPS
        assert {view.alert.labels for group in groups for view in group.alerts} == {
            view.alert.labels for view in await alerting.alerts()
        }


async def test_a_step_that_is_due_looks_at_the_alerts_of_its_incident_only(
    duty: Duty, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked_at = 0
    mutes = Mutes.mutes

    def counting(*args: Any) -> bool:
        nonlocal looked_at
        looked_at += 1
        return mutes(*args)

    def refuses(*_: Any) -> None:
        raise AssertionError("the whole book is looked through for one incident")

    async with duty.service() as alerting:
        await filled(duty.bench, alerting)
        monkeypatch.setattr(Mutes, "mutes", counting)
        monkeypatch.setattr(Book, "firing", refuses)
        await duty.bench.until(950)
        monkeypatch.undo()
        assert len(duty.told()) == GROUPS
        assert all(len(message.alerts) == MANY // GROUPS for _, who, message in duty.calls if who == "sms 1")
    assert looked_at == GROUPS, "the first alert that is not kept quiet says enough"


async def test_who_answers_while_others_are_looked_at_is_not_told(duty: Duty, monkeypatch: pytest.MonkeyPatch) -> None:
    mutes, answered = Mutes.mutes, False

    async with duty.service() as alerting:
        await filled(duty.bench, alerting)
        numbers = [incident.number for incident in alerting.incidents.live()]

        def answering(*args: Any) -> bool:
            nonlocal answered
            for number in [] if answered else numbers[1:]:
                incident = alerting.incidents.known(number)
                assert incident is not None
                step = machine.acknowledge(incident, Actor("li", "link"), duty.bench.clock.now_ms())
                alerting.incidents._take(step)
            answered = True
            return mutes(*args)

        monkeypatch.setattr(Mutes, "mutes", answering)
        await duty.bench.until(950)
        states = {alerting.escalations.get(number).state for number in numbers[1:]}  # type: ignore[union-attr]
    assert states == {EscalationState.STOPPED}
    assert len(duty.told()) == 1


def test_alerts_are_found_by_fingerprint_until_they_are_forgotten(bench: Bench) -> None:
    book, now_ms = Book(), bench.ms(0)
    (held, other) = book.take([bench.alert("a", ends_s=60), bench.alert("b", ends_s=90)], now_ms, 300_000)
    prints = [held.fingerprint, other.fingerprint, 7]  # type: ignore[union-attr]
    assert [each.alert.name for each in book.firing_of(prints, now_ms)] == ["a", "b"]
    assert [each.alert.name for each in book.firing_of(prints, bench.ms(70))] == ["b"]
    over = book.long_over(bench.ms(70) + KEEP_RESOLVED_MS)
    assert [each.alert.name for each in over] == ["a"]
    assert [book.forget(each) for each in over] == [True]
    assert [book.forget(each) for each in over] == [False]
    assert [each.alert.name for each in book.firing_of(prints, now_ms)] == ["b"]
    again = Book()
    again.restore(each for each in (held, other) if not isinstance(each, str))
    assert len(list(again.firing_of(prints, now_ms))) == 2


async def test_what_comes_back_while_others_are_forgotten_is_kept(bench: Bench) -> None:
    book = Book()
    (old,) = book.take([bench.alert("a", ends_s=60)], bench.ms(0), 300_000)
    book.take([bench.alert("a", starts_s=2_000, ends_s=3_000)], bench.ms(2_000), 300_000)
    assert not isinstance(old, str)
    assert not book.forget(old)
    assert len(book) == 1
