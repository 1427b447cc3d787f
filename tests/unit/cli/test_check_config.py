"""``fenghuo check config``: what it prints and how it exits."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from fenghuo.cli.main import main

GOOD = """
global: {scrape_interval: 15s}
scrape_configs:
  - job_name: web
    static_configs: [{targets: ['a:1', 'b:1']}]
    file_sd_configs: [{files: [targets.yml]}]
rule_files: [rules.yml]
"""
RULES = "groups: [{name: g, rules: [{record: 'a:b', expr: up}, {alert: Down, expr: up == 0}]}]\n"


class Command:
    """Runs ``fenghuo check config`` in a directory of its own."""

    def __init__(self, path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
        self._path = path
        self._monkeypatch = monkeypatch
        self._capsys = capsys
        monkeypatch.chdir(path)

    def write(self, name: str, text: str) -> None:
        (self._path / name).write_text(text)

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, standard output, standard error."""
        self._monkeypatch.setattr(sys, "argv", ["fenghuo", "check", "config", *arguments])
        with pytest.raises(SystemExit) as caught:
            main()
        printed = self._capsys.readouterr()
        return int(caught.value.code or 0), printed.out, printed.err


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    return Command(tmp_path, monkeypatch, capsys)


def test_a_good_file(command: Command) -> None:
    command.write("f.yml", GOOD)
    command.write("targets.yml", "- targets: ['c:1']\n")
    command.write("rules.yml", RULES)
    assert command.run("f.yml") == (
        0,
        "Checking f.yml\n  OK: 1 job, 2 target groups, 3 targets, 1 rule file, 2 rules, 1 receiver\n",
        "",
    )


def test_a_bad_file_lists_everything_without_colours_when_it_is_not_a_terminal(command: Command) -> None:
    command.write("f.yml", GOOD.replace("15s", "15") + "storag: {}\n")
    code, out, _ = command.run("f.yml")
    assert code == 1
    assert out == (
        "Checking f.yml\n"
        "  error: f.yml:2 global.scrape_interval: '15' is not a duration\n"
        "    → write numbers with units, as in 15s, 1h30m, 7d or 500ms\n"
        "  error: f.yml:8 storag: unknown key 'storag'\n"
        "    → did you mean 'storage'?\n"
        "  FAILED: 2 errors, 0 warnings\n"
    )


def test_files_behind_the_configuration_are_checked_too(command: Command) -> None:
    command.write("f.yml", GOOD.replace("targets.yml", "targets*.yml") + "  - gone.yml\n".replace("  - ", "# "))
    command.write("targets1.yml", "- targets: ['http://x/y']\n")
    command.write("targets2.yml", "- targts: []\n")
    command.write("rules.yml", RULES.replace("up == 0", "up =="))
    code, out, _ = command.run("f.yml")
    assert code == 1
    assert "'http://x/y' is not a valid hostname" in out
    assert "targets2.yml:1 [0].targts: unknown key 'targts'" in out
    assert "rules.yml:1 groups[0].rules[1].expr: could not parse expression" in out


def test_a_missing_rule_file_is_an_error_and_a_missing_target_file_a_warning(command: Command) -> None:
    command.write("f.yml", GOOD)
    code, out, _ = command.run("f.yml")
    assert code == 1
    assert "error: f.yml:7 rule_files[0]: rule file 'rules.yml' does not exist" in out
    assert "warning: f.yml:6 scrape_configs[0].file_sd_configs[0].files[0]: target file 'targets.yml'" in out


def test_one_bad_file_among_good_ones_decides(command: Command) -> None:
    command.write("good.yml", "packs: [host]\n")
    command.write("bad.yml", "packs: [hots]\n")
    assert command.run("good.yml")[0] == 0
    assert command.run("good.yml", "bad.yml")[0] == 1


def test_json(command: Command) -> None:
    command.write("good.yml", "global:\n  external_labels: {site: $SITE}\n")
    command.write("bad.yml", "packs: [hots]\n")
    code, out, _ = command.run("good.yml", "bad.yml", "--output", "json")
    files: list[dict[str, Any]] = json.loads(out)["files"]
    assert code == 1
    assert [file["ok"] for file in files] == [True, False]
    assert "scrape_interval: 1m" in files[0].pop("config")
    assert files[0]["problems"][0]["severity"] == "warning"
    assert files[1]["problems"] == [
        {
            "severity": "error", "file": "bad.yml", "line": 1, "path": "packs[0]",
            "message": "unknown pack 'hots'", "remedy": "known: host, remote-write, trading",
        }
    ]  # fmt: skip


@pytest.mark.parametrize("arguments", [("no.yml",), (), ("f.yml", "--nonsense")])
def test_wrong_use_is_exit_code_2(command: Command, arguments: tuple[str, ...]) -> None:
    command.write("f.yml", "")
    code, _, err = command.run(*arguments)
    assert code == 2
    assert err


def test_a_notice_template_that_is_none_is_an_error(command: Command) -> None:
    command.write(
        "am.yml",
        "route: {receiver: a}\nreceivers:\n- name: a\n  slack_configs: [{api_url: 'http://h/x', title: '{{ .Foo'}]\n",
    )
    code, out, _ = command.run("am.yml")
    assert code == 1
    assert "receiver 'a' slack_configs[0]: slack title:1:1: unclosed action" in out


ESCALATING = """
people: {zhang: {}}
schedules: {primary: {layers: [{people: [zhang], start: 2026-01-01}]}}
priorities: {P1: {escalation: night}}
escalations:
  night: {steps: [{targets: ['person:zhang']}, {after: 10m, targets: ['schedule:primary', 'receiver:team']}], repeat: 2}
route: {receiver: team}
receivers: [{name: team, webhook_configs: [{url: 'http://team'}]}]
"""


def test_who_is_told_while_nobody_answers_is_shown(command: Command) -> None:
    command.write("fenghuo.yml", ESCALATING)
    code, printed, _ = command.run("fenghuo.yml")
    assert code == 0
    says = (
        "P1 nobody answers: night: after 15m person:zhang; after 25m schedule:primary, receiver:team; all 2 times more"
    )
    assert says in printed
    _, printed, _ = command.run("fenghuo.yml", "--output", "json")
    (ladder,) = json.loads(printed)["files"][0]["escalations"]
    assert (ladder["priority"], ladder["policy"], len(ladder["steps"])) == ("P1", "night", 6)
    assert ladder["steps"][2] == {"offset_ms": 2_400_000, "round": 2, "targets": ["person:zhang"]}


@pytest.mark.parametrize(
    ("right", "wrong", "place", "says"),
    [
        ("person:zhang'", "person:zhnag'", "6 escalations.night.steps[0].targets[0]", "undefined person 'zhnag'"),
        ("schedule:pri", "schedule:pro", "6 escalations.night.steps[1].targets[0]", "undefined schedule 'promary'"),
        ("receiver:team'", "receiver:tem'", "6 escalations.night.steps[1].targets[1]", "undefined receiver 'tem'"),
        ("escalation: night", "escalation: nihgt", "4 priorities.P1.escalation", "undefined escalation 'nihgt'"),
    ],
)
def test_who_is_named_and_not_known_is_refused_with_its_place_and_the_nearest_name(
    command: Command, right: str, wrong: str, place: str, says: str
) -> None:
    command.write("fenghuo.yml", ESCALATING.replace(right, wrong))
    code, printed, _ = command.run("fenghuo.yml")
    assert code == 1
    assert f"{place}: {says}" in printed
    assert "→ " in printed.split(says)[1]


def test_what_names_a_section_that_cannot_be_read_is_not_blamed(command: Command) -> None:
    command.write("fenghuo.yml", ESCALATING.replace("{url: 'http://team'}", "{}"))
    code, printed, _ = command.run("fenghuo.yml")
    assert code == 1
    assert "receivers[0].webhook_configs[0]" in printed
    assert "undefined" not in printed
