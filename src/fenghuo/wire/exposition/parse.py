"""The parser: first the fast path for a body laid out like the last one, else line by line."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final

import numpy as np

from fenghuo.model.labels import Labels
from fenghuo.model.sample import Metadata
from fenghuo.wire.exposition.again import parse_again
from fenghuo.wire.exposition.grammar import Pair, SeriesReader, UnreadableError, check_utf8, expected
from fenghuo.wire.exposition.layout import Format, Layout, LineLayout, Parsed, format_of
from fenghuo.wire.exposition.metadata import read_comment
from fenghuo.wire.exposition.pieces import byte_lines, pieces_of
from fenghuo.wire.exposition.plain import PlainNames, PlainPairs, plain_series
from fenghuo.wire.exposition.samples import BadSampleError, read_samples
from fenghuo.wire.exposition.values import canonical_bound

_BOUND_LABEL: Final = {"histogram": "le", "summary": "quantile"}
_NO_VALUE: Final = ("", " ", "\t", "{")
"""What a value never begins with; the plain paths leave lines with such a thing to the careful reader."""
_NOT_UTF8: Final = re.compile(r"\\udc([89a-f][0-9a-f])")
_SHOWN_CHARS_MAX: Final = 200


def parse_text(body: bytes, content_type: str, last: Parsed | None = None, others: Sequence[Parsed] = ()) -> Parsed:
    """Read a body in the format that ``content_type`` announces; text 0.0.4 when it announces none of ours.

    ``last`` is what the last body of the same source gave, ``others`` what bodies of its like gave. When this one
    differs from one of them in values, timestamps and exemplars only, the result carries the very same layout object.
    Never raises on what the body holds.
    """
    dialect = format_of(content_type) or Format.TEXT
    for like in others if last is None else (last, *others):
        if like.layout.lines is not None and like.layout.lines.format is dialect:
            parsed = parse_again(like, body)
            if parsed is not None:
                return parsed
    known = last.layout if last is not None else None
    lines: list[str] = []
    valid = True
    for piece in pieces_of(body):
        text = piece.decode(errors="surrogateescape")
        valid = valid and (text.isascii() or _is_utf8(piece))
        lines += _lines_of(text)
    parsed = _FullParse(lines, dialect, known, valid_utf8=valid).run()
    if parsed.layout.lines is None:
        return parsed
    return replace(parsed, lines=[line for piece in pieces_of(body) for line in byte_lines(piece)])


def _lines_of(text: str) -> list[str]:
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    return lines


def _is_utf8(piece: bytes) -> bool:
    try:
        piece.decode()
    except UnicodeDecodeError:
        return False
    return True


class _FullParse:
    """One pass over all lines of a body whose layout is not known."""

    def __init__(self, lines: list[str], dialect: Format, last: Layout | None, *, valid_utf8: bool) -> None:
        self._lines = lines
        self._dialect = dialect
        self._valid_utf8 = valid_utf8
        self._has_fast_path = True
        self._series: list[Labels] = []
        self._keys: list[str] = []
        self._rests: list[str] = []
        self._types: list[tuple[int, str]] = []
        self._others_at: list[int] = []
        self._metadata: dict[str, Metadata] = {}
        self._known_by_type = _known_by_type(last, dialect)
        self._pairs_by_type: dict[str, PlainPairs] = {}
        self._names = PlainNames()
        self._set_type("")

    def run(self) -> Parsed:
        """Read everything, or up to the first bad line."""
        problem, good = None, 0
        try:
            self._read_lines()
        except _BadLineError as error:
            problem, good = self._describe(error.line, error.message), len(self._series)
        try:
            read = read_samples(self._rests, self._dialect)
        except BadSampleError as error:
            # A bad value stands before the line that could not be read at all: the first one counts.
            problem, good = self._describe(self._line_of(error.index), error.message), error.index
        if problem is not None:
            return Parsed(Layout(tuple(self._series[:good])), np.empty(0), problem=problem)
        return Parsed(self._layout(), read.values, read.times_ms, read.exemplars)

    def _read_lines(self) -> None:
        add_series, add_key, add_rest = self._series.append, self._keys.append, self._rests.append
        numbered = enumerate(self._lines)
        for number, line in numbered:
            key = line[: line.rfind(" ") + 1]
            labels = self._known.get(key) or plain_series(key, self._names, self._pairs)
            if labels is None:
                try:
                    found = self._careful(number)
                except UnreadableError as error:
                    raise _BadLineError(number, error.message) from error
                if found is None:
                    self._others_at.append(number)
                    continue
                labels, key, line = found
                for _ in range(line.count("\n")):
                    self._others_at.append(next(numbered)[0])
                    self._has_fast_path = False
            add_series(labels)
            add_key(key)
            add_rest(line[len(key) :])
        self._check_end()

    def _check_end(self) -> None:
        if self._dialect is Format.OPENMETRICS and (not self._lines or self._lines[-1] != "# EOF"):
            raise _BadLineError(len(self._lines) - 1, "the data does not end with # EOF")

    def _careful(self, number: int) -> tuple[Labels, str, str] | None:
        """Labels, key and line of a sample; None for a line that is none. Raises UnreadableError.

        A label value may span lines; the line returned then holds all of them. How many is found by doubling, so that
        a quote that nobody closes costs no more than reading the body again.
        """
        line = self._lines[number]
        if self._is_other(line, number):
            return None
        # A timestamp or an exemplar follows the value: the series ends at the first brace after a quote.
        brace = line.find('"} ')
        key = line[: brace + 3] if brace > 0 else line[: line.find(" ") + 1]
        if line[len(key) : len(key) + 1] not in _NO_VALUE:
            labels = self._known.get(key) or plain_series(key, self._names, self._pairs)
            if labels is not None:
                return labels, key, line
        end = number + 1
        while True:
            reader = SeriesReader(line, self._dialect)
            try:
                labels = self._labels(reader.read())
            except UnreadableError as error:
                if not error.open_quote or end == len(self._lines):
                    raise
                end = min(number + 2 * (end - number), len(self._lines))
                line = "\n".join(self._lines[number:end])
                continue
            over = line.find("\n", reader.end)
            line = line if over < 0 else line[:over]
            return labels, self._key(line, reader.end), line

    def _key(self, line: str, end: int) -> str:
        """``line`` up to its value. OpenMetrics wants one blank before it."""
        if self._dialect is Format.OPENMETRICS:
            if not line.startswith(" ", end):
                raise expected("a blank and a value", line, end)
            end += 1
        if end == len(line):
            raise expected("a value", line, end)
        if line[end - 1] not in " \t}":
            # "a-1" is the series a with the value -1: its key would also begin the line "a1 5".
            self._has_fast_path = False
        return line[:end]

    def _labels(self, pairs: tuple[Pair, ...]) -> Labels:
        names: set[str] = set()
        for name, value in pairs:
            if name in names:
                raise UnreadableError(f"label name {name!r} is not unique")
            names.add(name)
            if not self._valid_utf8:
                check_utf8(name, value)
        if self._bound_label in names:
            pairs = tuple((n, canonical_bound(v) if n == self._bound_label else v) for n, v in pairs)
        return Labels(pairs)

    def _is_other(self, line: str, number: int) -> bool:
        """Whether the line is no sample; takes in what it says. Raises UnreadableError."""
        if self._dialect is Format.TEXT:
            line = line.lstrip(" \t")
            if not line:
                return True
        elif line == "# EOF":
            if number + 1 != len(self._lines):
                raise UnreadableError("unexpected data after # EOF")
            return True
        if not line.startswith("#"):
            return False
        said = read_comment(line, self._dialect)
        if said is not None:
            self._metadata[said.name] = said.added_to(self._metadata.get(said.name, Metadata()))
            if said.word == "TYPE":
                self._set_type(said.text)
        return True

    def _set_type(self, family_type: str) -> None:
        """Take note of the last TYPE line: Prometheus spells the bounds of what follows it in one way."""
        self._bound_label = _BOUND_LABEL.get(family_type, "")
        kind = family_type if self._bound_label else ""
        self._types.append((len(self._series), kind))
        self._known = self._known_by_type.get(kind, {})
        if kind not in self._pairs_by_type:
            self._pairs_by_type[kind] = PlainPairs(self._bound_label, valid_utf8=self._valid_utf8)
        self._pairs = self._pairs_by_type[kind]

    def _layout(self) -> Layout:
        if not self._has_fast_path:
            return Layout(tuple(self._series), self._metadata)
        places = np.full(len(self._lines), -1, dtype=np.int64)
        samples = np.ones(len(self._lines), dtype=np.bool_)
        samples[self._others_at] = False
        places[samples] = np.arange(len(self._keys))
        own = iter(self._keys)
        keys = tuple(next(own).encode(errors="surrogateescape") if there else b"" for there in samples.tolist())
        lines = LineLayout(self._dialect, keys, tuple(map(len, keys)), places, tuple(self._types))
        return Layout(tuple(self._series), self._metadata, lines)

    def _line_of(self, index: int) -> int:
        """The line of a sample."""
        line = index
        for at in self._others_at:
            if at > line:
                break
            line += 1
        return line

    def _describe(self, number: int, problem: str) -> str:
        if not 0 <= number < len(self._lines):
            return problem
        # Bytes that are no UTF-8 were decoded to lone surrogates; show them as the bytes they are.
        return _NOT_UTF8.sub(r"\\x\1", f"line {number + 1}: {problem} in {self._lines[number][:_SHOWN_CHARS_MAX]!r}")


class _BadLineError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def _known_by_type(last: Layout | None, dialect: Format) -> Mapping[str, Mapping[str, Labels]]:
    """The series of the last body by the type in force and their text, so that only new ones are parsed."""
    if last is None or last.lines is None or last.lines.format is not dialect:
        return {}
    known: dict[str, dict[str, Labels]] = {}
    ends = [start for start, _ in last.lines.types[1:]] + [len(last.series)]
    keys = [key.decode(errors="surrogateescape") for key in filter(None, last.lines.keys)]
    for (start, kind), end in zip(last.lines.types, ends, strict=True):
        known.setdefault(kind, {}).update(zip(keys[start:end], last.series[start:end], strict=True))
    return known
