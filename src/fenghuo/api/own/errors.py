"""The error form of our own API."""

from __future__ import annotations

from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from fenghuo.base.errors import InputError, OperatingError


class ErrorDetail(BaseModel):
    """What went wrong: ``code`` for programs, ``message`` and ``remedy`` for people."""

    code: str
    message: str
    remedy: str = ""


class ErrorAnswer(BaseModel):
    error: ErrorDetail


class OwnApiError(Exception):
    """Ends a handler of our own API with this status and error."""

    def __init__(
        self, status: int, code: str, message: str, remedy: str = "", headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(message)
        self.status = status
        self.detail = ErrorDetail(code=code, message=message, remedy=remedy)
        self.headers = headers


def install_error_handlers(app: FastAPI) -> None:
    app.add_exception_handler(OwnApiError, _own)
    app.add_exception_handler(HTTPException, _http)
    app.add_exception_handler(RequestValidationError, _validation)
    app.add_exception_handler(InputError, _input)
    app.add_exception_handler(OperatingError, _operating)


def _answer(status: int, detail: ErrorDetail, headers: dict[str, str] | None = None) -> JSONResponse:
    return JSONResponse(ErrorAnswer(error=detail).model_dump(), status, headers)


async def _own(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OwnApiError)
    return _answer(error.status, error.detail, error.headers)


async def _http(request: Request, error: Exception) -> JSONResponse:
    """What the framework itself refuses: an unknown path, another method, a body that is too long."""
    assert isinstance(error, HTTPException)
    code = HTTPStatus(error.status_code).name.lower()
    return _answer(error.status_code, ErrorDetail(code=code, message=error.detail), dict(error.headers or {}))


async def _validation(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    parts = [f"{'.'.join(str(step) for step in detail['loc'])}: {detail['msg']}" for detail in error.errors()]
    return _answer(422, ErrorDetail(code="bad_request", message="; ".join(parts)))


async def _input(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, InputError)
    return _answer(400, ErrorDetail(code="bad_request", message=error.message, remedy=error.remedy))


async def _operating(request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, OperatingError)
    return _answer(503, ErrorDetail(code="unavailable", message=error.message, remedy=error.remedy))
