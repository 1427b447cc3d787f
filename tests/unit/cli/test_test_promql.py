"""``fenghuo test promql``: what it prints and how it exits."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fenghuo.base.errors import InputError
from fenghuo.cli.test import test_app as app

GOOD = """
load 1m
  x{job="a"} 0+1x10

eval instant at 5m x * 2
  {job="a"} 10
"""
BAD = GOOD.replace('{job="a"} 10', '{job="a"} 11')


def test_all_pass(tmp_path: Path) -> None:
    file = tmp_path / "good.test"
    file.write_text(GOOD)
    result = CliRunner().invoke(app, ["promql", str(file)])
    assert result.exit_code == 0
    assert result.output == f"{file}: 1 passed, 0 failed\nall: 1 passed, 0 failed\n"


def test_failures_have_a_line_each(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.test", tmp_path / "bad.test"
    good.write_text(GOOD)
    bad.write_text(BAD)
    result = CliRunner().invoke(app, ["promql", str(good), str(bad)])
    assert result.exit_code == 1
    assert f'{bad}:5: x * 2: expected 11.0 for {{job="a"}}, got 10.0\n' in result.output
    assert result.output.endswith("all: 1 passed, 1 failed\n")


def test_json(tmp_path: Path) -> None:
    file = tmp_path / "bad.test"
    file.write_text(BAD)
    result = CliRunner().invoke(app, ["promql", "--output", "json", str(file)])
    assert result.exit_code == 1
    (report,) = json.loads(result.output)["files"]
    assert (report["passed"], report["failed"], report["failures"][0]["line"]) == (0, 1, 5)


@pytest.mark.parametrize("text", ["nonsense", "load 1x\n  a 1", "load 1m\n  a 1+1", "eval instant at never x"])
def test_broken_files_are_named_with_their_line(tmp_path: Path, text: str) -> None:
    file = tmp_path / "broken.test"
    file.write_text(f"\n{text}\n")
    result = CliRunner().invoke(app, ["promql", str(file)])
    assert isinstance(result.exception, InputError)
    assert result.exception.place == f"{file}:2"
