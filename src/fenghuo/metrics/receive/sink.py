"""Where what is pushed goes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fenghuo.model.labels import Labels
from fenghuo.model.sample import AppendResult, Bools, Exemplar, Floats, Ints


class Pushed(Protocol):
    """What the store says of a push."""

    @property
    def result(self) -> AppendResult: ...
    @property
    def gone(self) -> Bools | None:
        """References that hold no longer; then nothing was stored."""
        ...


class PushSink(Protocol):
    """The store. See its methods of the same names."""

    def refs(self, series: Sequence[Labels]) -> Ints: ...
    def push(self, refs: Ints, times_ms: Ints, values: Floats) -> Pushed: ...
    def append_exemplars(self, exemplars: Sequence[tuple[Labels, Exemplar]]) -> None: ...
