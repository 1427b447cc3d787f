"""What the audit trail tells of, and what it costs when it cannot be written."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import replace
from typing import Any, cast

import httpx
import pytest
from fastapi.routing import APIRoute
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from fenghuo.api.audit import trail as trail_module
from fenghuo.api.audit.actions import VERBS, Action, action_of
from fenghuo.api.audit.middleware import AuditMiddleware, note_of
from fenghuo.api.audit.trail import QUEUE, REFUSALS, RETRY_S, WAITING_REFUSALS, Trail
from fenghuo.api.auth.identity import Identity, Proof, Role
from fenghuo.api.own.incidents import incident_router
from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.model.audit import AuditEntry, AuditFilter

pytestmark = pytest.mark.anyio


class Store:
    """Entries as they were written; ``refuses`` as a full disk does."""

    def __init__(self) -> None:
        self.entries: list[AuditEntry] = []
        self.refuses = False
        self.refused = 0

    def add(self, entries: Sequence[AuditEntry]) -> None:
        if self.refuses:
            self.refused += 1
            raise OperatingError("the disk is full", retryable=True, remedy="free some space")
        self.entries += entries

    def find(self, wanted: AuditFilter, limit: int) -> list[AuditEntry]:
        return self.entries[-limit:]


@pytest.fixture
def store() -> Store:
    return Store()


@pytest.fixture
async def trail(store: Store, clock: ManualClock, registry: CollectorRegistry) -> AsyncIterator[Trail]:
    async with Trail(store, clock, registry, Guard(registry)) as opened:
        yield opened


async def happens(condition: Callable[[], bool]) -> None:
    """Wait for a worker thread, which no manual clock moves."""
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.001)


def entry(action: str = "token.create") -> AuditEntry:
    return AuditEntry(1, "ann", "panel", "10.0.0.1", action)


@pytest.mark.parametrize(
    ("method", "path", "action"),
    [
        ("POST", "/api/fenghuo/session", Action("session.sign_in")),
        ("POST", "/api/fenghuo/tokens", Action("token.create", critical=True)),
        ("DELETE", "/api/fenghuo/tokens/ci", Action("token.revoke", "ci", critical=True)),
        ("PUT", "/-/reload", Action("config.reload")),
        ("DELETE", "/api/v2/silence/6f1c", Action("silence.expire", "6f1c")),
        ("POST", "/api/fenghuo/incidents/INC-3/acknowledge", Action("incident.acknowledge", "INC-3")),
        ("POST", "/a/WzEsMl0.c2ln", Action("incident.answer")),
        ("POST", "/api/v1/admin/tsdb/delete_series", Action("metrics.delete", critical=True)),
        ("POST", "/api/fenghuo/incidents/INC-3/anything", None),
        ("POST", "/api/v1/write", None),
        ("DELETE", "/api/fenghuo/tokens/", None),
        ("DELETE", "/api/fenghuo/tokens/a/b", None),
        ("GET", "/api/fenghuo/tokens/ci", None),
        ("POST", "/api/fenghuo/intake/grafana", None),
        ("GET", "/api/fenghuo/tokens", None),
    ],
)
def test_which_requests_are_told(method: str, path: str, action: Action | None) -> None:
    assert action_of(method, path) == action


async def test_entries_are_written_soon_and_in_order(trail: Trail, store: Store) -> None:
    for name in ("token.create", "token.revoke"):
        trail.note(entry(name))
    await happens(lambda: len(store.entries) == 2)
    assert [each.action for each in store.entries] == ["token.create", "token.revoke"]


async def test_what_comes_while_others_are_written_does_not_wait(
    trail: Trail, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on, add = threading.Event(), threading.Event(), store.add

    def slowly(entries: Sequence[AuditEntry]) -> None:
        writing.set()
        assert go_on.wait(5)
        add(entries)

    monkeypatch.setattr(store, "add", slowly)
    trail.note(entry("one.first"))
    await happens(writing.is_set)
    trail.note(entry("one.second"))
    go_on.set()
    await happens(lambda: len(store.entries) == 2)


async def test_what_the_database_refuses_is_written_when_it_works_again(
    trail: Trail, store: Store, clock: ManualClock
) -> None:
    store.refuses = True
    trail.note(entry("one.first"))
    await happens(lambda: store.refused == 1)
    trail.note(entry("one.second"))
    store.refuses = False
    await clock.advance(RETRY_S)
    await happens(lambda: len(store.entries) == 2)
    assert [each.action for each in store.entries] == ["one.first", "one.second"]


async def test_what_waits_at_the_end_is_written_then(
    store: Store, clock: ManualClock, registry: CollectorRegistry
) -> None:
    async with Trail(store, clock, registry, Guard(registry)) as trail:
        store.refuses = True
        trail.note(entry())
        await happens(lambda: store.refused == 1)
        store.refuses = False
    assert store.entries == [entry()]


async def test_the_queue_is_bounded(store: Store, clock: ManualClock, registry: CollectorRegistry) -> None:
    trail, hits = Trail(store, clock, registry, Guard(registry)), QUEUE.hits
    for number in range(QUEUE.default + 3):
        trail.note(entry(f"number.{number % 7}"))
    assert QUEUE.hits == hits + 3
    assert registry.get_sample_value("fenghuo_audit_waiting_entries") == QUEUE.default


async def test_a_flood_of_refusals_does_not_fill_the_trail(trail: Trail, store: Store, clock: ManualClock) -> None:
    hits = REFUSALS.hits
    for _ in range(REFUSALS.default + 5):
        trail.note_refusal(entry())
    await happens(lambda: len(store.entries) == REFUSALS.default)
    assert REFUSALS.hits == hits + 5
    await clock.advance(60)
    trail.note_refusal(entry())
    await happens(lambda: len(store.entries) == REFUSALS.default + 1)


async def test_refusals_that_wait_drive_out_nothing_that_was_done(
    trail: Trail, store: Store, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(trail_module, "WAITING_REFUSALS", replace(WAITING_REFUSALS, default=3))
    store.refuses = True
    trail.note(entry("one.done"))
    for number in range(5):
        trail.note_refusal(entry(f"refused.{number}"))
    await happens(lambda: store.refused == 1)
    trail.note_refusal(entry("refused.more"))
    trail.note(entry("two.done"))
    store.refuses = False
    await clock.advance(RETRY_S)
    await happens(lambda: len(store.entries) == 5)
    assert [each.action for each in store.entries if not each.refused] == ["one.done", "two.done"]
    assert [each.action for each in store.entries if each.refused] == ["refused.0", "refused.1", "refused.2"]
    trail.note_refusal(entry("refused.later"))
    await happens(lambda: len(store.entries) == 6)


def client(trail: Trail, clock: ManualClock, done: list[str], identity: Identity | None = None) -> Any:
    async def handle(request: Request) -> PlainTextResponse:
        done.append(request.url.path)
        note = note_of(request)
        note.detail["seen"] = True
        if request.url.path == "/a/forged":
            note.action = "incident.answer"
        return PlainTextResponse("", 404 if "unknown" in request.url.path else 200)

    class Door:
        def __init__(self, app: Any) -> None:
            self.app = app

        async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
            scope.setdefault("state", {})["identity"] = identity
            await self.app(scope, receive, send)

    inner = Starlette(routes=[Route("/{path:path}", handle, methods=["GET", "POST", "DELETE"])])
    app = Door(AuditMiddleware(inner, trail, clock))
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app, client=("10.0.0.9", 1)), base_url="http://here")


async def test_an_entry_says_who_what_whence_and_how_it_went(trail: Trail, store: Store, clock: ManualClock) -> None:
    who = Identity("ci", Role.OPERATOR, Proof.TOKEN)
    async with client(trail, clock, [], who) as asking:
        await asking.delete("/api/v2/silence/6f1c")
        await asking.delete("/api/v2/silence/unknown")
        await asking.get("/api/v2/silence/6f1c")
        await asking.post("/api/v1/write")
    await happens(lambda: len(store.entries) == 2)
    now_ms = clock.now_ms()
    assert store.entries == [
        AuditEntry(now_ms, "ci", "token", "10.0.0.9", "silence.expire", "6f1c", {"status": 200, "seen": True}),
        AuditEntry(
            now_ms, "ci", "token", "10.0.0.9", "silence.expire", "unknown", {"status": 404, "seen": True}, refused=True
        ),
    ]


async def test_a_look_at_a_forged_link_is_told_and_at_a_good_one_is_not(
    trail: Trail, store: Store, clock: ManualClock
) -> None:
    async with client(trail, clock, []) as asking:
        await asking.get("/a/good")
        await asking.get("/a/forged")
    await happens(lambda: len(store.entries) == 1)
    assert (store.entries[0].action, store.entries[0].subject) == ("incident.answer", "")


async def test_what_is_critical_is_not_done_without_an_entry(trail: Trail, store: Store, clock: ManualClock) -> None:
    done, store.refuses = list[str](), True
    async with client(trail, clock, done) as asking:
        refused = await asking.post("/api/v1/admin/tsdb/delete_series")
        assert refused.status_code == 503
        assert "the audit trail cannot be written: the disk is full" in refused.json()["error"]["message"]
        assert done == []
        reloaded = await asking.post("/-/reload")
        assert (reloaded.status_code, done) == (200, ["/-/reload"])

        store.refuses = False
        await asking.post("/api/v1/admin/tsdb/delete_series")
    assert done == ["/-/reload", "/api/v1/admin/tsdb/delete_series"]
    deleted = [each.detail for each in store.entries if each.action == "metrics.delete"]
    assert deleted[0] == {"outcome": "begun"}


def test_every_verb_of_incidents_is_told() -> None:
    """A new one has to be named in the table, or nobody would know who used it."""
    nobody = cast(Any, None)
    router = incident_router(nobody, nobody, int)
    verbs = {
        route.path.rpartition("/")[2]
        for route in router.routes
        if isinstance(route, APIRoute) and "POST" in route.methods
    }
    assert verbs <= VERBS
    assert "acknowledge" in verbs
