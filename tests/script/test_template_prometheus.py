"""Prometheus' own table of rule and console templates."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from fenghuo.model.labels import Labels
from fenghuo.rules.functions import rule_functions
from fenghuo.template import Exposed, MissingKey, Template, TemplateError, TemplateOptions

TIME_MS = 1_353_755_652_000
EXTERNAL_URL = "http://testhost:9090/path/prefix"


class Histogram(Exposed):
    """Native histograms print themselves; the language needs no more of them."""

    def __init__(self, count: int, total: int) -> None:
        self.text = f"{{count:{count}, sum:{total}}}"

    def __str__(self) -> str:
        return self.text


def value_of(case: Any) -> Any:
    if isinstance(case, dict) and "Count" in case:
        return Histogram(case["Count"], case["Sum"])
    if isinstance(case, dict):
        return {name: value_of(item) for name, item in case.items()}
    if isinstance(case, str) and case in ("Inf", "+Inf", "-Inf", "NaN"):
        return float(case)
    return case


def input_of(case: dict[str, Any]) -> Any:
    given = case.get("input")
    return [value_of(item) for item in given] if isinstance(given, list) else value_of(given)


def render(case: dict[str, Any]) -> str:
    def query(expr: str, time_ms: int) -> list[tuple[Labels, Any]]:
        assert time_ms == TIME_MS
        return [(Labels(row["labels"]), value_of(row.get("histogram") or row["value"])) for row in case["query_result"]]

    functions = rule_functions(query, TIME_MS, EXTERNAL_URL)
    missing = MissingKey.ERROR if "missingkey=error" in case.get("options", ()) else MissingKey.ZERO
    template = Template.parse(
        case["text"],
        functions,
        name="test",
        options=TemplateOptions(missing=missing),
        html=case.get("html", False),
    )
    return template.render(input_of(case))


def cause(text: str) -> str:
    """The last part of Go's message: what went wrong, without the positions."""
    return text.rsplit(": ", 1)[-1]


def test_every_case(conformance: Path, subtests: pytest.Subtests) -> None:
    cases = json.loads((conformance / "prometheus" / "templates.json").read_text())["cases"]
    assert len(cases) == 89
    for case in cases:
        with subtests.test(case["text"]):
            if "error" not in case:
                assert render(case) == case["output"]
                continue
            with pytest.raises(TemplateError) as caught:
                render(case)
            assert caught.value.place.startswith("test:1:")
            if "error calling" in case["error"]:
                assert cause(caught.value.message) == cause(case["error"])


def test_the_table_has_special_floats() -> None:
    """Were NaN read as text, the humanise cases would prove less than they seem to."""
    assert math.isnan(value_of("NaN"))
