"""What the parts are told of a configuration."""

from __future__ import annotations

from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.app.configuration import Configuration
from fenghuo.app.settings import AppSettings
from fenghuo.model.labels import Labels


def test_rules_are_urgent_whose_own_labels_say_p0() -> None:
    table = PrioritiesSettings.model_validate({"label": "level", "severities": {"red": "P0"}, "default": "P0"})
    urgent = Configuration(AppSettings(priorities=table), ()).rules("").urgent
    assert urgent(Labels({"level": "red"}))
    assert urgent(Labels({"level": "disaster"}))
    assert not urgent(Labels({"level": "warning"}))
    assert not urgent(Labels({"severity": "p0"})), "what is P0 for want of a label is evaluated as ever"
