"""Sample lines that all give a timestamp, as files of old samples have them: read without a look at each.

A scrape's body names each series once; such a file names a series for each of its samples. So what stands before the
value is looked up whole, and values and times are converted together.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Floats, Ints
from fenghuo.wire.exposition.layout import Format
from fenghuo.wire.exposition.plain import PlainNames, PlainPairs, plain_series
from fenghuo.wire.exposition.values import floats_of

_KNOWN_MAX: Final = 100_000
"""Series remembered; beyond it all are read anew."""
_DIGITS_MAX: Final = 15
_SECONDS_MAX: Final = 1e12
BOUND_LABELS: Final = {"histogram": "le", "summary": "quantile"}
"""By family type: the label whose value is a number, and is spelled in one way."""


@dataclass(frozen=True, slots=True)
class Timed:
    """``values[i]`` at ``times_ms[i]`` is a sample of ``series[owners[i]]``, in the order of the lines."""

    series: Sequence[Labels]
    owners: Ints
    times_ms: Ints
    values: Floats


class TimedReader:
    """Reads pieces of one file."""

    def __init__(self, dialect: Format) -> None:
        self._dialect = dialect
        self._kind = ""
        self._forget()

    def _forget(self) -> None:
        self._known: dict[str, Labels] = {}
        self._names = PlainNames()
        self._pairs = PlainPairs(BOUND_LABELS.get(self._kind, ""), valid_utf8=True)

    def read(self, lines: bytes, family_type: str) -> Timed | None:
        """The samples of whole lines, with the type that the last TYPE line named.

        None when a line is not a plain sample with a timestamp: it may be a comment, have an exemplar, or be bad.
        """
        try:
            text = lines.decode()
            split = [line.rsplit(" ", 2) for line in text.removesuffix("\n").split("\n")]
            keys, value_texts, time_texts = zip(*split, strict=True)
        except ValueError:  # Which is what bytes that are no UTF-8 give, too.
            return None
        if family_type != self._kind or len(self._known) > _KNOWN_MAX:
            self._kind = family_type
            self._forget()
        numbers: dict[str, int] = {}
        owners = np.fromiter((numbers.setdefault(key, len(numbers)) for key in keys), np.int64, len(keys))
        series = [self._known.get(key) or self._learn(key) for key in numbers]
        times, values = self._times(time_texts), floats_of(value_texts)
        found = [labels for labels in series if labels is not None]
        if times is None or values is None or len(found) < len(series):
            return None
        return Timed(found, owners, times, values)

    def _learn(self, key: str) -> Labels | None:
        labels = plain_series(f"{key} ", self._names, self._pairs)
        if labels is not None:
            self._known[key] = labels
        return labels

    def _times(self, texts: Sequence[str]) -> Ints | None:
        """Times as their format writes them: whole milliseconds, or seconds that are cut off to milliseconds."""
        if self._dialect is Format.TEXT:
            joined = "".join(texts)
            if not (joined.isascii() and joined.isdigit()) or not all(texts) or max(map(len, texts)) > _DIGITS_MAX:
                return None
            return np.array(list(map(int, texts)), dtype=np.int64)
        seconds = floats_of(texts)
        if seconds is None or not (np.abs(seconds) < _SECONDS_MAX).all():
            return None
        return (seconds * 1000).astype(np.int64)
