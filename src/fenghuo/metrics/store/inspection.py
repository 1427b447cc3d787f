"""What files of a store hold, read without opening a store: nothing is changed, and a store may run on them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from fenghuo.metrics.store import records
from fenghuo.metrics.store.arrays import spread
from fenghuo.metrics.store.block import NewerFormatError, read_block
from fenghuo.metrics.store.block_format import FOOTER_SIZE, HEADER, LOOSE_KEY, BlockIndex, DamagedError
from fenghuo.metrics.store.chunk import BlockFile, chunk_at
from fenghuo.metrics.store.codec import RowKind
from fenghuo.metrics.store.records import Kind
from fenghuo.metrics.store.wal import NEVER_MS, SegmentReader
from fenghuo.model.labels import METRIC_NAME
from fenghuo.model.sample import Ints

_SCRAPES = (Kind.SCRAPE, Kind.SCRAPE_SAME_ROWS, Kind.SCRAPE_CHANGES)
_KINDS = frozenset(kind.value for kind in Kind)
_ROWS_AT_ONCE = 512
EVER_MS = (1 << 63) - 1


@dataclass(frozen=True, slots=True)
class Flaw:
    """A place that is damaged. ``torn`` is the end of a segment whose writer was stopped: the next start cuts it."""

    offset: int
    what: str
    torn: bool = False


@dataclass(frozen=True, slots=True)
class Share:
    """What has how many bytes; ``count`` are rows, series, values or records."""

    name: str
    count: int
    bytes: int


@dataclass(slots=True)
class BlockReport:
    """A block. When its index is damaged, nothing but ``file``, ``size_bytes`` and ``flaws`` is known."""

    file: str
    size_bytes: int
    flaws: list[Flaw] = field(default_factory=list)
    verified: bool = False
    """Whether every checksum was looked at, and every row unpacked."""
    first_ms: int = EVER_MS
    last_ms: int = NEVER_MS
    samples: int = 0
    series: int = 0
    cohorts: int = 0
    loose_series: int = 0
    chunks: int = 0
    origin: str = ""
    replaces: list[str] = field(default_factory=list)
    cuts: list[list[int]] = field(default_factory=list)
    tombstones: int = 0
    """Series with deleted samples; each deletion counts."""
    parts: list[Share] = field(default_factory=list)
    """The file's bytes: packed times (one for each chunk), rows, index, and the frame around them."""
    rows: list[Share] = field(default_factory=list)
    """By kind of row."""
    labels: list[Share] = field(default_factory=list)
    """By label name, those with most bytes of distinct values first."""
    metrics: list[Share] = field(default_factory=list)
    """By metric, those with most bytes of rows first."""


@dataclass(slots=True)
class SegmentReport:
    """A segment of the WAL, up to the first place that is damaged."""

    file: str
    size_bytes: int
    flaws: list[Flaw] = field(default_factory=list)
    number: int = 0
    first_ms: int = EVER_MS
    last_ms: int = NEVER_MS
    samples: int = 0
    series: int = 0
    cohorts: int = 0
    records: list[Share] = field(default_factory=list)
    """By kind of record."""


def inspect_block(path: Path, *, verify: bool = False, top: int = 10) -> BlockReport:
    """What a block holds; with ``verify`` all of it is read. Raises OSError when the file cannot be opened."""
    report = BlockReport(str(path), path.stat().st_size)
    try:
        found = read_block(path)
    except DamagedError as damage:
        report.flaws.append(Flaw(damage.offset, str(damage)))
        return report
    except NewerFormatError as newer:
        report.flaws.append(Flaw(0, str(newer)))
        return report
    index = found.index
    meta, arrays = index.meta, index.arrays
    report.first_ms, report.last_ms, report.samples = meta.first_ms, meta.last_ms, meta.samples
    report.series, report.origin, report.replaces, report.cuts = meta.series, meta.origin, meta.replaces, meta.cuts
    report.cohorts = sum(key != LOOSE_KEY for key in index.cohorts)
    report.loose_series = len(index.cohorts) - report.cohorts
    report.chunks = len(arrays["chunk_offset"])
    report.tombstones = found.tombstones.series
    times, rows = int(arrays["chunk_times_size"].sum()), int(arrays["row_size"].sum(dtype=np.int64))
    frame = len(HEADER) + FOOTER_SIZE
    report.parts = [
        Share("times", report.chunks, times),
        Share("rows", len(arrays["row_size"]), rows),
        Share("index", 1, report.size_bytes - times - rows - frame),
        Share("frame", 1, frame),
    ]
    report.rows = _rows_by_kind(index)
    report.labels = _labels(index)[:top]
    report.metrics = _metrics(index)[:top]
    if verify:
        report.flaws = _verified(found.file, index)
        report.verified = True
    return report


def _rows_by_kind(index: BlockIndex) -> list[Share]:
    kinds = index.arrays["row_kind"]
    sizes = np.bincount(kinds, weights=index.arrays["row_size"])
    counts = np.bincount(kinds)
    found: list[int] = np.flatnonzero(counts).tolist()
    return [Share(RowKind(kind).name.lower(), int(counts[kind]), int(sizes[kind])) for kind in found]


def _labels(index: BlockIndex) -> list[Share]:
    found = [
        Share(name, sum(map(bool, values)), sum(len(value.encode()) for value in values))
        for name, values in zip(index.names, index.values, strict=True)
    ]
    return sorted(found, key=lambda each: -each.bytes)


def _metrics(index: BlockIndex) -> list[Share]:
    arrays = index.arrays
    series_bytes = np.bincount(_series_of_rows(index), weights=arrays["row_size"], minlength=index.meta.series)
    number = index.names.index(METRIC_NAME) if METRIC_NAME in index.names else -1
    names = np.zeros(index.meta.series, dtype=np.int64)
    pairs = np.flatnonzero(arrays["pair_names"] == number)
    names[np.searchsorted(arrays["pair_starts"], pairs, side="right") - 1] = arrays["pair_values"][pairs]
    counts, sizes = np.bincount(names), np.bincount(names, weights=series_bytes)
    texts = index.values[number] if number >= 0 else [""]
    found = [Share(texts[code], int(counts[code]), int(sizes[code])) for code in np.flatnonzero(counts)]
    return sorted(found, key=lambda each: -each.bytes)


def _series_of_rows(index: BlockIndex) -> Ints:
    starts, cohorts = index.arrays["cohort_starts"], index.arrays["chunk_cohort"]
    return spread(starts[cohorts], np.diff(starts)[cohorts])


def _verified(file: BlockFile, index: BlockIndex) -> list[Flaw]:
    """Read every chunk; what the reading notes on the file are the flaws."""
    arrays = index.arrays
    counts = np.diff(arrays["cohort_starts"])[arrays["chunk_cohort"]]
    row_starts = np.r_[0, np.cumsum(counts)]
    for number in range(len(counts)):
        chunk = chunk_at(file, arrays, row_starts, number)
        chunk.times()
        for first in range(0, int(counts[number]), _ROWS_AT_ONCE):
            rows = np.arange(first, min(first + _ROWS_AT_ONCE, int(counts[number])))
            chunk.fill(rows, 0, chunk.columns, np.empty((len(rows), chunk.columns)))
    flaws = [Flaw(offset, what) for offset, what in sorted(file.flaws.items())]
    if file.refusals:
        flaws.append(Flaw(0, f"the system would not read {file.refusals} pieces"))
    return flaws


def inspect_segment(path: Path) -> SegmentReport:
    """What a segment of the WAL holds; every checksum is looked at. Raises OSError when it cannot be read."""
    data = path.read_bytes()
    number = int(path.stem) if path.stem.isdecimal() else 0
    report = SegmentReport(str(path), len(data), number=number)
    counts: Counter[str] = Counter()
    sizes: Counter[str] = Counter()
    reader = SegmentReader(data, number)
    for kind, payload in reader:
        name = Kind(kind).name.lower() if kind in _KINDS else f"kind {kind}"
        counts[name] += 1
        sizes[name] += records.HEADER.size + len(payload)
        _count(report, kind, payload)
    if reader.damage is not None:
        damage = reader.damage
        report.flaws.append(Flaw(damage.offset, damage.reason, damage.torn))
    report.records = [Share(name, count, sizes[name]) for name, count in counts.items()]
    return report


def _count(report: SegmentReport, kind: int, payload: memoryview) -> None:
    if kind in _SCRAPES:
        _, time_ms, count = records.decode_scrape_head(payload)
        report.samples += count
        report.first_ms, report.last_ms = min(report.first_ms, time_ms), max(report.last_ms, time_ms)
    elif kind == Kind.LOOSE:
        times = records.decode_loose(payload).times_ms
        report.samples += len(times)
        report.first_ms = min(report.first_ms, int(times.min(initial=EVER_MS)))
        report.last_ms = max(report.last_ms, int(times.max(initial=NEVER_MS)))
    elif kind == Kind.SERIES:
        report.series += int.from_bytes(payload[:4], "little")
    elif kind == Kind.COHORT:
        report.cohorts += records.decode_cohort(payload).first_row == 0
