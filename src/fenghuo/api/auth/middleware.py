"""The door: every request passes here before a handler sees it."""

from __future__ import annotations

from collections.abc import Callable
from urllib.parse import urlsplit

import orjson
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Send
from starlette.types import Scope as RequestScope

from fenghuo.api.auth.authenticator import Authenticator, TooManyAttemptsError
from fenghuo.api.auth.identity import (
    INTAKE,
    LOCAL,
    Identity,
    Proof,
    Role,
    Scope,
    changes_state,
    role_needed,
    scope_needed,
)
from fenghuo.base.errors import OperatingError

COOKIE = "fenghuo_session"
CSRF_HEADER = "x-csrf-token"

LOCAL_USER = Identity(LOCAL, Role.ADMIN, Proof.OPEN_SERVER)
Refused = Callable[[HTTPConnection, Identity | None, int], object]
"""Hears of a request, who made it as far as that is known, and with which status it was refused."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})


NO_PROOF = "sign in first: session cookie, basic auth or bearer token"
WRONG_PROOF = "the name, the password or the token in the header Authorization is wrong"


class AuthMiddleware:
    """Lets a request through with ``scope["state"]["identity"]`` set, or answers 401, 403, 429 or 503.

    ``authenticator`` None is a server started with ``--no-auth``: everybody on this machine is the local user,
    but a page from elsewhere that a browser here has open is not (its Host or Origin gives it away).
    """

    def __init__(
        self, app: ASGIApp, authenticator: Authenticator | None, refused: Refused, *, metrics_open: bool
    ) -> None:
        """``refused`` is told of every proof that did not hold, and of what was more than somebody may do."""
        self._app = app
        self._authenticator = authenticator
        self._refused = refused
        self._metrics_open = metrics_open

    async def __call__(self, scope: RequestScope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        request = HTTPConnection(scope)
        identity, refusal = await self._judge(request)
        if refusal is not None:
            if identity is not None or _has_proof(request):
                self._refused(request, identity, refusal.status_code)
            await refusal(scope, receive, send)
            return
        scope.setdefault("state", {})["identity"] = identity
        await self._app(scope, receive, send)

    async def _judge(self, request: HTTPConnection) -> tuple[Identity | None, Response | None]:
        method, path = request.scope["method"], request.scope["path"]
        needed = role_needed(method, path, metrics_open=self._metrics_open)
        if self._authenticator is None:
            if _is_from_elsewhere(request.headers):
                return None, _refusal(
                    403, "forbidden", "this server runs without sign-in and answers this machine only"
                )
            return LOCAL_USER, None
        try:
            identity = await self._identify(self._authenticator, request)
        except TooManyAttemptsError as error:
            return None, _refusal(429, "too_many_attempts", str(error), {"Retry-After": str(error.retry_after_s)})
        except OperatingError as error:
            return None, _refusal(503, "unavailable", f"who you are cannot be found out: {error}")
        if needed is None:
            return identity, None
        if identity is None:
            return None, _refusal(401, "unauthorized", WRONG_PROOF if _has_proof(request) else NO_PROOF)
        if identity.role < needed:
            return identity, _refusal(
                403, "forbidden", f"this needs the role {needed.word}, you are {identity.role.word}"
            )
        if identity.scopes and scope_needed(method, path) not in identity.scopes:
            scopes = ", ".join(sorted(identity.scopes))
            return identity, _refusal(403, "forbidden", f"the token {identity.name} is for nothing but: {scopes}")
        if identity.proof is Proof.SESSION and changes_state(method, path) and not _csrf_holds(request, identity):
            return identity, _refusal(403, "csrf", f"the header {CSRF_HEADER} is missing or wrong; reload the panel")
        return identity, None

    async def _identify(self, authenticator: Authenticator, request: HTTPConnection) -> Identity | None:
        scheme, _, credentials = request.headers.get("authorization", "").partition(" ")
        client = request.client.host if request.client else ""
        match scheme.lower():
            case "bearer":
                return await authenticator.by_token(credentials.strip(), client)
            case "basic":
                return await authenticator.by_basic(credentials.strip(), client)
        if in_address := _token_of_address(request):
            identity = await authenticator.by_token(in_address, client)
            return identity if identity is not None and identity.scopes == {Scope.INTAKE} else None
        token = request.cookies.get(COOKIE)
        return await authenticator.by_session(token) if token else None


def _has_proof(request: HTTPConnection) -> bool:
    """Whether it says who it is. A session that is over is no proof: browsers keep their cookies."""
    return "authorization" in request.headers or bool(_token_of_address(request))


def _token_of_address(request: HTTPConnection) -> str:
    """A token in the address of the intake, for senders that can be told nothing but an address.

    Addresses end up in logs: only a token that is good for nothing else may stand there.
    """
    if not request.scope["path"].startswith(INTAKE):
        return ""
    return request.query_params.get("token", "")


def _csrf_holds(request: HTTPConnection, identity: Identity) -> bool:
    return request.headers.get(CSRF_HEADER, "") == identity.csrf_token


def _is_from_elsewhere(headers: Headers) -> bool:
    origin = headers.get("origin")
    try:
        host = urlsplit(f"//{headers.get('host', '')}").hostname or ""
        origin_host = (urlsplit(origin).hostname or "") if origin and origin != "null" else host
    except ValueError:  # Brackets that hold no address.
        return True
    return host not in LOOPBACK_NAMES or origin_host not in LOOPBACK_NAMES or origin == "null"


def _refusal(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Response:
    """Readable by Prometheus clients (``errorType``) and by the panel (``error.code`` is ``code``)."""
    body = orjson.dumps({"status": "error", "errorType": code, "error": message, "code": code})
    extra = dict(headers or {})
    if status == 401:
        # "Basic" would make browsers open their own password box over the panel.
        extra["WWW-Authenticate"] = 'Fenghuo realm="fenghuo"'
    return Response(body, status_code=status, media_type="application/json", headers=extra)
