"""``query``, ``query_range``, ``query_exemplars``, ``format_query`` and ``parse_query``'s little sister, the check."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import anyio
import anyio.to_thread
import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo.api.params import Params, invalid, read_params
from fenghuo.api.prometheus.answer import ApiError, ErrorType, answering, envelope, success_json
from fenghuo.api.prometheus.encode import GZIP_FROM_BYTES, compressed, encode_result
from fenghuo.api.prometheus.numbers import value_text
from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError
from fenghuo.metrics.promql import (
    Engine,
    ParseError,
    QueryCancelledError,
    QueryOptions,
    QueryResult,
    QueryTimeoutError,
    selectors_of,
)
from fenghuo.metrics.promql.errors import ExecutionError
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Exemplar
from fenghuo.model.labels import Labels

POINTS = limits.declare(
    "query_points_per_series", 11_000, limits.Policy.REJECT, "Points of one series that a range query may return."
)
CONCURRENCY = limits.declare(
    "query_concurrency", 20, limits.Policy.WAIT, "Queries evaluated at the same time; further ones wait."
)
DEFAULT_TIMEOUT_MS = 120_000


class ExemplarSource(Protocol):
    def exemplars(
        self, matcher_sets: Sequence[Sequence[Matcher]], start_ms: int, end_ms: int
    ) -> list[tuple[Labels, list[Exemplar]]]: ...


@dataclass(frozen=True, slots=True)
class QueryParts:
    """What query handlers need."""

    engine: Engine
    exemplars: ExemplarSource
    clock: Clock
