"""Importing files of samples: recent ones go where pushed samples go, old ones straight into blocks. Blocking."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Protocol

import numpy as np

from fenghuo.base.clock import Clock
from fenghuo.metrics.receive.metadata import PushedMetadata
from fenghuo.metrics.receive.metrics import ReceiveMetrics
from fenghuo.metrics.receive.receipt import Receipt, Refused
from fenghuo.metrics.receive.sink import PushSink, push
from fenghuo.metrics.receive.texts import BadLine, Batch, ExpositionLines, JsonLines, LineReader, Lines
from fenghuo.model.labels import Labels
from fenghuo.model.sample import AppendResult, Bools, Floats, Ints
from fenghuo.wire.exposition import NO_TIME, Format

WAY = "import"


class BackfillWork(Protocol):
    """See :class:`fenghuo.metrics.store.backfill.Backfill`."""

    @property
    def blocks(self) -> int: ...
    def add(self, series: Sequence[Labels], owners: Ints, times_ms: Ints, values: Floats) -> AppendResult: ...
    def finish(self) -> None: ...


class ImportSink(PushSink, Protocol):
    """The store."""

    def backfill(self) -> BackfillWork: ...


class Importer:
    """One import: :meth:`feed` it the text piece by piece, then :meth:`finish`. One call at a time."""

    def __init__(
        self,
        kind: Format | None,
        extra: Labels,
        default_ms: int | None,
        recent_ms: int,
        sink: ImportSink,
        metadata: PushedMetadata,
        metrics: ReceiveMetrics,
        clock: Clock,
    ) -> None:
        """``kind`` None means JSON lines. ``extra`` labels are put over those of every series; ``default_ms`` is the
        time of samples that have none, which are refused without it. Samples of the last ``recent_ms`` are pushed."""
        reader: LineReader = JsonLines() if kind is None else ExpositionLines(kind)
        self._lines = Lines(reader)
        self._extra = extra
        self._default_ms = default_ms
        self._recent_ms = recent_ms
        self._sink = sink
        self._metadata = metadata
        self._metrics = metrics
        self._clock = clock
        self._old = sink.backfill()
        self.receipt = Receipt()
        """What was taken so far; samples are stored for sure after :meth:`finish`."""

    @property
    def blocks(self) -> int:
        """Blocks that were written for old samples."""
        return self._old.blocks

    def feed(self, data: bytes) -> None:
        """Take more of the text. Raises OperatingError when the store cannot write; importing again is harmless."""
        self._take(self._lines.feed(data))

    def finish(self) -> Receipt:
        """Store what is left. Raises OperatingError."""
        self._take(self._lines.finish())
        self._old.finish()
        self._metrics.count(WAY, self.receipt, self._clock.now_ms())
        return self.receipt

    def _take(self, found: Iterable[Batch | BadLine]) -> None:
        for each in found:
            if isinstance(each, BadLine):
                self.receipt.refuse(Refused.LINE, 1, each.text)
            else:
                self._store(each)

    def _store(self, batch: Batch) -> None:
        self._metadata.note(batch.metadata)
        batch = self._named(self._timed(batch))
        recent = batch.times_ms >= self._clock.now_ms() - self._recent_ms
        old = np.flatnonzero(~recent)
        if len(old):
            taken = self._old.add(batch.series, batch.owners[old], batch.times_ms[old], batch.values[old])
            self.receipt.add(taken.accepted, taken.rejected)
        self._push(batch, np.flatnonzero(recent))
        exemplars = [(batch.series[place], each) for place, each in batch.exemplars if batch.series[place].metric_name]
        if exemplars:
            self._sink.append_exemplars(exemplars)
            self.receipt.exemplars += len(exemplars)

    def _timed(self, batch: Batch) -> Batch:
        """The batch with a time at every sample."""
        missing = batch.times_ms == NO_TIME
        if not missing.any():
            return batch
        if self._default_ms is not None:
            return replace(batch, times_ms=np.where(missing, self._default_ms, batch.times_ms))
        problem = f"{batch.series[batch.owners[int(np.argmax(missing))]]} has no timestamp"
        self.receipt.refuse(Refused.NO_TIME, int(np.count_nonzero(missing)), problem)
        return _kept(batch, ~missing)

    def _named(self, batch: Batch) -> Batch:
        """The batch with the extra labels, without series that have no metric name."""
        series = [labels.merged(self._extra) for labels in batch.series] if self._extra else batch.series
        batch = replace(batch, series=series)
        nameless = np.array([not labels.metric_name for labels in series], dtype=np.bool_)
        if not nameless.any():
            return batch
        lost = nameless[batch.owners]
        problem = f"{series[int(np.argmax(nameless))]} has no metric name"
        self.receipt.refuse(Refused.LABELS, max(int(np.count_nonzero(lost)), 1), problem)
        return _kept(batch, ~lost)

    def _push(self, batch: Batch, recent: Ints) -> None:
        owners, times, values = batch.owners[recent], batch.times_ms[recent], batch.values[recent]

        def refs_of(places: Ints, gone: Bools | None) -> Ints:
            wanted, numbers = np.unique(owners[places], return_inverse=True)
            return self._sink.refs([batch.series[place] for place in wanted.tolist()])[numbers]

        for result in push(self._sink, refs_of, times, values):
            self.receipt.add(result.accepted, result.rejected)


def _kept(batch: Batch, mask: Bools) -> Batch:
    return replace(batch, owners=batch.owners[mask], times_ms=batch.times_ms[mask], values=batch.values[mask])
