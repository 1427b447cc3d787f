"""``query``, ``query_range`` and ``query_exemplars``."""

from __future__ import annotations

import asyncio
import contextlib
import math
import threading
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from dataclasses import replace
from typing import Protocol

import anyio
import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo.api.params import ParameterError, Params, invalid, read_params
from fenghuo.api.pieces import PiecesResponse
from fenghuo.api.prometheus.answer import ApiError, ErrorType, answering, envelope, success_json
from fenghuo.api.prometheus.encode import GZIP_FROM_BYTES, compressed, encode_result
from fenghuo.api.prometheus.numbers import value_text
from fenghuo.base.clock import Clock
from fenghuo.metrics.promql import (
    Engine,
    ExecutionError,
    ParseError,
    QueryCancelledError,
    QueryOptions,
    QueryResult,
    QueryTimeoutError,
    selectors_in,
)
from fenghuo.metrics.promql.limits import ANSWER_BYTES_MAX, CONCURRENCY, POINTS_MAX, TIMEOUT_S
from fenghuo.metrics.promql.settings import QuerySettings
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Exemplar

ANNOTATIONS_MAX = 10
"""Warnings, and as many infos, that go with an answer."""
TRUNCATED = "results truncated due to limit"
WATCHED_AFTER_S = 0.02
"""Most queries are answered before it is worth looking whether somebody still waits for the answer."""
STOPPING = "the server is stopping"


class ExemplarSource(Protocol):
    """What keeps exemplars."""

    def exemplars(
        self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[tuple[Labels, list[Exemplar]]]: ...


class QueryApi:
    """The handlers that evaluate PromQL."""

    def __init__(
        self, engine: Engine, exemplars: ExemplarSource, clock: Clock, settings: Callable[[], QuerySettings]
    ) -> None:
        self._engine = engine
        self._exemplars = exemplars
        self._clock = clock
        self._settings = settings
        self._slots = anyio.CapacityLimiter(CONCURRENCY.default)
        self._threads = anyio.CapacityLimiter(math.inf)
        self._running: set[threading.Event] = set()
        self._stopping = False

    def routes(self) -> list[Route]:
        both = ["GET", "POST"]
        return [
            Route("/api/v1/query", answering(self.query), methods=both),
            Route("/api/v1/query_range", answering(self.query_range), methods=both),
            Route("/api/v1/query_exemplars", answering(self.query_exemplars), methods=both),
        ]

    def stop(self) -> None:
        """End the queries that run, and answer no more: the server stops."""
        self._stopping = True
        for cancelled in self._running:
            cancelled.set()

    async def query(self, request: Request) -> Response:
        params = await read_params(request)
        limit = params.limit()
        time_ms = params.time_ms("time", self._clock.now_ms())
        expression = params.get("query")
        return await self._evaluated(
            request, params, limit, lambda options: self._engine.instant(expression, time_ms, options)
        )

    async def query_range(self, request: Request) -> Response:
        params = await read_params(request)
        limit = params.limit()
        start_ms, end_ms = params.time_ms("start", None), params.time_ms("end", None)
        if end_ms < start_ms:
            raise invalid("end", "end timestamp must not be before start time")
        step_ms = _step_ms(params)
        points_max = self._settings().points_max
        if (end_ms - start_ms) // step_ms > points_max:
            POINTS_MAX.hit()
            raise ParameterError(
                f"exceeded maximum resolution of {points_max:,} points per timeseries. "
                "Try decreasing the query resolution (?step=XX)"
            )
        expression = params.get("query")
        return await self._evaluated(
            request, params, limit, lambda options: self._engine.range(expression, start_ms, end_ms, step_ms, options)
        )

    async def query_exemplars(self, request: Request) -> Response:
        params = await read_params(request)
        start_ms = params.time_ms("start", self._clock.now_ms())
        end_ms = params.time_ms("end", self._clock.now_ms())
        if end_ms < start_ms:
            raise invalid("end", "end timestamp must not be before start time")
        tree = await anyio.to_thread.run_sync(self._engine.parse, params.get("query"))
        found = await anyio.to_thread.run_sync(self._exemplars.exemplars, selectors_in(tree), start_ms, end_ms)
        return success_json([_exemplars_view(labels, exemplars) for labels, exemplars in found])

    async def _evaluated(
        self, request: Request, params: Params, limit: int, evaluate: Callable[[QueryOptions], QueryResult]
    ) -> Response:
        if self._stopping:
            raise ApiError(ErrorType.UNAVAILABLE, STOPPING)
        cancelled = threading.Event()
        options = _options(params, self._engine.options(), cancelled)
        budget = _Budget(self._clock, options.timeout_s, self._settings().answer_bytes_max, cancelled)
        gzipped = "gzip" in request.headers.get("accept-encoding", "")

        def work() -> Response:
            result = evaluate(replace(options, timeout_s=budget.left_s()))
            return _answer(result, limit, budget, gzipped=gzipped)

        self._running.add(cancelled)
        try:
            with _watched(request, cancelled):
                async with self._turn(budget):
                    return await anyio.to_thread.run_sync(work, limiter=self._threads, abandon_on_cancel=True)
        except ParseError as error:
            raise invalid("query", error.message) from error
        except ExecutionError as error:
            raise ApiError(ErrorType.EXECUTION, error.message) from error
        except QueryTimeoutError as error:
            raise ApiError(ErrorType.TIMEOUT, error.message) from error
        except QueryCancelledError as error:
            if self._stopping:
                raise ApiError(ErrorType.UNAVAILABLE, STOPPING) from error
            raise ApiError(ErrorType.CANCELED, error.message) from error
        finally:
            self._running.discard(cancelled)
            cancelled.set()

    @contextlib.asynccontextmanager
    async def _turn(self, budget: _Budget) -> AsyncIterator[None]:
        """Hold one of the places of running queries. Waiting for it counts as time of the query."""
        self._slots.total_tokens = self._settings().concurrency_max
        try:
            self._slots.acquire_on_behalf_of_nowait(budget)
        except anyio.WouldBlock:
            CONCURRENCY.hit()
            await self._queued(budget)
        try:
            yield
        finally:
            self._slots.release_on_behalf_of(budget)

    async def _queued(self, budget: _Budget) -> None:
        """Wait for a place."""
        try:
            async with asyncio.timeout(budget.left_s()):
                await self._slots.acquire_on_behalf_of(budget)
        except TimeoutError as error:
            TIMEOUT_S.hit()
            raise ApiError(ErrorType.TIMEOUT, "query timed out in query queue") from error


class _Budget:
    """What one query may still cost. Used by one thread at a time."""

    def __init__(self, clock: Clock, timeout_s: float, bytes_max: int, cancelled: threading.Event) -> None:
        self._clock = clock
        self._deadline_s = clock.monotonic_s() + timeout_s
        self._bytes_max = bytes_max
        self._bytes = 0
        self._cancelled = cancelled

    def left_s(self) -> float:
        return max(self._deadline_s - self._clock.monotonic_s(), 0.0)

    def spend(self, size_bytes: int) -> None:
        """Count bytes of the answer. Raises when they are too many, or when nobody waits for them any more."""
        self._bytes += size_bytes
        if self._bytes > self._bytes_max:
            ANSWER_BYTES_MAX.hit()
            raise ExecutionError(
                f"the answer is larger than {self._bytes_max} bytes; "
                "ask for fewer series, a shorter range or a larger step"
            )
        if self._cancelled.is_set():
            raise QueryCancelledError
        if self.left_s() <= 0:
            TIMEOUT_S.hit()
            raise QueryTimeoutError


def _answer(result: QueryResult, limit: int, budget: _Budget, *, gzipped: bool) -> Response:
    data, cut = encode_result(result, limit, budget.spend)
    warnings = [*_some(result.warnings, "warning"), *([TRUNCATED] if cut else [])]
    body = envelope(data, warnings, _some(result.infos, "info"))
    headers = {"Vary": "Accept-Encoding"}
    if gzipped and sum(map(len, body)) >= GZIP_FROM_BYTES:
        headers["Content-Encoding"] = "gzip"
        return Response(compressed(b"".join(body)), media_type="application/json", headers=headers)
    if len(data) > 1:
        return PiecesResponse(body, "application/json", headers)
    return Response(b"".join(body), media_type="application/json", headers=headers)


def _some(annotations: list[str], kind: str) -> list[str]:
    """As many as Prometheus shows, and how many there are besides."""
    more = len(annotations) - ANNOTATIONS_MAX
    if more <= 0:
        return annotations
    return [*annotations[:ANNOTATIONS_MAX], f"{more} more {kind} annotations omitted"]


@contextlib.contextmanager
def _watched(request: Request, cancelled: threading.Event) -> Iterator[None]:
    """While this lasts, ``cancelled`` is set when the client hangs up; a short query ends before anybody looks."""
    watches: list[asyncio.Task[None]] = []

    def begin() -> None:
        watches.append(asyncio.create_task(_when_gone(request, cancelled), name="query-watch"))

    timer = asyncio.get_running_loop().call_later(WATCHED_AFTER_S, begin)
    try:
        yield
    finally:
        timer.cancel()
        for watch in watches:
            watch.cancel()


async def _when_gone(request: Request, cancelled: threading.Event) -> None:
    """Set ``cancelled`` when the client hangs up, so that its query stops using CPU."""
    while True:
        message = await request.receive()
        if message["type"] == "http.disconnect":
            cancelled.set()
            return


def _step_ms(params: Params) -> int:
    step_ms = params.duration_ms("step")
    if step_ms is None:
        raise invalid("step", 'cannot parse "" to a valid duration')
    if step_ms <= 0:
        raise invalid("step", "zero or negative query resolution step widths are not accepted. Try a positive integer")
    return step_ms


def _options(params: Params, given: QueryOptions, cancelled: threading.Event) -> QueryOptions:
    """A client may ask for less time than the server gives, not for more."""
    options = replace(given, cancel=cancelled)
    timeout_ms, lookback_ms = params.duration_ms("timeout"), params.duration_ms("lookback_delta")
    if timeout_ms is not None:
        options = replace(options, timeout_s=min(timeout_ms / 1000, options.timeout_s))
    if lookback_ms:
        options = replace(options, lookback_ms=lookback_ms)
    return options


def _exemplars_view(labels: Labels, exemplars: Sequence[Exemplar]) -> dict[str, object]:
    return {
        "seriesLabels": dict(labels.pairs),
        "exemplars": [
            {
                "labels": dict(exemplar.labels.pairs),
                "value": value_text(exemplar.value),
                "timestamp": (exemplar.time_ms or 0) / 1000,
            }
            for exemplar in exemplars
        ],
    }
