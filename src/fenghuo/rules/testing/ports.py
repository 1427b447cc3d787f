"""What a test needs of an engine and a store, handed in by who runs it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fenghuo.model.labels import Labels
from fenghuo.rules.ports import Store


class Laboratory(Store, Protocol):
    """A store that begins empty, with an engine over it."""

    def load(self, series: str, values: str, start_ms: int, interval_ms: int) -> None:
        """Put a series in, written as ``up{job="a"}`` and ``1+0x10 _ stale``. One that stands there is replaced.

        Raises InputError for what is not in series notation, and for native histograms.
        """
        ...

    def show_until(self, time_ms: int) -> None:
        """Let queries see samples up to this moment, inclusive."""
        ...

    def query(self, expr: str, time_ms: int) -> Sequence[tuple[Labels, float]]:
        """The instant vector of an expression; a scalar is one sample without labels. Raises as rules' queries do."""
        ...

    def labels(self, text: str) -> Labels:
        """The labels of a series as it is written. Raises InputError."""
        ...
