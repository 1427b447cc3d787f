"""The door: who gets in by which proof, and what each may do."""

from __future__ import annotations

import base64
import threading
from typing import Any

import anyio
import httpx
import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fenghuo.api.auth.authenticator import (
    HASHES,
    SESSION_LIFETIME_MS,
    Authenticator,
    SignInRefusedError,
    TooManyAttemptsError,
    decoy,
    hash_password,
)
from fenghuo.api.auth.identity import Role, role_needed
from fenghuo.api.auth.middleware import COOKIE, AuthMiddleware
from fenghuo.api.auth.throttle import FAILURES, WINDOW_S
from fenghuo.base.clock import ManualClock
from fenghuo.model.account import Session, User

pytestmark = pytest.mark.anyio

PASSWORD = "correct horse battery"
HASHED = hash_password(PASSWORD)
TOKEN = "the token of the commands"


class Users:
    def __init__(self) -> None:
        self.known = {
            "root": User("root", "admin", HASHED),
            "eve": User("eve", "viewer", HASHED),
            "odd": User("odd", "viewer", "not a hash"),
        }

    def user(self, name: str) -> User | None:
        return self.known.get(name)


class Sessions:
    def __init__(self) -> None:
        self.kept: dict[str, Session] = {}

    def create(self, token_hash: str, session: Session) -> None:
        self.kept[token_hash] = session

    def find(self, token_hash: str, now_ms: int) -> Session | None:
        session = self.kept.get(token_hash)
        return session if session and session.expires_at_ms > now_ms else None

    def delete(self, token_hash: str) -> None:
        self.kept.pop(token_hash, None)


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
def authenticator(clock: ManualClock, sessions: Sessions) -> Authenticator:
    return Authenticator(Users(), sessions, clock, TOKEN)


def client(authenticator: Authenticator | None, *, metrics_open: bool = True, host: str = "127.0.0.1") -> Any:
    async def echo(request: Request) -> JSONResponse:
        identity = request.state.identity
        return JSONResponse({"name": identity.name if identity else None})

    methods = ["GET", "POST", "PUT", "DELETE"]
    app = AuthMiddleware(
        Starlette(routes=[Route("/{path:path}", echo, methods=methods)]), authenticator, metrics_open=metrics_open
    )
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url=f"http://{host}")


def basic(name: str, password: str = PASSWORD) -> dict[str, str]:
    return {"Authorization": "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()}


@pytest.mark.parametrize(
    ("method", "path", "role"),
    [
        ("GET", "/", None),
        ("GET", "/assets/app.js", None),
        ("GET", "/health/ready", None),
        ("POST", "/api/fenghuo/session", None),
        ("GET", "/metrics", None),
        ("GET", "/api/v1/query", Role.VIEWER),
        ("POST", "/api/v1/query_range", Role.VIEWER),
        ("POST", "/api/fenghuo/heartbeat/backup/0123/fail", None),
        ("POST", "/api/fenghuo/heartbeats", Role.OPERATOR),
        ("GET", "/api/fenghuo/heartbeats", Role.VIEWER),
        ("GET", "/api/fenghuo/notifications", Role.VIEWER),
        ("POST", "/api/v1/anything_new", Role.OPERATOR),
        ("DELETE", "/api/v1/series", Role.OPERATOR),
        ("POST", "/-/reload", Role.ADMIN),
        ("GET", "/-/anything", Role.ADMIN),
        ("POST", "/api/v1/admin/tsdb/delete_series", Role.ADMIN),
    ],
)
def test_what_each_request_needs(method: str, path: str, role: Role | None) -> None:
    assert role_needed(method, path, metrics_open=True) is role


def test_metrics_are_closed_where_others_can_reach_them() -> None:
    assert role_needed("GET", "/metrics", metrics_open=False) is Role.VIEWER


async def test_each_proof_is_known(authenticator: Authenticator) -> None:
    token, _ = await authenticator.sign_in("root", PASSWORD, "here")
    async with client(authenticator) as asking:
        answers = [
            await asking.get("/api/v1/query", headers=headers)
            for headers in (
                {},
                basic("eve"),
                basic("eve", "wrong"),
                basic("nobody"),
                {"Authorization": "Basic %%%"},
                {"Authorization": f"Bearer {TOKEN}"},
                {"Authorization": "Bearer another"},
                {"Cookie": f"{COOKIE}={token}"},
                {"Cookie": f"{COOKIE}=forged"},
            )
        ]

    assert [answer.status_code for answer in answers] == [401, 200, 401, 401, 401, 200, 401, 200, 401]
    assert "www-authenticate" in answers[0].headers
    assert "basic" not in answers[0].headers["www-authenticate"].lower()


async def test_roles_bound_what_an_account_may_do(authenticator: Authenticator) -> None:
    async with client(authenticator) as asking:
        read = await asking.get("/api/v1/query", headers=basic("eve"))
        write = await asking.post("/api/v1/write", headers=basic("eve"))
        reload = await asking.post("/-/reload", headers=basic("eve"))
        by_admin = await asking.post("/-/reload", headers=basic("root"))

    assert [answer.status_code for answer in (read, write, reload, by_admin)] == [200, 403, 403, 200]


async def test_a_session_needs_its_csrf_token_to_change_something(authenticator: Authenticator) -> None:
    token, identity = await authenticator.sign_in("root", PASSWORD, "here")
    cookie = {"Cookie": f"{COOKIE}={token}"}
    async with client(authenticator) as asking:
        without = await asking.post("/-/reload", headers=cookie)
        wrong = await asking.post("/-/reload", headers={**cookie, "X-CSRF-Token": "x"})
        right = await asking.post("/-/reload", headers={**cookie, "X-CSRF-Token": identity.csrf_token})
        query = await asking.post("/api/v1/query", headers=cookie)

    assert [answer.status_code for answer in (without, wrong, right, query)] == [403, 403, 200, 200]


async def test_sessions_end(authenticator: Authenticator, clock: ManualClock, sessions: Sessions) -> None:
    token, _ = await authenticator.sign_in("root", PASSWORD, "here")
    assert token not in str(sessions.kept)
    assert await authenticator.by_session(token)
    await clock.advance(SESSION_LIFETIME_MS / 1000)
    assert await authenticator.by_session(token) is None

    token, _ = await authenticator.sign_in("root", PASSWORD, "here")
    await authenticator.sign_out(token)
    assert await authenticator.by_session(token) is None


async def test_guessing_locks_the_client_for_a_while(authenticator: Authenticator, clock: ManualClock) -> None:
    for _ in range(FAILURES.default):
        with pytest.raises(SignInRefusedError):
            await authenticator.sign_in("eve", "guess", "there")
    with pytest.raises(TooManyAttemptsError) as caught:
        await authenticator.sign_in("root", PASSWORD, "there")
    assert 0 < caught.value.retry_after_s <= WINDOW_S + 1

    await authenticator.sign_in("root", PASSWORD, "elsewhere")
    await clock.advance(WINDOW_S)
    await authenticator.sign_in("eve", PASSWORD, "there")


async def test_guesses_at_once_are_counted_one_by_one(authenticator: Authenticator) -> None:
    at_once: list[int] = []
    running = 0

    def matches(stored: str, given: str) -> bool:
        nonlocal running
        running += 1
        at_once.append(running)
        # Long enough for the others to begin, if they may.
        threading.Event().wait(0.02)
        running -= 1
        return False

    authenticator._matches = matches  # type: ignore[method-assign]
    refusals: list[type[Exception]] = []

    async def guess(number: int) -> None:
        try:
            await authenticator.sign_in("eve", f"guess {number}", f"client {number}")
        except (SignInRefusedError, TooManyAttemptsError) as error:
            refusals.append(type(error))

    async with anyio.create_task_group() as group:
        for number in range(30):
            group.start_soon(guess, number)

    # Those that had begun when the last allowed one failed are looked at, and no more.
    assert FAILURES.default <= refusals.count(SignInRefusedError) < FAILURES.default + HASHES.default
    assert max(at_once) <= HASHES.default


async def test_endless_names_are_not_remembered(authenticator: Authenticator) -> None:
    with pytest.raises(SignInRefusedError):
        await authenticator.sign_in("x" * 100_000, "guess", "there")

    assert not authenticator._throttle._failures


async def test_a_changed_account_is_noticed_at_once(clock: ManualClock, sessions: Sessions) -> None:
    users = Users()
    authenticator = Authenticator(users, sessions, clock, TOKEN)
    header = basic("eve")["Authorization"].removeprefix("Basic ")
    first = await authenticator.by_basic(header, "here")
    users.known["eve"] = User("eve", "operator", HASHED)
    promoted = await authenticator.by_basic(header, "here")
    users.known["eve"] = User("eve", "operator", hash_password("another password"))
    changed = await authenticator.by_basic(header, "here")
    del users.known["eve"]
    gone = await authenticator.by_basic(header, "here")

    assert first is not None
    assert promoted is not None
    assert (first.role, promoted.role, changed, gone) == (Role.VIEWER, Role.OPERATOR, None, None)


async def test_basic_passwords_are_checked_again_after_a_while(
    authenticator: Authenticator, clock: ManualClock
) -> None:
    header = basic("eve")["Authorization"].removeprefix("Basic ")
    first = await authenticator.by_basic(header, "here")
    checks: list[str] = []
    authenticator._matches = lambda stored, given: bool(checks.append(given)) or True  # type: ignore[method-assign]
    second = await authenticator.by_basic(header, "here")
    assert (first, checks) == (second, [])

    await clock.advance(3600)
    await authenticator.by_basic(header, "here")
    assert checks == [PASSWORD]


@pytest.mark.parametrize(
    ("host", "headers", "status"),
    [
        ("127.0.0.1", {}, 200),
        ("localhost:9470", {"Origin": "http://localhost:9470"}, 200),
        ("[::1]:9470", {}, 200),
        ("monitor.example.com", {}, 403),
        ("127.0.0.1", {"Origin": "https://evil.example"}, 403),
        ("127.0.0.1", {"Origin": "null"}, 403),
        ("127.0.0.1", {"Origin": "http://[::1"}, 403),
        ("127.0.0.1", {"Host": "[::1"}, 403),
    ],
)
async def test_without_sign_in_pages_from_elsewhere_are_turned_away(
    host: str, headers: dict[str, str], status: int
) -> None:
    async with client(None, host=host) as asking:
        answer = await asking.post("/-/reload", headers=headers)

    assert answer.status_code == status


async def test_the_decoy_is_a_hash_that_costs_as_much_as_a_real_one() -> None:
    hasher = PasswordHasher()
    made = decoy(hasher)

    assert extract_parameters(made) == extract_parameters(hasher.hash("x"))
    assert len(made) == len(HASHED)
    assert not hasher.check_needs_rehash(made)
    with pytest.raises(VerifyMismatchError):
        hasher.verify(made, "x")
