"""PromQL: query text and a store in, arrays out.

``text → syntax (tree) → evaluate (whole vectors over the whole grid) → result``

In comes a query's text with its times, and a :class:`Queryable` that hands out samples as arrays
(:mod:`fenghuo.model.selection`). Out goes a :class:`QueryResult` of arrays, with warnings and infos in Prometheus'
words. Every node of the tree is evaluated once, over all series and all steps; samples are seen through windows
(:mod:`windows`), and the functions over them (:mod:`kernels`) are array operations.

The metric name is dropped when the answer is put together ("delayed name removal"), not by each function, so that
``label_replace`` can still read it.

It fails with :class:`ParseError` and :class:`ExecutionError` (the caller can mend it), and with
:class:`QueryTimeoutError` and :class:`QueryCancelledError`. It owns nothing, and keeps nothing between queries but
parsed trees. Deliberately absent: native histograms, result caches, anything asynchronous.
"""

from fenghuo.metrics.promql.context import Queryable
from fenghuo.metrics.promql.engine import Engine, QueryOptions
from fenghuo.metrics.promql.errors import (
    ExecutionError,
    ParseError,
    QueryCancelledError,
    QueryTimeoutError,
    TooManySamplesError,
)
from fenghuo.metrics.promql.result import (
    MatrixResult,
    QueryResult,
    RangeVectorResult,
    ScalarResult,
    StringResult,
    VectorResult,
)
from fenghuo.metrics.promql.syntax.ast import selectors_in
from fenghuo.metrics.promql.syntax.parser import parse_expr, parse_matchers
from fenghuo.metrics.promql.syntax.printer import normalized, pretty
from fenghuo.metrics.promql.threshold import watched

__all__ = [
    "Engine",
    "ExecutionError",
    "MatrixResult",
    "ParseError",
    "QueryCancelledError",
    "QueryOptions",
    "QueryResult",
    "QueryTimeoutError",
    "Queryable",
    "RangeVectorResult",
    "ScalarResult",
    "StringResult",
    "TooManySamplesError",
    "VectorResult",
    "normalized",
    "parse_expr",
    "parse_matchers",
    "pretty",
    "selectors_in",
    "watched",
]
