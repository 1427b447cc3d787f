"""Files of samples as text, in pieces that come one after another: exposition formats, and JSON lines."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import numpy as np
import orjson

from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN, Exemplar, Floats, Ints, Metadata
from fenghuo.wire.exposition import NO_TIME, Format, Parsed, float_of, parse_text
from fenghuo.wire.exposition.timed import TimedReader

PIECE_BYTES: Final = 1 << 18
"""Some two thousand lines are parsed at once."""
STALE_WORD: Final = "StaleNaN"
"""The staleness marker in JSON lines that this program exports."""
LINE_BYTES_MAX: Final = 16 << 20
"""A line that is longer is not waited for; a JSON line of a series with a million samples has about this."""


@dataclass(frozen=True, slots=True)
class Batch:
    """Samples of a piece: ``values[i]`` is one of ``series[owners[i]]``."""

    series: Sequence[Labels]
    owners: Ints
    times_ms: Ints
    """int64[n]; ``NO_TIME`` where the text gives none."""
    values: Floats
    exemplars: Sequence[tuple[int, Exemplar]] = ()
    """With the place of their series."""
    metadata: Sequence[tuple[str, Metadata]] = ()


@dataclass(frozen=True, slots=True)
class BadLine:
    """A line that cannot be read."""

    text: str
    """Which line, and why."""


class LineReader(Protocol):
    """Reads whole lines of one format."""

    def read(self, lines: bytes, first_line: int) -> Iterator[Batch | BadLine]:
        """What the lines say; the first of them is number ``first_line`` of the file."""
        ...


class Lines:
    """Cuts a stream into pieces of whole lines, and has them read."""

    def __init__(self, reader: LineReader) -> None:
        self._reader = reader
        self._rest = b""
        self._line = 1
        self._skipping = False
        """Whether what comes belongs to a line that is too long, until it ends."""

    def feed(self, data: bytes) -> Iterator[Batch | BadLine]:
        """Read what is whole with ``data``; the rest waits for more."""
        if self._skipping:
            _, line_end, data = data.partition(b"\n")
            if not line_end:
                return
            self._skipping = False
            self._line += 1
        self._rest += data
        while len(self._rest) >= PIECE_BYTES:
            end = self._rest.rfind(b"\n", 0, PIECE_BYTES) + 1 or self._rest.find(b"\n", PIECE_BYTES) + 1
            if not end:
                if len(self._rest) > LINE_BYTES_MAX:
                    yield BadLine(f"line {self._line}: longer than {LINE_BYTES_MAX} bytes")
                    self._rest, self._skipping = b"", True
                return
            yield from self._read(self._rest[:end])
            self._rest = self._rest[end:]

    def finish(self) -> Iterator[Batch | BadLine]:
        """Read what is left."""
        rest, self._rest = self._rest, b""
        if rest:
            yield from self._read(rest)

    def _read(self, piece: bytes) -> Iterator[Batch | BadLine]:
        yield from self._reader.read(piece, self._line)
        self._line += piece.count(b"\n")


class ExpositionLines:
    """Prometheus' text format, or OpenMetrics. A bad line is left out, the others are taken."""

    def __init__(self, dialect: Format) -> None:
        self._dialect = dialect
        self._timed = TimedReader(dialect)
        self._type = b""
        """The last TYPE line: it says how the labels of what follows are spelled."""

    def read(self, lines: bytes, first_line: int) -> Iterator[Batch | BadLine]:
        for part in _parts(lines):
            timed = None if part.startswith(b"#") else self._timed.read(part, self._type_word())
            if timed is None:
                yield from self._read_any(part, first_line)
            else:
                yield Batch(timed.series, timed.owners, timed.times_ms, timed.values)
            first_line += part.count(b"\n")

    def _type_word(self) -> str:
        return self._type.split()[-1].decode(errors="replace") if self._type else ""

    def _read_any(self, lines: bytes, first_line: int) -> Iterator[Batch | BadLine]:
        """Read lines of any kind; where one is bad, each half by itself."""
        parsed = self._parse(lines)
        if parsed.problem is None:
            yield _batch(parsed)
            self._remember(lines)
        elif (half := _middle(lines)) == len(lines):
            # The parser counts from the TYPE line that was put in front.
            yield BadLine(f"line {first_line}: {parsed.problem.partition(': ')[2] or parsed.problem}")
        else:
            yield from self._read_any(lines[:half], first_line)
            yield from self._read_any(lines[half:], first_line + lines[:half].count(b"\n"))

    def _parse(self, lines: bytes) -> Parsed:
        if self._dialect is Format.TEXT:
            return parse_text(self._type + lines, Format.TEXT)
        # Every piece is a whole exposition to the parser; where the file says that it ends, nobody needs to know.
        body = b"".join(line for line in lines.splitlines(keepends=True) if line.rstrip(b"\r\n") != b"# EOF")
        ended = body if body.endswith(b"\n") or not body else body + b"\n"
        return parse_text(self._type + ended + b"# EOF\n", Format.OPENMETRICS)

    def _remember(self, lines: bytes) -> None:
        start = lines.rfind(b"# TYPE ")
        if start >= 0 and (start == 0 or lines[start - 1 : start] == b"\n"):
            end = lines.find(b"\n", start)
            self._type = lines[start : end + 1] if end >= 0 else lines[start:] + b"\n"


def _parts(lines: bytes) -> Iterator[bytes]:
    """Runs of comment lines, and runs of others."""
    start = 0
    while start < len(lines):
        end = start
        if lines[start : start + 1] == b"#":
            while lines[end : end + 1] == b"#":
                end = lines.find(b"\n", end) + 1 or len(lines)
        else:
            end = lines.find(b"\n#", start) + 1 or len(lines)
        yield lines[start:end]
        start = end


def _middle(lines: bytes) -> int:
    """Where a line begins, near the middle; the end when there is only one line."""
    middle = lines.rfind(b"\n", 0, len(lines) // 2) + 1
    return middle or (lines.find(b"\n") + 1) or len(lines)


def _batch(parsed: Parsed) -> Batch:
    count = len(parsed.values)
    times = np.full(count, NO_TIME, dtype=np.int64) if parsed.times_ms is None else parsed.times_ms
    series = parsed.layout.series
    return Batch(series, np.arange(count), times, parsed.values, parsed.exemplars, list(parsed.layout.metadata.items()))


class JsonLines:
    """VictoriaMetrics' export: a line for each series, with its labels, values and times in milliseconds."""

    def read(self, lines: bytes, first_line: int) -> Iterator[Batch | BadLine]:
        for number, line in enumerate(lines.splitlines()):
            if line.strip():
                try:
                    yield _json_series(orjson.loads(line))
                except (ValueError, KeyError, TypeError, AttributeError, OverflowError) as error:
                    yield BadLine(
                        f"line {first_line + number}: not a series with metric, values and timestamps: {error}"
                    )


def _json_series(entry: Any) -> Batch:
    metric = {name: "" if value is None else value for name, value in entry["metric"].items()}
    if not all(isinstance(value, str) for value in metric.values()):
        raise ValueError("a label that is no text")
    labels = Labels(metric)
    said = np.array(entry["timestamps"])
    values = np.array([_json_value(value) for value in entry["values"]], dtype=np.float64)
    if said.ndim != 1 or len(said) != len(values):
        raise ValueError(f"{len(values)} values and {said.size} timestamps")
    if len(said) and said.dtype != np.int64:
        raise ValueError("timestamps that are not whole milliseconds")
    times = said.astype(np.int64)
    return Batch([labels], np.zeros(len(times), dtype=np.int64), times, values)


def _json_value(value: object) -> float:
    """A number; null and words stand for what JSON has no number for."""
    if value is None:
        return float("nan")
    if value == STALE_WORD:
        return float(STALE_NAN)
    if isinstance(value, str):
        found = float_of(value.replace("Infinity", "Inf"))
        if found is None:
            raise ValueError(f"{value[:40]!r} is not a number")
        return found
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError(f"{str(value)[:40]!r} is not a number")
    return float(value)
