"""Following the WAL: what was appended since a position, for whoever passes samples on to other engines.

A position is where a record begins; it outlives the process. :class:`WalTail` says what there is to read and
keeps segments from being deleted, and :class:`SegmentTail` reads one segment, while it is written or long after. It
names each series, with a number of its own, before it gives samples of it; since a segment names what it mentions, a
reader that begins in the middle has read the names from the front. Appending never waits for a reader.
"""

from __future__ import annotations

import logging
import os
import struct
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self

import numpy as np

from fenghuo.metrics.store import records
from fenghuo.metrics.store.arrays import Growing
from fenghuo.metrics.store.records import HEADER, Kind
from fenghuo.metrics.store.wal import NEVER_MS, SEGMENT_HEADER, Damage, Segment, SegmentReader, Wal
from fenghuo.model.sample import Floats, Ints
from fenghuo.model.tailed import Exemplars, Named, Position, Samples, Tailed

log = logging.getLogger(__name__)

READ_BYTES: Final = 1 << 20
"""Read from a segment at once, unless a record is longer."""

_NONE: Final[Ints] = np.empty(0, dtype=np.int64)


@dataclass(slots=True)
class _Cohort:
    """A cohort as the segment names it, and its last scrape there."""

    rows: Growing[np.int64]
    """By row: the number of the series."""
    last_series: Ints
    last_values: Floats


class SegmentTail:
    """Reads one segment from the front. One thread at a time; close it, or use it as a context."""

    def __init__(self, segment: Segment) -> None:
        self.number = segment.number
        self.damage = ""
        """Why nothing is read beyond :attr:`offset`; empty while all is well."""
        self.offset = 0
        """Where the next record begins: all before it was given."""
        self._descriptor = os.open(segment.path, os.O_RDONLY | os.O_CLOEXEC)
        self._series = 0
        self._numbers: Growing[np.int64] = Growing(np.int64, -1)
        """By the segment's number of a series: ours."""
        self._cohorts: dict[int, _Cohort] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        os.close(self._descriptor)

    def read(self, until: int) -> Iterator[Tailed]:
        """What stands between :attr:`offset` and byte ``until``, where a record ends. May be left at any item, and
        called again. Raises OSError when the disk does."""
        wanted = READ_BYTES
        while self.offset < until and not self.damage:
            begin = self.offset
            data = os.pread(self._descriptor, min(wanted, until - begin), begin)
            if not data:
                self.damage = f"ends at byte {begin}, and {until} bytes were written"
                return
            reader = SegmentReader(data, self.number, begin)
            for kind, payload in reader:
                try:
                    found = self._apply(kind, payload)
                except (ValueError, LookupError, TypeError, struct.error) as error:
                    self.damage = f"holds a record of kind {kind} at byte {self.offset} that makes no sense: {error!r}"
                    return
                self.offset = (self.offset or SEGMENT_HEADER.size) + HEADER.size + len(payload)
                if found is not None:
                    yield found
            if reader.damage is None:
                self.offset, wanted = begin + len(data), READ_BYTES
            else:
                wanted = self._beyond(reader.damage, data, begin, until)

    def _beyond(self, damage: Damage, data: bytes, begin: int, until: int) -> int:
        """How much to read next: the record that was cut short by the end of ``data``, or nothing beyond damage."""
        there = data[damage.offset : damage.offset + HEADER.size]
        if damage.torn and begin + len(data) < until and len(data) >= READ_BYTES:
            length = HEADER.unpack(there)[0] if len(there) == HEADER.size else 0
            return max(READ_BYTES, SEGMENT_HEADER.size + HEADER.size + length)
        self.damage = f"holds {damage.reason} at byte {begin + damage.offset}"
        return 0

    def _apply(self, kind: int, payload: memoryview) -> Tailed | None:
        match kind:
            case Kind.SCRAPE | Kind.SCRAPE_SAME_ROWS | Kind.SCRAPE_CHANGES:
                return self._scrape(kind, payload)
            case Kind.SERIES:
                return self._name(records.decode_series(payload))
            case Kind.COHORT:
                self._cohort(records.decode_cohort(payload))
            case Kind.LOOSE:
                loose = records.decode_loose(payload)
                return Samples(self._known(loose.sids), loose.times_ms, loose.values)
            case Kind.EXEMPLARS:
                return Exemplars(records.decode_exemplars(payload))
        return None  # Nothing that leaves: a deletion, or a kind of a later version.

    def _name(self, record: records.SeriesRecord) -> Named:
        self._numbers.grow(int(record.sids.max(initial=-1)) + 1)
        self._numbers.all[record.sids] = np.arange(self._series, self._series + len(record.sids))
        self._series += len(record.sids)
        return Named(record.labels)

    def _cohort(self, record: records.CohortRecord) -> None:
        if record.first_row == 0:
            self._cohorts[record.cohort] = _Cohort(Growing(np.int64, -1), _NONE, np.empty(0))
        self._cohorts[record.cohort].rows.append(self._known(record.sids))

    def _known(self, sids: records.Sids) -> Ints:
        numbers: Ints = self._numbers.all[sids]
        if len(numbers) and numbers.min() < 0:
            raise ValueError("a series that was not named")
        return numbers

    def _scrape(self, kind: int, payload: memoryview) -> Samples:
        code, time_ms, count = records.decode_scrape_head(payload)
        cohort = self._cohorts[code]
        if kind == Kind.SCRAPE:
            rows, values = records.decode_scrape(payload, count)
            cohort.last_series = cohort.rows.all[rows]
        elif kind == Kind.SCRAPE_CHANGES:
            values = records.decode_scrape_changes(payload, cohort.last_values)
        else:
            values = records.decode_scrape_values(payload, count)
        cohort.last_values = values
        return Samples(cohort.last_series, np.full(count, time_ms, dtype=np.int64), values)


class WalTail:
    """What there is to read, now. Thread-safe; only :meth:`keep_from` waits for others and :meth:`open` for the disk.

    The rest reads without the store's lock: copying a dictionary's values is one step of the interpreter, and a
    segment that is set aside is in ``kept`` before it leaves ``segments``.
    """

    def __init__(self, wal: Wal, lock: threading.Lock) -> None:
        self._wal = wal
        self._lock = lock

    @property
    def end(self) -> Position:
        """Where the next append goes."""
        number = self._wal.number
        current = self._wal.segments.get(number)
        return Position(number, 0 if current is None else current.size_bytes)

    @property
    def newest_ms(self) -> int:
        """The newest time of a sample in the segments that the store needs; far in the past when there is none."""
        return max((each.last_ms for each in list(self._wal.segments.values())), default=NEVER_MS)

    def sizes(self) -> list[tuple[int, int]]:
        """Number and size in bytes of each segment that can be read, oldest first; the last is still written."""
        current = list(self._wal.segments.values())
        found = {each.number: each.size_bytes for each in (*list(self._wal.kept.values()), *current)}
        return sorted(found.items())

    def size_of(self, number: int) -> int:
        """How many bytes of the segment can be read."""
        segment = self._segment(number)
        return 0 if segment is None else segment.size_bytes

    def open(self, number: int) -> SegmentTail | None:
        """A reader of that segment; None when it is not there. Raises OSError when it cannot be read."""
        while (segment := self._segment(number)) is not None:
            try:
                return SegmentTail(segment)
            except FileNotFoundError:
                if self._segment(number) is segment:  # Otherwise it was set aside in between.
                    raise
        return None

    def keep_from(self, number: int | None) -> None:
        """Let segments from this one on be kept when the store needs them no more; None keeps none."""
        with self._lock:
            self._wal.keep_from(number)

    def _segment(self, number: int) -> Segment | None:
        return self._wal.segments.get(number) or self._wal.kept.get(number)
