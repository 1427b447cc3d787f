"""Arrays that grow at the end, and the small index arithmetic that several files here share."""

from __future__ import annotations

from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt

from fenghuo.model.sample import Ints

S = TypeVar("S", bound=np.generic)


class Growing(Generic[S]):
    """A one-dimensional array with room at its end. Cells that were never set hold ``fill``."""

    __slots__ = ("_fill", "all", "size")

    def __init__(self, dtype: type[S], fill: S | int | float, capacity: int = 16) -> None:
        self._fill = fill
        self.all: npt.NDArray[S] = np.full(capacity, fill, dtype=dtype)
        """The array with its spare room; replaced when it grows."""
        self.size = 0

    @property
    def view(self) -> npt.NDArray[S]:
        """The cells in use; not to be kept over a growth when it is to be written."""
        return self.all[: self.size]

    def grow(self, size: int) -> None:
        """Bring ``size`` cells into use."""
        if size > len(self.all):
            wider = np.full(max(size, 2 * len(self.all)), self._fill, dtype=self.all.dtype)
            wider[: self.size] = self.all[: self.size]
            self.all = wider
        self.size = max(self.size, size)

    def append(self, values: npt.ArrayLike) -> None:
        """Put one value or an array of them at the end."""
        start = self.size
        self.grow(start + np.size(values))
        self.all[start : self.size] = values

    def clear(self) -> None:
        self.all[: self.size] = self._fill
        self.size = 0


def distinct(values: Ints) -> Ints:
    """The values, sorted, each once.

    What ``np.unique`` gives, but that imports numpy's masked arrays (15 ms, 1 MiB) for programs that have none.
    """
    ordered = np.sort(values)
    return ordered[np.r_[True, ordered[1:] != ordered[:-1]]] if len(ordered) else ordered


def first_of_each(values: Ints) -> Ints:
    """The values, each once, in the order in which they come first."""
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    firsts = order[np.r_[True, ordered[1:] != ordered[:-1]]] if len(order) else order
    return values[np.sort(firsts)]


def runs_of(values: npt.NDArray[np.integer]) -> list[Ints]:
    """For each distinct value, in ascending order, the places where it stands, in ascending order."""
    if not len(values):
        return []
    order = np.argsort(values, kind="stable")
    ordered = values[order]
    return np.split(order, np.flatnonzero(ordered[1:] != ordered[:-1]) + 1)


def spread(starts: Ints, counts: Ints) -> Ints:
    """The indices ``starts[i] … starts[i] + counts[i] - 1`` of every ``i``, one after another."""
    total = int(counts.sum())
    ends = np.cumsum(counts)
    indices: Ints = np.arange(total, dtype=np.int64) + np.repeat(starts - (ends - counts), counts)
    return indices
