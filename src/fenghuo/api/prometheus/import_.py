"""``import`` and ``import/prometheus``: files of samples of any age, as text; VictoriaMetrics' paths and parameters."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Protocol

import anyio.to_thread
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo.api.params import ParameterError, invalid
from fenghuo.api.prometheus.answer import ApiError, ErrorType, answering, success_json
from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.metrics.receive.receipt import Receipt
from fenghuo.model.labels import Labels
from fenghuo.wire.exposition import Format, format_of

AT_ONCE = limits.declare(
    "import_requests_at_once",
    2,
    limits.Policy.REJECT,
    "Imports at the same time; further ones are asked to come again.",
)
PIECE_BYTES = 1 << 20
"""The body is handed on in pieces of this size, before and after decompression."""
GZIP_WINDOW = 16 + zlib.MAX_WBITS


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """What a request says about its body."""

    kind: Format | None
    """The text format; None for JSON lines."""
    extra: Labels
    default_ms: int | None
    """The time of samples that have none; None refuses them."""


class Importing(Protocol):
    """One import; see :class:`fenghuo.metrics.receive.importer.Importer`."""

    @property
    def blocks(self) -> int: ...
    def feed(self, data: bytes) -> None: ...
    def finish(self) -> Receipt: ...


class ImportApi:
    """The handlers that take files of samples."""

    def __init__(self, begin: Callable[[ImportRequest], Importing], clock: Clock) -> None:
        self._begin = begin
        self._clock = clock
        self._present = 0

    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/import/prometheus", answering(self.text), methods=["POST"]),
            Route("/api/v1/import", answering(self.json_lines), methods=["POST"]),
        ]

    async def text(self, request: Request) -> Response:
        """Prometheus' text format or OpenMetrics, as the content type says."""
        kind = format_of(request.headers.get("content-type", "")) or Format.TEXT
        default_ms = _timestamp(request) or (self._clock.now_ms() if kind is Format.TEXT else None)
        return await self._imported(request, ImportRequest(kind, _extra_labels(request), default_ms))

    async def json_lines(self, request: Request) -> Response:
        """What VictoriaMetrics' ``/api/v1/export`` gives."""
        return await self._imported(request, ImportRequest(None, _extra_labels(request), None))

    async def _imported(self, request: Request, wanted: ImportRequest) -> Response:
        unpack = _unpacker(request.headers.get("content-encoding", ""))
        if self._present >= AT_ONCE.default:
            AT_ONCE.hit()
            raise ApiError(ErrorType.UNAVAILABLE, f"{AT_ONCE.default} imports are running; try again later")
        self._present += 1
        try:
            return await self._read(request, wanted, unpack)
        except ClientDisconnect as error:
            raise ApiError(ErrorType.CANCELED, "the client went away before the end") from error
        finally:
            self._present -= 1

    async def _read(self, request: Request, wanted: ImportRequest, unpack: Unpacker) -> Response:
        work = await anyio.to_thread.run_sync(self._begin, wanted)

        def feed(data: bytes) -> None:
            for piece in unpack.feed(data):
                work.feed(piece)

        waiting = bytearray()
        async for chunk in request.stream():
            waiting += chunk
            if len(waiting) >= PIECE_BYTES:
                await anyio.to_thread.run_sync(feed, bytes(waiting))
                waiting.clear()
        await anyio.to_thread.run_sync(feed, bytes(waiting))
        receipt = await anyio.to_thread.run_sync(work.finish)
        unpack.check_end(receipt)
        if receipt.refused and not receipt.samples:
            raise ApiError(ErrorType.BAD_DATA, receipt.summary)
        return success_json(
            {
                "samples": receipt.samples,
                "exemplars": receipt.exemplars,
                "refused": dict(sorted(receipt.refused.items())),
                "firstProblem": receipt.first_problem,
                "blocks": work.blocks,
            }
        )


class Unpacker(Protocol):
    """Undoes the compression of a stream."""

    def feed(self, data: bytes) -> Iterator[bytes]: ...
    def check_end(self, receipt: Receipt) -> None: ...


@dataclass(slots=True)
class Plain:
    """No compression."""

    def feed(self, data: bytes) -> Iterator[bytes]:
        if data:
            yield data

    def check_end(self, receipt: Receipt) -> None:
        """Text ends anywhere."""


@dataclass(slots=True)
class Gzip:
    """gzip, of one member or several. Never more than a piece of it is unpacked at once."""

    _work: zlib._Decompress = field(default_factory=lambda: zlib.decompressobj(GZIP_WINDOW))
    _begun: bool = False

    def feed(self, data: bytes) -> Iterator[bytes]:
        try:
            while data:
                self._begun = True
                piece = self._work.decompress(data, PIECE_BYTES)
                if piece:
                    yield piece
                data = self._work.unconsumed_tail
                if self._work.eof:
                    data = self._work.unused_data
                    self._work = zlib.decompressobj(GZIP_WINDOW)
                    self._begun = False
        except zlib.error as error:
            raise ApiError(ErrorType.BAD_DATA, f"the body is not gzip: {error}") from error

    def check_end(self, receipt: Receipt) -> None:
        if self._begun:
            raise ApiError(ErrorType.BAD_DATA, f"the gzip body has no end; {receipt.summary}")


def _unpacker(content_encoding: str) -> Unpacker:
    match content_encoding.strip().lower():
        case "" | "identity":
            return Plain()
        case "gzip" | "x-gzip":
            return Gzip()
        case other:
            raise ParameterError(f"the content encoding is {other!r}, not gzip")


def _extra_labels(request: Request) -> Labels:
    pairs = []
    for text in request.query_params.getlist("extra_label"):
        name, equals, value = text.partition("=")
        if not equals or not name:
            raise invalid("extra_label", f"{text!r} is not name=value")
        pairs.append((name, value))
    return Labels(pairs)


def _timestamp(request: Request) -> int | None:
    """VictoriaMetrics' parameter ``timestamp``: the time in ms of samples that have none."""
    text = request.query_params.get("timestamp", "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 15:
        raise invalid("timestamp", f"{text!r} is not a time in milliseconds")
    return int(text)
