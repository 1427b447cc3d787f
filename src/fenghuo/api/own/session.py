"""Sign-in, sign-out, and who am I."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from pydantic import BaseModel, Field

from fenghuo.api.audit.middleware import note_of
from fenghuo.api.auth.authenticator import (
    SESSION_LIFETIME_MS,
    Authenticator,
    SignInRefusedError,
    TooManyAttemptsError,
)
from fenghuo.api.auth.identity import Identity, Proof
from fenghuo.api.auth.middleware import COOKIE
from fenghuo.api.own.errors import ErrorAnswer, OwnApiError


class Credentials(BaseModel):
    name: str = Field(max_length=200)
    password: str = Field(max_length=1000)


class UserView(BaseModel):
    name: str
    role: str


class SessionView(BaseModel):
    """``csrf_token`` goes into the header ``X-CSRF-Token`` of every request that changes something."""

    user: UserView
    csrf_token: str


def _view(identity: Identity) -> SessionView:
    return SessionView(user=UserView(name=identity.name, role=identity.role.word), csrf_token=identity.csrf_token)


def session_router(authenticator: Authenticator | None) -> APIRouter:
    """``authenticator`` None: the server runs with ``--no-auth`` and everybody is signed in."""
    router = APIRouter(tags=["session"])

    @router.get("/session", responses={401: {"model": ErrorAnswer}})
    async def who_am_i(request: Request) -> SessionView:
        """Who this request comes from."""
        identity: Identity | None = request.state.identity
        if identity is None:
            raise OwnApiError(401, "signed_out", "nobody is signed in")
        return _view(identity)

    @router.post("/session", responses={401: {"model": ErrorAnswer}, 429: {"model": ErrorAnswer}})
    async def sign_in(credentials: Credentials, request: Request, response: Response) -> SessionView:
        """Open a session; the answer sets its cookie."""
        if authenticator is None:
            return _view(request.state.identity)
        client = request.client.host if request.client else ""
        note = note_of(request)
        note.actor, note.via = credentials.name, "panel"
        try:
            token, identity = await authenticator.sign_in(credentials.name, credentials.password, client)
        except SignInRefusedError as error:
            raise OwnApiError(401, "wrong_credentials", "name or password is wrong") from error
        except TooManyAttemptsError as error:
            raise OwnApiError(
                429, "too_many_attempts", str(error), headers={"Retry-After": str(error.retry_after_s)}
            ) from error
        response.set_cookie(
            COOKIE,
            token,
            max_age=SESSION_LIFETIME_MS // 1000,
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return _view(identity)

    @router.delete("/session", status_code=204, responses={403: {"model": ErrorAnswer}})
    async def sign_out(request: Request, response: Response, x_csrf_token: Annotated[str, Header()] = "") -> None:
        """End the session of this request."""
        identity: Identity | None = request.state.identity
        if authenticator is None or identity is None or identity.proof is not Proof.SESSION:
            return
        if x_csrf_token != identity.csrf_token:
            raise OwnApiError(403, "csrf", "the header X-CSRF-Token is missing or wrong", "reload the panel")
        await authenticator.sign_out(request.cookies[COOKIE])
        response.delete_cookie(COOKIE)

    return router
