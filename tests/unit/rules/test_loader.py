"""Everything that is wrong with a rule file, at once and at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from fenghuo.base.errors import InputError
from fenghuo.model.labels import Labels
from fenghuo.rules import Duplicate, duplicates, load_rule_file, load_rules, markets_of
from fenghuo.rules.loader import Loaded


def read_expr(expr: str) -> str:
    if "(" in expr and ")" not in expr:
        raise InputError("unclosed (", place="1:4", remedy="close it")
    return expr.replace(" ", "")


def load(text: str) -> Loaded:
    return load_rules(text, "f.yml", read_expr)


def test_all_problems_at_once_with_line_and_path() -> None:
    loaded = load(
        """
groups:
- name: one
  interval: soon
  rules:
  - record: "a{b}"
    expr: sum(
    for: 1m
  - alert: A
    expr: x
    annotation: {}
    labels: {__name__: x}
- name: one
  rules:
  - expr: x
  - alert: B
    annotations:
      summary: "{{ $label }}"
"""
    )
    assert loaded.file is None
    assert [(problem.line, problem.path) for problem in loaded.problems] == [
        (4, "groups[0].interval"),
        (6, "groups[0].rules[0].record"),
        (7, "groups[0].rules[0].expr"),
        (8, "groups[0].rules[0].for"),
        (11, "groups[0].rules[1].annotation"),
        (13, "groups[1].name"),
        (15, "groups[1].rules[0]"),
        (16, "groups[1].rules[1]"),
        (18, "groups[1].rules[1].annotations.summary"),
    ]
    assert str(loaded.problems[2]) == (
        "f.yml:7 groups[0].rules[0].expr: could not parse expression at 1:4: unclosed ( (close it)"
    )


@pytest.mark.parametrize("text", ["", "# nothing\n", "groups:\n", "groups: []\n"])
def test_an_empty_file_has_no_rules(text: str) -> None:
    loaded = load(text)
    assert loaded.file is not None
    assert loaded.file.rule_count == 0
    assert loaded.problems == ()


@pytest.mark.parametrize("text", ["- a\n", "groups: 5\n", "groups: [5]\n", "groups: [{name: g, rules: {a: b}}]\n", "{"])
def test_what_is_no_rule_file_is_a_problem(text: str) -> None:
    assert load(text).file is None
    assert load(text).problems


def test_a_second_document_is_a_warning() -> None:
    loaded = load("groups: []\n---\ngroups: [{name: g}]\n")
    assert loaded.file is not None
    assert [(problem.severity, problem.line) for problem in loaded.problems] == [("warning", 2)]
    assert load("---\ngroups: []\n").problems == ()


def test_a_kubernetes_manifest_says_what_it_is() -> None:
    loaded = load("kind: PrometheusRule\nspec: {groups: []}\n")
    assert [problem.message for problem in loaded.problems] == ["this is a Kubernetes PrometheusRule, not a rule file"]


def test_a_file_that_cannot_be_read_is_a_problem(tmp_path: Path) -> None:
    loaded = load_rule_file(tmp_path / "no.yml", read_expr)
    assert [str(problem) for problem in loaded.problems] == [
        f"{tmp_path / 'no.yml'}: cannot be read: No such file or directory"
    ]


def test_duplicates_have_the_same_name_and_labels() -> None:
    loaded = load(
        """
groups:
- name: one
  labels: {team: a}
  rules:
  - {record: r, expr: x}
  - {record: r, expr: y, labels: {team: b}}
- name: two
  rules:
  - {record: r, expr: z, labels: {team: a}}
"""
    )
    assert loaded.file is not None
    assert duplicates(loaded.file) == [Duplicate("r", Labels({"team": "a"}), 2)]


def test_a_market_that_nobody_knows_is_refused_at_its_place() -> None:
    text = """
groups:
  - name: g
    active_during: SHFE.rb
    rules:
      - {alert: A, expr: up == 0, active_during: SHFE.rx}
      - {record: a, expr: up}
"""
    loaded = load_rules(text, "r.yml", read_expr)
    assert [(each.path, each.message) for each in loaded.problems] == [
        ("groups[0].rules[0].active_during", "unknown market 'SHFE.rx'")
    ]
    right = load_rules(text.replace("rx", "au"), "r.yml", read_expr)
    assert right.file is not None
    assert markets_of([right.file]) == ["SHFE.au", "SHFE.rb"]
