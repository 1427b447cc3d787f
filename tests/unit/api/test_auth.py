"""The door: who gets in by which proof, and what each may do."""

from __future__ import annotations

import base64
import threading
from dataclasses import replace
from typing import Any

import anyio
import httpx
import pytest
from argon2 import PasswordHasher, extract_parameters
from argon2.exceptions import VerifyMismatchError
from fastapi import FastAPI
from starlette.applications import Starlette
from starlette.requests import HTTPConnection, Request
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
from fenghuo.api.auth.identity import NO_ACCOUNTS, Identity, Role, Scope, role_needed, scope_needed
from fenghuo.api.auth.middleware import COOKIE, AuthMiddleware
from fenghuo.api.auth.throttle import FAILURES, WINDOW_S
from fenghuo.api.auth.tokens import PREFIX, TOKENS, USE_KEPT_MS, TokenRequest, Tokens
from fenghuo.api.own.tokens import token_router
from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.account import ApiToken, Session, User

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


class TokenTable:
    """Tokens by hash; ``refuses`` makes every write fail as a full disk does."""

    def __init__(self) -> None:
        self.kept: dict[str, ApiToken] = {}
        self.uses: list[int] = []
        self.refuses = False

    def create(self, token_hash: str, token: ApiToken) -> None:
        self.kept[token_hash] = token

    def find(self, token_hash: str, now_ms: int) -> ApiToken | None:
        token = self.kept.get(token_hash)
        return token if token and (token.expires_ms is None or token.expires_ms > now_ms) else None

    def all(self) -> list[ApiToken]:
        return list(self.kept.values())

    def used(self, token_hash: str, at_ms: int, address: str) -> None:
        if self.refuses:
            raise OperatingError("the disk is full", retryable=True)
        self.uses.append(at_ms)
        self.kept[token_hash] = replace(self.kept[token_hash], used_ms=at_ms, used_from=address)

    def revoke(self, name: str) -> None:
        self.kept = {key: token for key, token in self.kept.items() if token.name != name}


@pytest.fixture
def table() -> TokenTable:
    return TokenTable()


@pytest.fixture
def tokens(table: TokenTable, users: Users, clock: ManualClock) -> Tokens:
    return Tokens(table, users, clock)


@pytest.fixture
def users() -> Users:
    return Users()


@pytest.fixture
def sessions() -> Sessions:
    return Sessions()


@pytest.fixture
def authenticator(users: Users, clock: ManualClock, sessions: Sessions, tokens: Tokens) -> Authenticator:
    return Authenticator(users, sessions, tokens, clock, TOKEN)


Refusal = tuple[str, str, int]


def client(
    authenticator: Authenticator | None,
    *,
    metrics_open: bool = True,
    host: str = "127.0.0.1",
    refusals: list[Refusal] | None = None,
) -> Any:
    def refused(request: HTTPConnection, identity: Identity | None, status: int) -> None:
        if refusals is not None:
            refusals.append((identity.name if identity else "", request.scope["path"], status))

    async def echo(request: Request) -> JSONResponse:
        identity = request.state.identity
        return JSONResponse({"name": identity.name, "via": identity.via} if identity else {"name": None})

    methods = ["GET", "POST", "PUT", "DELETE"]
    app = AuthMiddleware(
        Starlette(routes=[Route("/{path:path}", echo, methods=methods)]),
        authenticator,
        refused,
        metrics_open=metrics_open,
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
        ("GET", "/api/fenghuo/tokens", Role.ADMIN),
        ("GET", "/api/fenghuo/audit", Role.ADMIN),
        ("POST", "/api/fenghuo/intake/grafana", Role.OPERATOR),
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


async def test_a_changed_account_is_noticed_at_once(clock: ManualClock, sessions: Sessions, tokens: Tokens) -> None:
    users = Users()
    authenticator = Authenticator(users, sessions, tokens, clock, TOKEN)
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


@pytest.mark.parametrize(
    ("method", "path", "scope"),
    [
        ("GET", "/api/v1/query", Scope.READ),
        ("POST", "/api/v1/query", Scope.READ),
        ("GET", "/federate", Scope.READ),
        ("POST", "/api/fenghuo/intake/zabbix", Scope.INTAKE),
        ("POST", "/api/v2/alerts", Scope.INTAKE),
        ("GET", "/api/v2/alerts", Scope.READ),
        ("POST", "/api/v1/write", Scope.PUSH),
        ("POST", "/api/v1/import/prometheus", Scope.PUSH),
        ("POST", "/api/v2/silences", Scope.SILENCE),
        ("DELETE", "/api/v2/silence/6f1c", Scope.SILENCE),
        ("POST", "/api/fenghuo/incidents/1/resolve", None),
        ("POST", "/-/reload", None),
        ("GET", "/api/fenghuo/tokens", None),
        ("GET", "/api/fenghuo/audit", None),
    ],
)
def test_what_each_scope_is_for(method: str, path: str, scope: Scope | None) -> None:
    assert scope_needed(method, path) is scope


def made(tokens: Tokens, *scopes: str, name: str = "grafana", role: str = "", lifetime_ms: int | None = None) -> str:
    return tokens.make(TokenRequest(name, role, scopes, lifetime_ms), "root")[0]


def bearer(token: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {token}"}


async def test_a_token_is_known_by_header_and_as_a_password(authenticator: Authenticator, tokens: Tokens) -> None:
    token = made(tokens)
    async with client(authenticator) as asking:
        answers = [
            (await asking.get("/api/v1/query", headers=headers)).json()
            for headers in (bearer(token), basic("grafana", token), basic("whoever", token))
        ]
    assert answers == [{"name": "grafana", "via": "token"}] * 3


async def test_a_narrowed_token_opens_nothing_else(authenticator: Authenticator, tokens: Tokens) -> None:
    token, refusals = made(tokens, "intake", role="admin"), list[Refusal]()
    async with client(authenticator, refusals=refusals) as asking:
        report = await asking.post("/api/fenghuo/intake/grafana", headers=bearer(token))
        read = await asking.get("/api/v1/query", headers=bearer(token))
        reload = await asking.post("/-/reload", headers=bearer(token))
    assert [answer.status_code for answer in (report, read, reload)] == [200, 403, 403]
    assert read.json()["error"] == "the token grafana is for nothing but: intake"
    assert refusals == [("grafana", "/api/v1/query", 403), ("grafana", "/-/reload", 403)]


async def test_an_address_holds_only_a_token_that_is_good_for_the_intake_alone(
    authenticator: Authenticator, tokens: Tokens
) -> None:
    narrow, broad = made(tokens, "intake"), made(tokens, name="everything", role="admin")
    both = made(tokens, "intake", "read", name="both")
    async with client(authenticator) as asking:
        codes = [
            (await asking.post(path, params={"token": token})).status_code
            for path, token in (
                ("/api/fenghuo/intake/aliyun", narrow),
                ("/api/fenghuo/intake/aliyun", broad),
                ("/api/fenghuo/intake/aliyun", both),
                ("/api/fenghuo/intake/aliyun", "fh_wrong"),
                ("/api/v2/alerts", narrow),
            )
        ]
    assert codes == [200, 401, 401, 401, 401]


async def test_a_token_ends_by_time_and_by_hand(
    authenticator: Authenticator, tokens: Tokens, clock: ManualClock
) -> None:
    brief, lasting = made(tokens, lifetime_ms=60_000), made(tokens, name="lasting")
    assert await authenticator.by_token(brief, "here")
    await clock.advance(60)
    assert await authenticator.by_token(brief, "here") is None
    assert await authenticator.by_token(lasting, "here")
    tokens.revoke("lasting")
    assert await authenticator.by_token(lasting, "here") is None


async def test_a_token_may_no_more_than_its_account_still_may(
    authenticator: Authenticator, tokens: Tokens, users: Users
) -> None:
    token, intake = made(tokens, role="admin"), made(tokens, "intake", name="intake")
    limited = made(tokens, name="limited", role="viewer")
    roles: list[Role | None] = []
    for account in (User("root", "admin", HASHED), User("root", "viewer", HASHED), None):
        users.known.pop("root", None)
        if account is not None:
            users.known["root"] = account
        for each in (token, intake, limited):
            found = await authenticator.by_token(each, "here")
            roles.append(found and found.role)
    viewer = Role.VIEWER
    assert roles == [Role.ADMIN, Role.OPERATOR, viewer, viewer, viewer, viewer, None, None, None]


@pytest.mark.parametrize("maker", sorted(NO_ACCOUNTS))
async def test_tokens_that_no_account_made_keep_their_role(
    authenticator: Authenticator, tokens: Tokens, maker: str
) -> None:
    secret, _ = tokens.make(TokenRequest("deploy", "admin"), maker)
    found = await authenticator.by_token(secret, "here")
    assert found is not None
    assert (found.role, found.account) == (Role.ADMIN, maker)


async def test_a_token_made_by_a_token_belongs_to_the_account(
    authenticator: Authenticator, tokens: Tokens, users: Users, table: TokenTable
) -> None:
    application = FastAPI()
    application.include_router(token_router(tokens), prefix="/api/fenghuo")
    door = AuthMiddleware(application, authenticator, lambda *_: None, metrics_open=True)
    first = made(tokens, name="t1", role="admin")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=door), base_url="http://here") as asking:
        wanted = {"name": "t2", "role": "admin"}
        answer = await asking.post("/api/fenghuo/tokens", json=wanted, headers=bearer(first))
        second = answer.json()["token"]
        assert (answer.status_code, answer.json()["made_by"]) == (201, "root")
        assert (await asking.get("/api/fenghuo/tokens", headers=bearer(second))).status_code == 200
        del users.known["root"]
        assert (await asking.get("/api/fenghuo/tokens", headers=bearer(second))).status_code == 401
    assert {each.made_by for each in table.all()} == {"root"}


async def test_guessing_tokens_is_slowed_down_and_keeps_no_good_token_out(
    authenticator: Authenticator, tokens: Tokens, clock: ManualClock
) -> None:
    good = made(tokens)
    for number in range(FAILURES.default):
        assert await authenticator.by_token(f"guess {number}", "there") is None
    with pytest.raises(TooManyAttemptsError):
        await authenticator.by_token("one more", "there")
    assert await authenticator.by_token("a guess", "elsewhere") is None
    assert await authenticator.by_token(good, "there")
    assert await authenticator.by_token(TOKEN, "there")
    await clock.advance(WINDOW_S)
    assert await authenticator.by_token("again", "there") is None


async def test_old_tokens_keep_no_password_out_nor_the_other_way_round(
    authenticator: Authenticator, clock: ManualClock
) -> None:
    credentials = basic("eve")["Authorization"].removeprefix("Basic ")
    for _ in range(FAILURES.default):
        assert await authenticator.by_token("fh_old", "there") is None
    assert await authenticator.by_basic(credentials, "there")
    assert (await authenticator.sign_in("root", PASSWORD, "there"))[1].name == "root"
    for _ in range(FAILURES.default):
        with pytest.raises(SignInRefusedError):
            await authenticator.sign_in("eve", "guess", "elsewhere")
    assert await authenticator.by_token("fh_old", "elsewhere") is None


async def test_good_passwords_do_not_make_guesses_at_tokens_free(authenticator: Authenticator) -> None:
    for _ in range(FAILURES.default):
        await authenticator.by_token("a guess", "there")
    await authenticator.sign_in("root", PASSWORD, "there")
    with pytest.raises(TooManyAttemptsError):
        await authenticator.by_token("one more", "there")


async def test_the_last_use_is_kept_to_the_minute(tokens: Tokens, table: TokenTable, clock: ManualClock) -> None:
    token, begun_ms = made(tokens), clock.now_ms()
    for _ in range(3):
        assert tokens.identify(token, "10.0.0.9")
        await clock.advance(USE_KEPT_MS / 2000)
    assert [at_ms - begun_ms for at_ms in table.uses] == [0, USE_KEPT_MS]
    assert tokens.all()[0].used_from == "10.0.0.9"


async def test_a_full_disk_keeps_no_token_out(authenticator: Authenticator, tokens: Tokens, table: TokenTable) -> None:
    token, table.refuses = made(tokens), True
    assert await authenticator.by_token(token, "here")


async def test_a_database_that_cannot_be_read_is_told_of(authenticator: Authenticator, table: TokenTable) -> None:
    def find(token_hash: str, now_ms: int) -> ApiToken | None:
        raise OperatingError("the disk is gone", retryable=True)

    table.find = find  # type: ignore[method-assign]
    async with client(authenticator) as asking:
        answer = await asking.get("/api/v1/query", headers=bearer("fh_some"))
    assert answer.status_code == 503
    assert "the disk is gone" in answer.json()["error"]


def test_what_is_kept_of_a_token_opens_nothing(tokens: Tokens, table: TokenTable) -> None:
    token = made(tokens, "read", "intake")
    assert token.startswith(PREFIX)
    assert token not in str(table.kept)
    assert table.all() == [ApiToken("grafana", "operator", ("intake", "read"), "root", table.all()[0].made_ms)]


@pytest.mark.parametrize(
    ("wanted", "complaint"),
    [
        (TokenRequest("no spaces"), "is not a name"),
        (TokenRequest("x", "boss"), "no role 'boss'"),
        (TokenRequest("x", "", ["everything"]), "no scope 'everything'"),
        (TokenRequest("x", "viewer", ["read", "intake"]), "scope intake needs the role operator"),
        (TokenRequest("x", lifetime_ms=0), "over when it is made"),
    ],
)
def test_tokens_that_cannot_be(tokens: Tokens, wanted: TokenRequest, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        tokens.make(wanted, "root")


def test_tokens_are_not_made_without_end(tokens: Tokens, table: TokenTable) -> None:
    table.kept = {str(number): ApiToken(str(number), "viewer", (), "root", 1) for number in range(TOKENS.default)}
    with pytest.raises(InputError, match="revoke"):
        tokens.make(TokenRequest("one-more"), "root")


async def test_refusals_are_told_and_strangers_are_not(authenticator: Authenticator) -> None:
    refusals = list[Refusal]()
    async with client(authenticator, refusals=refusals) as asking:
        await asking.get("/api/v1/query")
        await asking.get("/api/v1/query", headers=basic("eve", "wrong"))
        await asking.post("/-/reload", headers=basic("eve"))
        await asking.get("/api/v1/query", headers=basic("eve"))
        await asking.post("/api/fenghuo/intake/aliyun")
        await asking.post("/api/fenghuo/intake/aliyun", params={"token": "fh_forged"})
        await asking.get("/api/v1/query", params={"token": "of no address that takes one"})
    assert refusals == [("", "/api/v1/query", 401), ("eve", "/-/reload", 403), ("", "/api/fenghuo/intake/aliyun", 401)]
