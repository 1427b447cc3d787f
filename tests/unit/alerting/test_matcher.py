"""Matchers: both syntaxes, matching and rendering, by Alertmanager's own tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fenghuo.alerting.matcher import (
    AlertMatcher,
    _parse_classic,
    _parse_modern,
    parse_matcher,
    parse_matchers,
    show_matchers,
)
from fenghuo.base.errors import InputError
from fenghuo.model.matcher import MatchOp

OPS = {
    "MatchEqual": MatchOp.EQUAL,
    "MatchNotEqual": MatchOp.NOT_EQUAL,
    "MatchRegexp": MatchOp.REGEX,
    "MatchNotRegexp": MatchOp.NOT_REGEX,
}


@pytest.fixture(scope="module")
def tables(conformance: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((conformance / "alertmanager" / "matchers.json").read_text())
    return loaded


def made(rows: list[dict[str, str]] | None) -> list[AlertMatcher]:
    return [AlertMatcher(row["name"], row["value"], MatchOp(row["op"])) for row in rows or []]


def check(parse: Any, text: str, want: list[AlertMatcher] | None) -> str | None:
    """What is wrong with ``parse(text)``; None when it is as wanted (None: refused)."""
    try:
        got = parse(text)
    except InputError:
        got = None
    return None if got == want else f"{text!r}: {got} instead of {want}"


def test_utf8_syntax(tables: dict[str, Any]) -> None:
    cases = tables["utf8_parser:TestMatchers"]
    found = [check(_parse_modern, c.get("input", ""), None if "error" in c else made(c["expected"])) for c in cases]
    assert [one for one in found if one] == []
    assert len(found) == 45


def test_exactly_one_matcher(tables: dict[str, Any]) -> None:
    def one(text: str) -> list[AlertMatcher]:
        matchers = _parse_modern(text)
        if len(matchers) != 1:
            raise InputError("not one")
        return matchers

    cases = tables["utf8_parser:TestMatcher"]
    found = [check(one, c.get("input", ""), None if "error" in c else made([c["expected"]])) for c in cases]
    assert [problem for problem in found if problem] == []
    with pytest.raises(InputError, match="found 2"):
        parse_matcher("foo=bar,bar=baz")


def test_classic_syntax(tables: dict[str, Any]) -> None:
    cases = tables["classic_parser:TestMatchers"]
    found = [check(_parse_classic, c.get("input", ""), None if "err" in c else made(c["want"])) for c in cases]
    assert [one for one in found if one] == []
    assert len(found) == 53


def test_what_both_accept(tables: dict[str, Any]) -> None:
    """Cases marked skip are those on which the two are known to differ; the classic meaning is given."""
    cases = [c for c in tables["both_parsers:TestCompliance"] if "err" not in c]
    found = [check(parse_matchers, c.get("input", ""), made(c["want"] or [])) for c in cases]
    assert [one for one in found if one] == []


def test_matching(tables: dict[str, Any]) -> None:
    for case in tables["matching:TestMatcher"]:
        matcher = AlertMatcher("name", case["matcher"]["value"], MatchOp(case["matcher"]["op"]))
        assert matcher.matches({"name": case["value"]}) is case["match"], case


def test_rendering(tables: dict[str, Any]) -> None:
    for case in tables["matching:TestMatcherString"]:
        assert str(AlertMatcher(case["name"], case["value"], OPS[case["op"]])) == case["want"]
    assert show_matchers(parse_matchers("b=1,a!=2")) == '{b="1",a!="2"}'


def test_refusal_names_the_place() -> None:
    with pytest.raises(InputError, match="position 4"):
        parse_matchers("foo bar")
