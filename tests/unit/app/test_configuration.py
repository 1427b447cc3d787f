"""What the parts are told of a configuration."""

from __future__ import annotations

from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.app.configuration import BUILT_IN_GLOBAL, Configuration
from fenghuo.app.settings import AppSettings
from fenghuo.metrics.collect.settings import GlobalSettings
from fenghuo.model.labels import Labels


def test_rules_are_urgent_whose_own_labels_say_p0() -> None:
    table = PrioritiesSettings.model_validate({"label": "level", "severities": {"red": "P0"}, "default": "P0"})
    urgent = Configuration(AppSettings(priorities=table), ()).rules("").urgent
    assert urgent(Labels({"level": "red"}))
    assert urgent(Labels({"level": "disaster"}))
    assert not urgent(Labels({"level": "warning"}))
    assert not urgent(Labels({"severity": "p0"})), "what is P0 for want of a label is evaluated as ever"


def test_no_rule_is_urgent_where_a_file_says_how_often_rules_are_evaluated() -> None:
    said = AppSettings(global_=GlobalSettings(evaluation_interval="15s"))
    assert not Configuration(said, ()).rules("").urgent(Labels({"severity": "p0"}))
    built_in = AppSettings(global_=BUILT_IN_GLOBAL)
    assert Configuration(built_in, ()).rules("").urgent(Labels({"severity": "p0"}))
