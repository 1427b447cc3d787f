"""What a remote write request says, whatever version it came in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar, Floats, Ints, Metadata
from fenghuo.wire.remote_write.protobuf import MalformedError, Wire, fields

Key: TypeAlias = bytes | tuple[str, ...]
"""Names a series as its sender wrote it: the label fields of version 1.0, or the texts that 2.0 refers to."""

TYPES: Final = ("unknown", "counter", "gauge", "histogram", "gaugehistogram", "summary", "info", "stateset")
"""OpenMetrics' words for metric types by the number that stands for them, in both versions."""


@dataclass(frozen=True, slots=True)
class Problem:
    """Why foreign bytes are not what they should be."""

    text: str
    too_large: bool = False
    """Whether they are refused for their size alone."""


@dataclass(frozen=True, slots=True, eq=False)
class WriteRequest:
    """The content of one request. ``owners[i]``, ``times_ms[i]`` and ``values[i]`` are one sample."""

    keys: Sequence[Key]
    """The series in the order of the message; one may stand here several times."""
    owners: Ints
    """int64[n]: the place in ``keys`` of the series that the sample belongs to. In no certain order."""
    times_ms: Ints
    """int64[n]"""
    values: Floats
    """float64[n], with the bits that were sent."""
    exemplars: list[tuple[int, Exemplar]] = field(default_factory=list)
    """With the place of their series in ``keys``."""
    histograms: list[int] = field(default_factory=list)
    """For each native histogram the place of its series."""
    metadata: list[tuple[str, Metadata]] = field(default_factory=list)
    """With the name of the metric or its family."""
    problem: Problem | None = None
    """Why the message cannot be read; nothing else is set then."""


def labels_of(key: Key) -> Labels | Problem:
    """The labels that a key stands for. Empty values are no labels, whatever their order was."""
    try:
        pairs = _texts_v1(key) if isinstance(key, bytes) else list(zip(key[::2], key[1::2], strict=True))
    except UnicodeDecodeError:
        return Problem("labels that are not valid UTF-8")
    except MalformedError as error:
        return Problem(str(error))
    labels = Labels(pairs)
    if len({name for name, _ in pairs}) < len(pairs):
        return Problem(f"{labels} has a label name twice")
    if any(not name for name, _ in pairs):
        return Problem(f"{labels} has a label without a name")
    return labels


def _texts_v1(key: bytes) -> list[tuple[str, str]]:
    pairs = []
    for _, _, start, end in fields(key, 0, len(key)):
        name = value = ""
        for number, wire, at, until in fields(key, start, end):
            if wire == Wire.LENGTH and number == 1:
                name = key[at:until].decode()
            elif wire == Wire.LENGTH and number == 2:
                value = key[at:until].decode()
        pairs.append((name, value))
    return pairs
