"""From labels to priorities, and what a table of them may say."""

from __future__ import annotations

from pathlib import Path

import pytest

from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.app.settings_load import load_settings
from fenghuo.base.document import load_yaml, validate
from fenghuo.model.incident import Priority
from fenghuo.model.labels import EMPTY, Labels


def table(text: str = "{}") -> Priorities:
    found, problems = validate(PrioritiesSettings, load_yaml(text, "fenghuo.yml"))
    assert found is not None, [str(problem) for problem in problems]
    return Priorities(found)


@pytest.mark.parametrize(
    ("severity", "priority"),
    [
        ("critical", "P1"),
        ("Page", "P1"),
        ("fatal", "P0"),
        ("warning", "P2"),
        ("info", "P3"),
        ("", "P2"),
        ("重要", "P2"),
    ],
)
def test_severities_in_common_use_are_known(severity: str, priority: str) -> None:
    assert table().of(Labels({"severity": severity})) == priority


def test_a_table_of_ones_own_goes_before() -> None:
    own = table("{label: level, severities: {Critical: P0, 重要: P1}, default: P3}")
    assert own.of(Labels({"level": "critical"})) is Priority.P0
    assert own.of(Labels({"level": "重要"})) is Priority.P1
    assert own.of(Labels({"severity": "critical"})) is Priority.P3
    assert own.highest([Labels({"level": "warning"}), Labels({"level": "CRITICAL"}), EMPTY], 0) is Priority.P0
    assert own.highest([], 0) is Priority.P3


CONFIG = """route: {receiver: team}
receivers: [{name: team}]
priorities:
"""


@pytest.mark.parametrize(
    ("section", "complaint"),
    [
        ("  P0: {receivers: [team, taem]}", "undefined receiver 'taem'"),
        ("  P4: {}", "unknown key 'P4'"),
        ("  P1: {repeat: [10s]}", "a reminder within a minute is noise"),
        ("  severities: {x: P9}", "P9"),
        ("  P1: {ack_within: 10s}", "nobody answers within less than a minute"),
        ("  P0: {quiet_hours: [{weekdays: [sunday]}]}", "P0 is never quiet"),
        ("  P0: {out_of_session: {market: SSE, what: hold}}", "P0 is never held back"),
        ("  P3: {out_of_session: {market: SSE, what: downgrade}}", "there is no priority below P3"),
        ("  P1: {out_of_session: {market: SHFE.rx, what: hold}}", "unknown market 'SHFE.rx'"),
        ("  P1: {in_session: {market: [SSE, NYSE], what: hold}}", "unknown exchange 'NYSE'"),
        ("  P1: {quiet_hours: [{trading: NYSE}]}", "unknown exchange 'NYSE'"),
        ("  P1: {out_of_session: {what: wait}}", "wait"),
        ("  zone: Asia/Peking", "unknown time zone 'Asia/Peking'"),
    ],
)
def test_what_cannot_be_is_refused_with_its_line(tmp_path: Path, section: str, complaint: str) -> None:
    path = tmp_path / "fenghuo.yml"
    path.write_text(CONFIG + section)
    loaded, problems = load_settings(path, {})
    assert loaded is None
    (problem,) = problems
    assert complaint in str(problem)
    assert problem.line == 4


def test_the_section_is_loaded_and_shown(tmp_path: Path) -> None:
    path = tmp_path / "fenghuo.yml"
    path.write_text(CONFIG + "  P0: {receivers: [team], repeat: [5m, 1h]}")
    loaded, problems = load_settings(path, {})
    assert loaded is not None, problems
    assert loaded.priorities.p0.repeat == [300_000, 3_600_000]
    assert "P0:\n    receivers:\n    - team\n    repeat:\n    - 5m\n    - 1h\n" in loaded.to_yaml()


def test_markets_of_the_table_are_markets_of_the_settings(tmp_path: Path) -> None:
    path = tmp_path / "fenghuo.yml"
    path.write_text(CONFIG + "  P1: {out_of_session: {market: [SHFE.rb, SSE]}, quiet_hours: [{trading: HKEX}]}")
    loaded, problems = load_settings(path, {})
    assert loaded is not None, problems
    assert loaded.market_names == ("HKEX", "SHFE.rb", "SSE")
