"""Prometheus' relabelling cases."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fenghuo.base.document import Document, RefusedError, validate
from fenghuo.model.relabel import DEFAULT_REPLACEMENT, NameScheme, RelabelRule, relabel


@pytest.fixture(scope="session")
def material(conformance: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((conformance / "prometheus" / "relabel.json").read_text())
    return loaded


def compiled(fields: dict[str, Any], scheme: NameScheme) -> tuple[RelabelRule | None, str]:
    """The rule, or what is wrong with it."""
    rule, problems = validate(RelabelRule, Document("case", fields))
    if rule is None:
        return None, str(problems[0])
    try:
        return rule.under(scheme), ""
    except RefusedError as error:
        return None, str(error)


def test_chains(material: dict[str, Any]) -> None:
    wrong = []
    for case in material["cases"]:
        rules = [compiled(fields, NameScheme.UTF8)[0] for fields in case["relabel"]]
        got = relabel(case["input"], [rule for rule in rules if rule is not None])
        want = None if case.get("drop") else case["output"]
        if None in rules or (None if got is None else dict(got)) != want:
            wrong.append((case, got))
    assert len(material["cases"]) == 34
    assert wrong == []


def test_validation(material: dict[str, Any]) -> None:
    wrong = []
    for case in material["validate"]:
        fields = {key: value for key, value in case["config"].items() if key != "name_validation"}
        if isinstance(fields.get("replacement"), dict):
            fields["replacement"] = DEFAULT_REPLACEMENT
        if case["error"] == "relabel action cannot be empty":
            fields["action"] = None  # The table's Go value has no default; in YAML that is an empty action.
        rule, problem = compiled(fields, NameScheme(case["config"]["name_validation"]))
        if (rule is None) != (case["error"] is not None):
            wrong.append((case, problem))
    assert len(material["validate"]) == 10
    assert wrong == []


def test_target_labels_of_the_legacy_scheme(material: dict[str, Any]) -> None:
    cases = material["target_label_validity"]
    got = {
        case["target_label"]: compiled({"target_label": case["target_label"]}, NameScheme.LEGACY)[0] is not None
        for case in cases
    }
    assert got == {case["target_label"]: case["valid_legacy"] for case in cases}
