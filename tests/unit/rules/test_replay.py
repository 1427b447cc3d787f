"""Rules over history: the same alerts at the same moments as when they run."""

from __future__ import annotations

from collections.abc import Mapping

from fenghuo.base.errors import InputError
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.rules import RulesSettings, load_rules
from fenghuo.rules.plan import GroupPlan, plans_of
from fenghuo.rules.replay import RuleReplay, Vector
from fenghuo.trading import built_in_markets

MINUTE_MS = 60_000
START_MS = 1_700_000_000_000
RULES = """
groups:
  - name: g
    rules:
      - {record: doubled, expr: base}
      - {alert: Down, expr: base, for: 2m, labels: {severity: page}}
      - {alert: Broken, expr: nonsense}
"""


def plans(text: str = RULES) -> list[GroupPlan]:
    loaded = load_rules(text, "rules.yml", str)
    assert loaded.file is not None, loaded.problems
    return plans_of(RulesSettings(files=(loaded.file,)))


class FakeHistory:
    """``base`` has an element from the fifth minute to the eighth; ``asked`` says how it was asked for."""

    def __init__(self, *, in_advance: bool) -> None:
        self.in_advance = in_advance
        self.asked: list[str] = []
        self.recorded: list[int] = []

    def instant(self, expr: str, time_ms: int) -> Vector:
        self.asked.append("instant")
        if expr != "base":
            raise InputError(f"no {expr}")
        inside = 5 * MINUTE_MS <= time_ms - START_MS < 9 * MINUTE_MS
        return [(Labels({"job": "a"}), 1.0)] if inside else []

    def many(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> Mapping[int, Vector] | None:
        if not self.in_advance:
            return None
        found = {time_ms: self.instant(expr, time_ms) for time_ms in range(start_ms, end_ms + 1, step_ms)}
        self.asked.append("many")
        return {time_ms: vector for time_ms, vector in found.items() if vector}

    def record(self, time_ms: int, samples: Mapping[Labels, float]) -> None:
        self.recorded += [time_ms] * len(samples)


def told(history: FakeHistory) -> tuple[list[tuple[int, Alert]], dict[str, str]]:
    """What was sent on, with the whole minute since the start; and the failures."""
    replay = RuleReplay(plans(), history, built_in_markets().market, START_MS + 20 * MINUTE_MS)
    alerts = [((at - START_MS) // MINUTE_MS, alert) for at, some in replay.run(START_MS) for alert in some]
    return alerts, replay.failures


def test_an_alert_waits_fires_and_ends() -> None:
    history = FakeHistory(in_advance=True)
    alerts, failures = told(history)
    assert {alert.name for _, alert in alerts} == {"Down"}
    assert alerts[0][0] in (7, 8)  # The group's slot lies somewhere in the minute.
    firing = [minute for minute, alert in alerts if not alert.resolved_at(START_MS + (minute + 1) * MINUTE_MS)]
    over = [minute for minute, alert in alerts if alert.resolved_at(START_MS + (minute + 1) * MINUTE_MS)]
    assert max(firing) < min(over) <= 10
    assert failures == {"Broken": "no nonsense"}
    assert len(history.recorded) == 4


def test_answers_in_advance_change_nothing() -> None:
    ahead, each = FakeHistory(in_advance=True), FakeHistory(in_advance=False)
    assert told(ahead) == told(each)
    assert ahead.recorded == each.recorded
    assert "many" in ahead.asked
    assert "many" not in each.asked
