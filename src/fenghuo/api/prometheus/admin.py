"""``admin/tsdb/*``: deletion, cleaning, snapshots. Prometheus wants a flag for these; here they want the role admin."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo.api.audit.middleware import note_of
from fenghuo.api.auth.identity import Identity
from fenghuo.api.params import MAX_TIME_MS, MIN_TIME_MS, ParameterError, invalid, read_params
from fenghuo.api.prometheus.answer import answering, success_json
from fenghuo.api.prometheus.selectors import selector
from fenghuo.model.matcher import Matcher

log = logging.getLogger(__name__)

_TRUE, _FALSE = ("1", "t", "T", "TRUE", "true", "True"), ("0", "f", "F", "FALSE", "false", "False")
"""What Go reads as a boolean."""


class StoreAdmin(Protocol):
    """What the store does for an administrator. Every method may raise OperatingError."""

    def delete(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> None: ...
    def clean_tombstones(self) -> None: ...
    def snapshot(self, directory: Path, *, skip_head: bool = False) -> str: ...


class AdminApi:
    """The handlers that change what is stored."""

    def __init__(self, store: StoreAdmin, snapshots: Path) -> None:
        self._store = store
        self._snapshots = snapshots

    def routes(self) -> list[Route]:
        base, methods = "/api/v1/admin/tsdb", ["POST", "PUT"]
        return [
            Route(f"{base}/delete_series", answering(self.delete_series), methods=methods),
            Route(f"{base}/clean_tombstones", answering(self.clean_tombstones), methods=methods),
            Route(f"{base}/snapshot", answering(self.snapshot), methods=methods),
        ]

    async def delete_series(self, request: Request) -> Response:
        params = await read_params(request)
        selectors = params.all("match[]")
        if not selectors:
            raise ParameterError("no match[] parameter provided")
        start_ms, end_ms = params.time_ms("start", MIN_TIME_MS), params.time_ms("end", MAX_TIME_MS)
        note_of(request).detail |= {"selectors": selectors, "start_ms": start_ms, "end_ms": end_ms}
        # Prometheus deletes what the selectors before a bad one name; here nothing is.
        sets = await anyio.to_thread.run_sync(lambda: [selector(text) for text in selectors])
        for text, matchers in zip(selectors, sets, strict=True):
            log.warning("%s deletes %s from %d to %d ms", _who(request), text, start_ms, end_ms)
            await anyio.to_thread.run_sync(self._store.delete, matchers, start_ms, end_ms)
        return Response(status_code=204)

    async def clean_tombstones(self, request: Request) -> Response:
        await anyio.to_thread.run_sync(self._store.clean_tombstones)
        return Response(status_code=204)

    async def snapshot(self, request: Request) -> Response:
        text = (await read_params(request)).get("skip_head")
        if text and text not in (*_TRUE, *_FALSE):
            raise invalid("skip_head", f'unable to parse boolean: strconv.ParseBool: parsing "{text}": invalid syntax')
        name = await anyio.to_thread.run_sync(lambda: self._store.snapshot(self._snapshots, skip_head=text in _TRUE))
        note_of(request).subject = name
        log.info("%s made the snapshot %s", _who(request), self._snapshots / name)
        return success_json({"name": name})


def _who(request: Request) -> str:
    identity: Identity | None = request.state.identity
    return identity.name if identity is not None else "somebody"
