"""Version 1.0, ``prometheus.WriteRequest``.

A sender repeats the labels of a series, byte for byte, in each request; behind them stands nearly always one sample,
of 18 bytes, or 9 when its value is 0, and sometimes several of 18. So a message is cut before what looks like its
samples, and when the front is a key that the receiver knows (which is then a whole number of label fields), what
follows can only be samples. All found so are read at once; every other series is read field by field.
"""

from __future__ import annotations

from collections.abc import Container
from typing import Final

import numpy as np

from fenghuo.model.sample import Exemplar, Metadata
from fenghuo.wire.remote_write.draft import Draft, exemplar, refused, type_of
from fenghuo.wire.remote_write.message import Key, WriteRequest
from fenghuo.wire.remote_write.protobuf import DOUBLE, MalformedError, Wire, fields, read_sample, signed
from fenghuo.wire.remote_write.tails import WHOLE, ZERO, Tails, counts, samples

_SERIES_TAG: Final = 1 << 3 | Wire.LENGTH
_AT_ONCE: Final = 5000
"""Series whose keys are looked up without a pause; more would hold the interpreter for over a millisecond."""


def decode_v1(body: bytes, known: Container[Key], items_max: int) -> WriteRequest:
    """Read a message. ``known`` holds keys that earlier messages gave: series with these are read quickly.

    More than ``items_max`` series, samples, exemplars and metadata are a problem.
    """
    draft = Draft(items_max)
    try:
        starts, ends, others = _split(body, draft)
        tails, others_at = _guessed(body, starts, ends, known, draft)
        for place in others_at:
            _read_series(body, starts[place], ends[place], place, draft)
        for start, end in others:
            draft.metadata.append(_metadata(body, start, end))
    except MalformedError as error:
        return refused(error)
    return draft.request(tails.owners, *samples(body, tails))


def _split(body: bytes, draft: Draft) -> tuple[list[int], list[int], list[tuple[int, int]]]:
    """Where each series begins and ends, and each metadata entry."""
    starts: list[int] = []
    ends: list[int] = []
    others: list[tuple[int, int]] = []
    at, end = 0, len(body)
    begin, finish = starts.append, ends.append
    short, most = end - 3, draft.items_left
    while at < end and len(starts) <= most:
        # Series of up to 16383 bytes, which nearly all are, without a call.
        if at < short and body[at] == _SERIES_TAG and ((low := body[at + 1]) < 0x80 or body[at + 2] < 0x80):
            start, size = (at + 2, low) if low < 0x80 else (at + 3, body[at + 2] << 7 | low & 0x7F)
            at = start + size
            begin(start)
            finish(at)
            continue
        number, wire, start, at = next(fields(body, at, end))
        if wire == Wire.LENGTH and number == 1:
            begin(start)
            finish(at)
        elif wire == Wire.LENGTH and number == 3:
            draft.count()
            others.append((start, at))
    if at > end:
        raise MalformedError(f"a series that is longer than the message at byte {starts[-1]}")
    draft.count(len(starts))
    return starts, ends, others


def _guessed(
    body: bytes, start_list: list[int], end_list: list[int], known: Container[Key], draft: Draft
) -> tuple[Tails, list[int]]:
    """Fill ``draft.keys``. Returns the samples of the series with a known key, and the places of the others, whose keys
    are not to be trusted so far."""
    starts, ends = np.array(start_list, dtype=np.int64), np.array(end_list, dtype=np.int64)
    data = np.frombuffer(body, dtype=np.uint8)
    tail_counts, zero = counts(data, starts, ends)
    cuts = np.where(zero, ends - ZERO, ends - tail_counts * WHOLE)
    fits = np.empty(len(cuts), dtype=np.bool_)
    for first in range(0, len(cuts), _AT_ONCE):
        spans = map(slice, start_list[first : first + _AT_ONCE], cuts[first : first + _AT_ONCE].tolist())
        keys = list(map(body.__getitem__, spans))
        fits[first : first + len(keys)] = [key in known for key in keys]
        draft.keys += keys
    fits &= cuts < ends
    found = np.flatnonzero(fits)
    draft.count(int(np.maximum(tail_counts[found], 1).sum()))
    return Tails.of(found, cuts, tail_counts, zero), np.flatnonzero(~fits).tolist()


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
