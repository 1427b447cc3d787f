"""Foreign bytes never raise."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Exemplar, Metadata
from fenghuo.wire.remote_write import (
    OutgoingSeries,
    WriteRequest,
    decode_v1,
    decode_v2,
    encode_v1,
    encode_v2,
    label_bytes,
    labels_of,
)

SERIES = [
    OutgoingSeries(
        Labels({"__name__": "http_requests_total", "job": "api", "instance": f"host-{number}:8080", "烽": "火" * 40}),
        [(1_750_000_000_000 + number, number / 3)],
        [Exemplar(Labels({"trace_id": "abc"}), 1.5, 1_750_000_000_000)] * (number % 2),
        Metadata("counter", "Requests.", ""),
    )
    for number in range(12)
]
KNOWN = {label_bytes(each.labels) for each in SERIES}
REAL = {
    decode_v1: encode_v1(SERIES, [("http_requests", Metadata("counter", "Requests.", ""))]),
    decode_v2: encode_v2(SERIES),
}
DECODERS = pytest.mark.parametrize("decode", [decode_v1, decode_v2])


def check(request: WriteRequest) -> None:
    """A request that can be worked with, or a problem and nothing else."""
    if request.problem is not None:
        assert not len(request.keys)
        assert request.problem.text
    assert len(request.owners) == len(request.times_ms) == len(request.values)
    assert not len(request.owners) or 0 <= int(request.owners.min()) <= int(request.owners.max()) < len(request.keys)
    assert request.times_ms.dtype == np.int64
    assert request.values.dtype == np.float64
    for key in request.keys:
        labels_of(key)
    assert all(0 <= place < len(request.keys) for place in [*(p for p, _ in request.exemplars), *request.histograms])


@DECODERS
@given(body=st.binary(max_size=300))
def test_random_bytes(decode: Any, body: bytes) -> None:
    check(decode(body, KNOWN, 1000))


@DECODERS
@given(seed=st.integers(0, 1 << 32))
def test_real_messages_with_bytes_changed_cut_and_put_in(decode: Any, seed: int) -> None:
    rng = random.Random(seed)
    body = bytearray(REAL[decode])
    for _ in range(rng.randrange(1, 6)):
        at = rng.randrange(len(body)) if body else 0
        match rng.randrange(4):
            case 0:
                body[at : at + 1] = bytes([rng.randrange(256)])
            case 1:
                del body[at : at + rng.randrange(20)]
            case 2:
                body[at:at] = rng.randbytes(rng.randrange(20))
            case 3:
                del body[at:]
    check(decode(bytes(body), KNOWN, 1000))


@DECODERS
def test_every_cut_of_a_real_message(decode: Any) -> None:
    body = REAL[decode]
    for size in range(len(body)):
        check(decode(body[:size], KNOWN, 1000))


@DECODERS
def test_known_series_are_read_no_otherwise_than_unknown_ones(decode: Any) -> None:
    for known in (KNOWN, set()):
        request = decode(REAL[decode], known, 1000)
        check(request)
        assert sorted(request.times_ms.tolist()) == [1_750_000_000_000 + number for number in range(12)]
        assert len(request.exemplars) == 6


@pytest.mark.parametrize(
    ("decode", "body"),
    [
        (decode_v1, b"\x0a\x00" * 2000),
        (decode_v1, b"\x1a\x00" * 2000),
        (decode_v1, b"\x0a\xa0\x1f" + b"\x12\x00" * 2000),
        (decode_v2, b"\x22\x00" * 2000),
        (decode_v2, b"\x2a\x00" * 2000),
        (decode_v2, b"\x2a\xa0\x1f" + b"\x12\x00" * 2000),
    ],
)
def test_a_small_message_with_too_many_things_in_it_is_refused(decode: Any, body: bytes) -> None:
    request = decode(body, (), 1000)
    assert request.problem is not None
    assert request.problem.too_large
    assert decode(body[:200] if body[1] == 0 else b"", (), 1000).problem is None
