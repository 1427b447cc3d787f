"""Pictures of what a rule watches: axes, gaps, and that everything can be drawn."""

from __future__ import annotations

import math
from io import BytesIO
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from fenghuo.alerting.notify.channels.email.drawing import nice_ticks, png, runs, short_number, time_ticks
from fenghuo.alerting.notify.plots import LINES, PLOTS, STEP_MS, Figure, Line, figures
from fenghuo.base.errors import OperatingError
from fenghuo.model.labels import Labels
from fenghuo.model.reading import Reading, Watched
from unit.alerting.notify.channels.support import AT_MS, message, told

SHANGHAI = ZoneInfo("Asia/Shanghai")
RED = (217, 45, 32)


def line_of(values: list[float], **labels: str) -> Line:
    times = np.arange(len(values), dtype=np.int64) * STEP_MS + AT_MS - 3_600_000
    return Line(Labels(labels), times, np.array(values, dtype=np.float64))


def figure(*lines: Line, watched: Watched = Watched("x", ">", 80.0), title: str = "磁盘 Disk") -> Figure:  # noqa: B008
    return Figure(title, "last hour", watched, lines, AT_MS - 3_600_000, AT_MS, SHANGHAI)


def colours_of(picture: bytes) -> dict[tuple[int, ...], int]:
    image = Image.open(BytesIO(picture)).convert("RGB")
    return {colour: count for count, colour in image.getcolors(1 << 24) or () if isinstance(colour, tuple)}


def has(colours: dict[tuple[int, ...], int], wanted: tuple[int, int, int]) -> bool:
    """Whether something of about this colour is there."""
    return any(sum(abs(a - b) for a, b in zip(colour, wanted, strict=True)) < 40 for colour in colours)


def test_line_and_threshold_are_there() -> None:
    picture = png(figure(line_of([10.0, 50.0, 93.0] * 80)))
    image = Image.open(BytesIO(picture))
    assert (image.format, image.size) == ("PNG", (1280, 520))
    assert has(colours_of(picture), RED)
    assert colours_of(picture)[255, 255, 255] > 200_000, "the ground is white"
    assert colours_of(picture)[254, 243, 242] > 20_000, "the side on which the rule fires is tinted"
    assert has(colours_of(picture), (23, 92, 213))
    assert not has(colours_of(png(figure(line_of([1.0] * 9), watched=Watched("x")))), RED)
    assert len(picture) < 100_000


def test_several_lines_are_told_apart_in_a_legend() -> None:
    lines = [line_of([float(at)] * 9, instance="web-1", device=f"sd{at}") for at in range(3)]
    assert Image.open(BytesIO(png(figure(*lines)))).size == (1280, 2 * (260 + 3 * 16))


VALUES = st.one_of(st.floats(allow_nan=True, allow_infinity=True), st.floats(-1e3, 1e3))


@settings(max_examples=25, deadline=None)
@example([[9.009e305], [-1e308]], 1e308, ">", "a\nb\x85")
@given(
    st.lists(st.lists(VALUES, max_size=8), min_size=1, max_size=3),
    st.one_of(st.none(), VALUES),
    st.sampled_from([">", "<", "==", "!="]),
    st.text(max_size=200),
)
def test_everything_can_be_drawn(series: list[list[float]], threshold: float | None, sign: str, title: str) -> None:
    lines = [line_of(values, i=str(at)) for at, values in enumerate(series)]
    watched = Watched("x", sign if threshold is not None else "", threshold)
    assert png(figure(*lines, watched=watched, title=title)).startswith(b"\x89PNG")


@given(st.floats(-1e12, 1e12), st.floats(1e-6, 1e12))
def test_ticks_are_round_few_and_around_the_values(low: float, span: float) -> None:
    high = low + max(span, abs(low) * 1e-6)
    ticks = nice_ticks(low, high)
    assert 2 <= len(ticks) <= 7
    step = ticks[1] - ticks[0]
    assert ticks[0] <= low + step * 1e-6
    assert ticks[-1] >= high - step * 1e-6


@pytest.mark.parametrize(
    ("value", "ticks", "shown"),
    [
        (50, [0, 50, 100], "50"),
        (0.5, [0, 0.5, 1], "0.5"),
        (5e9, [0, 5e9, 1e10], "5G"),
        (0, [0, 5e9, 1e10], "0"),
        (2e6, [0, 2e6, 4e6], "2M"),
        (15_000, [0, 15_000, 30_000], "15k"),
        (5e-7, [4.5e-7, 5e-7], "5e-07"),
    ],
)
def test_numbers_of_an_axis(value: float, ticks: list[float], shown: str) -> None:
    assert short_number(value, ticks) == shown


def test_times_are_those_of_the_readers_wall() -> None:
    kathmandu = ZoneInfo("Asia/Kathmandu")  # 5 h 45 min: whole hours of UTC are none there.
    ticks = list(time_ticks(Figure("", "", Watched("x"), [], AT_MS - 3_600_000, AT_MS, kathmandu)))
    assert [(tick + 345 * 60_000) % 600_000 for tick in ticks] == [0] * 6


def test_a_gap_stays_a_gap() -> None:
    line = line_of([1.0, 2.0, math.nan, 3.0, math.inf, 4.0])
    assert [[value for _, value in run] for run in runs(line)] == [[1.0, 2.0], [3.0], [4.0]]
    holes = Line(Labels({}), line.times_ms[[0, 1, 4, 5]], np.array([1.0, 2.0, 3.0, 4.0]))
    assert [[value for _, value in run] for run in runs(holes)] == [[1.0, 2.0], [3.0, 4.0]]
    assert list(runs(line_of([]))) == []


CPU = Reading(93.0, Watched("cpu", ">", 80.0))


def of(*lines: Line) -> list[Figure]:
    return figures(message(told(reading=CPU)), lambda *_: lines, "last hour", SHANGHAI)


def test_only_the_series_that_raised_the_alert_are_drawn() -> None:
    own, other = line_of([1.0], instance="web-1"), line_of([1.0], instance="web-2")
    assert of(own, other)[0].lines == [own]
    assert of(other)[0].lines == [other], "labels were changed on the way: better these than none"
    assert of() == []
    before = LINES.hits
    assert len(of(*(line_of([1.0], instance="web-1", __name__=str(at)) for at in range(9)))[0].lines) == LINES.default
    assert LINES.hits == before + 3


def test_a_picture_for_each_rule_and_for_foreign_alerts_none() -> None:
    line = line_of([1.0])
    alerts = [told(f"Rule{at}", reading=CPU) for at in range(5)]
    before = PLOTS.hits
    shown = figures(message(told("Foreign"), *alerts), lambda *_: [line], "", SHANGHAI)
    assert [one.title for one in shown] == ["Rule0", "Rule1", "Rule2"]
    assert PLOTS.hits == before + 2
    over = figures(message(told(reading=CPU, resolved=True)), lambda *_: [line], "", SHANGHAI)
    assert (len(over), over[0].end_ms - over[0].start_ms) == (1, 3_600_000)


def test_what_the_source_raises_is_passed_on() -> None:
    def refusing(*_: object) -> list[Line]:
        raise OperatingError("no", retryable=True)

    with pytest.raises(OperatingError):
        figures(message(told(reading=CPU)), refusing, "", SHANGHAI)
