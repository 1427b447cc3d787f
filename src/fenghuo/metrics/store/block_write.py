"""Writing a block: from a plan over the head, or over other blocks, to one file that appears whole or not at all."""

from __future__ import annotations

import contextlib
import itertools
import os
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from fenghuo.base.files import sync_directory
from fenghuo.metrics.store.arrays import spread
from fenghuo.metrics.store.block_format import (
    HEADER,
    LOOSE_KEY,
    NEVER_MS,
    BlockIndex,
    BlockMeta,
    Cuts,
    encode_index,
    footer,
)
from fenghuo.metrics.store.codec import pack_ints, pack_row
from fenghuo.metrics.store.loose import joined
from fenghuo.metrics.store.selecting import SelectPlan, filled, flat_span, in_order, read_flats
from fenghuo.metrics.store.source import Span
from fenghuo.model.label_table import LabelTable
from fenghuo.model.sample import Bools, Floats, Ints, is_absent
from fenghuo.model.selection import RaggedBlock

CHUNK_COLUMNS = 1920
"""Times of a chunk: eight hours at 15 s, where a block is that long. 480 take 10 % more room (200 counters at 30 s).
A moment of one series costs to unpack a chunk, 2 us for 480 times and 5 us for 1920; all of it saves 4 us a row."""
CHUNK_CELLS = 1 << 22
"""Cells of a chunk: 32 MiB while it is written. Chunks of large cohorts are shorter for it."""
CHUNK_COLUMNS_MIN = 120


class _Columns:
    """Collects the index's arrays."""

    def __init__(self) -> None:
        self.chunks: list[tuple[int, int, int, int, int, int, int]] = []
        self.kinds: list[int] = []
        self.sizes: list[int] = []
        self.crcs: list[int] = []
        self.samples = 0


class BlockWriter:
    """Writes one block to a temporary file beside its place. Use :func:`write_block`."""

    def __init__(self, descriptor: int, plan: SelectPlan, cohort_keys: list[str]) -> None:
        self._file = os.fdopen(descriptor, "wb", buffering=1 << 20)
        self._plan = plan
        self._keys = cohort_keys
        self._offset = 0
        self._columns = _Columns()
        self._rows: list[Ints] = []
        """By cohort of the block: rows of the plan's label table."""
        self._last_ms: list[Ints] = []
        self._last_values: list[Floats] = []
        """By cohort of the block: the newest sample of each of its series."""
        self._cohorts: list[str] = []

    def write(self, replaces: list[str], cuts: Cuts) -> BlockMeta | None:
        """Write everything; None, and an empty file, when the plan holds no sample."""
        with self._file:
            self._put(HEADER)
            flats = read_flats(self._plan)
            for cohort, rows, planned in self._plan.dense:
                spans = [span for span in planned if len(span.times_ms)]
                if in_order(spans):
                    self._cohort(self._keys[cohort], rows, spans)
                else:
                    flats.extend(flat_span(rows, span) for span in spans)
            self._loose(joined(flats))
            if not self._columns.chunks:
                return None
            index = self._index(replaces, cuts)
            data = encode_index(index)
            start = self._offset
            self._put(data)
            self._put(footer(start, data))
            self._file.flush()
            os.fsync(self._file.fileno())
        return index.meta

    def _put(self, data: bytes) -> None:
        self._file.write(data)
        self._offset += len(data)

    def _begin(self, key: str, rows: Ints) -> int:
        """Enter a cohort; returns its number in the block."""
        self._cohorts.append(key)
        self._rows.append(rows)
        self._last_ms.append(np.full(len(rows), NEVER_MS, dtype=np.int64))
        self._last_values.append(np.zeros(len(rows), dtype=np.float64))
        return len(self._cohorts) - 1

    def _note_last(self, cohort: int, times_ms: Ints, values: Floats, present: Bools) -> None:
        """Remember the newest samples of a chunk; a cohort's chunks come in order of time."""
        rows = np.flatnonzero(present.any(axis=1))
        columns = len(times_ms) - 1 - np.argmax(present[rows, ::-1], axis=1)
        self._last_ms[cohort][rows] = times_ms[columns]
        self._last_values[cohort][rows] = values[rows, columns]

    def _cohort(self, key: str, rows: Ints, spans: list[Span]) -> None:
        number = self._begin(key, rows)
        times, values = np.empty(0, dtype=np.int64), np.empty((len(rows), 0))
        columns = max(CHUNK_COLUMNS_MIN, min(CHUNK_COLUMNS, CHUNK_CELLS // len(rows)))
        for group in _batches(spans, columns):
            more_times, more_values = filled(len(rows), group)
            times, values = np.r_[times, more_times], np.concatenate([values, more_values], axis=1)
            whole = len(times) - len(times) % columns
            for start in range(0, whole, columns):
                end = start + columns
                self._chunk(number, times[start:end], values[:, start:end])
            times, values = times[whole:], values[:, whole:]
        self._chunk(number, times, values)

    def _loose(self, block: RaggedBlock) -> None:
        for number, (start, end) in enumerate(itertools.pairwise(block.offsets.tolist())):
            cohort = self._begin(LOOSE_KEY, block.series[number : number + 1])
            for first in range(start, end, CHUNK_COLUMNS):
                last = min(first + CHUNK_COLUMNS, end)
                self._chunk(cohort, block.times_ms[first:last], block.values[None, first:last])

    def _chunk(self, cohort: int, times_ms: Ints, values: Floats) -> None:
        values = np.ascontiguousarray(values)
        present = ~is_absent(values)
        kept = present.any(axis=0)
        if not kept.any():
            return
        if not kept.all():
            times_ms, values, present = times_ms[kept], values[:, kept], present[:, kept]
        self._note_last(cohort, times_ms, values, present)
        columns = self._columns
        packed = pack_ints(times_ms)
        columns.chunks.append(
            (cohort, self._offset, int(times_ms[0]), int(times_ms[-1]), len(times_ms), len(packed), zlib.crc32(packed))
        )
        self._put(packed)
        columns.samples += int(np.count_nonzero(present))
        for row in values:
            kind, data = pack_row(np.ascontiguousarray(row))
            columns.kinds.append(kind)
            columns.sizes.append(len(data))
            columns.crcs.append(zlib.crc32(data, kind))
            self._put(data)

    def _index(self, replaces: list[str], cuts: Cuts) -> BlockIndex:
        chunks = np.array(self._columns.chunks, dtype=np.int64)
        last_ms = np.concatenate(self._last_ms)
        sizes = np.array([len(each) for each in self._rows])
        # A series without a sample is not in the block; in chunks its rows are empty and take no byte.
        held = last_ms > NEVER_MS
        starts = np.r_[0, np.cumsum(sizes)]
        held_rows = held[spread(starts[chunks[:, 0]], sizes[chunks[:, 0]])]
        rows = np.concatenate(self._rows)[held]
        names, values, arrays = _label_arrays(self._plan.labels.take(rows))
        arrays["series_last_ms"] = last_ms[held].astype("<i8")
        arrays["series_last_value"] = np.concatenate(self._last_values)[held].astype("<f8")
        arrays["cohort_starts"] = np.r_[0, np.cumsum(held)][starts].astype("<i8")
        for column, (name, dtype) in enumerate(_CHUNK_ARRAYS):
            arrays[name] = chunks[:, column].astype(dtype)
        arrays["row_kind"] = np.array(self._columns.kinds, dtype="u1")[held_rows]
        arrays["row_size"] = np.array(self._columns.sizes, dtype="<u4")[held_rows]
        arrays["row_crc"] = np.array(self._columns.crcs, dtype="<u4")[held_rows]
        meta = BlockMeta(
            first_ms=int(chunks[:, 2].min()),
            last_ms=int(chunks[:, 3].max()),
            samples=self._columns.samples,
            series=len(rows),
            cuts=[list(pair) for pair in cuts.pairs],
            origin="merge" if replaces else "head",
            replaces=replaces,
        )
        return BlockIndex(meta, names, values, self._cohorts, arrays)


_CHUNK_ARRAYS = (
    ("chunk_cohort", "<i4"),
    ("chunk_offset", "<i8"),
    ("chunk_first_ms", "<i8"),
    ("chunk_last_ms", "<i8"),
    ("chunk_columns", "<i4"),
    ("chunk_times_size", "<u4"),
    ("chunk_times_crc", "<u4"),
)


def _batches(spans: list[Span], columns_max: int) -> Iterator[list[Span]]:
    """Spans that follow each other, gathered to about a chunk's length."""
    group: list[Span] = []
    columns = 0
    for span in spans:
        if group and columns + len(span.times_ms) > columns_max:
            yield group
            group, columns = [], 0
        group.append(span)
        columns += len(span.times_ms)
    if group:
        yield group


def _label_arrays(table: LabelTable) -> tuple[list[str], list[list[str]], dict[str, npt.NDArray[Any]]]:
    """Names, values by name, and the pairs of each row, sorted by name."""
    names = sorted(table.columns)
    values: list[list[str]] = []
    matrix = np.zeros((table.size, len(names)), dtype=np.int32)
    for column, name in enumerate(names):
        codes, texts = table.columns[name].codes, table.columns[name].dictionary.values
        used, inverse = np.unique(codes, return_inverse=True)
        used_texts = [texts[code] for code in used.tolist()]
        if used_texts[:1] != [""]:
            used_texts.insert(0, "")
            inverse = inverse + 1
        values.append(used_texts)
        matrix[:, column] = inverse
    rows, columns = np.nonzero(matrix)
    starts = np.r_[0, np.cumsum(np.count_nonzero(matrix, axis=1))]
    return (
        names,
        values,
        {
            "pair_starts": starts.astype("<i8"),
            "pair_names": columns.astype("<i4"),
            "pair_values": matrix[rows, columns].astype("<i4"),
        },
    )


def write_block(
    path: Path,
    plan: SelectPlan,
    cohort_keys: list[str],
    replaces: list[str],
    cuts: Cuts,
    approve: Callable[[], None] = lambda: None,
) -> BlockMeta | None:
    """Write the plan's samples to ``path``, which appears when everything is on the disk.

    ``cohort_keys[code]`` is the key of a cohort's code; ``approve`` is called before the file appears, and may raise.
    None, and no file, when there is no sample. Raises OSError as the system gives it; nothing is left behind then.
    """
    temporary = path.with_suffix(".tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
    try:
        meta = BlockWriter(descriptor, plan, cohort_keys).write(replaces, cuts)
        approve()
        if meta is not None:
            temporary.replace(path)
            sync_directory(path.parent)
        return meta
    finally:
        with contextlib.suppress(FileNotFoundError):
            temporary.unlink()
