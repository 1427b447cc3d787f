"""``write``: samples that other servers push, by Prometheus' remote write 1.0 and 2.0."""

from __future__ import annotations

from typing import Protocol

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fenghuo.api.prometheus.answer import ApiError, ErrorType, answering
from fenghuo.base import limits
from fenghuo.base.errors import OperatingError
from fenghuo.metrics.receive.receipt import Receipt, Version

AT_ONCE = limits.declare(
    "receive_requests_at_once",
    128,
    limits.Policy.REJECT,
    "Remote write requests read or waiting at the same time; further ones are asked to come again.",
)
WORKERS = 2
"""Requests decoded at the same time; the interpreter runs one, and the other may wait for the disk."""
CONTENT_TYPE = "application/x-protobuf"
ENCODINGS = ("snappy", "zstd")
RETRY_AFTER_S = "1"
VM_PROTOCOL = "1"
"""What vmagent asks for before it compresses with zstd."""


class Receiver(Protocol):
    """What stores a request. Raises OperatingError when it cannot."""

    def __call__(self, body: bytes, version: Version, encoding: str) -> Receipt: ...


class UnsupportedError(Exception):
    """The body is in a format or compression that is not understood."""


class WriteApi:
    """The handler of pushed samples."""

    def __init__(self, receive: Receiver) -> None:
        self._receive = receive
        self._workers = anyio.CapacityLimiter(WORKERS)
        self._present = 0

    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/write", answering(self.write), methods=["POST"]),
            Route("/api/v1/write", answering(self.protocol), methods=["GET"]),
        ]

    async def protocol(self, request: Request) -> Response:
        """vmagent's question whether zstd is understood."""
        if "get_vm_proto_version" in request.query_params:
            return PlainTextResponse(VM_PROTOCOL)
        raise ApiError(ErrorType.BAD_DATA, "remote write requests are sent by POST")

    async def write(self, request: Request) -> Response:
        try:
            version = version_of(request.headers.get("content-type", ""))
            encoding = _encoding_of(request.headers.get("content-encoding", ""))
        except UnsupportedError as error:
            return PlainTextResponse(f"{error}\n", 415)
        if self._present >= AT_ONCE.default:
            AT_ONCE.hit()
            return PlainTextResponse(
                f"more than {AT_ONCE.default} requests at the same time\n", 503, {"Retry-After": RETRY_AFTER_S}
            )
        self._present += 1
        try:
            body = await request.body()
            receipt = await anyio.to_thread.run_sync(
                self._receive, body, version, encoding, limiter=self._workers
            )  # fmt: skip
        except OperatingError as error:
            return PlainTextResponse(f"{error}\n", 503 if error.retryable else 500, {"Retry-After": RETRY_AFTER_S})
        finally:
            self._present -= 1
        return _answer(receipt, version)


def version_of(content_type: str) -> Version:
    """The version that a content type announces; without a ``proto`` it is 1.0, as senders of old say nothing.

    Raises UnsupportedError.
    """
    kind, *parameters = (part.strip() for part in content_type.split(";"))
    if kind.lower() not in ("", CONTENT_TYPE):
        raise UnsupportedError(f"the content type is {content_type!r}, not {CONTENT_TYPE}")
    for parameter in parameters:
        name, _, value = parameter.partition("=")
        if name.strip().lower() == "proto":
            try:
                return Version(value.strip().strip('"'))
            except ValueError as error:
                raise UnsupportedError(f"the message {value.strip()!r} is not known") from error
    return Version.V1


def _encoding_of(content_encoding: str) -> str:
    said = content_encoding.strip().lower() or ENCODINGS[0]
    if said not in ENCODINGS:
        raise UnsupportedError(f"the content encoding is {content_encoding!r}, not one of {', '.join(ENCODINGS)}")
    return said


def _answer(receipt: Receipt, version: Version) -> Response:
    headers = {}
    if version is Version.V2:
        headers = {
            "X-Prometheus-Remote-Write-Samples-Written": str(receipt.samples),
            "X-Prometheus-Remote-Write-Histograms-Written": "0",
            "X-Prometheus-Remote-Write-Exemplars-Written": str(receipt.exemplars),
        }
    if receipt.too_large:
        return PlainTextResponse(f"{receipt.summary}\n", 413, headers)
    if receipt.unreadable or receipt.refused:
        return PlainTextResponse(f"{receipt.summary}\n", 400, headers)
    return Response(status_code=204, headers=headers)
