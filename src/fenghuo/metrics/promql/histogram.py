"""Classic histograms: cumulative buckets in series of their own, told apart by the label ``le``."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.promql.annotations import Annotations, ForcedMonotonicity
from fenghuo.metrics.promql.fold import Groups
from fenghuo.metrics.promql.label_arrays import distinct_values, group_rows, texts, with_column
from fenghuo.metrics.promql.numbers import format_openmetrics
from fenghuo.metrics.promql.syntax.ast import Expr
from fenghuo.metrics.promql.vector import Vector, stack
from fenghuo.model.label_table import LabelColumn
from fenghuo.model.labels import METRIC_NAME
from fenghuo.model.sample import Bools, Floats, Ints

BUCKET_LABEL = "le"
_SMALL_DELTA = 1e-12
"""Relative difference of neighbouring bucket counts that is taken for a rounding error. Prometheus' value."""


@dataclass(frozen=True, slots=True)
class Mends:
    """Where bucket counts fell from a bucket to the next, and were mended. All arrays are [G, S]."""

    where: Bools
    lowest: Floats
    """The lowest bound of a bucket that was mended, +Inf where none was."""
    highest: Floats
    """The highest, -Inf where none was."""
    most: Floats
    """By how much a bucket was mended at most."""

    @staticmethod
    def none(histograms: int, steps: int) -> Mends:
        shape = (histograms, steps)
        return Mends(np.zeros(shape, np.bool_), np.full(shape, np.inf), np.full(shape, -np.inf), np.zeros(shape))

    def note(self, where: Bools, bound: float, by: Floats) -> None:
        """Enter what was mended in the bucket of one bound. All float64 or bool[G, S]."""
        self.where[where] = True
        self.lowest[where] = np.minimum(self.lowest[where], bound)
        self.highest[where] = np.maximum(self.highest[where], bound)
        self.most[where] = np.maximum(self.most[where], by[where])

    def but(self, where: Bools) -> Mends:
        """Without those at the steps bool[S]."""
        return Mends(self.where & ~where, self.lowest, self.highest, self.most)

    def put(self, rows: Ints, steps: Ints, other: Mends) -> None:
        """Take over what ``other`` says of some histograms at some steps."""
        for mine, theirs in zip(self._arrays(), other._arrays(), strict=True):
            mine[rows, steps] = theirs[rows, steps]

    def _arrays(self) -> tuple[npt.NDArray[Any], ...]:
        return self.where, self.lowest, self.highest, self.most


@dataclass(frozen=True, slots=True)
class Mending:
    """Where it is told what was wrong with the buckets of ``arg``, seen at ``times_ms`` int64[S]."""

    notes: Annotations
    arg: Expr
    times_ms: Ints

    def tell(self, metric: str, mends: Mends, rows: Ints) -> None:
        """Of one metric's histograms, int64[n]."""
        where = mends.where[rows]
        steps = np.flatnonzero(where.any(axis=0))
        if len(steps):
            forced = ForcedMonotonicity(
                float(mends.lowest[rows][where].min()),
                float(mends.highest[rows][where].max()),
                float(mends.most[rows][where].max()),
                int(where.sum()),
                int(self.times_ms[steps[0]]),
                int(self.times_ms[steps[-1]]),
            )
            self.notes.forced_monotonicity(metric, forced, self.arg)


Kernel = Callable[[Floats, Floats], tuple[Floats, Mends | None]]
"""Bounds float64[B] ascending, counts float64[G, B, S]: values float64[G, S], and what had to be mended."""


def histogram_quantile(phi: Floats, vector: Vector, phi_arg: Expr, mending: Mending) -> Vector:
    """The phi-quantile of each histogram, linear within a bucket. ``phi``: float64[S]."""
    mending.notes.check_quantiles(phi, phi_arg)
    return _each_histogram(vector, mending, lambda bounds, counts: _quantile(bounds, counts, phi))


def histogram_quantiles(vector: Vector, label: str, phis: list[tuple[Floats, Expr]], mending: Mending) -> Vector:
    """Several quantiles at once, told apart by ``label``. One that changes from step to step changes its series."""
    parts = []
    for phi, node in phis:
        part = histogram_quantile(phi, vector, node, mending)
        for value in np.unique(phi).tolist():
            name = LabelColumn.of([format_openmetrics(value)] * part.size)
            here = (phi == value) | np.isnan(phi) & math.isnan(value)
            named = part.relabelled(with_column(part.labels, label, name))
            parts.append(named.with_values(part.values, part.present & here))
    return stack(parts)


def histogram_fraction(lower: Floats, upper: Floats, vector: Vector, mending: Mending) -> Vector:
    """The share of observations between two values. ``lower``, ``upper``: float64[S]."""
    return _each_histogram(vector, mending, lambda bounds, counts: _fraction(bounds, counts, lower, upper))


def _each_histogram(vector: Vector, mending: Mending, kernel: Kernel) -> Vector:
    vector, bounds = _buckets(vector, mending.arg, mending.notes)
    names = [name for name in vector.labels.columns if name != BUCKET_LABEL]
    ids, first = group_rows(vector.labels, names)
    groups = Groups(ids, len(first))
    values = np.full((groups.size, vector.values.shape[1]), np.nan)
    if groups.size:
        order = np.lexsort((bounds, ids))
        for members, rows in _same_layout(groups, order, bounds):
            mends = _by_presence(vector, rows, bounds[rows[0]], kernel, values, members)
            if mends is not None and mends.where.any():
                _tell(vector, first[members], mends, mending)
    present = groups.reduce(np.logical_or, vector.present) if groups.size else np.zeros_like(values, dtype=np.bool_)
    table = vector.labels.take(first).without((BUCKET_LABEL,))
    return Vector(table, values, present, np.ones(groups.size, np.bool_))


def _tell(vector: Vector, rows: Ints, mends: Mends, mending: Mending) -> None:
    """``rows``: int64[G], a row of each histogram."""
    names, which = distinct_values(vector.labels.take(rows), METRIC_NAME)
    for number, name in enumerate(names):
        mending.tell(name, mends, np.flatnonzero(which == number))


def _buckets(vector: Vector, arg: Expr, notes: Annotations) -> tuple[Vector, Floats]:
    """The rows whose ``le`` is a number, and those numbers."""
    labels, which = distinct_values(vector.labels, BUCKET_LABEL)
    parsed = [_bound(label) for label in labels]
    numbers = np.array([np.nan if number is None else number for number in parsed])[which]
    good = np.array([number is not None for number in parsed])[which]
    if good.all():
        return vector, numbers
    names = texts(vector.labels, METRIC_NAME)
    for row in np.flatnonzero(~good).tolist():
        notes.bad_bucket(labels[int(which[row])], names[row], arg)
    kept = np.flatnonzero(good)
    return vector.take(kept), numbers[kept]


def _bound(label: str) -> float | None:
    try:
        return float(label) if label and "_" not in label and label == label.strip() else None
    except ValueError:
        return None


def _same_layout(groups: Groups, order: Ints, bounds: Floats) -> list[tuple[Ints, Ints]]:
    """Histograms with the same bounds together: their numbers int64[G], and their rows int64[G, B]."""
    found: list[tuple[Ints, Ints]] = []
    for size in np.unique(groups.members).tolist():
        members = np.flatnonzero(groups.members == size)
        rows = order[groups.starts[members][:, None] + np.arange(size)]
        _, layout = np.unique(bounds[rows], axis=0, return_inverse=True)
        layout = layout.reshape(-1)
        found.extend(
            (members[layout == number], rows[layout == number]) for number in range(int(layout.max(initial=-1)) + 1)
        )
    return found


def _by_presence(
    vector: Vector, rows: Ints, bounds: Floats, kernel: Kernel, values: Floats, members: Ints
) -> Mends | None:
    """Fill ``values`` for histograms of one layout; at steps where buckets are missing, from those that are there.

    Returns what had to be mended.
    """
    counts, present = vector.values[rows], vector.present[rows]
    if present.all():
        values[members], mends = kernel(bounds, counts)
        return mends
    together = Mends.none(len(members), counts.shape[2])
    flat = np.moveaxis(present, 1, 2).reshape(-1, rows.shape[1])
    patterns, which = np.unique(flat, axis=0, return_inverse=True)
    cells = np.moveaxis(counts, 1, 2).reshape(-1, rows.shape[1])
    group, step = np.divmod(np.arange(len(flat)), counts.shape[2])
    for number, pattern in enumerate(patterns):
        if not pattern.any():
            continue
        chosen = which.reshape(-1) == number
        result = np.full((len(members), counts.shape[2]), np.nan)
        spread = np.full((len(members), int(pattern.sum()), counts.shape[2]), np.nan)
        spread[group[chosen], :, step[chosen]] = cells[chosen][:, pattern]
        result, mends = kernel(bounds[pattern], spread)
        values[members[group[chosen]], step[chosen]] = result[group[chosen], step[chosen]]
        if mends is not None:
            together.put(group[chosen], step[chosen], mends)
    return together


def _coalesced(bounds: Floats, counts: Floats) -> tuple[Floats, Floats]:
    """Buckets that share a bound, added up."""
    distinct, first = np.unique(bounds, return_index=True)
    if len(distinct) == len(bounds):
        return bounds, counts
    return distinct, np.add.reduceat(counts, first, axis=1)


def _quantile(bounds: Floats, counts: Floats, phi: Floats) -> tuple[Floats, Mends | None]:
    shape = (counts.shape[0], counts.shape[2])
    by_phi = np.where(np.isnan(phi), np.nan, np.where(phi < 0, -np.inf, np.inf))
    outside = ~((phi >= 0) & (phi <= 1))
    if bounds[-1] != np.inf:
        unknown = np.where(outside, by_phi, np.nan)
        return np.broadcast_to(unknown, shape), None
    bounds, counts = _coalesced(bounds, counts)
    counts, mends = _monotonic(bounds, counts)
    if len(bounds) < 2:
        return np.broadcast_to(np.where(outside, by_phi, np.nan), shape), mends
    total = counts[:, -1]
    rank = phi * total
    # Without a number of observations none of the buckets holds the rank, and the answer is the highest bound.
    bucket = (~(counts[:, :-1] >= rank[:, None])).sum(axis=1)
    upper = bounds[bucket]
    below = np.maximum(bucket - 1, 0)
    start = np.where(bucket > 0, bounds[below], 0.0)
    before = np.where(bucket > 0, np.take_along_axis(counts, below[:, None], axis=1)[:, 0], 0.0)
    within = np.take_along_axis(counts, bucket[:, None], axis=1)[:, 0] - before
    value = start + (upper - start) * ((rank - before) / within)
    value = np.where((bucket == 0) & (upper <= 0), upper, value)
    value = np.where(bucket == len(bounds) - 1, bounds[-2], value)
    value = np.where(total == 0, np.nan, value)
    return np.where(outside, by_phi, value), None if mends is None else mends.but(outside)


def _monotonic(bounds: Floats, counts: Floats) -> tuple[Floats, Mends | None]:
    """Counts that never fall from bucket to bucket, and where more than a rounding error had to be mended."""
    if not (np.diff(counts, axis=1) < 0).any():
        return counts, None
    mends = Mends.none(counts.shape[0], counts.shape[2])
    counts = counts.copy()
    before = counts[:, 0]
    for bucket in range(1, counts.shape[1]):
        here = counts[:, bucket]
        same = np.abs(here - before) < _SMALL_DELTA * (np.abs(here) + np.abs(before))
        fell = (here < before) & ~same
        if fell.any():
            mends.note(fell, float(bounds[bucket]), before - here)
        counts[:, bucket] = np.where(same | fell, before, here)
        before = counts[:, bucket]
    return counts, mends


def _fraction(bounds: Floats, counts: Floats, lower: Floats, upper: Floats) -> tuple[Floats, None]:
    shape = (counts.shape[0], counts.shape[2])
    if bounds[-1] != np.inf:
        return np.full(shape, np.nan), None
    bounds, counts = _coalesced(bounds, counts)
    total = counts[:, -1]
    share = (_rank(bounds, counts, upper, 0.0) - _rank(bounds, counts, lower, 1.0)) / total
    share = np.where(lower >= upper, 0.0, share)
    return np.where((total == 0) | np.isnan(lower) | np.isnan(upper), np.nan, share), None


def _rank(bounds: Floats, counts: Floats, value: Floats, part_of_open: float) -> Floats:
    """How many observations are not above ``value`` float64[S], linear within a bucket: float64[G, S].

    Of a first bucket that is open to minus infinity, ``part_of_open`` counts.
    """
    steps = np.arange(counts.shape[2])
    bucket = np.searchsorted(bounds, value, side="left")
    bucket = np.clip(bucket, 0, len(bounds) - 1)
    upper = bounds[bucket]
    start = np.where(bucket > 0, bounds[np.maximum(bucket - 1, 0)], np.where(upper > 0, 0.0, -np.inf))
    before = np.where(bucket > 0, counts[:, np.maximum(bucket - 1, 0), steps], 0.0)
    until = counts[:, bucket, steps]
    part = np.where(np.isinf(upper), 0.0, np.clip((value - start) / (upper - start), 0.0, 1.0))
    part = np.where(np.isinf(start), np.where(value == -np.inf, 0.0, part_of_open), part)
    part = np.where(value == upper, 1.0, part)
    result = before + (until - before) * part
    result = np.where((value == np.inf), counts[:, -1], result)
    # Beyond the last finite bound nothing is known of where observations lie.
    return np.minimum(result, counts[:, -1])
