"""Version 1.0, ``prometheus.WriteRequest``.

A sender repeats the labels of a series, byte for byte, in each request; behind them stands nearly always one sample,
of 18 bytes, or 9 when its value is 0. So a message is cut before what looks like its sample, and when the front is a
key that the receiver knows (which is then a whole number of label fields), what follows can only be the sample. All
samples found so are read at once; every other series is read field by field.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

import numpy as np

from fenghuo.model.sample import Bools, Exemplar, Floats, Ints, Metadata
from fenghuo.wire.remote_write.draft import Draft, exemplar, refused, type_of
from fenghuo.wire.remote_write.message import Key, WriteRequest
from fenghuo.wire.remote_write.protobuf import DOUBLE, MalformedError, Wire, fields, read_sample, signed

_SERIES_TAG: Final = 1 << 3 | Wire.LENGTH
_WHOLE: Final = 18
"""Bytes of a sample field: tag, size 16, tag, 8 bytes of value, tag, 6 bytes of time (the years 1971 to 2109)."""
_ZERO: Final = 9
"""The same without the value, which is 0."""
_TIME_SHIFTS: Final = np.array([0, 7, 14, 21, 28, 35], dtype=np.int64)
_AT_ONCE: Final = 5000
"""Series whose keys are looked up without a pause; more would hold the interpreter for over a millisecond."""


def decode_v1(body: bytes, known: Container[Key], items_max: int) -> WriteRequest:
    """Read a message. ``known`` holds keys that earlier messages gave: series with these are read quickly.

    More than ``items_max`` series, samples, exemplars and metadata are a problem.
    """
    draft = Draft(items_max)
    try:
        starts, ends, others = _split(body, draft)
        owners, cuts, where = _guessed(body, starts, ends, known, draft)
        for place in where:
            _read_series(body, starts[place], ends[place], place, draft)
        for start, end in others:
            draft.metadata.append(_metadata(body, start, end))
    except MalformedError as error:
        return refused(error)
    return draft.request(owners, *_samples(body, cuts, np.array(ends, dtype=np.int64)[owners]))


def _split(body: bytes, draft: Draft) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """Where each series begins and ends, and each metadata entry."""
    starts: list[int] = []
    ends: list[int] = []
    others: list[tuple[int, int]] = []
    at, end = 0, len(body)
    begin, finish = starts.append, ends.append
    short = end - 3
    while at < end:
        # Series of 128 to 16383 bytes, which nearly all are, without a call.
        if at < short and body[at] == _SERIES_TAG and (low := body[at + 1]) >= 0x80 and (high := body[at + 2]) < 0x80:
            start = at + 3
            at = start + (high << 7 | low & 0x7F)
            begin(start)
            finish(at)
            continue
        number, wire, start, at = next(fields(body, at, end))
        if wire != Wire.LENGTH:
            continue
        if number == 1:
            begin(start)
            finish(at)
        elif number == 3:
            others.append((start, at))
        if len(starts) + len(others) > draft.items_left:
            break
    if at > end:
        raise MalformedError(f"a series that is longer than the message at byte {starts[-1]}")
    draft.count(len(starts) + len(others))
    return starts, ends, others


def _guessed(
    body: bytes, start_list: list[int], end_list: list[int], known: Container[Key], draft: Draft
) -> tuple[Ints, Ints, list[int]]:
    """Fill ``draft.keys``. Returns the series with a known key and one sample: their places, where the sample begins;
    and the places of the others, whose keys are empty so far."""
    starts, ends = np.array(start_list, dtype=np.int64), np.array(end_list, dtype=np.int64)
    cuts = _cuts(np.frombuffer(body, dtype=np.uint8), starts, ends)
    fits = np.empty(len(cuts), dtype=np.bool_)
    for first in range(0, len(cuts), _AT_ONCE):
        spans = map(slice, start_list[first : first + _AT_ONCE], cuts[first : first + _AT_ONCE].tolist())
        keys = list(map(body.__getitem__, spans))
        fits[first : first + len(keys)] = [key in known for key in keys]
        draft.keys += keys
    fits &= cuts > 0
    found = np.flatnonzero(fits)
    draft.count(len(found))
    return found, cuts[found], np.flatnonzero(~fits).tolist()


def _cuts(data: np.ndarray[tuple[int], np.dtype[np.uint8]], starts: Ints, ends: Ints) -> Ints:
    """int64[n]: where in each series something begins that looks like its one sample; 0 where nothing does."""

    def looks(size: int, *expected: tuple[int, int]) -> Bools:
        fits: Bools = ends - starts >= size
        at = np.where(fits, ends - size, 0)
        for offset, byte in expected:
            fits &= data[at + offset] == byte
        last = np.where(fits, ends, size)
        fits &= data[last - 1] < 0x80
        for place in range(2, 7):
            fits &= data[last - place] >= 0x80
        return fits

    if not len(data) or len(data) < _WHOLE:
        return np.zeros(len(starts), dtype=np.int64)
    whole = looks(_WHOLE, (0, 0x12), (1, 16), (2, 0x09), (11, 0x10))
    zero = looks(_ZERO, (0, 0x12), (1, 7), (2, 0x10))
    return np.where(whole, ends - _WHOLE, np.where(zero, ends - _ZERO, 0))


def _samples(body: bytes, cuts: Ints, ends: Ints) -> tuple[Ints, Floats]:
    """Times and values of samples that begin at ``cuts`` and end at ``ends``, all as :func:`_cuts` recognised them."""
    data = np.frombuffer(body, dtype=np.uint8)
    digits = data[(ends - 6)[:, None] + np.arange(6)].astype(np.int64) & 0x7F
    times: Ints = (digits << _TIME_SHIFTS).sum(axis=1)
    values = np.zeros(len(cuts), dtype=np.float64)
    whole = np.flatnonzero(ends - cuts == _WHOLE)
    raw = data[(cuts[whole] + 3)[:, None] + np.arange(8)]
    values[whole] = np.ascontiguousarray(raw).view("<f8")[:, 0]
    return times, values


def _read_series(body: bytes, start: int, end: int, place: int, draft: Draft) -> None:
    """Read one series field by field."""
    labels: list[bytes] = []
    begin = start
    for number, wire, at, until in fields(body, start, end):
        if wire == Wire.LENGTH:
            match number:
                case 1:
                    labels.append(body[begin:until])
                case 2:
                    time_ms, value = read_sample(body, at, until)
                    draft.sample(place, time_ms, value)
                case 3:
                    draft.count()
                    draft.exemplars.append((place, _exemplar(body, at, until)))
                case 4:
                    draft.count()
                    draft.histograms.append(place)
        begin = until
    draft.keys[place] = b"".join(labels)


def _exemplar(body: bytes, start: int, end: int) -> Exemplar:
    value, time_ms, texts = 0.0, 0, []
    begin = start
    for number, wire, at, until in fields(body, start, end):
        if number == 1 and wire == Wire.LENGTH:
            texts.append(body[begin:until])
        elif number == 2 and wire == Wire.I64:
            (value,) = DOUBLE.unpack_from(body, at)
        elif number == 3 and wire == Wire.VARINT:
            time_ms = signed(at)
        begin = until
    return exemplar(b"".join(texts), value, time_ms)


def _metadata(body: bytes, start: int, end: int) -> tuple[str, Metadata]:
    kind, texts = 0, {2: "", 4: "", 5: ""}
    for number, wire, at, until in fields(body, start, end):
        if number == 1 and wire == Wire.VARINT:
            kind = at
        elif number in texts and wire == Wire.LENGTH:
            texts[number] = body[at:until].decode(errors="replace")
    return texts[2], Metadata(type_of(kind), texts[4], texts[5])
