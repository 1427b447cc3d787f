"""Packed cells give back what was packed, bit for bit, and take less room for what is common."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fenghuo.metrics.store.cells import STRIP_COLUMNS, Cells
from fenghuo.metrics.store.packing import Packed, pack
from fenghuo.model.sample import ABSENT_NAN, STALE_NAN, Floats, Ints

SPECIAL = np.array([ABSENT_NAN, STALE_NAN, np.nan, np.inf, -np.inf, 0.0, -0.0, 5e-324, 1e308, 2.0**53, -(2.0**53)])
cells = st.one_of(
    st.integers(-3, 300).map(float),
    st.integers(-(2**34), 2**34).map(lambda value: value / 1000),
    st.sampled_from(range(len(SPECIAL))).map(lambda place: SPECIAL[place]),
    st.floats(width=64),
)
shapes = st.tuples(st.integers(1, 12), st.integers(1, 9))


def packed(values: Floats) -> Packed:
    def read(places: slice, out: Floats) -> None:
        out[:] = values[places]

    return pack(len(values), values.shape[1], read)


def bits(values: Floats) -> Ints:
    return np.ascontiguousarray(values).view(np.int64)


@settings(max_examples=150, deadline=None)
@given(
    values=shapes.flatmap(lambda shape: arrays(np.float64, shape, elements=cells, fill=st.nothing())), data=st.data()
)
def test_every_value_comes_back(values: Floats, data: st.DataObject) -> None:
    rows, columns = values.shape
    found = packed(values)
    whole = np.empty_like(values)
    found.read(slice(0, rows), 0, columns, whole)
    assert (bits(whole) == bits(values)).all()
    places = np.array(data.draw(st.lists(st.integers(0, rows - 1), min_size=1)), dtype=np.int64)
    first = data.draw(st.integers(0, columns - 1))
    end = data.draw(st.integers(first + 1, columns))
    part = np.empty((len(places), end - first))
    found.read(places, first, end, part)
    assert (bits(part) == bits(values[places, first:end])).all()
    for row in range(rows):
        found.read(slice(row, row + 1), first, end, part[:1])
        assert (bits(part[0]) == bits(values[row, first:end])).all()


def test_nans_with_a_payload_of_their_own_come_back() -> None:
    values = np.array([[0x7FF8000000000001, 0xFFF8000000000000 - (1 << 64), 0x7FF0000000000009]]).view(np.float64)
    out = np.empty_like(values)
    packed(values).read(slice(0, 1), 0, 3, out)
    assert (bits(out) == bits(values)).all()


@pytest.mark.parametrize(
    ("row", "bytes_max"),
    [
        (np.full(256, 1234.5), 0),
        (np.full(256, np.nan), 0),
        (1e12 + np.arange(256) % 250, 256),
        (np.where(np.arange(256) % 7, 3.25 + np.arange(256) % 5 / 100, ABSENT_NAN), 256),
        (1e6 + 0.01 * np.arange(256) * 37, 512),
        (np.where(np.arange(256) == 200, STALE_NAN, 50_000.0 * np.arange(256)), 1024),
        (np.random.default_rng(1).random(256), 2048),
    ],
)
def test_what_a_row_costs(row: Floats, bytes_max: int) -> None:
    values = np.tile(np.round(row, 3) if bytes_max == 512 else row, (100, 1))
    assert packed(values).size_bytes <= 100 * (bytes_max + 16)
    out = np.empty_like(values)
    packed(values).read(slice(0, 100), 0, 256, out)
    assert (bits(out) == bits(values)).all()


def test_strips_and_packed_columns_read_as_one() -> None:
    """Cells are packed in two turns and unpacked again; every stretch of columns reads the same at each stage."""
    rows, columns = 7, 3 * STRIP_COLUMNS + 5
    values = np.random.default_rng(2).integers(0, 9, (rows, columns)).astype(np.float64)
    values[3, 40:] = ABSENT_NAN
    written = np.full(rows, columns)
    written[3] = 40
    raw = Cells()
    while raw.columns < columns:
        raw = raw.widened(rows)
    for column in range(columns):
        raw.strip(column)[column % STRIP_COLUMNS, :rows] = np.where(np.arange(rows) == 3, 8.0, values[:, column])
    once = raw.with_packed(raw.strips_within(STRIP_COLUMNS), written)
    twice = once.with_packed(once.strips_within(columns), written)
    closed = raw.with_packed(len(raw.strips), written)
    assert [each.packed_columns for each in (raw, once, twice, closed)] == [
        0,
        STRIP_COLUMNS,
        3 * STRIP_COLUMNS,
        columns,
    ]
    raw.strip(0)[:, 3][40:] = ABSENT_NAN
    for stage in (once, twice, closed, closed.unpacked(rows), twice.unpacked(rows)):
        for first, end in ((0, columns), (5, 9), (STRIP_COLUMNS - 1, STRIP_COLUMNS + 1), (columns - 2, columns)):
            for places in (slice(0, 3), np.array([6, 0, 2])):
                out = np.empty((3, end - first))
                stage.read(places, first, end, out)
                assert (out == values[places, first:end]).all()
