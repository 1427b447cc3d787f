"""``/federate``: the newest sample of chosen series, for another Prometheus to scrape."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import Protocol

import anyio
import anyio.to_thread
import numpy as np
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError
from fenghuo.metrics.promql import parse_matchers
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Floats, Ints, Metadata, is_absent, is_stale
from fenghuo.model.selection import DenseBlock, RaggedBlock, Selection
from fenghuo.wire.exposition import Family, Format, render

AT_ONCE = limits.declare(
    "federate_requests_at_once", 2, limits.Policy.WAIT, "Requests to /federate answered at the same time."
)
INSTANCE = "instance"
Newest = dict[Labels, tuple[int, float]]
"""By series: time in ms and value."""


class SampleSource(Protocol):
    """The store."""

    def select(self, matchers: Sequence[Matcher], start_ms: int, end_ms: int) -> Selection: ...


class FederateApi:
    """The handler. ``external`` gives the labels that all series get which do not have them, ``lookback_ms`` how old a
    sample may be."""

    def __init__(
        self, source: SampleSource, clock: Clock, external: Callable[[], Labels], lookback_ms: Callable[[], int]
    ) -> None:
        self._source = source
        self._clock = clock
        self._external = external
        self._lookback_ms = lookback_ms
        self._slots = anyio.CapacityLimiter(AT_ONCE.default)

    def routes(self) -> list[Route]:
        return [Route("/federate", self.federate)]

    async def federate(self, request: Request) -> Response:
        """As Prometheus answers: errors are plain text, and no ``match[]`` is nothing asked."""
        try:
            sets = [parse_matchers(text) for text in request.query_params.getlist("match[]")]
        except InputError as error:
            return PlainTextResponse(f"{error.message}\n", 400)
        wants_openmetrics = "application/openmetrics-text" in request.headers.get("accept", "")
        dialect = Format.OPENMETRICS if wants_openmetrics else Format.TEXT
        if self._slots.available_tokens <= 0:
            AT_ONCE.hit()
        body = await anyio.to_thread.run_sync(self._body, sets, dialect, limiter=self._slots)
        return Response(body, headers={"Content-Type": f"{dialect.value}; charset=utf-8"})

    def _body(self, sets: Sequence[Sequence[Matcher]], dialect: Format) -> bytes:
        now_ms = self._clock.now_ms()
        found: Newest = {}
        for matchers in sets:
            found.update(newest(self._source.select(matchers, now_ms - self._lookback_ms() + 1, now_ms)))
        external = dict(self._external())
        # A label without a value: whoever scrapes this with honor_labels shall not put its own there.
        extra = tuple({INSTANCE: "", **external}.items())
        named = sorted(labels for labels in found if labels.metric_name)
        families = [
            Family(name, Metadata(), [(each, found[each][1], found[each][0]) for each in group], extra)
            for name, group in groupby(sorted(named, key=_name), key=_name)
        ]
        return render(families, dialect)


def _name(labels: Labels) -> str:
    return labels.metric_name


def newest(selection: Selection) -> Newest:
    """The newest sample of each series, unless the series ended with it."""
    found: Newest = {}
    labels = list(selection.labels.rows())
    for block in selection.blocks:
        times, values = _newest_dense(block) if isinstance(block, DenseBlock) else _newest_ragged(block)
        rows = np.flatnonzero(~is_absent(values) & ~is_stale(values))
        for row in rows.tolist():
            found[labels[block.series[row]]] = (int(times[row]), float(values[row]))
    return found


def _newest_dense(block: DenseBlock) -> tuple[Ints, Floats]:
    """int64[N] and float64[N]; a series without a sample is absent."""
    present = ~is_absent(block.values)
    last = len(block.times_ms) - 1 - np.argmax(present[:, ::-1], axis=1)
    return block.times_ms[last], np.ascontiguousarray(block.values[np.arange(len(last)), last])


def _newest_ragged(block: RaggedBlock) -> tuple[Ints, Floats]:
    last = block.offsets[1:] - 1
    return block.times_ms[last], block.values[last]
