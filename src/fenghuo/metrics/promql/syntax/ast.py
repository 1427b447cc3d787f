"""The nodes of a parsed query. Frozen; ``start`` and ``end`` are offsets into the text, end exclusive."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeAlias

from fenghuo.model.matcher import Matcher


class ValueType(StrEnum):
    """What an expression evaluates to, in the words of Prometheus' messages."""

    SCALAR = "scalar"
    STRING = "string"
    VECTOR = "instant vector"
    MATRIX = "range vector"


class RangeMode(StrEnum):
    """How the edges of a range are treated."""

    PLAIN = ""
    ANCHORED = "anchored"
    SMOOTHED = "smoothed"


@dataclass(frozen=True, slots=True)
class Node:
    """The base of every node."""

    start: int
    end: int


@dataclass(frozen=True, slots=True)
class DurationLiteral(Node):
    """Seconds, as ``5m`` or ``300`` were written."""

    seconds: float
    has_unit: bool = True


@dataclass(frozen=True, slots=True)
class DurationOp(Node):
    """``step()``, ``range()``, ``min_of``, ``max_of``, arithmetic over durations, a sign (``pos``, ``neg``), or
    parentheses (``paren``)."""

    op: str
    args: tuple[Duration, ...] = ()


Duration: TypeAlias = DurationLiteral | DurationOp


@dataclass(frozen=True, slots=True)
class AtTime:
    """The ``@`` modifier: a time in ms, or the word ``start`` or ``end`` of the whole query."""

    at: int | str


@dataclass(frozen=True, slots=True)
class Number(Node):
    value: float
    has_unit: bool = False
    """Whether it was written as a duration."""


@dataclass(frozen=True, slots=True)
class String(Node):
    value: str


@dataclass(frozen=True, slots=True)
class Paren(Node):
    inner: Expr


@dataclass(frozen=True, slots=True)
class Unary(Node):
    op: str
    operand: Expr


@dataclass(frozen=True, slots=True)
class VectorSelector(Node):
    """``name`` is what stands before the braces; a name within them is a matcher only."""

    name: str
    matchers: tuple[Matcher, ...]
    offset: Duration | None = None
    at: AtTime | None = None
    mode: RangeMode = RangeMode.PLAIN


@dataclass(frozen=True, slots=True)
class MatrixSelector(Node):
    """A range over ``vector``, which carries offset and ``@``."""

    vector: VectorSelector
    range: Duration


@dataclass(frozen=True, slots=True)
class Subquery(Node):
    inner: Expr
    range: Duration
    step: Duration | None
    offset: Duration | None = None
    at: AtTime | None = None


@dataclass(frozen=True, slots=True)
class Call(Node):
    function: str
    args: tuple[Expr, ...]


@dataclass(frozen=True, slots=True)
class Aggregate(Node):
    op: str
    expr: Expr
    param: Expr | None
    grouping: tuple[str, ...]
    without: bool


class Cardinality(StrEnum):
    """How many samples of each side may share a match group."""

    ONE_TO_ONE = "one-to-one"
    MANY_TO_ONE = "many-to-one"
    ONE_TO_MANY = "one-to-many"
    MANY_TO_MANY = "many-to-many"


@dataclass(frozen=True, slots=True)
class Matching:
    """How the two sides of a vector operation find each other."""

    cardinality: Cardinality = Cardinality.ONE_TO_ONE
    on: bool = False
    labels: tuple[str, ...] = ()
    include: tuple[str, ...] = ()
    fill_left: float | None = None
    fill_right: float | None = None


@dataclass(frozen=True, slots=True)
class Binary(Node):
    op: str
    lhs: Expr
    rhs: Expr
    matching: Matching
    return_bool: bool = False


Expr: TypeAlias = (
    Number | String | Paren | Unary | VectorSelector | MatrixSelector | Subquery | Call | Aggregate | Binary
)

SET_OPS = frozenset({"and", "or", "unless"})
TRIM_OPS = frozenset({"</", ">/"})
"""What is left of native histograms below and above a value."""
COMPARISON_OPS = frozenset({"==", "!=", "<", "<=", ">", ">="})
AGGREGATORS = frozenset(
    {
        "sum", "avg", "count", "min", "max", "group", "stddev", "stdvar", "topk", "bottomk", "count_values",
        "quantile", "limitk", "limit_ratio",
    }
)  # fmt: skip
AGGREGATORS_WITH_PARAM = frozenset({"topk", "bottomk", "count_values", "quantile", "limitk", "limit_ratio"})


def children(expr: Expr) -> tuple[Expr, ...]:
    """The expressions directly below ``expr``, in the order of the text."""
    match expr:
        case Paren(inner=inner) | Subquery(inner=inner):
            return (inner,)
        case Unary(operand=operand):
            return (operand,)
        case MatrixSelector(vector=vector):
            return (vector,)
        case Call(args=args):
            return args
        case Aggregate(expr=inner, param=param):
            return (inner,) if param is None else (param, inner)
        case Binary(lhs=lhs, rhs=rhs):
            return (lhs, rhs)
        case _:
            return ()


def preorder(root: Expr) -> Iterator[Expr]:
    """Every node, parents before their children, in the order of the text. Without recursion, as all walks here."""
    stack = [root]
    while stack:
        node = stack.pop()
        yield node
        stack.extend(reversed(children(node)))


def postorder(root: Expr) -> Iterator[Expr]:
    """Every node, children before their parents, in the order of the text."""
    stack = [(root, False)]
    while stack:
        node, done = stack.pop()
        below = () if done else children(node)
        if not below:
            yield node
            continue
        stack.append((node, True))
        stack.extend((child, False) for child in reversed(below))


def depth_of(root: Expr) -> int:
    """The levels of a tree."""
    level, depth = [root], 0
    while level:
        level = [child for node in level for child in children(node)]
        depth += 1
    return depth


def nesting_of(root: Expr) -> int:
    """The levels of a tree, where a chain of binary operators is one level however long it is."""
    stack, deepest = [(root, 1)], 0
    while stack:
        node, level = stack.pop()
        deepest = max(deepest, level)
        for child in children(node):
            goes_on = isinstance(node, Binary) and isinstance(child, Binary) and child is node.lhs
            stack.append((child, level if goes_on else level + 1))
    return deepest


def unwrap(expr: Expr) -> Expr:
    """``expr`` without the parentheses around it."""
    while isinstance(expr, Paren):
        expr = expr.inner
    return expr


def selectors_in(expr: Expr) -> list[tuple[Matcher, ...]]:
    """The matchers of every selector in ``expr``, in the order of the text."""
    return [node.matchers for node in preorder(expr) if isinstance(node, VectorSelector)]
