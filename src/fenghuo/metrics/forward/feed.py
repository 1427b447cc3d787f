"""Reading rounds from the log, segment after segment, and dropping what is not to be sent."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass

from fenghuo.metrics.forward.batch import Draft
from fenghuo.metrics.forward.metrics import Dropped, RemoteMetrics
from fenghuo.metrics.forward.names import Names, Naming
from fenghuo.metrics.forward.ports import SegmentReader, Tail
from fenghuo.model.sample import Bools
from fenghuo.model.tailed import Exemplars, Named, Position, Samples, Tailed

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What one remote wants of the log."""

    naming: Naming
    encoded: bool
    """Whether series are named by encoded labels, as version 1.0 writes them."""
    exemplars: bool
    age_limit_ms: int
    """Older samples are left out; 0 takes all."""


class Feed:
    """One remote's way through the log. Synchronous; used by one thread at a time."""

    def __init__(
        self, tail: Tail, position: Position, wanted: Wanted, now_ms: Callable[[], int], metrics: RemoteMetrics
    ) -> None:
        self.position = position
        """Up to where was read."""
        self._tail = tail
        self._wanted = wanted
        self._now_ms = now_ms
        self._metrics = metrics
        self._reader: SegmentReader | None = None
        self._names = self._no_names()
        self._told = -1
        """The segment whose damage was told last."""

    @property
    def pending(self) -> bool:
        """Whether there may be something to read."""
        return self._tail.end != self.position

    def close(self) -> None:
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def read(self, draft: Draft, size_max: int) -> None:
        """Add to ``draft`` until it has ``size_max`` samples and exemplars, the log ends, or a segment does.

        A record is taken whole, so that a draft may have more. Raises OSError when the disk refuses.
        """
        while len(draft) < size_max and not draft.closed:
            end = self._tail.end
            reader = self._reader or self._open(end)
            if reader is None:
                return
            draft.names = self._names.all
            until = self._until(reader, draft)
            for item in reader.read(until):
                self._take(item, draft)
                if len(draft) >= size_max:
                    break
            self.position = draft.end = Position(reader.number, reader.offset)
            if draft.until is not None and self.position >= draft.until:
                draft.closed = True
                return
            if reader.damage:
                self._tell(reader)
            elif reader.offset < until:
                return
            if reader.number >= end.segment:
                return
            self._leave(reader.number, end)
            draft.end, draft.closed = self.position, len(draft) > 0

    def _until(self, reader: SegmentReader, draft: Draft) -> int:
        size = self._tail.size_of(reader.number)
        last = draft.until
        return min(size, last.offset) if last is not None and last.segment == reader.number else size

    def skip_to(self, number: int) -> None:
        """Leave out what stands before that segment, and count its samples as lost. Raises OSError."""
        while self.position.segment < number:
            end = self._tail.end
            reader = self._reader or self._open(end)
            if reader is None or reader.number >= number:
                return
            lost = 0
            for item in reader.read(self._tail.size_of(reader.number)):
                if isinstance(item, Named):
                    self._names.add(item.labels)
                elif isinstance(item, Samples):
                    lost += int(self._names.leaves[item.series].sum())
            self._metrics.drop(Dropped.QUEUE_FULL, lost)
            self._leave(reader.number, end)

    def _open(self, end: Position) -> SegmentReader | None:
        """Begin to read at the position, or at what is there next. Series named before it are learnt."""
        if self.position > end:
            log.warning("the WAL ends at %s, before %s; it is sent from its beginning", end, self.position)
            self.position = Position(0, 0)
        number, offset = self.position.segment, self.position.offset
        reader = self._tail.open(number)
        if reader is None:
            later = [each for each, _ in self._tail.sizes() if each > number]
            reader = self._tail.open(later[0]) if later else None
            if reader is None:
                return None
            self.position, offset = Position(later[0], 0), 0
        self._names = self._no_names()
        self._reader = reader
        for item in reader.read(offset):
            if isinstance(item, Named):
                self._names.add(item.labels)
        return reader

    def _leave(self, number: int, end: Position) -> None:
        self.close()
        later = [each for each, _ in self._tail.sizes() if each > number]
        self.position = Position(later[0] if later else end.segment, 0)

    def _no_names(self) -> Names:
        return Names(self._wanted.naming, encoded=self._wanted.encoded)

    def _take(self, item: Tailed, draft: Draft) -> None:
        match item:
            case Named():
                self._names.add(item.labels)
            case Samples():
                self._take_samples(item, draft)
            case Exemplars() if self._wanted.exemplars:
                named = ((self._wanted.naming.outside(series), each) for series, each in item.found)
                draft.exemplars += [(series, each) for series, each in named if series is not None]
            case _:
                return

    def _take_samples(self, item: Samples, draft: Draft) -> None:
        series, times_ms, values = item.series, item.times_ms, item.values

        def keep(mask: Bools, reason: Dropped) -> None:
            nonlocal series, times_ms, values
            if not mask.all():
                self._metrics.drop(reason, len(mask) - int(mask.sum()))
                series, times_ms, values = series[mask], times_ms[mask], values[mask]

        if self._names.dropped:
            keep(self._names.leaves[series], Dropped.RELABELLED)
        if self._wanted.age_limit_ms:
            keep(times_ms >= self._now_ms() - self._wanted.age_limit_ms, Dropped.TOO_OLD)
        if len(series):
            draft.add(series, times_ms, values)

    def _tell(self, reader: SegmentReader) -> None:
        if self._told != reader.number:
            self._told = reader.number
            self._metrics.damaged()
            log.error("WAL segment %d %s; what follows in it is not sent", reader.number, reader.damage)
