"""From measurements to a :class:`~fenghuo.wire.exposition.Parsed` whose layout is stable."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypeAlias

import numpy as np

from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.sample import Metadata
from fenghuo.wire.exposition import Layout, Parsed

_Key: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


@dataclass(frozen=True, slots=True)
class FamilyRecorder:
    """Takes the samples of one metric family."""

    name: str
    recorder: Recorder

    def add(self, value: float, **labels: str) -> None:
        """One sample. A label with an empty value is no label."""
        self.recorder.keys.append((self.name, tuple(labels.items())))
        self.recorder.values.append(value)


@dataclass(slots=True)
class Recorder:
    """Takes the samples of one collection, in order."""

    keys: list[_Key] = field(default_factory=list)
    values: list[float] = field(default_factory=list)
    metadata: dict[str, Metadata] = field(default_factory=dict)

    def family(self, name: str, type: str, help: str) -> FamilyRecorder:  # noqa: A002 - the field's words
        """Begin or go on with the family ``name``. ``type`` is OpenMetrics' word, as in Metadata."""
        if name not in self.metadata:
            self.metadata[name] = Metadata(type, help)
        return FamilyRecorder(name, self)

    def gauge(self, name: str, help: str) -> FamilyRecorder:  # noqa: A002
        return self.family(name, "gauge", help)

    def counter(self, name: str, help: str) -> FamilyRecorder:  # noqa: A002
        return self.family(name, "counter", help)

    def take_in(self, other: Recorder) -> None:
        """Append what ``other`` recorded."""
        self.keys += other.keys
        self.values += other.values
        self.metadata.update(other.metadata)


class StableLayout:
    """Remembers the last layout and gives it out again while the series are the same, in the same order."""

    def __init__(self) -> None:
        self._keys: list[_Key] | None = None
        self._layout = Layout()

    def parsed(self, recorded: Recorder) -> Parsed:
        """What was recorded, as if it had been scraped. A series recorded twice stands twice."""
        if recorded.keys != self._keys or recorded.metadata != self._layout.metadata:
            self._keys = recorded.keys
            series = tuple(Labels(((METRIC_NAME, name), *labels)) for name, labels in recorded.keys)
            self._layout = Layout(series, recorded.metadata)
        return Parsed(self._layout, np.array(recorded.values, dtype=np.float64))
