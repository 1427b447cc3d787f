"""What is written is read back, bit for bit, in both versions."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN, Exemplar, Metadata
from fenghuo.wire.remote_write import (
    Encoding,
    OutgoingSeries,
    Problem,
    WriteRequest,
    decode_v1,
    decode_v2,
    encode_v1,
    encode_v2,
    label_bytes,
    labels_of,
    packed,
    unpacked,
)

MANY = 1_000_000

texts = st.text(st.characters(codec="utf-8"), min_size=1, max_size=40)
label_sets = st.dictionaries(texts, texts, max_size=6).map(Labels)
values = st.integers(0, (1 << 64) - 1).map(lambda bits: struct.unpack("<d", struct.pack("<Q", bits))[0])
times = st.one_of(st.integers(1_600_000_000_000, 1_900_000_000_000), st.integers(-(1 << 63), (1 << 63) - 1))
samples = st.lists(st.tuples(times, st.one_of(values, st.sampled_from([0.0, -0.0, 1.0]))), max_size=3)
exemplars = st.lists(st.builds(Exemplar, label_sets, values, times), max_size=2)
series = st.lists(st.builds(OutgoingSeries, label_sets, samples, exemplars), max_size=8)


def bits(value: float) -> bytes:
    return struct.pack("<d", value)


def content(request: WriteRequest) -> list[tuple[Any, ...]]:
    """The request as plain values: labels, samples with the bits of their values, exemplars alike."""
    assert request.problem is None
    out: list[tuple[Any, ...]] = [(labels_of(key), [], []) for key in request.keys]
    order = np.argsort(request.owners, kind="stable").tolist()
    for index in order:
        out[request.owners[index]][1].append((int(request.times_ms[index]), bits(float(request.values[index]))))
    for place, each in request.exemplars:
        out[place][2].append((each.labels, bits(each.value), each.time_ms))
    return out


def wanted(sent: list[OutgoingSeries]) -> list[tuple[Any, ...]]:
    return [
        (
            each.labels,
            [(time_ms, bits(value)) for time_ms, value in each.samples],
            [(exemplar.labels, bits(exemplar.value), exemplar.time_ms) for exemplar in each.exemplars],
        )
        for each in sent
    ]


@given(series)
def test_version_1_reads_what_it_writes_whether_series_are_known_or_not(sent: list[OutgoingSeries]) -> None:
    body = encode_v1(sent)
    assert content(decode_v1(body, (), MANY)) == wanted(sent)
    known = {label_bytes(each.labels) for each in sent}
    assert content(decode_v1(body, known, MANY)) == wanted(sent)


@given(series)
def test_version_2_reads_what_it_writes(sent: list[OutgoingSeries]) -> None:
    assert content(decode_v2(encode_v2(sent), (), MANY)) == wanted(sent)


def test_metadata_travels_in_both_versions() -> None:
    said = Metadata("counter", "How often.", "requests")
    assert decode_v1(encode_v1([], [("http_requests_total", said)]), (), MANY).metadata == [
        ("http_requests_total", said)
    ]
    labels = Labels({"__name__": "http_requests_total", "job": "api"})
    request = decode_v2(encode_v2([OutgoingSeries(labels, [(5, 1.0)], metadata=said)]), (), MANY)
    assert request.metadata == [("http_requests_total", said)]
    assert content(request) == [(labels, [(5, bits(1.0))], [])]


def test_the_quick_way_reads_ordinary_samples_zeros_and_staleness_markers() -> None:
    now_ms = 1_750_000_000_123
    sent = [
        OutgoingSeries(Labels({"__name__": "up", "instance": f"host-{number}"}), [(now_ms + number, value)])
        for number, value in enumerate([1.0, 0.0, -0.0, float(STALE_NAN), float("nan"), float("inf"), 5e-324])
    ]
    known = {label_bytes(each.labels) for each in sent}
    assert content(decode_v1(encode_v1(sent), known, MANY)) == wanted(sent)


@pytest.mark.parametrize("count", [2, 50, 1000, 1001])
def test_the_quick_way_reads_many_samples_of_a_series(count: int) -> None:
    sent = [
        OutgoingSeries(Labels({"__name__": name}), [(1_750_000_000_000 + step, step + 0.5) for step in range(size)])
        for name, size in (("a", count), ("b", 1), ("c", count // 2))
    ]
    known = {label_bytes(each.labels) for each in sent}
    assert content(decode_v1(encode_v1(sent), known, MANY)) == wanted(sent)
    assert decode_v1(encode_v1(sent), known, count).problem is not None


def test_version_2_with_many_texts_and_series_of_every_form() -> None:
    said = Metadata("gauge", "How full.", "bytes")
    sent = [
        OutgoingSeries(
            Labels({"__name__": f"m{number % 7}", "path": f"/api/{number}", "code": "200"}),
            [(1_750_000_000_000 + step, float(number % 3)) for step in range(number % 5 and 1 + number % 11 // 10)],
            [Exemplar(Labels({"trace_id": str(number)}), 1.0, 5)] * (number % 13 == 0),
            said if number % 2 else None,
        )
        for number in range(500)
    ]
    request = decode_v2(encode_v2(sent), (), MANY)
    assert content(request) == wanted(sent)
    assert sorted(request.metadata, key=repr) == sorted(
        [(each.labels.metric_name, said) for each in sent if each.metadata], key=repr
    )
    items = sum(1 + len(each.samples) + len(each.exemplars) for each in sent)
    assert decode_v2(encode_v2(sent), (), items).problem is not None


def test_a_label_that_ends_like_a_sample_is_no_sample() -> None:
    """The 18 bytes at the end of this series are part of its label value."""
    inner = encode_v1([OutgoingSeries(Labels(), [(1_750_000_000_123, 2.5)])])[2:]
    assert len(inner) == 18
    label = b"\x0a\x01a" + b"\x12" + bytes([20 + len(inner)]) + b"x" * 20 + inner
    message = b"\x0a" + bytes([len(label)]) + label
    body = b"\x0a" + bytes([len(message)]) + message
    request = decode_v1(body, (), MANY)
    assert len(request.owners) == 0
    assert request.keys == [message]
    assert decode_v1(body, {message}, MANY).keys == [message]


def test_labels_may_stand_behind_the_samples() -> None:
    sent = OutgoingSeries(Labels({"__name__": "up"}), [(5, 1.0)])
    whole = encode_v1([sent])
    labels, sample = whole[2 : 2 + len(label_bytes(sent.labels))], whole[2 + len(label_bytes(sent.labels)) :]
    turned = whole[:2] + sample + labels
    assert content(decode_v1(turned, (), MANY)) == wanted([sent])


def test_fields_of_later_versions_are_passed_over() -> None:
    later = b"\x7a\x03abc" + b"\x80\x01\x05" + b"\x91\x01" + bytes(8) + b"\x9d\x01" + bytes(4)
    sent = [OutgoingSeries(Labels({"__name__": "up"}), [(5, 1.0)])]
    assert content(decode_v1(later + encode_v1(sent) + later, (), MANY)) == wanted(sent)
    assert content(decode_v2(later + encode_v2(sent) + later, (), MANY)) == wanted(sent)


@pytest.mark.parametrize(
    ("pairs", "text"),
    [
        ([("a", "1"), ("a", "2")], "twice"),
        ([("", "1")], "without a name"),
    ],
)
def test_labels_that_name_nothing_are_a_problem(pairs: list[tuple[str, str]], text: str) -> None:
    key = tuple(part for pair in pairs for part in pair)
    found = labels_of(key)
    assert isinstance(found, Problem)
    assert text in found.text


def test_labels_need_not_be_sorted_and_empty_values_are_no_labels() -> None:
    assert labels_of(("job", "api", "__name__", "up", "empty", "")) == Labels({"__name__": "up", "job": "api"})


def test_labels_that_are_not_utf8_are_a_problem() -> None:
    key = label_bytes(Labels({"__name__": "up", "job": "xxx"})).replace(b"xxx", b"\xff\xfe\xfd")
    assert isinstance(labels_of(key), Problem)


@pytest.mark.parametrize("encoding", list(Encoding))
@given(body=st.binary(max_size=2000))
def test_what_is_packed_is_unpacked(encoding: Encoding, body: bytes) -> None:
    assert unpacked(packed(body, encoding), encoding, 2000) == body


@pytest.mark.parametrize("encoding", list(Encoding))
def test_a_body_that_grows_too_large_is_refused_without_room_for_it(encoding: Encoding) -> None:
    bomb = packed(bytes(50_000_000), encoding)
    found = unpacked(bomb, encoding, 1_000_000)
    assert isinstance(found, Problem)
    assert found.too_large
    assert unpacked(packed(bytes(1000), encoding), encoding, 1000) == bytes(1000)


@pytest.mark.parametrize("encoding", list(Encoding))
@given(body=st.binary(max_size=200))
def test_what_was_never_packed_is_a_problem_or_bytes(encoding: Encoding, body: bytes) -> None:
    found = unpacked(body, encoding, 1000)
    assert isinstance(found, Problem) or len(found) <= 1000
