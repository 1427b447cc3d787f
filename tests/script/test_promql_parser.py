"""Prometheus' own cases for its parser, and for series notation, read in place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fenghuo.base.errors import InputError
from fenghuo.metrics.promql import ParseError, parse_expr
from fenghuo.metrics.promql.script.series import parse_series_line
from fenghuo.metrics.promql.syntax.lexer import place

NOT_UTF8 = "input_is_bytes_latin1"
"""Inputs that are bytes, not text: refused where bytes come in, not here."""
OTHER_WORDS = {
    # Where their lexer stops inside a wrong number depends on its states; ours shows all of it.
    "100..4", "0deadbeef", "foo[5y1hs]",
    # They show Go's own wording, or a format verb that was forgotten.
    "9" * 309, "foo @ 9223372036854775808.000000", "foo @ -9223372036854775808.000000",
    'foo["5m"]',
}  # fmt: skip


def _cases(conformance: Path, table: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((conformance / "prometheus" / "promql_parser.json").read_text())[table]
    return [case for case in cases if "input" in case and NOT_UTF8 not in case]


def _parse(text: str) -> tuple[str | None, str]:
    """The kind of the root, or None, and the message."""
    try:
        return type(parse_expr(text)).__name__, ""
    except ParseError as error:
        return None, str(error)


def test_what_prometheus_parses(conformance: Path) -> None:
    """Every valid expression parses, to a root of the same kind."""
    cases = [case for case in _cases(conformance, "parse") if "kind" in case]
    wanted = {case["input"]: case["kind"].removesuffix("Expr").removesuffix("Literal") for case in cases}
    assert {text: _parse(text)[0] for text in wanted} == wanted
    assert len(wanted) > 150


def test_what_prometheus_refuses(conformance: Path) -> None:
    """Every invalid one is refused, at the same place and in Prometheus' words but for the few that are listed."""
    cases = [case for case in _cases(conformance, "parse") if "kind" not in case]
    accepted = [case["input"] for case in cases if _parse(case["input"])[0] is not None]
    assert accepted == []
    errors = {case["input"]: case["errors"][0] for case in cases if case.get("errors")}
    other = {text for text, error in errors.items() if not _parse(text)[1].endswith(error["msg"])}
    assert other - OTHER_WORDS == set()
    elsewhere = {
        text: (_parse(text)[1], place(text, error["start"]))
        for text, error in errors.items()
        if "start" in error
        and text not in OTHER_WORDS
        and not _parse(text)[1].startswith(f"{place(text, error['start'])}: ")
    }
    assert elsewhere == {}


def test_nesting_has_a_limit() -> None:
    """The one generated case: an expression that would exhaust a recursive parser is refused."""
    assert _parse("(" + "-{}-1" * 10_000 + ")" + "[1m:]" * 1000)[0] is None


def test_series_notation(conformance: Path) -> None:
    for case in _cases(conformance, "series_desc"):
        try:
            line = parse_series_line(case["input"])
        except InputError:
            assert case["fail"], case["input"]
            continue
        assert not case["fail"], case["input"]
        assert list(line.items) == case["values"]
        if "gocall" not in case["metric"]:
            assert dict(line.labels) == case["metric"]


def test_dashboards_parse(conformance: Path) -> None:
    """The expressions of well-known dashboards, their variables filled in."""
    entries = json.loads((conformance / "dashboards" / "expressions.json").read_text())
    expressions = {
        entry["expr"] for entry in entries if entry["kind"] == "promql" and "$label_name" not in entry["expr"]
    }
    # What names a label by a variable is LogQL that was counted as PromQL.
    refused = {}
    for text in expressions:
        filled = _filled_in(text)
        if (message := _parse(filled)[1]) and not message.endswith("no expression found in input"):
            refused[text] = message
    assert refused == {}


def _filled_in(text: str) -> str:
    """Grafana's variables as values of the kind that stands in their place."""
    for name, value in _VARIABLES:
        text = text.replace(name, value)
    return text


_VARIABLES = (
    ("$__rate_interval", "5m"),
    ("$__interval", "1m"),
    ("$__range_s", "3600"),
    ("$__range", "1h"),
    ("[$interval]", "[5m]"),
    ("[$range]", "[5m]"),
    ("$aggregation_interval", "5m"),
)
