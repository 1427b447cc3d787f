"""Alertmanager's own configuration files: the good ones load, the bad ones are refused at the right place."""

from __future__ import annotations

import json
import textwrap
from pathlib import Path
from typing import Any

import pytest

from fenghuo.alerting.receivers import Receiver
from fenghuo.alerting.settings import AlertingSettings, warnings_of
from fenghuo.base.document import Problem, Severity, load_yaml, validate

KINDS = {
    "OpsGenieConfig": ("opsgenie", {"opsgenie_api_key": "k"}),
    "PagerdutyConfig": ("pagerduty", {}),
    "PushoverConfig": ("pushover", {}),
    "SNSConfig": ("sns", {}),
    "TelegramConfig": ("telegram", {}),
    "WebhookConfig": ("webhook", {}),
    "EmailConfig": ("email", {}),
    "VictorOpsConfig": ("victorops", {}),
    "SlackConfig": ("slack", {}),
    "WebexConfig": ("webex", {}),
}


def load(text: str, name: str = "alertmanager.yml") -> tuple[AlertingSettings | None, list[Problem]]:
    document = load_yaml(text, name)
    return validate(AlertingSettings, document, {} if document.value is None else document.value)


def check(text: str, case: dict[str, Any]) -> str | None:
    """What is wrong with how ``text`` was taken, or None."""
    settings, problems = load(text)
    if case["ok"]:
        return None if settings else f"refused: {[str(p) for p in problems]}"
    return None if problems and settings is None else "accepted"


def test_files(conformance: Path) -> None:
    folder = conformance / "alertmanager" / "config"
    cases = json.loads((folder / "expected.json").read_text())["cases"]
    found = {n: check((folder / n).read_text(), c) for n, c in cases.items() if (folder / n).exists()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}
    assert len(found) == 46


def test_whole_configurations(conformance: Path) -> None:
    cases = json.loads((conformance / "alertmanager" / "config" / "inline.json").read_text())
    found = [(case["test"], case["yaml"], check(case["yaml"], case)) for case in cases]
    assert [one for one in found if one[2]] == []
    assert len(found) == 51


def test_receiver_blocks(conformance: Path) -> None:
    """Blocks of one channel, checked on their own: what a block takes from ``global`` is not their matter."""
    cases = json.loads((conformance / "alertmanager" / "config" / "receiver_snippets.json").read_text())
    wrong = []
    for case in cases:
        kind = KINDS[case["into"]][0]
        text = f"name: x\n{kind}_configs:\n" + textwrap.indent(
            "- " + textwrap.indent(case["yaml"].strip("\n"), "  ")[2:], ""
        )
        receiver, _ = validate(Receiver, load_yaml(text, "receiver"))
        if (receiver is not None) != case["ok"]:
            wrong.append((case["test"], case["yaml"]))
    assert wrong == []
    assert len(cases) == 62


def test_examples_load(conformance: Path) -> None:
    for path in (conformance / "alertmanager" / "examples").glob("*.yml"):
        settings, problems = load(path.read_text(), path.name)
        assert settings is not None, [str(problem) for problem in problems]


def test_all_problems_at_once_with_places() -> None:
    _, problems = load(
        textwrap.dedent("""\
            route:
              receiver: nobody-defined
              group_intervall: 1m
            receivers:
              - name: a
                webhook_configs: [{url: 'ftp://x'}]
            """)
    )
    assert [(p.line, p.path) for p in problems] == [
        (3, "route.group_intervall"),
        (6, "receivers[0].webhook_configs[0]"),
    ]
    assert "group_interval" in problems[0].remedy


def test_cross_checks_name_their_place() -> None:
    _, problems = load("route: {receiver: x}\nreceivers:\n  - name: a\n  - name: a\n")
    assert [(p.line, p.path) for p in problems] == [(4, "receivers[1].name"), (1, "route.receiver")] or [
        (p.line, p.path) for p in problems
    ] == [(3, "receivers[0].name"), (1, "route.receiver")]


def test_what_is_read_and_has_no_effect_is_named() -> None:
    text = "route: {receiver: a}\nreceivers: [{name: a}]\ntracing:\n  insecure: true\n"
    document = load_yaml(text, "am.yml")
    settings, _ = validate(AlertingSettings, document)
    assert settings is not None
    (warning,) = warnings_of(settings, document)
    assert warning.severity is Severity.WARNING
    assert "tracing" in warning.message
    assert (warning.path, warning.line) == ("tracing", 3)


def test_secrets_are_masked_when_shown() -> None:
    settings, _ = load("route: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs: [{url: 'http://h/k3y'}]\n")
    assert settings is not None
    assert "k3y" not in settings.model_dump_json()
    assert "k3y" not in repr(settings)


def test_files_are_relative_to_their_file() -> None:
    text = "route: {receiver: a}\nreceivers:\n- name: a\n  webhook_configs: [{url_file: u}]\ntemplates: ['t/*.tmpl']\n"
    settings, _ = validate(AlertingSettings, load_yaml(text, "am.yml", directory="/etc/am"))
    assert settings is not None
    assert settings.receivers[0].webhook_configs[0].url_file == "/etc/am/u"
    assert settings.templates == ["/etc/am/t/*.tmpl"]


def test_nothing_configured_is_quiet() -> None:
    settings = AlertingSettings.built_in()
    assert list(settings.receivers[0].channels()) == []


def test_what_is_built_in_would_pass_validation() -> None:
    settings = AlertingSettings.built_in()
    written = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    assert AlertingSettings.model_validate(written) == settings


@pytest.mark.parametrize("key", ["route", "receivers", "global"])
def test_wrong_shapes_are_refused(key: str) -> None:
    settings, problems = load(f"{key}: 7\n")
    assert settings is None
    assert problems
