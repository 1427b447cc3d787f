"""The functions of the language, by name, and what they do to values that are already there.

Functions over ranges are kernels (:mod:`kernels`); this table says which. Functions over numbers are one array
operation. What is left needs the labels, the time or the query, and stands in :mod:`calls`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

import numpy as np

from fenghuo.metrics.promql.kernels import extended, extremes, rates, spread, sums
from fenghuo.metrics.promql.syntax.ast import RangeMode
from fenghuo.metrics.promql.windows import Windows
from fenghuo.model.sample import Bools, Floats

RangeKernel = Callable[[Windows], tuple[Floats, Bools]]

RANGE_KERNELS: Final[dict[str, RangeKernel]] = {
    "rate": rates.rate,
    "increase": rates.increase,
    "delta": rates.delta,
    "irate": rates.irate,
    "idelta": rates.idelta,
    "changes": rates.changes,
    "resets": rates.resets,
    "sum_over_time": sums.sum_over_time,
    "avg_over_time": sums.avg_over_time,
    "min_over_time": extremes.min_over_time,
    "max_over_time": extremes.max_over_time,
    "count_over_time": extremes.count_over_time,
    "present_over_time": extremes.present_over_time,
    "first_over_time": extremes.first_over_time,
    "last_over_time": extremes.last_over_time,
    "ts_of_first_over_time": extremes.ts_of_first_over_time,
    "ts_of_last_over_time": extremes.ts_of_last_over_time,
    "ts_of_min_over_time": extremes.ts_of_min_over_time,
    "ts_of_max_over_time": extremes.ts_of_max_over_time,
    "stddev_over_time": spread.stddev_over_time,
    "stdvar_over_time": spread.stdvar_over_time,
    "mad_over_time": spread.mad_over_time,
    "deriv": spread.deriv,
}
EXTENDED_KERNELS: Final = {RangeMode.ANCHORED: extended.ANCHORED, RangeMode.SMOOTHED: extended.SMOOTHED}
KEEPS_NAME: Final = frozenset({"first_over_time", "last_over_time"})
COUNTERS_ONLY: Final = frozenset({"rate", "increase"})
"""Functions that say so when a metric does not look like a counter."""


NUMBER_FUNCTIONS: Final[dict[str, Callable[[Floats], Floats]]] = {
    "abs": np.abs,
    "ceil": np.ceil,
    "floor": np.floor,
    "exp": np.exp,
    "sqrt": np.sqrt,
    "ln": np.log,
    "log2": np.log2,
    "log10": np.log10,
    "sgn": np.sign,
    "acos": np.arccos,
    "acosh": np.arccosh,
    "asin": np.arcsin,
    "asinh": np.arcsinh,
    "atan": np.arctan,
    "atanh": np.arctanh,
    "cos": np.cos,
    "cosh": np.cosh,
    "sin": np.sin,
    "sinh": np.sinh,
    "tan": np.tan,
    "tanh": np.tanh,
    "deg": np.degrees,
    "rad": np.radians,
}


def round_to(values: Floats, nearest: Floats) -> Floats:
    """To the nearest multiple of ``nearest``, halves up."""
    inverse = 1.0 / nearest
    return np.floor(values * inverse + 0.5) / inverse


def clamp(values: Floats, low: Floats, high: Floats) -> Floats:
    result: Floats = np.maximum(low, np.minimum(high, values))
    return result
