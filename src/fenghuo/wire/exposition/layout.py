"""What an exposition holds once it is read: the values that the parser hands to the scraper."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar, Floats, Ints, Metadata

NO_TIME: Final = -(1 << 63)
"""Stands in :attr:`Parsed.times_ms` where a line gives no timestamp. No exposition can say it."""


class Format(StrEnum):
    """The text formats spoken, by the content type that announces them."""

    TEXT = "text/plain; version=0.0.4"
    OPENMETRICS = "application/openmetrics-text; version=1.0.0"


def format_of(content_type: str) -> Format | None:
    """The format that a ``Content-Type`` header announces, or None when it is none of ours (or no header at all).

    Parameters such as version and charset do not matter, as in Prometheus.
    """
    match content_type.partition(";")[0].strip().lower():
        case "application/openmetrics-text":
            return Format.OPENMETRICS
        case "text/plain":
            return Format.TEXT
        case _:
            return None


@dataclass(frozen=True, slots=True, eq=False)
class LineLayout:
    """The text of a body that is not values, line by line, for the fast path."""

    format: Format
    keys: tuple[bytes, ...]
    """What each line begins with, up to where its value begins; empty for lines that are no samples."""
    key_sizes: tuple[int, ...]
    """The lengths of the keys."""
    places: Ints
    """int64[lines]: where in the series each line's sample stands; -1 for lines that are no samples."""
    types: tuple[tuple[int, str], ...]
    """From which sample on which family type was in force, for the types that change how labels are read."""


@dataclass(frozen=True, slots=True, eq=False)
class Layout:
    """What a body looks like apart from its values. Compared by identity: the same object, the same series.

    Whoever derives something from ``series`` (final labels, store rows) may keep it for as long as the parser
    returns this very object.
    """

    series: tuple[Labels, ...] = ()
    """In the order of the body; a series that stands twice in the body stands twice here."""
    metadata: Mapping[str, Metadata] = field(default_factory=dict)
    """By family name, as the HELP, TYPE and UNIT lines spell it."""
    lines: LineLayout | None = None
    """None where there is no fast path: the samples did not come as text, or are written too oddly for one."""


EMPTY_LAYOUT: Final = Layout()


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """The samples of one body. With a ``problem`` there are none: Prometheus, too, takes a body whole or not."""

    layout: Layout
    """With a ``problem``: the series before the bad line, which Prometheus counts, and nothing else."""
    values: Floats
    """float64[n], parallel to ``layout.series``. A NaN has Prometheus' bits for an ordinary NaN."""
    times_ms: Ints | None = None
    """int64[n], or None when no line gives a timestamp; ``NO_TIME`` at lines that do not."""
    exemplars: list[tuple[int, Exemplar]] = field(default_factory=list)
    """With the index of the series each belongs to."""
    problem: str | None = None
    """The first bad line: its number, its text, and what is wrong."""
    lines: list[bytes] | None = None
    """The lines of the body, for the next one to be compared with; None where the layout has no fast path."""
