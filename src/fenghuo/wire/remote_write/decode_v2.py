"""Version 2.0, ``io.prometheus.write.v2.Request``: texts stand once in the message, and labels refer to them."""

from __future__ import annotations

from collections.abc import Container

from fenghuo.model.labels import METRIC_NAME
from fenghuo.model.sample import Exemplar, Metadata
from fenghuo.wire.remote_write.draft import Draft, exemplar, refused, type_of
from fenghuo.wire.remote_write.message import Key, WriteRequest
from fenghuo.wire.remote_write.protobuf import DOUBLE, MalformedError, Wire, fields, read_sample, read_varint, signed


def decode_v2(body: bytes, known: Container[Key], items_max: int) -> WriteRequest:
    """Read a message. ``known`` is not looked at; more than ``items_max`` texts, series, samples and so on are a
    problem."""
    draft = Draft(items_max)
    try:
        symbols: list[str] = []
        series: list[tuple[int, int]] = []
        for number, wire, at, until in fields(body, 0, len(body)):
            if wire != Wire.LENGTH:
                continue
            if number == 4:
                draft.count()
                symbols.append(_text(body[at:until]))
            elif number == 5:
                draft.count()
                series.append((at, until))
        reader = _SeriesReader(body, symbols, draft)
        for start, end in series:
            reader.read(start, end)
    except MalformedError as error:
        return refused(error)
    return draft.request()


def _text(raw: bytes) -> str:
    try:
        return raw.decode()
    except UnicodeDecodeError as error:
        raise MalformedError("a text that is not valid UTF-8") from error


class _SeriesReader:
    """Reads the series of one message."""

    def __init__(self, body: bytes, symbols: list[str], draft: Draft) -> None:
        self._body = body
        self._symbols = symbols
        self._draft = draft

    def read(self, start: int, end: int) -> None:
        draft = self._draft
        place = len(draft.keys)
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
        key = self._key(refs)
        draft.keys.append(key)
        if metadata is not None and METRIC_NAME in key[::2]:
            draft.metadata.append((key[key.index(METRIC_NAME) + 1], self._metadata(*metadata)))

    def _refs(self, wire: int, at: int, until: int, refs: list[int]) -> None:
        """Take in references, packed or alone."""
        if wire == Wire.VARINT:
            refs.append(at)
            return
        body = self._body
        while at < until:
            ref = body[at]
            at += 1
            if ref >= 0x80:
                ref, at = read_varint(body, at - 1, until)
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
