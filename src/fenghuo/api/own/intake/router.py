"""``/api/fenghuo/intake/<name>``."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Request
from pydantic import BaseModel

from fenghuo.api.auth.identity import INTAKE
from fenghuo.api.own.errors import ErrorAnswer, OwnApiError
from fenghuo.api.own.intake.door import Door, UnknownIntakeError
from fenghuo.base import limits

BODY = limits.declare(
    "intake_body_bytes", 4 * 1024 * 1024, limits.Policy.REJECT, "Bytes of a message of another program to the intake."
)
PROBLEMS_SHOWN_MAX = 10
REFUSALS: dict[int | str, dict[str, type[ErrorAnswer]]] = {code: {"model": ErrorAnswer} for code in (400, 404, 413)}


class IntakeView(BaseModel):
    """Where a program of that kind reports its alerts."""

    name: str
    kind: str
    path: str


class Accepted(BaseModel):
    """How many alerts were taken."""

    accepted: int


def intake_router(door: Door) -> APIRouter:
    router = APIRouter(prefix="/intake", tags=["intake"], responses=REFUSALS)

    @router.get("")
    async def show() -> list[IntakeView]:
        """Every intake."""
        return [IntakeView(name=name, kind=kind.value, path=f"{INTAKE}{name}") for name, kind in door.intakes()]

    @router.post("/{name}")
    async def take(name: Annotated[str, Path(max_length=100)], request: Request) -> Accepted:
        """Report alerts in the form of the intake's kind. The good ones are taken when others are bad."""
        body = await _body(name, request, door)
        try:
            count, problems = await door.take(name, body, request.headers.get("content-type", ""))
        except UnknownIntakeError as error:
            raise OwnApiError(404, "not_found", error.message, error.remedy) from error
        if problems:
            said = [error.message for error in problems[:PROBLEMS_SHOWN_MAX]]
            if len(problems) > len(said):
                said.append(f"and {len(problems) - len(said)} more")
            raise OwnApiError(400, "bad_alert", f"{count} alerts were taken; {'; '.join(said)}", problems[0].remedy)
        return Accepted(accepted=count)

    return router


async def _body(name: str, request: Request, door: Door) -> bytes:
    """The body. One that is too long is read to its end all the same, up to what any request may send: a sender that
    is answered sooner rarely listens."""
    body, size = bytearray(), 0
    async for piece in request.stream():
        size += len(piece)
        if size <= BODY.default:
            body += piece
    if size > BODY.default:
        BODY.hit()
        door.refuse(name, "too_large")
        raise OwnApiError(413, "body_too_large", f"the message is longer than {BODY.default} bytes", "send less")
    return bytes(body)
