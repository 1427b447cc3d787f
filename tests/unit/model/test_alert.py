"""Alerts as values."""

from __future__ import annotations

from dataclasses import fields, replace

from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.model.reading import Reading


def test_an_alert_at_other_times_is_the_same_in_everything_else() -> None:
    alert = Alert(Labels({"a": "1"}), 1, 2, Labels({"b": "2"}), "http://g", 3, Reading(0.5, None))
    assert all(getattr(alert, field.name) != field.default for field in fields(alert)), "no field is left out here"
    assert alert.during(4, 5, 6) == replace(alert, starts_at_ms=4, ends_at_ms=5, updated_at_ms=6)
