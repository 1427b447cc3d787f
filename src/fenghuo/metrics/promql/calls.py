"""Function calls: arguments that are evaluated already, to values."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import TypeAlias

import numpy as np

from fenghuo.metrics.promql.annotations import COUNTER_SUFFIXES
from fenghuo.metrics.promql.context import Context
from fenghuo.metrics.promql.dates import DATE_FUNCTIONS, date_part
from fenghuo.metrics.promql.errors import ExecutionError
from fenghuo.metrics.promql.functions import (
    COUNTERS_ONLY,
    EXTENDED_KERNELS,
    KEEPS_NAME,
    NUMBER_FUNCTIONS,
    RANGE_KERNELS,
    RangeKernel,
    clamp,
    round_to,
)
from fenghuo.metrics.promql.grid import Grid
from fenghuo.metrics.promql.histogram import Mending, histogram_fraction, histogram_quantile, histogram_quantiles
from fenghuo.metrics.promql.kernels import spread
from fenghuo.metrics.promql.kernels.starts import overlapping
from fenghuo.metrics.promql.label_arrays import metric_names
from fenghuo.metrics.promql.ranges import RangeArgument, apply_kernel, kernel_slabs
from fenghuo.metrics.promql.relabel import absent, label_join, label_replace, order_by_labels
from fenghuo.metrics.promql.summed import summed_slabs
from fenghuo.metrics.promql.syntax.ast import Call, RangeMode
from fenghuo.metrics.promql.vector import ScalarValue, Slab, Slabs, StringValue, Value, Vector, empty_vector
from fenghuo.metrics.promql.windows import Windows
from fenghuo.model.label_table import LabelTable
from fenghuo.model.sample import Bools, Floats, Ints

Argument: TypeAlias = Value | RangeArgument


class Invocation:
    """One evaluation of a call. The methods without an underscore are functions of the language."""

    def __init__(self, node: Call, args: Sequence[Argument], grid: Grid, context: Context) -> None:
        self._node = node
        self._args = args
        self._grid = grid
        self._context = context

    def value(self) -> Value:
        """Call the function."""
        name = self._node.function
        self._check_mode()
        if name in RANGE_KERNELS:
            return self._over_range(self._kernel(RANGE_KERNELS[name]))
        if name in NUMBER_FUNCTIONS:
            vector = self._vector(0)
            return vector.renamed(NUMBER_FUNCTIONS[name](vector.values))
        if name in DATE_FUNCTIONS:
            vector = self._vector(0) if self._args else self._now()
            return vector.renamed(date_part(name, vector.values))
        return _SPECIAL[name](self)

    def _check_mode(self) -> None:
        """Refuse ranges with made-up edges where they mean nothing."""
        for argument in self._args:
            if isinstance(argument, RangeArgument) and argument.mode in EXTENDED_KERNELS:
                known = EXTENDED_KERNELS[argument.mode]
                if self._node.function not in known:
                    can = ", ".join(sorted(known))
                    raise ExecutionError(
                        f"{argument.mode} modifier can only be used with: {can} - not with {self._node.function}"
                    )

    def _kernel(self, plain: RangeKernel) -> RangeKernel:
        mode = self._range(0).mode
        if mode is RangeMode.PLAIN:
            return plain
        kernel, lookback_ms = EXTENDED_KERNELS[mode][self._node.function], self._context.lookback_ms
        return lambda windows: kernel(windows, lookback_ms)

    def _vector(self, index: int) -> Vector:
        value = self._args[index]
        assert isinstance(value, Vector)
        return value

    def _scalar(self, index: int) -> Floats:
        value = self._args[index]
        assert isinstance(value, ScalarValue)
        return value.values

    def _text(self, index: int) -> str:
        value = self._args[index]
        assert isinstance(value, StringValue)
        return value.value

    def _range(self, index: int) -> RangeArgument:
        value = self._args[index]
        assert isinstance(value, RangeArgument)
        return value

    def _texts(self, start: int) -> list[str]:
        return [self._text(index) for index in range(start, len(self._args))]

    def _constant(self, value: float) -> ScalarValue:
        return ScalarValue(np.full(self._grid.size, value))

    def _now(self) -> Vector:
        return _labelless(self._grid.times_ms / 1000)

    def _over_range(self, kernel: RangeKernel, index: int = 0) -> Vector:
        """A kernel over the range argument, in the shape of the grid."""
        name = self._node.function
        argument = self._range(index)
        vector = apply_kernel(argument, self._watched(kernel) if name in COUNTERS_ONLY else kernel, self._context)
        if name in COUNTERS_ONLY:
            self._context.notes.check_counters(metric_names(vector.labels), self._node.args[0])
        vector = vector if name in KEEPS_NAME else vector.renamed(vector.values)
        return broadcast(vector, self._grid.size)

    def slabs(self) -> Slabs:
        """The value of a function over a range, some rows at a time. The range has the shape of the grid."""
        name, argument = self._node.function, self._range(0)
        self._check_mode()
        kernel = self._kernel(RANGE_KERNELS[name])
        drop = argument.drop_name if name in KEEPS_NAME else np.ones_like(argument.drop_name)
        labels, steps = argument.selection.labels, argument.grid.size
        if name not in COUNTERS_ONLY:
            return Slabs(labels, steps, drop, partial(kernel_slabs, argument, kernel, self._context))
        kernel = self._watched(kernel)
        make = partial(self._watched_slabs, partial(kernel_slabs, argument, kernel, self._context))
        names = metric_names(labels)
        if argument.mode is not RangeMode.PLAIN or (len(names) > 1 and not _look_like_counters(names)):
            return Slabs(labels, steps, drop, make)
        per_s = argument.range_ms / 1000 if name == "rate" else 1.0
        return Slabs(labels, steps, drop, make, partial(self._summed_slabs, kernel, per_s))

    def _summed_slabs(self, kernel: RangeKernel, per_s: float, ids: Ints) -> Iterator[Slab]:
        return self._watched_slabs(partial(summed_slabs, self._range(0), kernel, ids, per_s, self._context))

    def _watched_slabs(self, make: Callable[[], Iterator[Slab]]) -> Iterator[Slab]:
        """The slabs; afterwards it is said which of the metrics with values do not look like counters."""
        labels = self._range(0).selection.labels
        if _look_like_counters(metric_names(labels)):
            yield from make()
            return
        alive = np.zeros(labels.size, dtype=np.bool_)
        for slab in make():
            alive[slab.rows] = slab.present.any(axis=1)
            yield slab
        seen = labels if alive.all() else labels.take(np.flatnonzero(alive))
        self._context.notes.check_counters(metric_names(seen), self._node.args[0])

    def _watched(self, kernel: RangeKernel) -> RangeKernel:
        """``kernel`` that also tells of samples which count from before the sample before them."""

        def watch(windows: Windows) -> tuple[Floats, Bools]:
            if windows.starts_ms is not None:
                rows = overlapping(windows)
                names = metric_names(self._range(0).selection.labels.take(rows))
                self._context.notes.start_overlap(names, self._node.args[0])
            return kernel(windows)

        return watch

    def _over_range_with(self, kernel: Callable[..., tuple[Floats, Bools]], params: list[Floats], index: int) -> Vector:
        """A kernel with scalar arguments float64[S].

        Where ``@`` leaves one window for all steps, it is looked at once for each combination of arguments that occurs.
        """
        argument = self._range(index)
        if argument.grid.size == self._grid.size:
            return self._over_range(lambda windows: kernel(windows, *params), index)
        distinct, which = np.unique(np.stack(params), axis=1, return_inverse=True)

        def with_own(own: Floats) -> Vector:
            return apply_kernel(argument, lambda windows: kernel(windows, *own[:, None]), self._context)

        parts = [with_own(own) for own in distinct.T]
        columns = which.reshape(-1)
        values = np.concatenate([part.values for part in parts], axis=1)[:, columns]
        return parts[0].renamed(values, np.concatenate([part.present for part in parts], axis=1)[:, columns])

    def predict_linear(self) -> Value:
        argument = self._range(0)
        seconds, times = self._scalar(1), self._grid.times_ms
        if argument.grid.size == self._grid.size:
            return self._over_range(lambda windows: spread.predict_linear(windows, seconds, times))
        # One window, seen from every step.
        moment = argument.grid.times_ms
        level = apply_kernel(
            argument, lambda windows: spread.predict_linear(windows, np.zeros(1), moment), self._context
        )
        slope = apply_kernel(argument, spread.deriv, self._context)
        values = level.values + slope.values * (seconds + (times - moment) / 1000)
        return level.renamed(values, np.broadcast_to(level.present, values.shape))

    def quantile_over_time(self) -> Value:
        phi = self._scalar(0)
        self._context.notes.check_quantiles(phi, self._node.args[0])
        return self._over_range_with(spread.quantile_over_time, [phi], 1)

    def double_exponential_smoothing(self) -> Value:
        smoothing, trend = self._scalar(1), self._scalar(2)
        for what, factors in (("smoothing", smoothing), ("trend", trend)):
            wrong = factors[~((factors > 0) & (factors < 1))]
            if len(wrong):
                raise ExecutionError(f"invalid {what} factor. Expected: 0 < {what[0]}f < 1, got: {wrong[0]:f}")
        return self._over_range_with(spread.double_exponential_smoothing, [smoothing, trend], 0)

    def absent(self) -> Value:
        return absent(self._vector(0), self._node.args[0])

    def absent_over_time(self) -> Value:
        argument = self._range(0)
        present = apply_kernel(argument, RANGE_KERNELS["present_over_time"], self._context)
        return broadcast(absent(present, self._node.args[0]), self._grid.size)

    def clamp(self) -> Value:
        vector, low, high = self._vector(0), self._scalar(1), self._scalar(2)
        possible = ~(high < low)
        return vector.renamed(clamp(vector.values, low, high), vector.present & possible).pruned()

    def clamp_min(self) -> Value:
        vector = self._vector(0)
        return vector.renamed(np.maximum(self._scalar(1), vector.values))

    def clamp_max(self) -> Value:
        vector = self._vector(0)
        return vector.renamed(np.minimum(self._scalar(1), vector.values))

    def round(self) -> Value:
        vector = self._vector(0)
        nearest = self._scalar(1) if len(self._args) > 1 else np.ones(1)
        return vector.renamed(round_to(vector.values, nearest))

    def _mending(self, index: int) -> Mending:
        """Where it is told what was wrong with the histograms of an argument."""
        return Mending(self._context.notes, self._node.args[index], self._grid.times_ms)

    def histogram_quantile(self) -> Value:
        return histogram_quantile(self._scalar(0), self._vector(1), self._node.args[0], self._mending(1))

    def histogram_quantiles(self) -> Value:
        phis = [(self._scalar(index), self._node.args[index]) for index in range(2, len(self._args))]
        return histogram_quantiles(self._vector(0), self._text(1), phis, self._mending(0))

    def histogram_fraction(self) -> Value:
        return histogram_fraction(self._scalar(0), self._scalar(1), self._vector(2), self._mending(2))

    def of_native_histograms(self) -> Value:
        """What only native histograms have; floats are passed over."""
        return empty_vector(self._grid.size)

    def label_replace(self) -> Value:
        target, replacement, source, pattern = self._texts(1)
        return label_replace(self._vector(0), target, replacement, source, pattern)

    def label_join(self) -> Value:
        return label_join(self._vector(0), self._text(1), self._text(2), self._texts(3))

    def sort(self) -> Value:
        return self._sorted(descending=False)

    def sort_desc(self) -> Value:
        return self._sorted(descending=True)

    def _sorted(self, *, descending: bool) -> Vector:
        vector = self._vector(0)
        if self._ordered_by_labels():
            return vector
        values = vector.values[:, 0]
        # NaN stays last in both directions.
        return vector.take(np.argsort(-values if descending else values, kind="stable"))

    def sort_by_label(self) -> Value:
        return self._sorted_by_label(descending=False)

    def sort_by_label_desc(self) -> Value:
        return self._sorted_by_label(descending=True)

    def _sorted_by_label(self, *, descending: bool) -> Vector:
        vector = self._vector(0)
        if self._ordered_by_labels():
            return vector
        return vector.take(order_by_labels(vector.labels, self._texts(1), descending=descending))

    def _ordered_by_labels(self) -> bool:
        """Whether sorting is in vain, and say so."""
        if not self._context.is_range:
            return False
        text = "sort is ineffective for range queries since results are always ordered by labels"
        self._context.notes.warn(text, self._node)
        return True

    def timestamp(self) -> Value:
        """Of what is no selector: the moment of evaluation."""
        vector = self._vector(0)
        times = np.broadcast_to(self._grid.times_ms / 1000, vector.values.shape)
        return vector.renamed(times)

    def start_timestamp(self) -> Value:
        """Of what is no selector: nothing is known."""
        return empty_vector(self._grid.size)

    def scalar(self) -> Value:
        vector = self._vector(0)
        single = vector.present.sum(axis=0) == 1
        return ScalarValue(np.where(single, np.where(vector.present, vector.values, 0.0).sum(axis=0), np.nan))

    def vector(self) -> Value:
        return _labelless(self._scalar(0))

    def time(self) -> Value:
        return ScalarValue(self._grid.times_ms / 1000)

    def pi(self) -> Value:
        return self._constant(np.pi)

    def start(self) -> Value:
        return self._constant(self._context.grid.start_ms / 1000)

    def end(self) -> Value:
        return self._constant(self._context.grid.end_ms / 1000)

    def range(self) -> Value:
        return self._constant((self._context.grid.end_ms - self._context.grid.start_ms) / 1000)

    def step(self) -> Value:
        return self._constant(self._context.step_ms / 1000)

    def min_of(self) -> Value:
        return ScalarValue(np.minimum(self._scalar(0), self._scalar(1)))

    def max_of(self) -> Value:
        return ScalarValue(np.maximum(self._scalar(0), self._scalar(1)))


_SPECIAL: dict[str, Callable[[Invocation], Value]] = {
    "absent": Invocation.absent,
    "absent_over_time": Invocation.absent_over_time,
    "clamp": Invocation.clamp,
    "clamp_max": Invocation.clamp_max,
    "clamp_min": Invocation.clamp_min,
    "double_exponential_smoothing": Invocation.double_exponential_smoothing,
    "end": Invocation.end,
    "histogram_fraction": Invocation.histogram_fraction,
    "histogram_quantile": Invocation.histogram_quantile,
    "histogram_quantiles": Invocation.histogram_quantiles,
    "label_join": Invocation.label_join,
    "label_replace": Invocation.label_replace,
    "max_of": Invocation.max_of,
    "min_of": Invocation.min_of,
    "pi": Invocation.pi,
    "predict_linear": Invocation.predict_linear,
    "quantile_over_time": Invocation.quantile_over_time,
    "range": Invocation.range,
    "round": Invocation.round,
    "scalar": Invocation.scalar,
    "sort": Invocation.sort,
    "sort_by_label": Invocation.sort_by_label,
    "sort_by_label_desc": Invocation.sort_by_label_desc,
    "sort_desc": Invocation.sort_desc,
    "start": Invocation.start,
    "start_timestamp": Invocation.start_timestamp,
    "step": Invocation.step,
    "time": Invocation.time,
    "timestamp": Invocation.timestamp,
    "vector": Invocation.vector,
    "holt_winters": Invocation.double_exponential_smoothing,
    **dict.fromkeys(
        ("histogram_avg", "histogram_count", "histogram_sum", "histogram_stddev", "histogram_stdvar"),
        Invocation.of_native_histograms,
    ),
}


def _look_like_counters(names: Sequence[str]) -> bool:
    return all(name.endswith(COUNTER_SUFFIXES) for name in names)


def broadcast(vector: Vector, steps: int) -> Vector:
    """A vector of one step for all steps of a grid."""
    if vector.values.shape[1] == steps:
        return vector
    shape = (vector.size, steps)
    return vector.with_values(np.broadcast_to(vector.values, shape), np.broadcast_to(vector.present, shape))


def _labelless(values: Floats) -> Vector:
    shape = (1, len(values))
    return Vector(LabelTable(1, {}), values[None, :], np.ones(shape, np.bool_), np.zeros(1, np.bool_))
