"""The cases of the alert generator compliance suite, on a clock that the test moves: an hour in a few seconds."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.base.guard import Guard
from fenghuo.metrics.promql import Engine, VectorResult, normalized
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.rules import Ports, RuleManager, RulesSettings, load_rule_file

pytestmark = [pytest.mark.anyio, pytest.mark.slow]

STEP_MS = 15_000
INTERVAL_MS = 30_000
RESEND_MS = 60_000
STEPS = 215
"""The longest case and fifteen minutes in which its end is told again."""

ONE, TWO, RULE2 = "NewAlerts_OrderCheck_Rule1/one", "NewAlerts_OrderCheck_Rule1/two", "NewAlerts_OrderCheck_Rule2/"
SIMPLE, PENDING = "PendingAndFiringAndResolved_SimpleAlert/", "PendingAndResolved_AlwaysInactive_PendingAlert/"
NEVER = "PendingAndResolved_AlwaysInactive_InactiveAlert/"
ZERO, SMALL = "ZeroFor_SmallFor_ZeroFor/", "ZeroFor_SmallFor_SmallFor/"

STATES: dict[str, list[tuple[int, str, float]]] = {
    SIMPLE: [
        *[(8, "pending", 11), (21, "pending", 15), (32, "firing", 15), (53, "firing", 19), (69, "", 0)],
        *[(89, "pending", 15), (113, "firing", 15), (134, "", 0)],
    ],
    PENDING: [(8, "pending", 11), (19, "", 0)],
    NEVER: [],
    ZERO: [(8, "firing", 15), (21, "", 0), (93, "firing", 11), (106, "", 0)],
    SMALL: [(8, "pending", 15), (10, "firing", 15), (21, "", 0)],
    ONE: [(8, "pending", 11), (20, "firing", 11), (73, "", 0)],
    TWO: [(32, "pending", 11), (44, "firing", 11), (65, "", 0)],
    RULE2: [(44, "firing", 2), (65, "", 0)],
}
"""From which step on each alert is in which state, with which value."""

SENT: dict[str, list[tuple[int, int, bool]]] = {
    SIMPLE: [(32, 69, False), (69, 89, True), (113, 134, False), (134, 194, True)],
    PENDING: [],
    NEVER: [],
    ZERO: [(8, 21, False), (21, 81, True), (93, 106, False), (106, 166, True)],
    SMALL: [(10, 21, False), (21, 81, True)],
    ONE: [(20, 73, False), (73, 133, True)],
    TWO: [(44, 65, False), (65, 125, True)],
    RULE2: [(44, 65, False), (65, 125, True)],
}
"""From which step until which each alert is told, and whether as resolved."""


class Inline:
    async def run(self, work: Callable[[], None]) -> None:
        work()

    def close(self) -> None:
        pass


@dataclass
class Told:
    at_ms: int
    alert: Alert


@dataclass
class Record:
    """What was seen: for each step the active alerts, and everything that was told."""

    start_ms: int
    states: list[dict[str, tuple[str, float]]] = field(default_factory=list)
    told: list[Told] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def of(self, key: str) -> list[Told]:
        return [each for each in self.told if key_of(each.alert.labels) == key]

    def at(self, step: int) -> int:
        return self.start_ms + step * STEP_MS


def key_of(labels: Labels) -> str:
    return f"{labels['alertname']}/{labels.get('variant', '')}"


def samples(notation: list[str]) -> Iterator[float]:
    """``V`` is a value; ``AxB`` are B further samples, each A more than the one before."""
    value = 0.0
    for part in notation:
        more, times, count = part.partition("x")
        if not times:
            value = float(part)
            yield value
            continue
        for _ in range(int(count)):
            value += float(more)
            yield value


def series_of(cases: list[dict[str, Any]]) -> list[tuple[Labels, list[float]]]:
    return [(Labels(row["labels"]), list(samples(row["samples"]))) for case in cases for row in case["series"]]


async def run(folder: Path, directory: Path) -> Record:
    clock = ManualClock(1_700_000_010_000)
    registry = CollectorRegistry()
    store = Store.open(directory, StoreSettings(), clock, registry)
    engine = Engine(store, clock)
    record = Record(clock.now_ms())
    loaded = load_rule_file(folder / "rules.yaml", normalized)
    assert loaded.file is not None
    feed = series_of(json.loads((folder / "cases.json").read_text())["cases"])

    def query(expr: str, time_ms: int) -> list[tuple[Labels, float]]:
        value = engine.instant(expr, time_ms).value
        assert isinstance(value, VectorResult)
        return value.samples()

    def notify(alerts: list[Alert]) -> None:
        record.told += [Told(clock.now_ms(), alert) for alert in alerts]

    try:
        async with RuleManager(Ports(query, store, notify, clock), registry, Guard(registry), Inline()) as rules:
            await rules.apply(RulesSettings((loaded.file,), external_url="http://f:9470"))
            for step in range(STEPS):
                now = [(labels, values[step]) for labels, values in feed if step < len(values)]
                cohort = store.cohort("remote write")
                rows = cohort.rows([labels for labels, _ in now])
                cohort.append(clock.now_ms(), rows, np.array([value for _, value in now]))
                await clock.advance(STEP_MS / 1000)
                views = [rule for group in rules.groups() for rule in group.rules]
                record.failures += [rule.last_error for rule in views if rule.last_error]
                active = [alert for rule in views for alert in rule.alerts]
                record.states.append({key_of(alert.labels): (alert.state.value, alert.value) for alert in active})
    finally:
        store.close()
    return record


def expected_at(key: str, step: int) -> tuple[str, float] | None:
    reached = [(state, value) for since, state, value in STATES[key] if since <= step]
    return reached[-1] if reached and reached[-1][0] else None


def check_states(record: Record, key: str) -> None:
    """At each step the state is the expected one, or, within an interval of a change, the one before."""
    for step, seen in enumerate(record.states):
        allowed = {expected_at(key, max(0, step - late)) for late in range(INTERVAL_MS // STEP_MS + 1)}
        assert seen.get(key) in allowed, (step, seen.get(key), allowed)


def check_told(record: Record, key: str) -> None:
    told = record.of(key)
    counted = 0
    for since, until, resolved in SENT[key]:
        # The first message of the next phase is up to an interval late, and so is the last one of this.
        phase = [
            each
            for each in told
            if record.at(since) <= each.at_ms <= record.at(until) + INTERVAL_MS
            and each.alert.resolved_at(each.at_ms) == resolved
        ]
        counted += len(phase)
        assert phase, (since, until, resolved)
        assert phase[0].at_ms - record.at(since) <= INTERVAL_MS
        gaps = [later.at_ms - each.at_ms for each, later in itertools.pairwise(phase)]
        assert all(RESEND_MS < gap <= RESEND_MS + INTERVAL_MS for gap in gaps), gaps
        assert record.at(until) - phase[-1].at_ms <= RESEND_MS + INTERVAL_MS
        assert len({each.alert.starts_at_ms for each in phase}) == 1
        for each in phase:
            want_end = phase[0].at_ms if resolved else each.at_ms + 4 * RESEND_MS
            assert each.alert.ends_at_ms == want_end
    assert counted == len(told)


async def test_cases(conformance: Path, tmp_path: Path, subtests: pytest.Subtests) -> None:
    record = await run(conformance / "compliance" / "alert_generator", tmp_path)
    assert record.failures == []
    for key in STATES:
        with subtests.test(key):
            check_states(record, key)
            check_told(record, key)
    with subtests.test("texts"):
        check_texts(record)


def check_texts(record: Record) -> None:
    simple = [each.alert.annotations["summary"] for each in record.of(SIMPLE)]
    assert list(dict.fromkeys(simple)) == ["The value is 15 15", "The value is 19 19"]
    assert simple[-1] == "The value is 15 15"
    zero = [each.alert for each in record.of(ZERO)]
    assert {alert.labels for alert in zero} == {
        Labels({"alertname": "ZeroFor_SmallFor_ZeroFor", "foo": "bar", "rulegroup": "ZeroFor_SmallFor"})
    }
    assert {alert.annotations["template_test"] for alert in zero} == {
        "1.049M 1Mi 2m 15s 95.9% 2022-01-25 12:36:43 +0000 UTC"
    }
    assert list(dict.fromkeys(alert.annotations["template_query_test"] for alert in zero)) == [
        "Args are: foo bar 99. first_id:101,101:1,102:2,103:3,",
        "Args are: foo bar 99. first_id:101,101:2,102:4,103:6,",
    ]
    assert {each.alert.annotations["template_test"] for each in record.of(SMALL)} == {
        "This Part IS TESTING the strings. ::1 127.0.0.1. 7815. replaced text. ."
    }
    rule2 = record.of(RULE2)[0].alert
    assert rule2.labels == Labels(
        {
            "alertname": "NewAlerts_OrderCheck_Rule2",
            "alertstate": "firing",
            "ba_dum": "tss",
            "foo": "baz",
            "rulegroup": "NewAlerts_OrderCheck",
        }
    )
    assert rule2.annotations["description"] == (
        "Based on ALERTS. Old alertname was NewAlerts_OrderCheck_Rule1. foo was bar."
    )
