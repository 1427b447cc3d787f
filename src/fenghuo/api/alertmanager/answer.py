"""Answers in Alertmanager's form, and requests read as it reads them."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response

from fenghuo.base.errors import InputError, OperatingError

Handler = Callable[[Request], Awaitable[Response]]


class RefusedRequest(Exception):  # noqa: N818 - a refusal, not a fault
    """Ends a handler with this status and body."""

    def __init__(self, status: int, body: object) -> None:
        super().__init__(str(body))
        self.status = status
        self.body = body


def json_answer(value: object, status: int = 200) -> Response:
    return Response(orjson.dumps(value), status, media_type="application/json")


def answering(handler: Handler) -> Handler:
    """Turn what a handler may raise into Alertmanager's answers."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except RefusedRequest as refused:
            return json_answer(refused.body, refused.status)
        except InputError as error:
            return json_answer(error.message, 400)
        except OperatingError as error:
            return json_answer(str(error), 503 if error.retryable else 500)

    return handle


async def read_json(request: Request, name: str) -> Any:
    """The body. Raises RefusedRequest as Alertmanager's server words it."""
    return parsed_json(await request.body(), name)


def parsed_json(body: bytes, name: str) -> Any:
    """What a body holds. Raises RefusedRequest as :func:`read_json` does."""
    if not body:
        raise RefusedRequest(422, {"code": 602, "message": f"{name} in body is required"})
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError as error:
        message = f'parsing {name} body from "" failed, because {error}'
        raise RefusedRequest(400, {"code": 400, "message": message}) from error


def required(value: Any, name: str) -> Any:
    """``value``, which a body must have. Raises RefusedRequest when it is missing."""
    if value is None:
        raise RefusedRequest(422, {"code": 602, "message": f"{name} in body is required"})
    return value


def wrong_type(name: str, wanted: str) -> RefusedRequest:
    return RefusedRequest(422, {"code": 601, "message": f"{name} in body must be of type {wanted}"})


def label_set(value: Any, name: str) -> dict[str, str]:
    """An object of texts; empty values are the same as none."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise wrong_type(name, "object")
    if all(map(_is_text, value.values())):
        return value
    key = next(key for key, text in value.items() if not _is_text(text))
    raise wrong_type(f"{name}.{key}", "string")


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def flag(request: Request, name: str, *, default: bool) -> bool:
    """A boolean parameter of the URL. Raises RefusedRequest for another word."""
    text = request.query_params.get(name)
    if text is None:
        return default
    known = {"true": True, "1": True, "t": True, "false": False, "0": False, "f": False}.get(text.lower())
    if known is None:
        message = f'{name} in query must be of type bool: "{text}"'
        raise RefusedRequest(422, {"code": 601, "message": message})
    return known


def time_of(value: Any, name: str) -> int | None:
    """A moment in ms; None for a missing one and for Go's zero time."""
    if value is None or value == "":
        return None
    if not isinstance(value, str):
        raise wrong_type(name, "string")
    try:
        return _moment_ms(value)
    except ValueError as error:
        message = f"{name} in body must be of type date-time: {value!r}"
        raise RefusedRequest(422, {"code": 601, "message": message}) from error


@lru_cache(maxsize=256)
def _moment_ms(text: str) -> int | None:
    """Remembered, because the alerts of one report mostly began at few moments."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return None if moment.year == 1 else round(moment.timestamp() * 1000)


def time_text(at_ms: int) -> str:
    """``2026-11-21T11:12:56.123Z``: milliseconds always, as Alertmanager's API writes them."""
    seconds, rest_ms = divmod(at_ms, 1000)
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}.{rest_ms:03d}Z"
