"""Inhibition and time intervals, by Alertmanager's tables."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.alerting.mute.inhibit import Inhibitor, InhibitRuleSettings
from fenghuo.alerting.mute.intervals import MONTHS, WEEKDAYS, NamedIntervals, TimeInterval, TimeRange
from fenghuo.base.document import Settings, load_yaml, validate
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels


class Rules(Settings):
    rules: list[InhibitRuleSettings]


class Intervals(Settings):
    intervals: list[TimeInterval]


@pytest.fixture(scope="module")
def inhibit(conformance: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((conformance / "alertmanager" / "inhibit.json").read_text())["tests"]
    return loaded


@pytest.fixture(scope="module")
def intervals(conformance: Path) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((conformance / "alertmanager" / "timeintervals.json").read_text())
    return loaded


def inhibitor(rules: list[dict[str, Any]], sources: list[dict[str, str]]) -> Inhibitor:
    given_rules = Rules.model_validate({"rules": rules})
    return Inhibitor([rule.compiled() for rule in given_rules.rules], [Alert(Labels(one), 1) for one in sources])


def test_equal_labels(inhibit: dict[str, Any]) -> None:
    for case in inhibit["equal_matching"]:
        active = [source["labels"] for source in case["sources"] if source["active"]]
        # A rule without matchers is met by everything on both sides; these sources are pure ones.
        rule = {"equal": case["equal"], "target_matchers": ["side=target"]}
        muted = inhibitor([rule], active).inhibited_by({**case["target"], "side": "target"})
        assert (muted is not None) is case["inhibited"], case["name"]


RULES = [
    {"source_matchers": ["severity=critical"], "target_matchers": ["severity=warning"], "equal": ["host"]},
    {"source_matchers": ["name=~'a|b'"], "target_matchers": ["name=~'b|c'"]},
]
WORDS = {"severity": ["critical", "warning", ""], "host": ["x", "y", ""], "name": ["a", "b", "c"]}
ALERTS = st.fixed_dictionaries({name: st.sampled_from(words) for name, words in WORDS.items()}).map(Labels)


@settings(max_examples=150, deadline=None)
@given(st.lists(st.tuples(ALERTS, st.none() | st.integers(0, 30)), max_size=25))
def test_what_is_kept_up_to_date_says_what_one_made_anew_says(reports: list[tuple[Labels, int | None]]) -> None:
    """At each moment one report comes: an alert with its end, or word that it is known no more."""
    kept, known = inhibitor(RULES, []), dict[Labels, int]()
    rules = [rule.compiled() for rule in Rules.model_validate({"rules": RULES}).rules]
    for now_ms, (labels, ends_ms) in enumerate(reports):
        known.pop(labels, None)
        if ends_ms is None:
            kept.forget(labels)
        else:
            known[labels] = ends_ms
            kept.take(labels, ends_ms)
        firing = [Alert(each, 1) for each, end in known.items() if end > now_ms]
        for target in map(Labels, ({"name": name, "severity": "warning", "host": "x"} for name in "abc")):
            found, fresh = kept.inhibited_by(target, now_ms), Inhibitor(rules, firing).inhibited_by(target)
            assert (found is None) is (fresh is None)
            assert found is None or known[found] > now_ms


@pytest.mark.parametrize("table", ["rules_match", "rules_matchers"])
def test_rules(inhibit: dict[str, Any], table: str) -> None:
    rules = yaml.safe_load(inhibit[table]["rules_yaml"])
    for target, muted in inhibit[table]["cases"]:
        found = inhibitor(rules, inhibit[table]["active_sources"]).inhibited_by(target)
        assert (found is not None) is muted, target


def moment_ms(text: str) -> int:
    """``08 Jul 20 09:00 +0000``."""
    return round(datetime.strptime(text, "%d %b %y %H:%M %z").timestamp() * 1000)


def as_yaml(interval: dict[str, Any]) -> dict[str, Any]:
    """The tables' parsed form, written as files write it."""

    def ranges(key: str, show: Any) -> list[str]:
        return [f"{show(r['Begin'])}:{show(r['End'])}" for (r,) in interval.get(key, [])]

    def clock(minute: int) -> str:
        return f"{minute // 60:02d}:{minute % 60:02d}"

    return {
        "times": [
            {"start_time": clock(t["StartMinute"]), "end_time": clock(t["EndMinute"])}
            for t in interval.get("Times", [])
        ],
        "weekdays": ranges("Weekdays", WEEKDAYS.__getitem__),
        "days_of_month": ranges("DaysOfMonth", str) if not odd_days(interval) else [],
        "months": ranges("Months", MONTHS.__getitem__),
        "years": ranges("Years", str),
        "location": (interval.get("Location") or [""])[0],
    }


def odd_days(interval: dict[str, Any]) -> bool:
    """``-31:31``: the table has it, files may not write it; it means every day."""
    return any(r["Begin"] < 0 < r["End"] for (r,) in interval.get("DaysOfMonth", []))


def test_contained_times(intervals: dict[str, Any]) -> None:
    for case in intervals["timeIntervalTestCases"]:
        interval = TimeInterval.model_validate(as_yaml(case["timeInterval"]))
        for text in case["validTimeStrings"]:
            assert interval.contains(moment_ms(text)), (case, text)
        for text in case["invalidTimeStrings"]:
            assert not interval.contains(moment_ms(text.zfill(len("01 Jan 20 00:00 +0000")))), (case, text)


def test_times_of_day(intervals: dict[str, Any]) -> None:
    for case in intervals["timeStringTestCases"]:
        found, problems = validate(TimeRange, load_yaml(case["timeString"], "times"))
        assert bool(problems) is case["expectError"], case
        if found is not None:
            assert found.start_minute == case["TimeRange"].get("StartMinute", 0)
            assert found.end_minute == case["TimeRange"]["EndMinute"]


def test_intervals_as_files_write_them(intervals: dict[str, Any]) -> None:
    for case in intervals["yamlUnmarshalTestCases"]:
        document = load_yaml(case["in"].replace("\n---\n", ""), "intervals")
        found, problems = validate(Intervals, document, {"intervals": document.value})
        assert bool(problems) is case.get("expectError", False), (case, [str(p) for p in problems])
        if found is None:
            continue
        for text in case.get("contains", ()):
            assert any(one.contains(moment_ms(text)) for one in found.intervals), (case, text)
        for text in case.get("excludes", ()):
            assert not any(one.contains(moment_ms(text)) for one in found.intervals), (case, text)


def test_whole_intervals(intervals: dict[str, Any]) -> None:
    for case in intervals["completeTestCases"]:
        found, problems = validate(TimeInterval, load_yaml(case["in"].replace("\n---\n", ""), "interval"))
        assert found is not None, [str(problem) for problem in problems]
        assert all(found.contains(moment_ms(text)) for text in case.get("contains", ())), case
        assert not any(found.contains(moment_ms(text)) for text in case.get("excludes", ())), case


def test_evenings_and_weekends_in_sydney(intervals: dict[str, Any]) -> None:
    sydney = {"location": "Australia/Sydney"}
    times = [{"start_time": "00:00", "end_time": "09:00"}, {"start_time": "17:00", "end_time": "24:00"}]
    named = [
        NamedIntervals.model_validate({"name": "evenings", "time_intervals": [{"times": times, **sydney}]}),
        NamedIntervals.model_validate(
            {"name": "weekends", "time_intervals": [{"weekdays": ["saturday", "sunday"], **sydney}]}
        ),
    ]
    for case in intervals["tests"]:
        found = re.match(r"(.*)\[(.*)\]", case["now"])
        assert found
        at = datetime.fromisoformat(found[1]).replace(tzinfo=ZoneInfo(found[2]))
        muting = [one.name for one in named if one.contains(round(at.timestamp() * 1000))]
        assert (muting or None) == case["mutedBy"], case["name"]


def test_an_unknown_zone_is_refused() -> None:
    _, problems = validate(TimeInterval, load_yaml("location: Mars/Olympus", "interval"))
    assert "unknown time zone 'Mars/Olympus'" in problems[0].message


def test_an_interval_may_be_the_sessions_of_a_market() -> None:
    night = NamedIntervals.model_validate(
        {
            "name": "rb at night",
            "time_intervals": [
                {
                    "trading": "SHFE.rb",
                    "times": [{"start_time": "20:00", "end_time": "24:00"}],
                    "location": "Asia/Shanghai",
                }
            ],
        }
    )
    assert night.contains(moment_ms("20 Nov 26 21:00 +0800"))
    assert not night.contains(moment_ms("20 Nov 26 23:00 +0800"))
    assert not night.contains(moment_ms("20 Nov 26 09:00 +0800"))
    assert not night.contains(moment_ms("30 Sep 26 21:00 +0800"))
