"""Prometheus' text exposition format 0.0.4 and OpenMetrics 1.0: from a scraped body to samples, and back.

In: the bytes of a body and its content type, and what the last body of that source gave. Out: :class:`Parsed`,
whose :class:`Layout` is the same object for as long as the body differs in values only, so that whatever
was derived from the series (relabelled labels, store rows) stays good.

A body is read whole or not at all: at its first bad line the parser stops and names the line in ``problem``. It
behaves as Prometheus' lexers do when they scrape, which is laxer than the OpenMetrics specification: counters may
be negative, metadata may follow samples, families may be interleaved, trailing commas are fine, histograms are not
checked. ``_created`` lines are series like any other. Bounds in ``le`` of histograms and ``quantile`` of summaries
are spelled as Prometheus 3 stores them (``1`` becomes ``1.0``). Stricter than Prometheus' parser, as strict as its
scrape: a label name that stands twice in one series is a bad line.

Deliberately absent: the protobuf format, native histograms, and any check of what the samples mean.
"""

from fenghuo.wire.exposition.layout import EMPTY_LAYOUT, NO_TIME, Format, Layout, LineLayout, Parsed, format_of
from fenghuo.wire.exposition.parse import parse_text
from fenghuo.wire.exposition.render import Family, render, series_text
from fenghuo.wire.exposition.values import float_of, format_float

__all__ = [
    "EMPTY_LAYOUT",
    "NO_TIME",
    "Family",
    "Format",
    "Layout",
    "LineLayout",
    "Parsed",
    "float_of",
    "format_float",
    "format_of",
    "parse_text",
    "render",
    "series_text",
]
