"""The parser: first the fast path for a body laid out like the last one, else line by line.

Both work on the lines of the decoded body. The fast path checks with one ``startswith`` a line that the series are
those of the last layout, and converts all values at once: 20,000 lines of 120 bytes in about 8 ms
(``benchmarks/exposition.py``). No single call into C holds the interpreter for more than about 2 ms of that, so a
worker thread that parses leaves the event loop its turns.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from itertools import compress
from typing import Final

import numpy as np

from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.sample import Metadata
from fenghuo.wire.exposition.grammar import Pair, SeriesReader, UnreadableError, expected
from fenghuo.wire.exposition.layout import EMPTY_LAYOUT, Format, Layout, LineLayout, Parsed, format_of
from fenghuo.wire.exposition.metadata import read_comment
from fenghuo.wire.exposition.samples import BadSampleError, read_samples
from fenghuo.wire.exposition.values import canonical_bound

_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*+", re.ASCII)
_PLAIN_PAIR: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*+)="([^"\\\n]++)', re.ASCII)
_BOUND_LABEL: Final = {"histogram": "le", "summary": "quantile"}
_SHOWN_CHARS_MAX: Final = 200


def parse_text(body: bytes, content_type: str, layout: Layout | None = None) -> Parsed:
    """Read a body in the format that ``content_type`` announces; text 0.0.4 when it announces none of ours.

    ``layout`` is what the last body of the same source gave. When this one differs from it in values, timestamps
    and exemplars only, the result carries the very same object. Never raises on what the body holds.
    """
    format = format_of(content_type) or Format.TEXT  # noqa: A001 - the field's word
    try:
        text = body.decode()
        valid = True
    except UnicodeDecodeError:
        text = body.decode(errors="surrogateescape")
        valid = False
    lines = text.split("\n")
    if not lines[-1]:
        lines.pop()
    if layout is not None and layout.lines is not None and layout.lines.format is format:
        parsed = _parse_like(layout, layout.lines, lines)
        if parsed is not None:
            return parsed
    return _FullParse(lines, format, layout, valid_utf8=valid).run()


def _parse_like(layout: Layout, last: LineLayout, lines: list[str]) -> Parsed | None:
    """The fast path; None when the body is laid out differently or has a bad line."""
    if len(lines) != len(last.is_sample):
        return None
    samples = list(compress(lines, last.is_sample))
    if not all(map(str.startswith, samples, last.keys)):
        return None
    if any(lines[at] != other for at, other in zip(last.others_at, last.others, strict=True)):
        return None
    rests = [line[size:] for line, size in zip(samples, last.key_sizes, strict=True)]
    try:
        read = read_samples(rests, last.format)
    except BadSampleError:
        return None
    return Parsed(layout, read.values, read.times_ms, read.exemplars)


class _FullParse:
    """One pass over all lines of a body whose layout is not known."""

    def __init__(self, lines: list[str], format: Format, last: Layout | None, *, valid_utf8: bool) -> None:  # noqa: A002
        self._lines = lines
        self._format = format
        self._valid_utf8 = valid_utf8
        self._one_line_each = True
        self._series: list[Labels] = []
        self._keys: list[str] = []
        self._rests: list[str] = []
        self._types: list[str] = []
        self._sample_lines: list[int] = []
        self._metadata: dict[str, Metadata] = {}
        self._known_by_type = _known_by_type(last, format)
        self._pairs_by_type: dict[str, dict[str, Pair]] = {}
        self._name_pairs: dict[str, Pair] = {}
        self._set_type("")

    def run(self) -> Parsed:
        """Read everything, or up to the first bad line."""
        problem = None
        bad_line = len(self._lines)
        try:
            bad_line = self._read_lines()
        except _BadLineError as error:
            bad_line, problem = error.line, error.message
        try:
            read = read_samples(self._rests, self._format)
        except BadSampleError as error:
            # A bad value stands before the line that could not be read at all: the first one counts.
            bad_line, problem = self._sample_lines[error.index], error.message
        if problem is not None:
            return Parsed(EMPTY_LAYOUT, np.empty(0), problem=self._describe(bad_line, problem))
        return Parsed(self._layout(), read.values, read.times_ms, read.exemplars)

    def _read_lines(self) -> int:
        lines, number = self._lines, 0
        add_series, add_key = self._series.append, self._keys.append
        add_rest, add_type, add_line = self._rests.append, self._types.append, self._sample_lines.append
        while number < len(lines):
            line = lines[number]
            key = line[: line.rfind(" ") + 1]
            labels = self._known.get(key) or self._plain(key)
            end = number + 1
            if labels is None:
                try:
                    found = self._careful(number)
                except UnreadableError as error:
                    raise _BadLineError(number, error.message) from error
                if found is None:
                    number += 1
                    continue
                labels, key, line, end = found
            add_series(labels)
            add_key(key)
            add_rest(line[len(key) :])
            add_type(self._type)
            add_line(number)
            number = end
        self._check_end()
        return number

    def _check_end(self) -> None:
        if self._format is Format.OPENMETRICS and (not self._lines or self._lines[-1] != "# EOF"):
            raise _BadLineError(len(self._lines) - 1, "the data does not end with # EOF")

    def _plain(self, key: str) -> Labels | None:
        """The labels of ``name{label="value",…} `` or ``name `` in plain spelling; None for anything else."""
        if key.endswith('"} '):
            name, _, inside = key[:-3].partition("{")
            texts = inside.split('",')
        else:
            name, texts = key[:-1], []
        pair = self._name_pairs.get(name)
        if pair is None:
            if _NAME.fullmatch(name) is None or not key:
                return None
            pair = self._name_pairs[name] = (METRIC_NAME, name)
        pairs = [pair]
        for text in texts:
            pair = self._pairs.get(text)
            if pair is None:
                pair = self._plain_pair(text)
                if pair is None:
                    return None
            pairs.append(pair)
        pairs.sort()
        labels = Labels.of_sorted(tuple(pairs))
        return labels if len(labels) == len(pairs) else None

    def _plain_pair(self, text: str) -> Pair | None:
        found = _PLAIN_PAIR.fullmatch(text)
        if found is None or (not self._valid_utf8 and not text.isascii()):
            return None
        name, value = found.groups()
        pair = self._pairs[text] = (name, canonical_bound(value) if name == self._bound_label else value)
        return pair

    def _careful(self, number: int) -> tuple[Labels, str, str, int] | None:
        """Labels, key, line and the number of the line after it; None for a line that is not a sample.

        Raises UnreadableError.
        """
        line = self._lines[number]
        if self._is_other(line, number):
            return None
        end = number + 1
        # A timestamp or an exemplar follows the value: the series ends at the first brace after a quote.
        brace = line.find('"} ')
        key = line[: brace + 3] if brace > 0 else line[: line.find(" ") + 1]
        labels = self._known.get(key) or self._plain(key)
        if labels is not None:
            return labels, key, line, end
        while True:
            reader = SeriesReader(line, self._format)
            try:
                labels = self._labels(reader.read())
                break
            except UnreadableError as error:
                end = self._closing_line(end) if error.open_quote else len(self._lines)
                if end == len(self._lines):
                    raise
            self._one_line_each = False
            end += 1
            line = "\n".join(self._lines[number:end])
        return labels, self._key(line, reader.end), line, end

    def _key(self, line: str, end: int) -> str:
        """``line`` up to its value. OpenMetrics wants one blank before it."""
        if self._format is Format.OPENMETRICS:
            if not line.startswith(" ", end):
                raise expected("a blank and a value", line, end)
            end += 1
        if end == len(line):
            raise expected("a value", line, end)
        return line[:end]

    def _closing_line(self, start: int) -> int:
        """The first line from ``start`` on that may close a quote; the number of lines when there is none."""
        return next((at for at in range(start, len(self._lines)) if '"' in self._lines[at]), len(self._lines))

    def _labels(self, pairs: tuple[Pair, ...]) -> Labels:
        names: set[str] = set()
        for name, value in pairs:
            if name in names:
                raise UnreadableError(f"label name {name!r} is not unique")
            names.add(name)
            if not self._valid_utf8:
                _check_utf8(name, value)
        if self._bound_label in names:
            pairs = tuple((n, canonical_bound(v) if n == self._bound_label else v) for n, v in pairs)
        return Labels(pairs)

    def _is_other(self, line: str, number: int) -> bool:
        """Whether the line is no sample; takes in what it says. Raises UnreadableError."""
        if self._format is Format.TEXT:
            line = line.lstrip(" \t")
            if not line:
                return True
        elif line == "# EOF":
            if number + 1 != len(self._lines):
                raise UnreadableError("unexpected data after # EOF")
            return True
        if not line.startswith("#"):
            return False
        said = read_comment(line, self._format)
        if said is not None:
            self._metadata[said.name] = said.added_to(self._metadata.get(said.name, Metadata()))
            if said.word == "TYPE":
                self._set_type(said.text)
        return True

    def _set_type(self, family_type: str) -> None:
        """Take note of the last TYPE line: Prometheus spells the bounds of what follows it in one way."""
        self._bound_label = _BOUND_LABEL.get(family_type, "")
        self._type = family_type if self._bound_label else ""
        self._known = self._known_by_type.get(self._type, {})
        self._pairs = self._pairs_by_type.setdefault(self._type, {})

    def _layout(self) -> Layout:
        lines = None
        if self._one_line_each:
            is_sample = np.zeros(len(self._lines), dtype=np.bool_)
            is_sample[self._sample_lines] = True
            others_at = np.flatnonzero(~is_sample).tolist()
            lines = LineLayout(
                format=self._format,
                is_sample=is_sample.tobytes(),
                keys=tuple(self._keys),
                key_sizes=tuple(map(len, self._keys)),
                types=tuple(self._types),
                others_at=tuple(others_at),
                others=tuple(self._lines[at] for at in others_at),
            )
        return Layout(tuple(self._series), self._metadata, lines)

    def _describe(self, number: int, problem: str) -> str:
        if number < 0 or number >= len(self._lines):
            return problem
        return f"line {number + 1}: {problem} in {self._lines[number][:_SHOWN_CHARS_MAX]!r}"


class _BadLineError(Exception):
    def __init__(self, line: int, message: str) -> None:
        super().__init__(message)
        self.line = line
        self.message = message


def _check_utf8(name: str, value: str) -> None:
    try:
        (name + value).encode()
    except UnicodeEncodeError as error:
        raise UnreadableError(f"label {name!r} is not valid UTF-8") from error


def _known_by_type(last: Layout | None, format: Format) -> Mapping[str, Mapping[str, Labels]]:  # noqa: A002
    """The series of the last body by the type in force and their text, so that only new ones are parsed."""
    if last is None or last.lines is None or last.lines.format is not format:
        return {}
    known: dict[str, dict[str, Labels]] = {}
    for kind, key, labels in zip(last.lines.types, last.lines.keys, last.series, strict=True):
        known.setdefault(kind, {})[key] = labels
    return known
