"""Two reports of one alert: what each of them knows is kept."""

from __future__ import annotations

from dataclasses import replace

from fenghuo.alerting.held import Held, admit, merge
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.model.reading import Reading, Watched

MINUTE = 60_000
FIRING = Alert(
    Labels({"alertname": "x"}), 1, 5 * MINUTE, Labels({"a": "b"}), reading=Reading(93.0, Watched("x", ">", 80))
)


def held(alert: Alert, now_ms: int) -> Held:
    taken = admit(alert, now_ms, MINUTE)
    assert isinstance(taken, Held)
    return taken


def test_an_end_without_texts_keeps_what_was_said_before() -> None:
    end = replace(FIRING, ends_at_ms=MINUTE, annotations=Labels({}), reading=None)
    merged = merge(held(FIRING, 1), held(end, MINUTE), MINUTE).alert
    assert (merged.annotations, merged.reading) == (FIRING.annotations, FIRING.reading)


def test_the_newest_value_is_the_one() -> None:
    newer = replace(FIRING, reading=Reading(99.0, Watched("x", ">", 80)))
    assert merge(held(FIRING, 1), held(newer, MINUTE), MINUTE).alert.reading == newer.reading
