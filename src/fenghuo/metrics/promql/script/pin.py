"""Expressions pinned to a moment by ``@``: whenever they are asked, they must give one answer."""

from __future__ import annotations

from collections.abc import Iterator

from fenghuo.metrics.promql.syntax.ast import Call, Expr, MatrixSelector, Subquery, VectorSelector, children

_SEES_THE_MOMENT = frozenset(
    {
        "day_of_month", "day_of_week", "day_of_year", "days_in_month", "end", "hour", "minute", "month",
        "predict_linear", "range", "start", "step", "time", "timestamp", "year",
    }
)  # fmt: skip
"""Functions whose answer is about the moment of asking."""


def pinned(text: str, tree: Expr, time_ms: int) -> str | None:
    """``text`` with ``@`` behind each selector and subquery that has none; None when the moment matters anyway."""
    if _SEES_THE_MOMENT & set(_functions(tree)):
        return None
    for end in sorted(set(_ends(tree)), reverse=True):
        text = f"{text[:end]} @ {time_ms / 1000:.3f}{text[end:]}"
    return text


def moments(time_ms: int) -> tuple[int, ...]:
    """When to ask the same thing again."""
    return (-10 * time_ms, 0, time_ms // 5, time_ms, 10 * time_ms) if time_ms else (-1000, 0, 1000)


def _functions(node: Expr) -> Iterator[str]:
    if isinstance(node, Call):
        yield node.function
    for child in children(node):
        yield from _functions(child)


def _ends(node: Expr) -> Iterator[int]:
    """A pinned subquery pins what is in it, and the second argument of ``info`` is seen when the first one is."""
    match node:
        case VectorSelector(at=at) | MatrixSelector(vector=VectorSelector(at=at)) | Subquery(at=at):
            if at is None:
                yield node.end
        case Call(function="info", args=args):
            yield from _ends(args[0])
        case _:
            for child in children(node):
                yield from _ends(child)
