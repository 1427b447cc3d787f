"""The envelope of every answer, and the error types with their status codes."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from enum import Enum

import orjson
from starlette.requests import Request
from starlette.responses import Response

from fenghuo.base.errors import InputError, OperatingError


class ErrorType(Enum):
    """Prometheus' error types: the word in the JSON and the HTTP status."""

    BAD_DATA = ("bad_data", 400)
    EXECUTION = ("execution", 422)
    CANCELED = ("canceled", 499)
    TIMEOUT = ("timeout", 503)
    INTERNAL = ("internal", 500)
    NOT_FOUND = ("not_found", 404)
    UNAVAILABLE = ("unavailable", 503)

    @property
    def word(self) -> str:
        return self.value[0]

    @property
    def status(self) -> int:
        return self.value[1]


class ApiError(Exception):
    """Ends a handler with an error answer of the given type."""

    def __init__(self, error_type: ErrorType, message: str) -> None:
        super().__init__(message)
        self.error_type = error_type
        self.message = message


def envelope(data: Sequence[bytes], warnings: Sequence[str] = (), infos: Sequence[str] = ()) -> list[bytes]:
    """A successful answer's body, in pieces, around ``data``, which is JSON already, in pieces."""
    body = [b'{"status":"success","data":', *data]
    if warnings:
        body += [b',"warnings":', orjson.dumps(list(warnings))]
    if infos:
        body += [b',"infos":', orjson.dumps(list(infos))]
    body.append(b"}")
    return body


def success_json(data: object, warnings: Sequence[str] = ()) -> Response:
    return Response(b"".join(envelope([orjson.dumps(data)], warnings)), media_type="application/json")


def failure(error_type: ErrorType, message: str) -> Response:
    body = orjson.dumps({"status": "error", "errorType": error_type.word, "error": message})
    return Response(body, status_code=error_type.status, media_type="application/json")


Handler = Callable[[Request], Awaitable[Response]]


def answering(handler: Handler) -> Handler:
    """Turn the errors that a handler may raise into Prometheus' answers."""

    async def handle(request: Request) -> Response:
        try:
            return await handler(request)
        except ApiError as error:
            return failure(error.error_type, error.message)
        except InputError as error:
            return failure(ErrorType.BAD_DATA, error.message)
        except OperatingError as error:
            return failure(ErrorType.UNAVAILABLE if error.retryable else ErrorType.INTERNAL, str(error))

    return handle
