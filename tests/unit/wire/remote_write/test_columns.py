"""Samples in columns: what is written is what the decoder of single fields reads."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN, Floats, Ints, Metadata
from fenghuo.wire.remote_write import (
    OutgoingSeries,
    WriteRequest,
    decode_v1,
    decode_v2,
    encode_columns_v1,
    encode_columns_v2,
    encode_v1,
    encode_v2,
    label_bytes,
    labels_of,
)

NOW_MS = 1_700_000_000_000
LABELS = [Labels({"__name__": "up", "job": f"{'x' * size}"}) for size in (0, 1, 100, 200, 20_000)]


SAID = Metadata("counter", "How often.", "")


def arrays(times_ms: list[int], values: list[float]) -> tuple[Ints, Floats]:
    return np.array(times_ms, dtype=np.int64), np.array(values, dtype=np.float64)


def one(labels: list[Labels], times_ms: list[int], values: list[float]) -> WriteRequest:
    return decode_v1(encode_columns_v1([label_bytes(each) for each in labels], *arrays(times_ms, values)), (), 10_000)


def two(labels: list[Labels], times_ms: list[int], values: list[float]) -> WriteRequest:
    said = [SAID if number % 2 else None for number in range(len(labels))]
    return decode_v2(encode_columns_v2(labels, said, *arrays(times_ms, values)), (), 10_000)


Encoder = Callable[[list[Labels], list[int], list[float]], WriteRequest]
VERSIONS = pytest.mark.parametrize("sent", [one, two])


def content(request: WriteRequest) -> list[tuple[Labels, int, int]]:
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


@VERSIONS
@given(SAMPLES)
def test_samples_come_back_bit_for_bit(sent: Encoder, samples: list[tuple[Labels, int, float]]) -> None:
    labels, times_ms, values = ([each[at] for each in samples] for at in range(3))
    bits = np.array(values, dtype=np.float64).view(np.int64).tolist()

    assert content(sent(labels, times_ms, values)) == list(zip(labels, times_ms, bits, strict=True))


@VERSIONS
def test_a_staleness_marker_keeps_its_bits(sent: Encoder) -> None:
    assert content(sent(LABELS[:1], [NOW_MS], [STALE_NAN])) == [(LABELS[0], NOW_MS, 0x7FF0000000000002)]


@pytest.mark.parametrize("value", [1.5, -0.0, float("inf")])
def test_it_is_what_the_other_encoder_writes(value: float) -> None:
    one_by_one = encode_v1([OutgoingSeries(each, [(NOW_MS, value)]) for each in LABELS])
    values, times_ms = np.full(len(LABELS), value), np.full(len(LABELS), NOW_MS)

    assert encode_columns_v1([label_bytes(each) for each in LABELS], times_ms, values) == one_by_one
    said = [SAID, None, SAID, None, Metadata("gauge", "", "seconds")]
    outgoing = [OutgoingSeries(each, [(NOW_MS, value)], metadata=own) for each, own in zip(LABELS, said, strict=True)]
    assert encode_columns_v2(LABELS, said, times_ms, values) == encode_v2(outgoing)


def test_metadata_goes_with_the_series_in_version_2() -> None:
    request = two(LABELS[:2], [NOW_MS] * 2, [1.0, 2.0])
    assert request.metadata == [("up", SAID)]
