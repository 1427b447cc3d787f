"""Expressions as Prometheus shows them: its own cases, read in place, and what must hold of every expression."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fenghuo.api.prometheus.tree import tree_view
from fenghuo.metrics.promql import ParseError, normalized, parse_expr, pretty


def _cases(conformance: Path, table: str) -> list[dict[str, Any]]:
    cases: list[dict[str, Any]] = json.loads((conformance / "prometheus" / "promql_parser.json").read_text())[table]
    return cases


def test_printed_as_prometheus_prints(conformance: Path) -> None:
    cases = _cases(conformance, "print")
    assert {case["in"]: normalized(case["in"]) for case in cases} == {case["in"]: case["out"] for case in cases}
    assert len(cases) > 80


def _is_the_same(text: str) -> bool:
    """Whether the forms of an expression mean what it means: printing them again gives the one-line form."""
    shown = normalized(text)
    return normalized(shown) == shown and normalized(pretty(parse_expr(text))) == shown and _bare(text) == _bare(shown)


def _bare(text: str) -> Any:
    """The tree as JSON, without what only says how something was written: units, and the order of matchers."""

    def strip(view: Any) -> Any:
        if isinstance(view, list):
            return [strip(each) for each in view]
        if not isinstance(view, dict):
            return view
        if isinstance(view.get("matchers"), list):
            view = {**view, "matchers": sorted(view["matchers"], key=str)}
        if view.get("type") == "durationExpr" and view["op"] == "+" and view["lhs"] is None and not view["wrapped"]:
            return strip(view["rhs"])
        return {key: strip(value) for key, value in view.items()}

    return strip(tree_view(parse_expr(text)))


def test_what_is_printed_means_the_same(conformance: Path) -> None:
    """Every valid expression of Prometheus' tests of parser and engine."""
    texts = {case["input"] for case in _cases(conformance, "parse") if "kind" in case and "input" in case}
    texts |= {
        json.loads(line)["expr"] for line in (conformance / "promqltest" / "cases.jsonl").read_text().splitlines()
    }
    asked, changed = 0, []
    for text in sorted(texts):
        try:
            parse_expr(text)
        except ParseError:
            continue
        asked += 1
        if not _is_the_same(text):
            changed.append(text)
    assert changed == []
    assert asked > 1000


LONG = 'instance:node_network_receive_bytes:rate1m{job="node", instance=~"web.*"}'


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("sum by(job)(up)", ["sum by (job) (up)"]),
        (
            f"sum by(job)({LONG} + {LONG})",
            [
                "sum by (job) (",
                '    instance:node_network_receive_bytes:rate1m{instance=~"web.*",job="node"}',
                "  +",
                '    instance:node_network_receive_bytes:rate1m{instance=~"web.*",job="node"}',
                ")",
            ],
        ),
        (
            f"-topk(5, (rate({LONG}[5m] offset 1d)) > bool on(job) group_left(x) y)",
            [
                "-topk(",
                "  5,",
                '    (rate(instance:node_network_receive_bytes:rate1m{instance=~"web.*",job="node"}[5m] offset 1d))',
                "  > bool on (job) group_left (x)",
                "    y",
                ")",
            ],
        ),
        (
            # A subquery that fits on a line is not indented: so does Prometheus.
            f"max_over_time(rate({LONG}[5m])[1h:1m] @ end())",
            [
                "max_over_time(",
                'rate(instance:node_network_receive_bytes:rate1m{instance=~"web.*",job="node"}[5m])[1h:1m] @ end()',
                ")",
            ],
        ),
        (
            f"max_over_time(sum(rate({LONG}[5m]))[1h:1m] @ end() offset 5m)",
            [
                "max_over_time(",
                '  sum(rate(instance:node_network_receive_bytes:rate1m{instance=~"web.*",job="node"}[5m]))'
                "[1h:1m] @ end() offset 5m",
                ")",
            ],
        ),
    ],
)
def test_long_expressions_are_broken_into_lines(text: str, lines: list[str]) -> None:
    assert pretty(parse_expr(text)).split("\n") == lines


def test_a_long_chain_does_not_run_off_to_the_right() -> None:
    """Its text grows with its terms, not with their square."""
    lines = pretty(parse_expr(" + ".join(["x"] * 5_000))).split("\n")
    assert len(lines) > 9_000
    assert max(map(len, lines)) <= 200
