"""What an integration recorded comes out as a scrape, with a layout that stays."""

from __future__ import annotations

from fenghuo.metrics.collect.integrations.recorder import Recorder, StableLayout
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Metadata


def recorded(*values: tuple[str, float], help_text: str = "h") -> Recorder:
    recorder = Recorder()
    for device, value in values:
        recorder.gauge("m", help_text).add(value, device=device)
    return recorder


def test_samples_come_in_the_order_they_were_recorded() -> None:
    parsed = StableLayout().parsed(recorded(("b", 1), ("", 2)))
    assert parsed.layout.series == (Labels({"__name__": "m", "device": "b"}), Labels({"__name__": "m"}))
    assert parsed.values.tolist() == [1.0, 2.0]
    assert parsed.layout.metadata == {"m": Metadata("gauge", "h")}


def test_the_layout_is_the_same_object_while_the_series_are_the_same() -> None:
    stable = StableLayout()
    first = stable.parsed(recorded(("a", 1), ("b", 2))).layout
    assert stable.parsed(recorded(("a", 3), ("b", 4))).layout is first
    for other in (recorded(("a", 1)), recorded(("b", 1), ("a", 2)), recorded(("a", 1), ("b", 2), help_text="other")):
        assert stable.parsed(other).layout is not first
    assert stable.parsed(recorded(("a", 1), ("b", 2), help_text="other")).layout is not first


def test_what_another_recorder_took_is_appended() -> None:
    whole = recorded(("a", 1))
    whole.take_in(recorded(("b", 2)))
    assert StableLayout().parsed(whole).values.tolist() == [1.0, 2.0]
