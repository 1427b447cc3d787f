"""``/api/fenghuo/tokens``: tokens of programs. For administrators."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel, Field

from fenghuo.api.audit.middleware import note_of
from fenghuo.api.auth.identity import Identity
from fenghuo.api.auth.tokens import TokenRequest, Tokens
from fenghuo.api.own.errors import ErrorAnswer
from fenghuo.model.account import ApiToken

SCOPES_MAX = 10
LIFETIME_S_MAX = 100 * 366 * 86_400


class NewToken(BaseModel):
    """``role`` empty: the least that the scopes have a use for. ``lifetime_s`` null: until it is revoked."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    role: str = ""
    scopes: Annotated[list[str], Field(max_length=SCOPES_MAX)] = []
    lifetime_s: Annotated[int | None, Field(ge=1, le=LIFETIME_S_MAX)] = None


class TokenView(BaseModel):
    """``used_ms`` is as exact as a minute; null: never."""

    name: str
    role: str
    scopes: list[str]
    made_by: str
    made_ms: int
    expires_ms: int | None
    used_ms: int | None
    used_from: str


class MadeToken(TokenView):
    """``token`` is told this once; only its hash is kept."""

    token: str


def token_router(tokens: Tokens) -> APIRouter:
    """Handlers are plain functions, which run in worker threads."""
    router = APIRouter(prefix="/tokens", tags=["tokens"], responses={400: {"model": ErrorAnswer}})

    @router.get("")
    def show() -> list[TokenView]:
        """Every token, those that are over included, by name."""
        return [TokenView(**_view(token)) for token in tokens.all()]

    @router.post("", status_code=201)
    def make(wanted: NewToken, request: Request) -> MadeToken:
        """Make a token. What it is is told this once."""
        identity: Identity = request.state.identity
        note = note_of(request)
        note.subject = wanted.name
        lifetime_ms = None if wanted.lifetime_s is None else wanted.lifetime_s * 1000
        secret, token = tokens.make(
            TokenRequest(wanted.name, wanted.role, wanted.scopes, lifetime_ms), identity.account
        )
        note.detail |= {"role": token.role, "scopes": list(token.scopes), "expires_ms": token.expires_ms}
        return MadeToken(**_view(token), token=secret)

    @router.delete("/{name}", status_code=204)
    def revoke(name: Annotated[str, Path(max_length=255)]) -> None:
        """End a token now."""
        tokens.revoke(name)

    return router


def _view(token: ApiToken) -> dict[str, object]:
    return {
        "name": token.name,
        "role": token.role,
        "scopes": list(token.scopes),
        "made_by": token.made_by,
        "made_ms": token.made_ms,
        "expires_ms": token.expires_ms,
        "used_ms": token.used_ms,
        "used_from": token.used_from,
    }
