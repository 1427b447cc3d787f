"""Samples in columns: what is written is what the decoder of single fields reads."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN
from fenghuo.wire.remote_write import OutgoingSeries, decode_v1, encode_columns_v1, encode_v1, label_bytes, labels_of

NOW_MS = 1_700_000_000_000
LABELS = [Labels({"__name__": "up", "job": f"{'x' * size}"}) for size in (0, 1, 100, 200, 20_000)]


def round_trip(labels: list[Labels], times_ms: list[int], values: list[float]) -> list[tuple[Labels, int, int]]:
    body = encode_columns_v1(
        [label_bytes(each) for each in labels], np.array(times_ms, dtype=np.int64), np.array(values, dtype=np.float64)
    )
    request = decode_v1(body, (), 10_000)
    assert request.problem is None
    order = np.argsort(request.owners, kind="stable")
    found = []
    for owner, time_ms, bits in zip(
        request.owners[order].tolist(),
        request.times_ms[order].tolist(),
        request.values[order].view(np.int64).tolist(),
        strict=True,
    ):
        named = labels_of(request.keys[owner])
        assert isinstance(named, Labels)
        found.append((named, time_ms, bits))
    return found


TIMES = st.integers(0, (1 << 42) - 1) | st.integers(-(1 << 63), (1 << 63) - 1)
SAMPLES = st.lists(st.tuples(st.sampled_from(LABELS), TIMES, st.floats(width=64)), max_size=20)


@given(SAMPLES)
def test_samples_come_back_bit_for_bit(samples: list[tuple[Labels, int, float]]) -> None:
    labels, times_ms, values = ([each[at] for each in samples] for at in range(3))
    bits = np.array(values, dtype=np.float64).view(np.int64).tolist()

    assert round_trip(labels, times_ms, values) == list(zip(labels, times_ms, bits, strict=True))


def test_a_staleness_marker_keeps_its_bits() -> None:
    assert round_trip(LABELS[:1], [NOW_MS], [STALE_NAN]) == [(LABELS[0], NOW_MS, 0x7FF0000000000002)]


@pytest.mark.parametrize("value", [1.5, -0.0, float("inf")])
def test_it_is_what_the_other_encoder_writes(value: float) -> None:
    one_by_one = encode_v1([OutgoingSeries(each, [(NOW_MS, value)]) for each in LABELS])
    values, times_ms = np.full(len(LABELS), value), np.full(len(LABELS), NOW_MS)

    assert encode_columns_v1([label_bytes(each) for each in LABELS], times_ms, values) == one_by_one
