"""The points of many series at common moments, as JSON, without a step for each point.

orjson writes the values of many rows in one go. Each comma between them is then replaced by what stands between two
points, ``"],[1435781430,"``, always with the first moment; and in the end the digits in which the moments differ are
put over it, eight bytes at a time.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt
import orjson

from fenghuo.model.sample import Floats, Ints

SLAB_VALUES = 1 << 13
"""Values written together: their text stays in a core's cache. Found with the benchmark; half or
twice makes no difference."""
_WORD = 8
_BEFORE, _OPENING = b'"],[', b',"'
_COMMA, _POINT, _ZERO = b",.0"


class Points:
    """Writes rows of points at the same moments."""

    def __init__(self, joint: bytes, digits: int, words: npt.NDArray[np.uint64]) -> None:
        self._joint = joint
        self._digits = digits
        """Where in the joint the digits are that differ."""
        self._words = words
        """uint64[S]: these digits of each moment, as they lie in memory."""

    @staticmethod
    def at(seconds: Sequence[bytes]) -> Points | None:
        """For moments, at least one, that are written with as many bytes each and differ in few of them; else None."""
        size = len(seconds[0])
        if size < _WORD or any(len(each) != size for each in seconds):
            return None
        letters = np.frombuffer(b"".join(seconds), dtype=np.uint8).reshape(-1, size)
        differ = np.flatnonzero((letters != letters[0]).any(axis=0))
        first = min(int(differ[0]), size - _WORD) if len(differ) else 0
        if len(differ) and int(differ[-1]) >= first + _WORD:
            return None
        words = np.ascontiguousarray(letters[:, first : first + _WORD]).view(np.uint64).reshape(-1)
        return Points(_BEFORE + seconds[0] + _OPENING, len(_BEFORE) + first, words)

    def rows(self, values: Floats) -> Iterator[memoryview]:
        """Each row of float64[n, S], C-contiguous and plain (see ``numbers.are_plain``), as ``[1,"2"],[3,"4"]``."""
        steps, joint = values.shape[1], self._joint
        text = b",%b," % orjson.dumps(values.reshape(-1), option=orjson.OPT_SERIALIZE_NUMPY)[1:-1]
        text, commas = _without_zeros(text)
        joints = commas + np.arange(len(commas)) * (len(joint) - 1)
        points = bytearray(text.replace(b",", joint))
        # A view of overlapping words, one beginning at each byte.
        anywhere: npt.NDArray[np.uint64] = np.ndarray((len(points) - _WORD + 1,), np.uint64, points, strides=(1,))
        anywhere[joints[:-1] + self._digits] = np.tile(self._words, len(values))
        bounds, view = joints[::steps].tolist(), memoryview(points)
        for start, end in itertools.pairwise(bounds):
            yield view[start + len(_BEFORE) - 1 : end + 2]


def _without_zeros(text: bytes) -> tuple[bytes, Ints]:
    """Numbers between commas without the ``.0`` of whole ones, and int64[n + 1]: where the commas are."""
    letters = np.frombuffer(text, dtype=np.uint8)
    commas = np.flatnonzero(letters == _COMMA)
    ends = commas[1:]
    whole = (letters[ends - 2] == _POINT) & (letters[ends - 1] == _ZERO)
    gone = ends[whole]
    if not len(gone):
        return text, commas
    kept = np.ones(len(letters), dtype=np.bool_)
    kept[gone - 2] = False
    kept[gone - 1] = False
    commas[1:] -= 2 * np.cumsum(whole)
    return letters[kept].tobytes(), commas
