"""What stands behind the series of a sample line: value, timestamp, exemplar. Read for many lines at once."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar, Floats, Ints
from fenghuo.wire.exposition.grammar import SeriesReader, UnreadableError, check_utf8, expected
from fenghuo.wire.exposition.layout import NO_TIME, Format
from fenghuo.wire.exposition.values import float_of, floats_of

_INT64_MAX: Final = (1 << 63) - 1

_TEXT_REST: Final = re.compile(r"[ \t]*+([^{ \t]++)(?:[ \t]++([0-9]++))?+[ \t]*+", re.ASCII)
_VALUE_AND_TIME: Final = re.compile(r"([^ ]++)(?: (?!# \{)([^ ]++))?+")
_EXEMPLAR_TAIL: Final = re.compile(r" ([^ ]++)(?: ([^ ]++))?+")


@dataclass(frozen=True, slots=True)
class Samples:
    """The values of n lines; see :class:`~fenghuo.wire.exposition.layout.Parsed`."""

    values: Floats
    times_ms: Ints | None
    exemplars: list[tuple[int, Exemplar]]


class BadSampleError(Exception):
    """The sample at ``index`` is not one. Never leaves this package."""

    def __init__(self, index: int, message: str) -> None:
        super().__init__(message)
        self.index = index
        self.message = message


def read_samples(rests: Sequence[str], dialect: Format) -> Samples:
    """Read what is left of n sample lines behind their series. Raises BadSampleError for the first bad one."""
    values = floats_of(rests)
    if values is not None:
        return Samples(values, None, [])
    return _read_with_more_than_values(rests, dialect)


def _read_with_more_than_values(rests: Sequence[str], dialect: Format) -> Samples:
    read = _text_rest if dialect is Format.TEXT else _openmetrics_rest
    texts = list(rests)
    times: dict[int, int] = {}
    exemplars: list[tuple[int, Exemplar]] = []
    bad: BadSampleError | None = None
    for index, rest in enumerate(rests):
        if rest.isalnum():
            continue
        try:
            texts[index], time_ms, exemplar = read(rest)
        except UnreadableError as error:
            bad = BadSampleError(index, error.message)
            del texts[index:]
            break
        if time_ms is not None:
            times[index] = time_ms
        if exemplar is not None:
            exemplars.append((index, exemplar))
    values = floats_of(texts)
    if values is None:
        raise _first_bad_value(texts)
    if bad is not None:
        raise bad
    return Samples(values, _times(times, len(texts)), exemplars)


def _times(times: dict[int, int], count: int) -> Ints | None:
    if not times:
        return None
    times_ms = np.full(count, NO_TIME, dtype=np.int64)
    times_ms[list(times)] = list(times.values())
    return times_ms


def _first_bad_value(texts: Sequence[str]) -> BadSampleError:
    for index, text in enumerate(texts):
        if float_of(text) is None:
            return BadSampleError(index, f"expected a number, got {text[:40]!r}")
    raise AssertionError("every value is fine alone, but not together")


def _text_rest(rest: str) -> tuple[str, int | None, None]:
    found = _TEXT_REST.fullmatch(rest)
    if found is None:
        start = _TEXT_REST.match(rest)
        if start is None:
            raise expected("a value", rest, 0)
        raise expected("a timestamp in whole milliseconds, or the end of the line", rest, start.end())
    if found[2] is None:
        return found[1], None, None
    time_ms = int(found[2]) if len(found[2]) < 20 else _INT64_MAX + 1
    if time_ms > _INT64_MAX:
        raise UnreadableError(f"timestamp {found[2][:40]} is out of range")
    return found[1], time_ms, None


def _openmetrics_rest(rest: str) -> tuple[str, int | None, Exemplar | None]:
    found = _VALUE_AND_TIME.match(rest)
    if found is None:
        raise expected("a value", rest, 0)
    time_ms = _openmetrics_time(found[2])
    if found.end() == len(rest):
        return found[1], time_ms, None
    if not rest.startswith(" # {", found.end()):
        raise expected("an exemplar or the end of the line", rest, found.end())
    reader = SeriesReader(rest, Format.OPENMETRICS, start=found.end() + 3)
    pairs = reader.read_exemplar_labels()
    for name, text in pairs:
        check_utf8(name, text)
    labels = Labels(pairs)
    tail = _EXEMPLAR_TAIL.fullmatch(rest, reader.end)
    if tail is None:
        raise expected("a value and perhaps a timestamp behind the exemplar's labels", rest, reader.end)
    value = float_of(tail[1])
    if value is None:
        raise UnreadableError(f"expected a number, got {tail[1][:40]!r}")
    return found[1], time_ms, Exemplar(labels, value, _openmetrics_time(tail[2]))


def _openmetrics_time(text: str | None) -> int | None:
    """OpenMetrics' seconds as milliseconds, cut off like Prometheus does and held within int64."""
    if text is None:
        return None
    time_s = float_of(text)
    if time_s is None or not math.isfinite(time_s):
        raise UnreadableError(f"invalid timestamp {text[:40]!r}")
    return max(-_INT64_MAX, min(_INT64_MAX, int(time_s * 1000) if abs(time_s) < 1e300 else _INT64_MAX))
