"""The writer of both text formats."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from fenghuo.model.labels import METRIC_NAME, Labels, is_legacy_label_name, is_legacy_metric_name
from fenghuo.model.sample import Metadata
from fenghuo.wire.exposition.layout import Format
from fenghuo.wire.exposition.values import format_float

_TEXT_TYPES: Final = {"counter", "gauge", "histogram", "summary"}


@dataclass(frozen=True, slots=True)
class Family:
    """Samples that share metadata: ``(labels with their metric name, value, time in ms or None)``."""

    name: str
    metadata: Metadata
    samples: Sequence[tuple[Labels, float, int | None]]
    extra: Sequence[tuple[str, str]] = ()
    """Labels for the samples that have none of the name. Those without a value are written, too."""


def render(families: Iterable[Family], dialect: Format) -> bytes:
    """The families in the order given, as a body to be scraped."""
    lines: list[str] = []
    for family in families:
        lines += _metadata_lines(family, dialect)
        lines += [_sample_line(*sample, family.extra, dialect) for sample in family.samples]
    if dialect is Format.OPENMETRICS:
        lines.append("# EOF")
    return "".join(line + "\n" for line in lines).encode()


def _metadata_lines(family: Family, dialect: Format) -> list[str]:
    said, name = family.metadata, _name(family.name)
    lines = []
    if said.help:
        lines.append(f"# HELP {name} {_help(said.help, dialect)}")
    if dialect is Format.OPENMETRICS:
        lines.append(f"# TYPE {name} {said.type}")
        if said.unit and family.name.endswith("_" + said.unit):
            lines.append(f"# UNIT {name} {said.unit}")
    else:
        lines.append(f"# TYPE {name} {said.type if said.type in _TEXT_TYPES else 'untyped'}")
    return lines


def series_text(labels: Labels, extra: Sequence[tuple[str, str]] = ()) -> str:
    """A series as both formats name it, ``up{job="node"}``, with the labels of ``extra`` that it has not."""
    inside = [
        f"{name if is_legacy_label_name(name) else _quoted(name)}={_quoted(text)}"
        for name, text in [*labels.pairs, *(pair for pair in extra if pair[0] not in labels)]
        if name != METRIC_NAME
    ]
    name = labels.metric_name
    if is_legacy_metric_name(name):
        return f"{name}{{{','.join(inside)}}}" if inside else name
    return f"{{{','.join([_quoted(name), *inside])}}}"


def _sample_line(
    labels: Labels, value: float, time_ms: int | None, extra: Sequence[tuple[str, str]], dialect: Format
) -> str:
    line = f"{series_text(labels, extra)} {format_float(value)}"
    if time_ms is None:
        return line
    return f"{line} {time_ms}" if dialect is Format.TEXT else f"{line} {_seconds(time_ms)}"


def _seconds(time_ms: int) -> str:
    whole, part = divmod(abs(time_ms), 1000)
    return f"{'-' if time_ms < 0 else ''}{whole}.{part:03d}"


def _name(name: str) -> str:
    return name if is_legacy_metric_name(name) else _quoted(name)


def _quoted(text: str) -> str:
    return '"' + _escape(text).replace('"', '\\"') + '"'


def _help(text: str, dialect: Format) -> str:
    escaped = _escape(text)
    return escaped.replace('"', '\\"') if dialect is Format.OPENMETRICS else escaped


def _escape(text: str) -> str:
    return text.replace("\\", "\\\\").replace("\n", "\\n")
