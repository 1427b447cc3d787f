"""``fenghuo test rules``: what it prints, what it writes, and how it exits."""

from __future__ import annotations

import json
from pathlib import Path
from xml.etree import ElementTree

import pytest
from typer.testing import CliRunner

from fenghuo.base.errors import InputError
from fenghuo.cli.test import test_app as app

RULES = """
groups:
  - name: g
    rules:
      - alert: Down
        expr: up == 0
        for: 2m
        labels: {severity: page}
        annotations: {summary: "{{ $labels.job }} at {{ $externalURL }} in {{ $externalLabels.site }}"}
"""
TESTS = """rule_files: [rules.yml]
tests:
  - name: goes down
    interval: 1m
    external_labels: {site: east}
    external_url: http://here
    input_series:
      - {series: 'up{job="a"}', values: '1 0x5'}
    alert_rule_test:
      - {alertname: Down, eval_time: 2m59s, exp_alerts: []}
      - alertname: Down
        eval_time: 3m
        exp_alerts:
          - exp_labels: {severity: page, job: a}
            exp_annotations: {summary: a at http://here in east}
    promql_expr_test:
      - {expr: sum(up), eval_time: 0, exp_samples: [{value: 1}]}
"""


def invoke(tmp_path: Path, tests: str, *options: str) -> tuple[int, str]:
    (tmp_path / "rules.yml").write_text(RULES)
    (tmp_path / "t.yml").write_text(tests)
    result = CliRunner().invoke(app, ["rules", *options, str(tmp_path / "t.yml")])
    if isinstance(result.exception, InputError):
        raise result.exception
    return result.exit_code, result.output.replace(f"{tmp_path}/", "")


def test_all_pass(tmp_path: Path) -> None:
    assert invoke(tmp_path, TESTS) == (0, "t.yml: 3 passed, 0 failed\nall: 3 passed, 0 failed\n")


def test_a_mismatch_has_its_line_and_both_sides(tmp_path: Path) -> None:
    code, printed = invoke(tmp_path, TESTS.replace("in east", "in west"))
    assert code == 1
    assert printed.splitlines()[:7] == [
        "t.yml:11: goes down: alert Down: other annotations were expected",
        "    expected:",
        '      {alertname="Down", job="a", severity="page"}',
        "        summary: a at http://here in west",
        "    got:",
        '      {alertname="Down", job="a", severity="page"}',
        "        summary: a at http://here in east",
    ]


def test_a_difference_on_request(tmp_path: Path) -> None:
    code, printed = invoke(tmp_path, TESTS.replace("{value: 1}", "{value: 2}"), "--diff")
    assert code == 1
    assert "    -{} 2.0\n    +{} 1.0\n" in printed


@pytest.mark.parametrize(
    ("change", "want"),
    [
        (
            ("exp_alerts: []", "exp_alert: []"),
            "t.yml:10 tests[0].alert_rule_test[0].exp_alert: unknown key 'exp_alert'",
        ),
        (("alertname: Down, ", ""), "t.yml:10 tests[0].alert_rule_test[0]: alertname is missing"),
        (("rules.yml]", "rules.yml]\ngroup_eval_order: [g, g]"), "t.yml:2 group_eval_order[1]: group 'g' stands twice"),
        (("tests:", "tests: ["), "t.yml:3: not valid YAML"),
    ],
)
def test_a_broken_file_is_told_with_its_line(tmp_path: Path, change: tuple[str, str], want: str) -> None:
    code, printed = invoke(tmp_path, TESTS.replace(*change))
    assert code == 1
    assert want in printed
    assert printed.endswith("t.yml: broken\nall: 0 passed, 0 failed, 1 broken\n")


def test_rules_that_match_nothing_are_a_warning(tmp_path: Path) -> None:
    _, printed = invoke(tmp_path, TESTS.replace("[rules.yml]", "[rule.yml, rules.yml]"))
    assert "warning: t.yml:1 rule_files[0]: no file matches 'rule.yml'" in printed


def test_a_rule_that_fails_ends_its_test(tmp_path: Path) -> None:
    code, printed = invoke(tmp_path, TESTS.replace("values: '1 0x5'}", "values: '1 {{count:1}}'}"))
    assert code == 1
    assert 't.yml:8: goes down: up{job="a"}: native histograms are not supported' in printed


def test_a_start_of_its_own(tmp_path: Path) -> None:
    text = TESTS.replace("expr: sum(up), eval_time: 0, exp_samples: [{value: 1}]", "expr: time(), {eval}").replace(
        "    interval: 1m\n", '    interval: 1m\n    start_timestamp: "2027-02-08T09:00:00+08:00"\n'
    )
    text = text.replace("{eval}", "eval_time: 1m, exp_samples: [{value: 1802048460}]")
    assert invoke(tmp_path, text)[0] == 0


def test_only_some(tmp_path: Path) -> None:
    assert invoke(tmp_path, TESTS, "--run", "^goes") == (0, "t.yml: 3 passed, 0 failed\nall: 3 passed, 0 failed\n")
    assert invoke(tmp_path, TESTS, "--run", "^down") == (0, "t.yml: 0 passed, 0 failed\nall: 0 passed, 0 failed\n")
    with pytest.raises(InputError, match="missing"):
        invoke(tmp_path, TESTS, "--run", "(")


def test_junit(tmp_path: Path) -> None:
    invoke(tmp_path, TESTS.replace("{value: 1}", "{value: 2}"), "--junit", str(tmp_path / "out.xml"))
    (suite,) = ElementTree.parse(tmp_path / "out.xml").getroot()
    assert (suite.get("tests"), suite.get("failures")) == ("1", "1")
    assert "sum(up): another value was expected" in (suite[0][0].text or "")


def test_json(tmp_path: Path) -> None:
    code, printed = invoke(tmp_path, TESTS.replace("{value: 1}", "{value: 2}"), "--output", "json")
    (file,) = json.loads(printed)["files"]
    assert (code, file["passed"], file["failed"]) == (1, 2, 1)
    assert file["tests"][0]["failures"][0] == {
        "line": 17,
        "what": "sum(up)",
        "reason": "another value was expected",
        "expected": ["{} 2.0"],
        "got": ["{} 1.0"],
    }


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["rules", str(tmp_path / "none.yml")])
    assert isinstance(result.exception, InputError)
