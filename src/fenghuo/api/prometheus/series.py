"""``series``, ``labels``, ``label/<name>/values``: what the store knows of its series."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeVar

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo.api.params import MAX_TIME_MS, MIN_TIME_MS, ParameterError, Params, invalid, read_params
from fenghuo.api.prometheus.answer import answering, success_json
from fenghuo.api.prometheus.selectors import selector
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher

MatcherSets = Sequence[Sequence[Matcher]]
T = TypeVar("T")

TRUNCATED = "results truncated due to limit"


class SeriesSource(Protocol):
    """What the store answers. An empty ``matcher_sets`` means all series."""

    def series(self, matcher_sets: MatcherSets, start_ms: int, end_ms: int) -> list[Labels]: ...
    def label_names(self, matcher_sets: MatcherSets, start_ms: int, end_ms: int) -> list[str]: ...
    def label_values(self, name: str, matcher_sets: MatcherSets, start_ms: int, end_ms: int) -> list[str]: ...


class SeriesApi:
    """The handlers that list series, label names and label values."""

    def __init__(self, source: SeriesSource) -> None:
        self._source = source

    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/series", answering(self.series), methods=["GET", "POST"]),
            Route("/api/v1/labels", answering(self.labels), methods=["GET", "POST"]),
            Route("/api/v1/label/{name:path}/values", answering(self.values), methods=["GET"]),
        ]

    async def series(self, request: Request) -> Response:
        params = await read_params(request)
        if not params.all("match[]"):
            raise ParameterError("no match[] parameter provided")
        return await _in_thread(
            lambda: _limited([dict(labels.pairs) for labels in self._source.series(*_scope(params))], params)
        )

    async def labels(self, request: Request) -> Response:
        params = await read_params(request)
        return await _in_thread(lambda: _limited(self._source.label_names(*_scope(params)), params))

    async def values(self, request: Request) -> Response:
        params = await read_params(request)
        name = unescape_name(request.path_params["name"])
        if not name:
            raise ParameterError(f'invalid label name: "{name}"')
        return await _in_thread(lambda: _limited(self._source.label_values(name, *_scope(params)), params))


def unescape_name(name: str) -> str:
    """A name of Prometheus' ``U__`` escaping as it was: ``U__http_2e_status`` is ``http.status``."""
    if not name.startswith("U__"):
        return name
    out, rest = "", name[3:]
    while rest:
        head, _, tail = rest.partition("_")
        out += head
        if len(head) == len(rest):
            break
        if tail.startswith("_"):
            out, rest = out + "_", tail[1:]
            continue
        code, underscore, after = tail.partition("_")
        try:
            out += chr(int(code, 16)) if underscore else ""
        except (ValueError, OverflowError):
            return name
        if not underscore:
            return name
        rest = after
    return out


def _scope(params: Params) -> tuple[list[list[Matcher]], int, int]:
    start_ms = params.time_ms("start", MIN_TIME_MS)
    end_ms = params.time_ms("end", MAX_TIME_MS)
    return [_selector(text) for text in params.all("match[]")], start_ms, end_ms


def _selector(text: str) -> list[Matcher]:
    matchers = selector(text)
    if all(matcher.matches("") for matcher in matchers):
        raise invalid("match[]", "match[] must contain at least one non-empty matcher")
    return matchers


def _limited(items: Sequence[object], params: Params) -> Response:
    limit = params.limit()
    if limit and len(items) > limit:
        return success_json(list(items[:limit]), [TRUNCATED])
    return success_json(list(items))


async def _in_thread(work: Callable[[], T]) -> T:
    """Matchers of megabytes and answers of a million series are not the event loop's to work on."""
    return await anyio.to_thread.run_sync(work)
