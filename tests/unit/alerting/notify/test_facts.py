"""What is said of an alert: value and threshold, times as people read them, links."""

from __future__ import annotations

import math
from zoneinfo import ZoneInfo

import pytest

from fenghuo.alerting.notify.data import AlertData
from fenghuo.alerting.notify.facts import Facts, TextOptions, lasting, shown_number, shown_threshold
from fenghuo.alerting.notify.message import ToldAlert
from fenghuo.model.language import Language
from fenghuo.model.reading import Reading, Watched
from unit.alerting.notify.channels.support import AT_MS, told

SHANGHAI = ZoneInfo("Asia/Shanghai")
READING = Reading(93.12345, Watched("cpu", ">", 80.0))


def facts_of(alert: ToldAlert, language: Language = Language.ENGLISH) -> dict[str, str]:
    facts = Facts(TextOptions(language, SHANGHAI), lambda: AT_MS)
    return {fact.name: fact.value for fact in facts.facts(AlertData.of(alert))}


def test_everything_that_is_known_of_an_alert_that_fires() -> None:
    annotations = {"description": "Requests\n  slow down."}
    assert facts_of(told(reading=READING, annotations=annotations, job="a\nb")) == {
        "Value": "93.12 (threshold > 80)",
        "Where": "instance=web-1, job=a b",
        "Since": "2023-11-15 06:01:20 CST (for 12m)",
        "What it means": "Requests slow down.",
    }


def test_the_same_in_chinese_when_it_is_over() -> None:
    assert facts_of(told(reading=READING, resolved=True, annotations={}), Language.CHINESE) == {
        "最后值": "93.12 (阈值 > 80)",
        "位置": "instance=web-1",
        "开始": "2023-11-15 06:01:20 CST (持续 11m)",
        "恢复": "2023-11-15 06:13:19 CST",
    }


@pytest.mark.parametrize(
    ("annotations", "reading", "value"),
    [
        ({}, None, None),
        ({"value": "12 GB"}, None, "12 GB"),
        ({"value": "12 GB"}, READING, "12 GB (threshold > 80)"),
        ({}, Reading(0.0, Watched("up", "==", 0.0)), "0 (threshold == 0)"),
        ({}, Reading(7.0, Watched("x")), "7"),
    ],
)
def test_where_the_value_comes_from(annotations: dict[str, str], reading: Reading | None, value: str | None) -> None:
    assert facts_of(told(reading=reading, annotations=annotations)).get("Value") == value


@pytest.mark.parametrize(
    ("number", "shown"),
    [
        (0.0, "0"), (-0.0, "0"), (80.0, "80"), (93.12345, "93.12"), (0.000123456, "0.0001235"), (12_345.0, "12345"),
        (1_234_567.8, "1,234,568"), (-5e9, "-5,000,000,000"), (1e20, "1e+20"), (math.nan, "NaN"), (math.inf, "+Inf"),
        (-math.inf, "-Inf"),
    ],
)  # fmt: skip
def test_numbers(number: float, shown: str) -> None:
    assert shown_number(number) == shown


def test_without_a_threshold_none_is_said() -> None:
    assert shown_threshold(None) == shown_threshold(Reading(1.0, Watched("x"))) == ""


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0, "0s"), (59, "59s"), (60, "1m"), (3_599, "59m"), (3_600, "1h"), (3_660, "1h 1m"), (90_000, "1d 1h"),
     (172_800, "2d")],
)  # fmt: skip
def test_durations_in_their_two_largest_units(seconds: int, shown: str) -> None:
    assert lasting(seconds) == shown


def test_links_lead_to_the_web_and_nowhere_else() -> None:
    facts = Facts(TextOptions(Language.ENGLISH), lambda: AT_MS)

    def links(runbook: str) -> list[tuple[str, str]]:
        alert = told(annotations={"runbook_url": runbook})
        return [(link.name, link.url) for link in facts.links(AlertData.of(alert))]

    graph = ("Graph", "http://fenghuo/graph?g0.expr=x")
    assert links("https://wiki/cpu") == [("Runbook", "https://wiki/cpu"), graph]
    assert links("javascript:alert(1)") == links("") == [graph]
