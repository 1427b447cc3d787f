"""``format_query`` and ``parse_query``: what a query looks like, without asking it."""

from __future__ import annotations

from collections.abc import Callable

import anyio.to_thread
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo.api.params import ParameterError, invalid, read_params
from fenghuo.api.prometheus.answer import answering, success_json
from fenghuo.api.prometheus.tree import tree_view
from fenghuo.metrics.promql import ParseError, pretty
from fenghuo.metrics.promql.syntax.ast import Expr, depth_of

_DEPTH_MAX = 100
"""Levels of a tree that is shown as JSON. A level is two of JSON's, and many readers stop at some 250 of those."""


def expression_routes(parse: Callable[[str], Expr]) -> list[Route]:
    """``parse`` raises ParseError."""

    async def answer(request: Request, show: Callable[[Expr], object]) -> Response:
        text = (await read_params(request)).get("query")
        try:
            data = await anyio.to_thread.run_sync(lambda: show(parse(text)))
        except ParseError as error:
            raise invalid("query", error.message) from error
        return success_json(data)

    async def format_query(request: Request) -> Response:
        return await answer(request, pretty)

    async def parse_query(request: Request) -> Response:
        return await answer(request, _view)

    both = ["GET", "POST"]
    return [
        Route("/api/v1/format_query", answering(format_query), methods=both),
        Route("/api/v1/parse_query", answering(parse_query), methods=both),
    ]


def _view(expr: Expr) -> object:
    if depth_of(expr) > _DEPTH_MAX:
        raise ParameterError(f"the expression has more than {_DEPTH_MAX} levels, too many to show them as JSON")
    return tree_view(expr)
