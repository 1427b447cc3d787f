"""Where what is pushed goes, and the way to it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from fenghuo.base.errors import OperatingError
from fenghuo.model.labels import Labels
from fenghuo.model.sample import AppendResult, Bools, Exemplar, Floats, Ints

AT_ONCE = 5000
"""Samples that are pushed in one go: the store's lock is held for some milliseconds."""
_TRIES_MAX = 5
"""The store forgets a series between two calls when it has been silent for hours; several times in a row, never."""


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


def push(sink: PushSink, refs_of: Callable[[Bools | None], Ints], times_ms: Ints, values: Floats) -> AppendResult:
    """Push samples, naming series anew that the store has forgotten.

    ``refs_of`` gives the references of the samples' series: first for None, then for bool[n], which marks those that
    hold no longer. Raises OperatingError.
    """
    gone: Bools | None = None
    for _ in range(_TRIES_MAX):
        pushed = sink.push(refs_of(gone), times_ms, values)
        gone = pushed.gone
        if gone is None:
            return pushed.result
    raise OperatingError("series are forgotten as soon as they are named", retryable=True)
