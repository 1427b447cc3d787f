"""``fenghuo check rules``: what it prints and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fenghuo.base.errors import InputError
from fenghuo.cli.check import check_app

GOOD = """
groups:
- name: g
  rules:
  - {record: "job:up:sum", expr: sum by (job)(up)}
  - {alert: Down, expr: up == 0}
  - {alert: Down, expr: up < 1}
"""
BAD = """
groups:
- name: g
  rules:
  - record: r
    expr: sum(up
  - alert: A
    expr: up
    annotations: {summary: "{{ $label }}"}
"""


@pytest.fixture
def files(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "good.yml").write_text(GOOD)
    (tmp_path / "bad.yml").write_text(BAD)
    return {"good": str(tmp_path / "good.yml"), "bad": str(tmp_path / "bad.yml")}


def run(*args: str) -> tuple[int, str]:
    done = CliRunner().invoke(check_app, ["rules", *args], catch_exceptions=False)
    return done.exit_code, done.stdout


def test_a_good_file_is_counted_and_repeated_rules_are_named(files: dict[str, str]) -> None:
    code, text = run(files["good"])
    assert code == 0
    assert text == (
        f"Checking {files['good']}\n"
        "  warning: 2 rules are named Down and have no labels; they write the same series\n"
        "    → give them different labels, or remove all but one\n"
        "  OK: 3 rules in 1 group\n"
    )


def test_every_problem_of_a_bad_file_is_listed_with_its_place(files: dict[str, str]) -> None:
    code, text = run(files["good"], files["bad"])
    assert code == 1
    assert f"error: {files['bad']}:6 groups[0].rules[0].expr: could not parse expression" in text
    assert f"error: {files['bad']}:9 groups[0].rules[1].annotations.summary: template of 'summary'" in text
    assert text.endswith("  FAILED: 2 errors\n")


def test_json_holds_the_same(files: dict[str, str]) -> None:
    code, text = run("--output", "json", files["good"], files["bad"])
    good, bad = json.loads(text)["files"]
    assert code == 1
    assert (good["ok"], good["counts"]) == (True, {"groups": 1, "rules": 3})
    assert good["duplicates"] == [{"name": "Down", "labels": {}, "count": 2}]
    assert (bad["ok"], [problem["line"] for problem in bad["problems"]]) == (False, [6, 9])


def test_a_file_that_is_not_there_is_wrong_use(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="cannot be read"):
        run(str(tmp_path / "no.yml"))
