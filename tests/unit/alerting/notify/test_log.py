"""The notification log over a database that refuses: what is owed is written later, in order, and bounded."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.notify import log as module
from fenghuo.alerting.notify.log import SteadyLog
from fenghuo.base.errors import OperatingError
from fenghuo.base.limits import Limit, Policy
from fenghuo.model.notification import Attempt, NoticeClaim, NotificationEntry, NotificationKey
from unit.alerting.bench import inline

pytestmark = pytest.mark.anyio

T = TypeVar("T")

LAST = Attempt(1, 1, 1, "")


@dataclass
class FakeStore:
    """Writes down what it is told, unless it refuses."""

    refuses: bool = True
    calls: list[str] = field(default_factory=list)
    transactions: int = 0

    def _take(self, call: str) -> None:
        if self.refuses:
            raise OperatingError("full", retryable=True)
        self.calls.append(call)

    def entries(self, keys: Iterable[NotificationKey]) -> dict[NotificationKey, NotificationEntry]:
        names = sorted(key.group_key for key in keys)
        self._take(f"entries {' '.join(names)}")
        return {}

    def together(self, work: Callable[[], T]) -> T:
        self.transactions += 1
        return work()

    def claim(self, claim: NoticeClaim) -> int:
        self._take(f"claim {claim.key.group_key}")
        return 7

    def attempted(self, notice_id: int, attempt: Attempt) -> None:
        self._take(f"attempted {notice_id}")

    def mark_sent(self, notice_id: int, key: NotificationKey, entry: NotificationEntry, last: Attempt) -> None:
        self._take(f"sent {notice_id} {key.group_key}")

    def mark_failed(self, notice_id: int, last: Attempt) -> None:
        self._take(f"failed {notice_id}")

    def mark_interrupted(self, notice_id: int, at_ms: int) -> None:
        self._take(f"interrupted {notice_id}")

    def remember(self, key: NotificationKey, entry: NotificationEntry) -> None:
        self._take(f"remember {key.group_key}")


def entry() -> NotificationEntry:
    return NotificationEntry(frozenset(), frozenset(), 0, 1)


def claim(group: str) -> NoticeClaim:
    return NoticeClaim(NotificationKey(group, "team", "webhook", 0), "first", "firing", 1, 0)


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def steady(store: FakeStore, registry: CollectorRegistry) -> SteadyLog:
    return SteadyLog(store, Instruments(registry), inline)


async def test_what_is_owed_is_written_before_what_is_new(store: FakeStore, steady: SteadyLog) -> None:
    ticket = await steady.claim(claim("a"))
    await steady.attempted(ticket, LAST)
    await steady.mark_sent(ticket, entry(), LAST)
    await steady.mark_failed(await steady.claim(claim("b")), LAST)
    await steady.catch_up()
    assert store.calls == []

    store.refuses = False
    await steady.remember(claim("a").key, entry())
    assert store.calls == ["claim a", "sent 7 a", "claim b", "failed 7", "remember a"]
    await steady.catch_up()
    assert len(store.calls) == 5


async def test_what_is_owed_is_bounded(store: FakeStore, steady: SteadyLog, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Limit("few", 3, Policy.DROP_OLDEST, "Few.")
    monkeypatch.setattr(module, "OWED", limit)
    for group in "abcde":
        await steady.remember(claim(group).key, entry())
    store.refuses = False
    await steady.catch_up()

    assert store.calls == ["remember c", "remember d", "remember e"]
    assert limit.hits == 2


async def late(work: Callable[..., Any], *args: Any) -> Any:
    """A blocking call that lets others come first, as one in a thread does."""
    await asyncio.sleep(0)
    return work(*args)


async def test_what_comes_while_a_transaction_runs_shares_the_next_one(registry: CollectorRegistry) -> None:
    store = FakeStore(refuses=False)
    steady = SteadyLog(store, Instruments(registry), late)
    claims = [claim(group) for group in "abcd"]
    await asyncio.gather(*(steady.entry(each.key) for each in claims))
    tickets = await asyncio.gather(*(steady.claim(each) for each in claims))
    await asyncio.gather(*(steady.mark_sent(ticket, entry(), LAST) for ticket in tickets))

    assert [ticket.number for ticket in tickets] == [7, 7, 7, 7]
    assert store.calls[:2] == ["entries a", "entries b c d"]
    assert store.calls[2:] == [*(f"claim {each}" for each in "abcd"), *(f"sent 7 {each}" for each in "abcd")]
    assert store.transactions == 2, "what comes in one turn of the event loop goes together"
    assert [await steady.entry(each.key) for each in claims] == [entry()] * 4
    assert len(store.calls) == 10, "what is known is not asked for again"


async def test_a_claim_that_is_refused_is_made_by_its_outcome(store: FakeStore, steady: SteadyLog) -> None:
    ticket = await steady.claim(claim("a"))
    assert ticket.number is None
    store.refuses = False
    await steady.catch_up()
    assert store.calls == [], "by itself it is not owed: whether the notice goes out is not known yet"
    await steady.mark_sent(ticket, entry(), LAST)
    assert store.calls == ["claim a", "sent 7 a"]


async def test_who_is_cut_off_while_it_waits_cuts_off_nobody_else(registry: CollectorRegistry) -> None:
    store, goes_on = FakeStore(refuses=False), asyncio.Event()

    async def slow(work: Callable[..., Any], *args: Any) -> Any:
        await goes_on.wait()
        return work(*args)

    steady = SteadyLog(store, Instruments(registry), slow)
    first = asyncio.ensure_future(steady.claim(claim("a")))
    await asyncio.sleep(0.0)
    others = [asyncio.ensure_future(steady.claim(claim(group))) for group in "bc"]
    await asyncio.sleep(0.0)
    first.cancel()
    others[0].cancel()
    await asyncio.sleep(0.0)
    goes_on.set()
    assert (await others[1]).number == 7
    await steady.catch_up()
    assert store.calls[:1] == ["claim a"]
    assert sorted(store.calls[1:]) == ["claim c", "interrupted 7"], "b was never claimed, a is written off"


async def test_a_line_that_cannot_be_written_costs_nobody_else_theirs(registry: CollectorRegistry) -> None:
    class Poisoned(FakeStore):
        def _take(self, call: str) -> None:
            if call.endswith("bad"):
                raise UnicodeEncodeError("utf-8", "x", 0, 1, "surrogates not allowed")
            super()._take(call)

    store = Poisoned(refuses=False)
    steady = SteadyLog(store, Instruments(registry), late)
    await asyncio.gather(*(steady.remember(claim(group).key, entry()) for group in ("bad", "a", "b")))
    assert store.calls[-2:] == ["remember a", "remember b"]
    await steady.remember(claim("c").key, entry())
    assert store.calls[-1:] == ["remember c"]
    assert store.transactions == 5, "what was left out is not tried again"
    assert registry.get_sample_value("fenghuo_alerting_state_errors_total", {"operation": "write"}) == 1


async def test_what_is_refused_while_lines_go_one_by_one_stays_owed_in_its_order(
    store: FakeStore, steady: SteadyLog, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(work: Callable[[], Any]) -> Any:
        monkeypatch.undo()
        raise ZeroDivisionError

    for group in "ab":
        await steady.remember(claim(group).key, entry())
    monkeypatch.setattr(store, "together", broken)
    await steady.remember(claim("c").key, entry())
    store.refuses = False
    await steady.catch_up()
    assert store.calls == ["remember a", "remember b", "remember c"]
