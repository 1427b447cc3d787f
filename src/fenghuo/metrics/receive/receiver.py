"""Remote write requests, from bytes to the store. Blocking; runs in worker threads."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from fenghuo.base.clock import Clock
from fenghuo.metrics.receive.bounds import ITEMS, MESSAGE_BYTES
from fenghuo.metrics.receive.known import UNKNOWN, KnownSeries
from fenghuo.metrics.receive.metadata import PushedMetadata
from fenghuo.metrics.receive.metrics import ReceiveMetrics
from fenghuo.metrics.receive.receipt import Receipt, Refused, Version
from fenghuo.metrics.receive.sink import PushSink, push
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Bools, Exemplar, Ints
from fenghuo.wire.remote_write import Encoding, Key, Problem, WriteRequest, decode_v1, decode_v2, labels_of, unpacked

DECODERS = {Version.V1: decode_v1, Version.V2: decode_v2}
WAYS = {Version.V1: "remote_write_1", Version.V2: "remote_write_2"}


class Receiver:
    """Takes requests. Thread-safe."""

    def __init__(self, sink: PushSink, metadata: PushedMetadata, metrics: ReceiveMetrics, clock: Clock) -> None:
        self._sink = sink
        self._metadata = metadata
        self._metrics = metrics
        self._clock = clock
        self._known = KnownSeries(sink)

    def receive(self, body: bytes, version: Version, encoding: str) -> Receipt:
        """Store a request, compressed as ``encoding`` (one of :class:`Encoding`) says.

        Raises OperatingError when the store cannot write; sending all again is harmless.
        """
        receipt = self._received(body, version, Encoding(encoding))
        self._metrics.count(WAYS[version], receipt, self._clock.now_ms())
        self._metrics.known.set(len(self._known.keys))
        return receipt

    def _received(self, body: bytes, version: Version, encoding: Encoding) -> Receipt:
        message = unpacked(body, encoding, MESSAGE_BYTES.default)
        if isinstance(message, Problem):
            if message.too_large:
                MESSAGE_BYTES.hit()
            return _unreadable(message)
        request = DECODERS[version](message, self._known.keys, ITEMS.default)
        if request.problem is not None:
            if request.problem.too_large:
                ITEMS.hit()
            return _unreadable(request.problem)
        receipt = Receipt()
        refs = self._refs(request, receipt)
        self._push(request, refs, receipt)
        self._exemplars(request, refs, receipt)
        self._metadata.note(request.metadata)
        if request.histograms:
            receipt.refuse(Refused.HISTOGRAM, len(request.histograms), "native histograms are not stored yet")
        return receipt

    def _refs(self, request: WriteRequest, receipt: Receipt) -> Ints:
        """A reference for each series; samples of those without one are counted as refused."""
        problems: dict[int, Problem] = {}
        refs = self._known.refs(request.keys, problems.__setitem__)
        if problems:
            lost = int(np.count_nonzero(refs[request.owners] == UNKNOWN))
            # A series without a sample is an answer's matter, too: its sender has made a mistake.
            receipt.refuse(Refused.LABELS, max(lost, 1), next(iter(problems.values())).text)
        return refs

    def _push(self, request: WriteRequest, refs: Ints, receipt: Receipt) -> None:
        places = np.flatnonzero(refs[request.owners] != UNKNOWN) if (refs == UNKNOWN).any() else None
        owners = request.owners if places is None else request.owners[places]
        times = request.times_ms if places is None else request.times_ms[places]
        values = request.values if places is None else request.values[places]

        def refs_of(places: Ints, gone: Bools | None) -> Ints:
            if gone is not None:
                self._learn_again(request.keys, refs, np.unique(owners[places][gone]))
            return refs[owners[places]]

        for result in push(self._sink, refs_of, times, values):
            receipt.add(result.accepted, result.rejected)

    def _learn_again(self, keys: Sequence[Key], refs: Ints, places: Ints) -> None:
        """Name series anew that the store has forgotten."""
        forgotten = [keys[place] for place in places.tolist()]
        self._known.forget(forgotten)
        refs[places] = self._known.refs(forgotten, lambda *_: None)

    def _exemplars(self, request: WriteRequest, refs: Ints, receipt: Receipt) -> None:
        found: list[tuple[Labels, Exemplar]] = []
        for place, exemplar in request.exemplars:
            labels = labels_of(request.keys[place]) if refs[place] >= 0 else None
            if isinstance(labels, Labels):
                found.append((labels, exemplar if exemplar.time_ms else replace(exemplar, time_ms=None)))
        if found:
            self._sink.append_exemplars(found)
            receipt.exemplars = len(found)


def _unreadable(problem: Problem) -> Receipt:
    return Receipt(unreadable=problem.text, too_large=problem.too_large)
