"""The notification log over a database that refuses: what is owed is written later, in order, and bounded."""

from __future__ import annotations

from dataclasses import dataclass, field

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

LAST = Attempt(1, 1, 1, "")


@dataclass
class FakeStore:
    """Writes down what it is told, unless it refuses."""

    refuses: bool = True
    calls: list[str] = field(default_factory=list)

    def _take(self, call: str) -> None:
        if self.refuses:
            raise OperatingError("full", retryable=True)
        self.calls.append(call)

    def entry(self, key: NotificationKey) -> None:
        self._take(f"entry {key.group_key}")

    def claim(self, claim: NoticeClaim) -> int:
        self._take(f"claim {claim.key.group_key}")
        return 7

    def attempted(self, notice_id: int, attempt: Attempt) -> None:
        self._take(f"attempted {notice_id}")

    def mark_sent(self, notice_id: int, key: NotificationKey, entry: NotificationEntry, last: Attempt) -> None:
        self._take(f"sent {notice_id} {key.group_key}")

    def mark_failed(self, notice_id: int, last: Attempt) -> None:
        self._take(f"failed {notice_id}")

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
