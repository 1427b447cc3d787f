"""Series notation: ``name{label="value"} 0+10x5 _ stale``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from fenghuo.base.errors import InputError
from fenghuo.metrics.promql.syntax.cursor import Cursor
from fenghuo.metrics.promql.syntax.selectors import parse_selector
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
    start_times: bool = False
    """Whether the line gives start timestamps rather than samples."""


def parse_series_line(text: str) -> SeriesLine:
    """Raises InputError when the line is not in series notation."""
    found = _METRIC.match(text)
    if found is None or not (found[1] or found[2]):
        raise InputError(f"{text!r} is not a series with values")
    labels = _parse_labels(found[1], found[2] or "")
    rest = text[found.end() :]
    if found[3]:
        return SeriesLine(labels, (), start_times=True)
    return SeriesLine(labels, tuple(_parse_items(rest)))


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
