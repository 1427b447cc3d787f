"""When to notify: Alertmanager's table, and the reasons."""

from __future__ import annotations

import itertools
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.alerting.notify.decide import Reason, Repeat, decide
from fenghuo.model.duration import parse_duration_ms
from fenghuo.model.notification import NotificationEntry

NOW_MS = 1_700_000_000_000


def sent_at_ms(text: str) -> int:
    return 0 if text == "epoch 0" else NOW_MS - parse_duration_ms(text.removeprefix("-"))


def decided(case: dict[str, Any]) -> Reason | None:
    last = case["last"]
    entry = last and NotificationEntry(
        frozenset(last.get("firing", ())), frozenset(last.get("resolved", ())), sent_at_ms(last.get("sent", "-0")), 0
    )
    return decide(
        entry,
        frozenset(case.get("firing", ())),
        frozenset(case.get("resolved", ())),
        Repeat((parse_duration_ms(case.get("repeat", "0")),)),
        send_resolved=case.get("send_resolved", False),
        now_ms=NOW_MS,
    )


def test_table(conformance: Path) -> None:
    cases = json.loads((conformance / "alertmanager" / "dedup.json").read_text())["cases"]
    assert [case for case in cases if (decided(case) is not None) != case["notify"]] == []
    assert len(cases) == 11


ENTRY = {"firing": [1, 2], "resolved": [3], "sent": "-9m"}


@pytest.mark.parametrize(
    ("case", "reason"),
    [
        ({"last": None, "firing": [1]}, Reason.FIRST),
        ({"last": ENTRY, "firing": [1, 9], "repeat": "10m"}, Reason.NEW_ALERTS),
        ({"last": ENTRY, "resolved": [1, 2], "repeat": "10m"}, Reason.ALL_RESOLVED),
        ({"last": ENTRY, "firing": [1], "resolved": [2], "repeat": "10m", "send_resolved": True}, Reason.SOME_RESOLVED),
        ({"last": ENTRY, "firing": [1, 2], "repeat": "8m"}, Reason.REPEAT),
        ({"last": ENTRY, "firing": [1, 2], "repeat": "9m"}, None),
    ],
)
def test_reasons(case: dict[str, Any], reason: Reason | None) -> None:
    assert decided(case) is reason


fingerprints = st.frozensets(st.integers(1, 6))


@given(firing=fingerprints, resolved=fingerprints, send_resolved=st.booleans())
def test_what_was_just_told_is_not_told_again(
    firing: frozenset[int], resolved: frozenset[int], send_resolved: bool
) -> None:
    entry = NotificationEntry(firing, resolved, NOW_MS, 0)
    assert decide(entry, firing, resolved, Repeat((1,)), send_resolved=send_resolved, now_ms=NOW_MS) in (
        None,
        Reason.ALL_RESOLVED if not firing and entry.firing else None,
    )


@given(last=st.none() | fingerprints, firing=fingerprints, new=st.integers(7, 9))
def test_an_alert_that_nobody_was_told_of_is_always_told(
    last: frozenset[int] | None, firing: frozenset[int], new: int
) -> None:
    entry = None if last is None else NotificationEntry(last, frozenset(), NOW_MS, 0)
    told = decide(entry, firing | {new}, frozenset(), Repeat((10**12,)), send_resolved=True, now_ms=NOW_MS)
    assert told in (Reason.FIRST, Reason.NEW_ALERTS)


def test_the_answered_are_told_news_only() -> None:
    entry = NotificationEntry(frozenset({1, 2}), frozenset(), NOW_MS - 10**9, 0)
    answered = Repeat((60_000,), answered=True, remind_ms=NOW_MS)

    def reason(*firing: int, resolved: frozenset[int] = frozenset()) -> Reason | None:
        return decide(entry, frozenset(firing), resolved, answered, send_resolved=True, now_ms=NOW_MS)

    assert reason(1, 2) is None
    assert reason(1, 2, 3) is Reason.NEW_SINCE_ANSWERED
    assert reason(1, resolved=frozenset({2})) is Reason.SOME_RESOLVED
    assert reason(resolved=frozenset({1, 2})) is Reason.ALL_RESOLVED


def test_what_was_told_before_a_snooze_ended_is_repeated_at_once() -> None:
    entry = NotificationEntry(frozenset({1}), frozenset(), NOW_MS - 60_000, 0)
    for remind_ms, expected in ((NOW_MS, Reason.REPEAT), (NOW_MS - 60_000, None)):
        repeat = Repeat((10**9,), remind_ms=remind_ms)
        assert decide(entry, frozenset({1}), frozenset(), repeat, send_resolved=True, now_ms=NOW_MS) is expected


@given(
    intervals=st.lists(st.integers(1, 100), min_size=1, max_size=5), lateness=st.lists(st.integers(0, 20), max_size=12)
)
def test_reminders_grow_rarer_and_never_come_early(intervals: list[int], lateness: list[int]) -> None:
    repeat, sent = Repeat(sorted(intervals), since_ms=1_000), [1_000]
    for late in lateness:
        sent.append(sent[-1] + repeat.interval_ms(sent[-1]) + late)
    for number, (before, after) in enumerate(itertools.pairwise(sent)):
        assert after - before >= sorted(intervals)[min(number, len(intervals) - 1)]
