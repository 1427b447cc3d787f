"""What became of something that was pushed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum


class Version(StrEnum):
    """The message of a remote write request, by the ``proto`` parameter of its content type."""

    V1 = "prometheus.WriteRequest"
    V2 = "io.prometheus.write.v2.Request"


class Refused(StrEnum):
    """Reasons that the store does not know of."""

    LABELS = "invalid_labels"
    HISTOGRAM = "native_histogram"
    LINE = "bad_line"
    NO_TIME = "no_timestamp"


@dataclass(slots=True)
class Receipt:
    """Counts of one request or file."""

    samples: int = 0
    """Stored, or stored before with the same value."""
    exemplars: int = 0
    refused: dict[str, int] = field(default_factory=dict)
    """Samples, histograms and lines that were not stored, by reason."""
    first_problem: str = ""
    """Of what was refused for its own content: where, and what is wrong."""
    unreadable: str = ""
    """Why nothing of it could be read; then all counts are 0."""
    too_large: bool = False
    """Whether it is unreadable for its size alone."""

    def refuse(self, reason: str, count: int, problem: str = "") -> None:
        word = str(reason)  # JSON takes no kind of str but str itself for a key.
        self.refused[word] = self.refused.get(word, 0) + count
        self.first_problem = self.first_problem or problem

    def add(self, stored: int, refused: Mapping[str, int]) -> None:
        """Count what the store said."""
        self.samples += stored
        for reason, count in refused.items():
            self.refuse(reason, count)

    @property
    def summary(self) -> str:
        """One line for whoever sent it."""
        if self.unreadable:
            return self.unreadable
        refused = ", ".join(f"{count} {reason}" for reason, count in sorted(self.refused.items()))
        first = f" (first: {self.first_problem})" if self.first_problem else ""
        return f"{self.samples} samples stored, refused: {refused or 'none'}{first}"
