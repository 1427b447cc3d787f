"""``${NAME}`` in settings."""

from __future__ import annotations

import pytest

from fenghuo.app.environment import expand, expand_external_labels
from fenghuo.base.document import Plain, load_yaml

ENV = {"HOST": "db1", "LIMIT": "5", "EMPTY": "", "A_1": "x"}


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("${HOST}", "db1"),
        ("http://${HOST}:${LIMIT}/", "http://db1:5/"),
        ("${A_1}", "x"),
        ("${EMPTY}", ""),
        ("$${HOST}", "${HOST}"),
        ("$$${HOST}", "$${HOST}"),
        ("$HOST", "$HOST"),
        ("$$HOST", "$$HOST"),
        ("pa$$word", "pa$$word"),
        ("${1}", "${1}"),
        ("${}", "${}"),
        ("${HOST", "${HOST"),
        ("${HO ST}", "${HO ST}"),
    ],
)
def test_references(written: str, value: str) -> None:
    document, problems = expand(load_yaml(f"a: ['{written}']", "f.yml"), ENV)
    assert (document.value["a"][0], problems) == (value, [])


def test_a_number_stays_a_number() -> None:
    document, _ = expand(load_yaml("a: ${LIMIT}\nb: '${LIMIT}'", "f.yml"), ENV)
    assert [isinstance(document.value[key], Plain) for key in "ab"] == [True, False]


def test_every_variable_that_is_not_set_is_named_with_its_place() -> None:
    _, problems = expand(load_yaml("a:\n  b: ${NO}-${NEITHER}\nc: ${HOST}\n", "f.yml"), ENV)
    assert [(problem.line, problem.path, problem.message) for problem in problems] == [
        (2, "a.b", "environment variable NO is not set"),
        (2, "a.b", "environment variable NEITHER is not set"),
    ]
    assert problems[0].remedy == "set NO, or write $${NO} for the text itself"


@pytest.mark.parametrize(
    "key", ["relabel_configs", "metric_relabel_configs", "write_relabel_configs", "alert_relabel_configs"]
)
def test_relabelling_rules_and_external_labels_are_left_alone(key: str) -> None:
    text = (
        f"x:\n - {key}: [{{replacement: '${{name}}', target_label: '${{HOST}}'}}]\nexternal_labels: {{a: '${{HOST}}'}}"
    )
    raw = load_yaml(text, "f.yml")
    document, problems = expand(raw, ENV)
    assert (document.value, problems) == (raw.value, [])


@pytest.mark.parametrize(
    ("written", "value", "unset"),
    [
        ("$HOST", "db1", []),
        ("a${HOST}b", "adb1b", []),
        ("$HOSTNAME", "", ["HOSTNAME"]),
        ("$$HOST", "$HOST", []),
        ("a$${HOST}", "a${HOST}", []),
        ("${EMPTY}x", "x", ["EMPTY"]),
        ("cost: 5$", "cost: 5$", []),
    ],
)
def test_external_labels_follow_prometheus(written: str, value: str, unset: list[str]) -> None:
    assert expand_external_labels({"l": written}, ENV) == ({"l": value}, unset)
