"""``export``: all samples of some series as text, written while they are read."""

from __future__ import annotations

import zlib
from collections.abc import Callable, Iterator, Sequence
from typing import Protocol

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from fenghuo.api.params import MAX_TIME_MS, MIN_TIME_MS, ParameterError, invalid, read_params
from fenghuo.api.prometheus.answer import ApiError, ErrorType, answering
from fenghuo.api.prometheus.export_text import END, json_lines, openmetrics_lines
from fenghuo.api.prometheus.selectors import selector
from fenghuo.base import limits
from fenghuo.model.matcher import Matcher
from fenghuo.model.selection import Selection

AT_ONCE = limits.declare(
    "export_requests_at_once",
    2,
    limits.Policy.REJECT,
    "Exports at the same time; further ones are asked to come again.",
)
PIECE_BYTES = 1 << 18
"""Text is handed on in pieces of about this size."""
GZIP_WINDOW = 16 + zlib.MAX_WBITS
FORMATS: dict[str, tuple[str, Callable[[Selection], Iterator[bytes]], bytes]] = {
    "jsonl": ("application/x-ndjson", json_lines, b""),
    "openmetrics": ("application/openmetrics-text; version=1.0.0; charset=utf-8", openmetrics_lines, END),
}
"""By name: content type, how a piece is written, and what stands at the end."""


class ExportSource(Protocol):
    """What the store gives."""

    def export(self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int) -> Iterator[Selection]: ...


class ExportApi:
    """The handler that gives samples away."""

    def __init__(self, source: ExportSource) -> None:
        self._source = source
        self._present = 0

    def routes(self) -> list[Route]:
        return [Route("/api/v1/export", answering(self.export), methods=["GET", "POST"])]

    async def export(self, request: Request) -> Response:
        params = await read_params(request)
        selectors = params.all("match[]")
        if not selectors:
            raise ParameterError("no match[] parameter provided")
        start_ms, end_ms = params.time_ms("start", MIN_TIME_MS), params.time_ms("end", MAX_TIME_MS)
        name = params.get("format") or "jsonl"
        if name not in FORMATS:
            raise invalid("format", f'unknown format "{name}"; there are {", ".join(FORMATS)}')
        if self._present >= AT_ONCE.default:
            AT_ONCE.hit()
            raise ApiError(ErrorType.UNAVAILABLE, f"{AT_ONCE.default} exports are running; try again later")
        sets = await anyio.to_thread.run_sync(lambda: [selector(text) for text in selectors])
        pieces = await anyio.to_thread.run_sync(self._source.export, sets, start_ms, end_ms)
        content_type, write, end = FORMATS[name]
        body = self._counted(_texts(pieces, write, end))
        headers = {"Content-Type": content_type}
        if "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = _packed(body), "gzip"
        return StreamingResponse(body, headers=headers)

    def _counted(self, texts: Iterator[bytes]) -> Iterator[bytes]:
        self._present += 1
        try:
            yield from texts
        finally:
            self._present -= 1


def _texts(pieces: Iterator[Selection], write: Callable[[Selection], Iterator[bytes]], end: bytes) -> Iterator[bytes]:
    waiting: list[bytes] = []
    size = 0
    for piece in pieces:
        for text in write(piece):
            waiting.append(text)
            size += len(text)
            if size >= PIECE_BYTES:
                yield b"".join(waiting)
                waiting, size = [], 0
    yield b"".join([*waiting, end])


def _packed(texts: Iterator[bytes]) -> Iterator[bytes]:
    packer = zlib.compressobj(1, wbits=GZIP_WINDOW)
    for text in texts:
        yield packer.compress(text)
    yield packer.flush()
