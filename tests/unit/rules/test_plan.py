"""From settings to what is run."""

from __future__ import annotations

from fenghuo.model.labels import Labels
from fenghuo.rules import RuleFile, RulesSettings
from fenghuo.rules.plan import plans_of
from fenghuo.rules.settings import GroupSettings, RuleSettings


def test_defaults_are_filled_in_and_a_rules_labels_win() -> None:
    rule = RuleSettings(alert="A", expr="x", labels={"severity": "page"})
    groups = (
        GroupSettings(name="g", rules=[rule], labels={"severity": "info", "team": "ops"}),
        GroupSettings(name="h", interval_ms=5000, query_offset_ms=0),
    )
    first, second = plans_of(RulesSettings((RuleFile("f.yml", groups),), 30_000, 7000, external_url="http://f/"))
    assert (first.interval_ms, first.query_offset_ms, first.key) == (30_000, 7000, "f.yml;g")
    assert first.rules[0].labels == Labels({"severity": "page", "team": "ops"})
    assert first.external_url == "http://f"
    assert (second.interval_ms, second.query_offset_ms) == (5000, 0)


def test_a_group_with_an_urgent_alert_is_evaluated_often_unless_it_says_how_often() -> None:
    urgent, usual = (RuleSettings(alert="A", expr="x", labels={"severity": word}) for word in ("p0", "warning"))
    groups = (
        GroupSettings(name="both", rules=[usual, urgent]),
        GroupSettings(name="said", rules=[urgent], interval_ms=60_000),
        GroupSettings(name="usual", rules=[usual]),
        GroupSettings(name="recorded", rules=[RuleSettings(record="r", expr="x", labels={"severity": "p0"})]),
    )

    def plans(every_ms: int) -> list[int]:
        files = (RuleFile("f.yml", groups),)
        settings = RulesSettings(files, every_ms, urgent=lambda labels: labels.get("severity") == "p0")
        return [plan.interval_ms for plan in plans_of(settings)]

    assert plans(15_000) == [3_000, 60_000, 15_000, 15_000]
    assert plans(1_000) == [1_000, 60_000, 1_000, 1_000]


def test_slots_are_an_interval_apart_and_begin_after_the_offset() -> None:
    (plan,) = plans_of(RulesSettings((RuleFile("f.yml", (GroupSettings(name="g"),)),), 60_000))
    offset = plan.slot_offset_ms()
    assert 0 <= offset < 60_000
    assert plan.slot_before(600_000 + offset) == 600_000 + offset
    assert plan.slot_before(600_000 + offset - 1) == 540_000 + offset
