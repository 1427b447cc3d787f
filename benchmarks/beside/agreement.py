"""Do two servers give the same answer? Label sets, points and values of query results."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum, auto
from typing import Any

import numpy as np

from beside.data import Floats

EXACT = 1e-9
WIDE = 0.2
"""VictoriaMetrics' rate looks at the sample before the window and does not extrapolate: the median point of twenty
samples differs by some hundredths; a fifth says that it is the same quantity."""

Series = dict[tuple[tuple[str, str], ...], tuple[Floats, Floats]]
"""Times (s) and values by sorted labels, the metric's name left out: VictoriaMetrics keeps it where others drop it."""


class Kind(Enum):
    """How answers are compared."""

    SERIES = auto()
    """Series by their labels, each point."""
    RANKS = auto()
    """The values of each moment, sorted: which of equals is chosen differs."""


@dataclass(frozen=True)
class Agreement:
    agrees: bool
    text: str


def _labels(metric: dict[str, str]) -> tuple[tuple[str, str], ...]:
    return tuple(sorted((name, value) for name, value in metric.items() if name != "__name__"))


def series_in(answer: Any) -> Series:
    """The series of the decoded answer of a range or an instant query."""
    found: Series = {}
    for each in answer["data"]["result"]:
        points = each["values"] if "values" in each else [each["value"]]
        times = np.array([point[0] for point in points], dtype=np.float64)
        found[_labels(each["metric"])] = (times, np.array([point[1] for point in points]).astype(np.float64))
    return found


def _ranked(series: Series) -> Series:
    if not series:
        return {}
    times = np.concatenate([times for times, _ in series.values()])
    values = np.concatenate([values for _, values in series.values()])
    order = np.lexsort((values, times))
    return {(): (times[order], values[order])}


def _deviations(ours: tuple[Floats, Floats], theirs: tuple[Floats, Floats]) -> Floats | None:
    """Relative differences point by point; None when the points do not stand at the same times."""
    if not np.array_equal(ours[0], theirs[0]):
        return None
    left, right = ours[1], theirs[1]
    same = (left == right) | (np.isnan(left) & np.isnan(right))
    with np.errstate(invalid="ignore", divide="ignore"):
        apart = np.abs(left - right) / np.maximum(np.abs(left), np.abs(right))
    return np.where(same, 0.0, np.where(np.isnan(apart), np.inf, apart))


def compare(ours: Any, theirs: Any, kind: Kind, tolerance: float) -> Agreement:
    """Compare two decoded answers. A tolerance beyond :data:`EXACT` holds for the median point, else for all."""
    left, right = series_in(ours), series_in(theirs)
    if not left:
        return Agreement(False, "no answer")
    if kind is Kind.RANKS:
        left, right = _ranked(left), _ranked(right)
    if left.keys() != right.keys():
        return Agreement(False, f"{len(left)} series, {len(right)} there, {len(left.keys() & right.keys())} common")
    found = [_deviations(left[labels], right[labels]) for labels in left]
    shifted = sum(each is None for each in found)
    if shifted:
        return Agreement(False, f"{shifted} of {len(left)} series have other points")
    apart = np.concatenate([each for each in found if each is not None])
    deviation = float(apart.max() if tolerance <= EXACT else np.median(apart))
    return Agreement(deviation <= tolerance, f"{deviation:.0e}" if deviation else "equal")
