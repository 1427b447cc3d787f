"""Copying many stretches of one array at once, each as one piece of memory."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
import numpy.typing as npt

T = TypeVar("T", bound=np.generic)


def stretches(array: npt.NDArray[T], length: int) -> npt.NDArray[T]:
    """A view of all stretches of a contiguous array, [len(array) - length + 1, length]: row i begins at element i.

    Taking rows from it, or assigning to rows that do not overlap, copies each in one go, where an index for every
    element costs several times as much. NumPy's ``sliding_window_view`` does the same, after 10 us of checks.
    """
    return np.ndarray((len(array) - length + 1, length), array.dtype, array, 0, array.strides * 2)
