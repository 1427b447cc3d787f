"""Where what is pushed goes, and the way to it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

import numpy as np

from fenghuo.base.errors import OperatingError
from fenghuo.model.labels import Labels
from fenghuo.model.sample import AppendResult, Bools, Exemplar, Floats, Ints

AT_ONCE = 5000
"""Samples that are pushed in one go, up to twice as many to end with a timestamp: the store's lock is held for some
milliseconds."""
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


class RefsOf(Protocol):
    """Gives the references of the series of some samples, which are named by their places."""

    def __call__(self, places: Ints, gone: Bools | None) -> Ints:
        """``gone``, bool[n], marks those that hold no longer and are to be asked for anew."""
        ...


def push(sink: PushSink, refs_of: RefsOf, times_ms: Ints, values: Floats) -> Iterator[AppendResult]:
    """Push samples in parts, in order of time, naming series anew that the store has forgotten.

    What has one timestamp goes together if it can: by that the store knows what belongs together. Raises
    OperatingError.
    """
    order = np.argsort(times_ms, kind="stable")
    for places in _parts(order, times_ms):
        yield _push(sink, refs_of, places, times_ms[places], values[places])


def _parts(order: Ints, times_ms: Ints) -> Iterator[Ints]:
    start = 0
    while start < len(order):
        end = start + AT_ONCE
        if end < len(order):
            following = times_ms[order[end : end + AT_ONCE]]
            end += int(np.searchsorted(following, times_ms[order[end - 1]], side="right"))
        yield order[start:end]
        start = end


def _push(sink: PushSink, refs_of: RefsOf, places: Ints, times_ms: Ints, values: Floats) -> AppendResult:
    gone: Bools | None = None
    for _ in range(_TRIES_MAX):
        pushed = sink.push(refs_of(places, gone), times_ms, values)
        gone = pushed.gone
        if gone is None:
            return pushed.result
    raise OperatingError("series are forgotten as soon as they are named", retryable=True)
