"""Series notation: ``name{label="value"} 0+10x5 _ stale``."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from fenghuo.base.errors import InputError
from fenghuo.metrics.promql.syntax.cursor import Cursor
from fenghuo.metrics.promql.syntax.selectors import parse_selector
from fenghuo.model.duration import parse_duration_ms
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import MatchOp
from fenghuo.model.sample import STALE_NAN

_METRIC = re.compile(r"""\s*([^\s{@]*)\s*(\{(?!\{)(?:"(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*'|`[^`]*`|[^}"'`])*\})?(@st)?""")
_NUMBER = r"[+-]?(?:inf|nan|(?:\d[\d_]*\.?[\d_]*|\.\d[\d_]*)(?:e[+-]?\d+)?)"
_ITEM = re.compile(
    rf"""\s*(?:
        (?P<gap>_)(?:x(?P<gaps>\d+))?
        | (?P<stale>stale)
        | (?P<histogram>\{{\{{.*?\}}\}}(?:[+-]\{{\{{.*?\}}\}})?)(?:x(?P<copies>\d+))?
        | (?P<first>{_NUMBER})(?:(?P<step>[+-]{_NUMBER.removeprefix("[+-]?")})?x(?P<times>\d+))?
    )(?=\s|$)""",
    re.VERBOSE | re.IGNORECASE,
)


_OFFSET = r"(?:0|(?:\d+(?:ms|[smhdwy]))+)"
_START = re.compile(
    rf"(?P<gap>_)(?:x(?P<gaps>\d+))?|(?P<first>[+-]?{_OFFSET})(?:(?P<step>[+-]{_OFFSET})?x(?P<times>\d+))?"
)


class HistogramSample:
    """Stands where a native histogram was written; they are not supported."""

    __slots__ = ()


HISTOGRAM = HistogramSample()
Item = float | HistogramSample | None


@dataclass(frozen=True, slots=True)
class SeriesLine:
    """One line: the series and its values by position; None is no sample."""

    labels: Labels
    items: tuple[Item, ...]
    starts_ms: tuple[int | None, ...] = ()
    """By position, how far from its sample's time each start timestamp lies; empty when the line gives none."""


def parse_series_line(text: str) -> SeriesLine:
    """Raises InputError when the line is not in series notation."""
    found = _METRIC.match(text)
    if found is None or not (found[1] or found[2]):
        raise InputError(f"{text!r} is not a series with values")
    labels = _parse_labels(found[1], found[2] or "")
    rest = text[found.end() :]
    if found[3]:
        return SeriesLine(labels, (), tuple(_parse_starts(rest)))
    return SeriesLine(labels, tuple(_parse_items(rest)))


def parse_series_lines(texts: Iterable[str]) -> Iterator[SeriesLine]:
    """The lines of a ``load``; start timestamps join the line of samples that follows them."""
    starts: SeriesLine | None = None
    for text in texts:
        line = parse_series_line(text)
        if starts is not None:
            if line.labels != starts.labels or len(line.items) != len(starts.starts_ms):
                raise InputError(f"the start timestamps of {starts.labels} have no samples of as many positions below")
            line = SeriesLine(line.labels, line.items, starts.starts_ms)
        starts = line if line.starts_ms and not line.items else None
        if starts is None:
            yield line
    if starts is not None:
        raise InputError(f"the start timestamps of {starts.labels} have no samples below")


def _parse_labels(name: str, braces: str) -> Labels:
    if not braces or braces.strip("{} \t") == "":
        return Labels({"__name__": name})
    cursor = Cursor(name + braces)
    selector = parse_selector(cursor, may_be_empty=True)
    if not cursor.at_end() or any(matcher.op is not MatchOp.EQUAL for matcher in selector.matchers):
        raise InputError(f"{name + braces!r} is not a series")
    return Labels((matcher.name, matcher.value) for matcher in selector.matchers)


def _parse_items(text: str) -> Iterator[Item]:
    at = 0
    while text[at:].strip():
        found = _ITEM.match(text, at)
        if found is None:
            raise InputError(f"{text[at:].split()[0]!r} is not a value in series notation")
        at = found.end()
        yield from _expand(found)


def _parse_starts(text: str) -> Iterator[int | None]:
    for item in text.split():
        if (found := _START.fullmatch(item)) is None:
            raise InputError(f"{item!r} is not a start timestamp in series notation")
        if found["gap"]:
            yield from [None] * int(found["gaps"] or 1)
            continue
        value = _offset_ms(found["first"])
        step = _offset_ms(found["step"] or "0")
        for count in range(int(found["times"] or 0) + 1):
            yield value + count * step


def _offset_ms(text: str) -> int:
    return parse_duration_ms(text.lstrip("+-")) * (-1 if text[0] == "-" else 1)


def _expand(found: re.Match[str]) -> Iterator[Item]:
    if found["gap"]:
        yield from [None] * int(found["gaps"] or 1)
    elif found["stale"]:
        yield float(STALE_NAN)
    elif found["histogram"]:
        yield from [HISTOGRAM] * (int(found["copies"] or 0) + 1)
    else:
        value = _number(found["first"])
        step = _number(found["step"]) if found["step"] else 0.0
        yield value
        for _ in range(int(found["times"] or 0)):
            value += step
            yield value


def _number(text: str) -> float:
    return float(text.replace("_", ""))
