"""Files of the test language to commands."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from fenghuo.base.errors import InputError
from fenghuo.metrics.promql.script.series import SeriesLine, parse_series_line, parse_series_lines
from fenghuo.metrics.promql.syntax.cursor import Cursor
from fenghuo.metrics.promql.syntax.durations import parse_number
from fenghuo.metrics.promql.syntax.lexer import Kind
from fenghuo.model.duration import parse_duration_ms


@dataclass(frozen=True, slots=True)
class Load:
    """Fill the store: position k of each series has the time ``k * interval_ms``."""

    line: int
    interval_ms: int
    series: tuple[SeriesLine, ...]


@dataclass(frozen=True, slots=True)
class Clear:
    """Empty the store."""

    line: int


@dataclass(frozen=True, slots=True)
class Text:
    """What a message must be: anything, exactly a text, or what a pattern finds."""

    message: str | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class RangeVector:
    """The moments of an expected range vector."""

    start_ms: int
    end_ms: int
    step_ms: int


@dataclass(slots=True)
class Expectation:
    """What the lines below an ``eval`` say."""

    fail: list[Text] = field(default_factory=list)
    warn: list[Text] = field(default_factory=list)
    info: list[Text] = field(default_factory=list)
    no_warn: bool = False
    no_info: bool = False
    ordered: bool = False
    string: str | None = None
    range_vector: RangeVector | None = None
    scalar: float | None = None
    series: list[SeriesLine] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Eval:
    """Evaluate and compare. An instant query has ``step_ms`` 0 and its time in ``start_ms``."""

    line: int
    expr: str
    start_ms: int
    end_ms: int
    step_ms: int
    expect: Expectation

    @property
    def is_range(self) -> bool:
        return self.step_ms > 0


Command = Load | Clear | Eval

_LOAD = re.compile(r"load(?:_with_nhcb)?\s+(\S+)$", re.IGNORECASE)
_INSTANT = re.compile(r"eval(?:_(fail|warn|info|ordered))?\s+instant\s+(?:at\s+(.+?))?\s+(.+)$", re.IGNORECASE)
_RANGE = re.compile(
    r"eval(?:_(fail|warn|info|ordered))?\s+range\s+from\s+(.+)\s+to\s+(.+)\s+step\s+(.+?)\s+(.+)$", re.IGNORECASE
)
_EXPECT = re.compile(r"expect\s+(ordered|fail|warn|no_warn|info|no_info)(?:\s+(regex|msg):(.+))?$")
_RANGE_VECTOR = re.compile(r"expect\s+range\s+vector\s+from\s+(\S+)\s+to\s+(\S+)\s+step\s+(\S+)$")
_STRING = re.compile(r"expect\s+string\s+(.+)$")
_OLD_FAIL = re.compile(r"expected_fail_(message|regexp)\s+(.+)$")
_SCALAR = re.compile(r"[+-]?(?:0[xX][0-9a-fA-F]+|Inf|NaN|[\d.][\d.eE_+-]*)$", re.IGNORECASE)


def parse_script(text: str, name: str) -> Iterator[Command]:
    """The commands of a file, one after another. Raises InputError with the line for what is none."""
    lines = [line.strip() for line in text.split("\n")]
    lines = ["" if line.startswith("#") else line for line in lines]
    at = 0
    while at < len(lines):
        head = lines[at]
        start = at
        at += 1
        if not head:
            continue
        word = head.split()[0].lower()
        body: list[str] = []
        if word.startswith(("load", "eval")):
            while at < len(lines) and lines[at]:
                body.append(lines[at])
                at += 1
        try:
            yield _parse_command(word, head, body, start + 1)
        except InputError as error:
            raise InputError(error.message, place=f"{name}:{start + 1}") from error


def _parse_command(word: str, head: str, body: list[str], line: int) -> Command:
    if word == "clear":
        return Clear(line)
    if word.startswith("load") and (load := _LOAD.match(head)):
        return Load(line, parse_duration_ms(load[1]), tuple(parse_series_lines(body)))
    if found := _RANGE.match(head):
        start_ms, end_ms, step_ms = (parse_duration_ms(text) for text in found.groups()[1:4])
        expect = _parse_expectation(found[1], body)
        _check_range(expect, (end_ms - start_ms) // max(step_ms, 1) + 1)
        return Eval(line, found[5], start_ms, end_ms, step_ms, expect)
    if found := _INSTANT.match(head):
        time_ms = parse_duration_ms(found[2] or "0")
        expect = _parse_expectation(found[1], body)
        _check_instant(expect)
        if expect.range_vector is not None:
            time_ms = expect.range_vector.end_ms
        return Eval(line, found[3], time_ms, time_ms, 0, expect)
    raise InputError(f"{head!r} is not a command")


def _parse_expectation(suffix: str | None, body: list[str]) -> Expectation:
    expect = Expectation()
    if suffix:
        _set(expect, suffix.lower(), Text())
    for line in body:
        if found := _EXPECT.match(line):
            text = (found[3] or "").strip()
            exact, pattern = (text, None) if found[2] == "msg" else (None, text or None)
            _set(expect, found[1], Text(exact, pattern))
        elif found := _RANGE_VECTOR.match(line):
            expect.range_vector = RangeVector(*(parse_duration_ms(text) for text in found.groups()))
        elif found := _STRING.match(line):
            expect.string = _parse_string(found[1])
        elif found := _OLD_FAIL.match(line):
            text = found[2].strip()
            expect.fail = [Text(text) if found[1] == "message" else Text(pattern=text)]
        elif _SCALAR.match(line):
            expect.scalar = _parse_scalar(line)
        elif expect.scalar is not None:
            raise InputError(f"{line!r} stands below the number that must be the last line")
        else:
            expect.series.append(parse_series_line(line))
    _check(expect)
    return expect


def _check(expect: Expectation) -> None:
    """Refuse what contradicts itself."""
    if len(expect.fail) > 1:
        raise InputError("'expect fail' stands twice")
    for kind, some, none in (("warn", expect.warn, expect.no_warn), ("info", expect.info, expect.no_info)):
        if some and none:
            raise InputError(f"'expect {kind}' and 'expect no_{kind}' stand together")
    if expect.scalar is not None and expect.series:
        raise InputError("a number and series stand together")


def _check_instant(expect: Expectation) -> None:
    for line in expect.series:
        if len(line.items) != 1 and expect.range_vector is None and not expect.fail:
            raise InputError(f"{line.labels} has {len(line.items)} values; an instant query gives one")


def _check_range(expect: Expectation, steps: int) -> None:
    if expect.ordered or expect.string is not None or expect.range_vector is not None:
        raise InputError("a range query promises no order, and gives neither strings nor range vectors")
    for line in expect.series:
        if len(line.items) > steps:
            raise InputError(f"{line.labels} has {len(line.items)} values for {steps} steps")


def _parse_string(text: str) -> str:
    token = Cursor(text).token
    if token.kind is not Kind.STRING:
        raise InputError(f"{text!r} is not a string")
    return token.text


def _set(expect: Expectation, kind: str, text: Text) -> None:
    match kind:
        case "fail" | "warn" | "info":
            getattr(expect, kind).append(text)
        case "ordered" | "no_warn" | "no_info":
            setattr(expect, kind, True)


def _parse_scalar(text: str) -> float:
    sign = -1.0 if text[0] == "-" else 1.0
    digits = text.lstrip("+-")
    if digits[:2].lower() == "0x":
        cursor = Cursor(digits)
        return sign * parse_number(cursor, cursor.token)
    return sign * float(digits.replace("_", ""))
