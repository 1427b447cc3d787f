"""Version 2.0, ``io.prometheus.write.v2.Request``: texts stand once in the message, and labels refer to them.

Nearly every series is its references, one sample, and perhaps metadata: references and samples of all these are read at
once. Every other series is read field by field.
"""

from __future__ import annotations

from collections.abc import Container, Sequence

import numpy as np

from fenghuo.model.labels import METRIC_NAME
from fenghuo.model.sample import Exemplar, Ints, Metadata
from fenghuo.wire.remote_write.draft import Draft, exemplar, refused, type_of
from fenghuo.wire.remote_write.message import Key, WriteRequest
from fenghuo.wire.remote_write.protobuf import DOUBLE, MalformedError, Wire, fields, read_sample, read_varint, signed
from fenghuo.wire.remote_write.tails import WHOLE, ZERO, Tails, looks, samples

_REFS_TAG = 1 << 3 | Wire.LENGTH
_REF_BYTES_MAX = 5
"""A reference is a uint32."""
Spans = Sequence[tuple[int, int]]


def decode_v2(body: bytes, known: Container[Key], items_max: int) -> WriteRequest:
    """Read a message. ``known`` is not looked at; more than ``items_max`` texts, series, samples and so on are a
    problem."""
    draft = Draft(items_max)
    try:
        symbols, series = _split(body, draft)
        reader = _SeriesReader(body, symbols, draft)
        tails, others = reader.read_plain(series)
        for place in others:
            reader.read(place, *series[place])
    except MalformedError as error:
        return refused(error)
    return draft.request(tails.owners, *samples(body, tails))


def _split(body: bytes, draft: Draft) -> tuple[list[str], list[tuple[int, int]]]:
    """The texts, and where each series begins and ends."""
    symbols: list[str] = []
    series: list[tuple[int, int]] = []
    for number, wire, at, until in fields(body, 0, len(body)):
        if wire == Wire.LENGTH and number == 4:
            draft.count()
            symbols.append(_text(body[at:until]))
        elif wire == Wire.LENGTH and number == 5:
            draft.count()
            series.append((at, until))
    return symbols, series


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("a text that is not valid UTF-8") from error


class _SeriesReader:
    """Reads the series of one message into a draft, whose keys are those of the series by place."""

    def __init__(self, body: bytes, symbols: list[str], draft: Draft) -> None:
        self._body = body
        self._symbols = symbols
        self._draft = draft

    def read_plain(self, series: Spans) -> tuple[Tails, list[int]]:
        """Read all series of the usual form; returns their samples, and the places of the others."""
        self._draft.keys = [()] * len(series)
        cuts = self._cuts(series)
        ends = np.array([end for _, end in series], dtype=np.int64)
        data = np.frombuffer(self._body, dtype=np.uint8)
        sizes = np.zeros(len(series), dtype=np.int64)
        for size in (ZERO, WHOLE):
            fitting = np.flatnonzero((cuts > 0) & (cuts + size <= ends))
            sizes[fitting[looks(data, cuts[fitting], size)]] = size
        plain = self._without_more(series, cuts + sizes, np.flatnonzero(sizes).tolist())
        self._name(series, cuts, plain)
        places = np.array(list(plain), dtype=np.int64)
        self._draft.count(len(places))
        for place, metadata in plain.items():
            if metadata is not None:
                self._note(place, metadata)
        others = np.ones(len(series), dtype=np.bool_)
        others[places] = False
        return Tails(places, cuts[places], sizes[places] == ZERO), np.flatnonzero(others).tolist()

    def _cuts(self, series: Spans) -> Ints:
        """int64[n]: where the references of each series end that has them at its front; else 0."""
        body = self._body
        cuts = np.zeros(len(series), dtype=np.int64)
        for place, (start, end) in enumerate(series):
            if end - start > 2 and body[start] == _REFS_TAG and body[start + 1] < 0x80:
                cuts[place] = start + 2 + body[start + 1]
        return cuts

    def _without_more(self, series: Spans, behind: Ints, places: list[int]) -> dict[int, Metadata | None]:
        """The series that have nothing behind their sample but metadata and what is passed over, with the metadata."""
        body = self._body
        seen: dict[bytes, Metadata | bool | None] = {b"": None}
        found: dict[int, Metadata | None] = {}
        for place, start in zip(places, behind[places].tolist(), strict=True):
            rest = body[start : series[place][1]]
            if rest not in seen:
                seen[rest] = self._rest(start, series[place][1])
            said = seen[rest]
            if not isinstance(said, bool):
                found[place] = said
        return found

    def _rest(self, start: int, end: int) -> Metadata | bool | None:
        """The metadata in a stretch of fields, if any; False when there is something else of meaning in it."""
        metadata: Metadata | None = None
        for number, wire, at, until in fields(self._body, start, end):
            if number < 5:
                return False
            if number == 5 and wire == Wire.LENGTH:
                metadata = self._metadata(at, until)
        return metadata

    def _name(self, series: Spans, cuts: Ints, places: dict[int, Metadata | None]) -> None:
        """Set the keys of series of the usual form."""
        body, keys = self._body, self._draft.keys
        ends = cuts.tolist()
        parts = [body[series[place][0] + 2 : ends[place]] for place in places]
        refs, bounds = _packed_refs(parts)
        if len(refs) and int(refs.max()) >= len(self._symbols):
            raise MalformedError(f"a reference to text {int(refs.max())} of {len(self._symbols)}")
        texts = list(map(self._symbols.__getitem__, refs.tolist()))
        start = 0
        for place, end in zip(places, bounds.tolist(), strict=True):
            if (end - start) % 2:
                raise MalformedError("a label name without its value")
            keys[place] = tuple(texts[start:end])
            start = end

    def read(self, place: int, start: int, end: int) -> None:
        """Read one series field by field."""
        draft = self._draft
        refs: list[int] = []
        metadata: tuple[int, int] | None = None
        for number, wire, at, until in fields(self._body, start, end):
            if number == 1:
                self._refs(wire, at, until, refs)
            elif wire != Wire.LENGTH:
                continue
            elif number == 2:
                draft.sample(place, *read_sample(self._body, at, until))
            elif number == 3:
                draft.count()
                draft.histograms.append(place)
            elif number == 4:
                draft.count()
                draft.exemplars.append((place, self._exemplar(at, until)))
            elif number == 5:
                metadata = (at, until)
        draft.keys[place] = self._key(refs)
        if metadata is not None:
            self._note(place, self._metadata(*metadata))

    def _note(self, place: int, metadata: Metadata) -> None:
        key = self._draft.keys[place]
        labels = dict(zip(key[::2], key[1::2], strict=True)) if isinstance(key, tuple) else {}
        if METRIC_NAME in labels:
            self._draft.metadata.append((labels[METRIC_NAME], metadata))

    def _refs(self, wire: int, at: int, until: int, refs: list[int]) -> None:
        """Take in references, packed or alone."""
        if wire == Wire.VARINT:
            refs.append(at)
            return
        while wire == Wire.LENGTH and at < until:
            ref, at = read_varint(self._body, at, until)
            refs.append(ref)

    def _key(self, refs: list[int]) -> tuple[str, ...]:
        if len(refs) % 2:
            raise MalformedError("a label name without its value")
        return tuple(map(self._symbol, refs))

    def _symbol(self, ref: int) -> str:
        if ref >= len(self._symbols):
            raise MalformedError(f"a reference to text {ref} of {len(self._symbols)}")
        return self._symbols[ref]

    def _exemplar(self, start: int, end: int) -> Exemplar:
        value, time_ms = 0.0, 0
        refs: list[int] = []
        for number, wire, at, until in fields(self._body, start, end):
            if number == 1:
                self._refs(wire, at, until, refs)
            elif number == 2 and wire == Wire.I64:
                (value,) = DOUBLE.unpack_from(self._body, at)
            elif number == 3 and wire == Wire.VARINT:
                time_ms = signed(at)
        return exemplar(self._key(refs), value, time_ms)

    def _metadata(self, start: int, end: int) -> Metadata:
        found = {1: 0, 3: 0, 4: 0}
        for number, wire, at, _ in fields(self._body, start, end):
            if number in found and wire == Wire.VARINT:
                found[number] = at
        return Metadata(type_of(found[1]), self._symbol(found[3]), self._symbol(found[4]))


def _packed_refs(parts: Sequence[bytes]) -> tuple[Ints, Ints]:
    """All references of some packed fields, one after another, and for each field how many there are up to its end."""
    data = np.frombuffer(b"".join(parts), dtype=np.uint8)
    lasts = np.flatnonzero(data < 0x80)
    ends = np.cumsum([len(part) for part in parts], dtype=np.int64)
    if len(data) and (data[ends[ends > 0] - 1] >= 0x80).any():
        raise MalformedError("a reference without its end")
    firsts = np.r_[0, lasts[:-1] + 1] if len(lasts) else lasts
    sizes = lasts - firsts + 1
    if (sizes > _REF_BYTES_MAX).any():
        raise MalformedError("a reference that is no uint32")
    refs = np.zeros(len(lasts), dtype=np.int64)
    for number in range(int(sizes.max(initial=0))):
        long = np.flatnonzero(sizes > number)
        refs[long] |= (data[firsts[long] + number].astype(np.int64) & 0x7F) << 7 * number
    return refs, np.searchsorted(lasts, ends, side="left")
