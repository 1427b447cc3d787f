"""Rules over stored history: which alerts they would have raised, moment by moment. Nothing is written or sent.

Expressions are asked for many moments at once where the answer cannot depend on the replay itself; what reads series
that the same rules record is asked for one moment after the other.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from fenghuo.base.errors import InputError
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.rules.alerting_rule import AlertingRule
from fenghuo.rules.functions import Query
from fenghuo.rules.plan import GroupPlan
from fenghuo.rules.recording import RecordingRule
from fenghuo.trading import Market

STEPS_AT_ONCE = 500
"""Moments that one expression is asked for at once."""

Vector = Sequence[tuple[Labels, float]]


class History(Protocol):
    """What happened, and room for what the rules record. Synchronous."""

    def instant(self, expr: str, time_ms: int) -> Vector:
        """The expression's value at one moment. Raises as rules' queries do."""
        ...

    def many(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> Mapping[int, Vector] | None:
        """Its values by moment, those without any left out; None when it has to be asked for each moment."""
        ...

    def record(self, time_ms: int, samples: Mapping[Labels, float]) -> None:
        """Keep what a recording rule yields, for rules that come after it."""
        ...


@dataclass(slots=True)
class _Asked:
    """One rule with the answers that it was given in advance."""

    rule: AlertingRule | RecordingRule
    until_ms: int = -1
    answers: Mapping[int, Vector] | None = field(default_factory=dict)


class RuleReplay:
    """The groups of some rule files, run from one moment to another."""

    def __init__(
        self, plans: Sequence[GroupPlan], history: History, market: Callable[[str], Market], end_ms: int
    ) -> None:
        self._history = history
        self._market = market
        self._end_ms = end_ms
        self._plans = plans
        self.failures: dict[str, str] = {}
        """Rules that failed, each with its last complaint."""

    def run(self, start_ms: int) -> Iterator[tuple[int, list[Alert]]]:
        """Every evaluation in the order of time, with the alerts that it would have sent on."""
        due: list[tuple[int, int]] = []
        groups = [[_Asked(self._rule(plan, number)) for number in range(len(plan.rules))] for plan in self._plans]
        for at, plan in enumerate(self._plans):
            heapq.heappush(due, (plan.slot_before(start_ms) + plan.interval_ms, at))
        while due and due[0][0] <= self._end_ms:
            time_ms, at = heapq.heappop(due)
            plan = self._plans[at]
            yield time_ms, [alert for asked in groups[at] for alert in self._evaluate(plan, asked, time_ms)]
            heapq.heappush(due, (time_ms + plan.interval_ms, at))

    def _rule(self, plan: GroupPlan, number: int) -> AlertingRule | RecordingRule:
        rule = plan.rules[number]
        if rule.is_alert:
            return AlertingRule(rule, plan.external_labels, plan.external_url, self._market)
        return RecordingRule(rule)

    def _evaluate(self, plan: GroupPlan, asked: _Asked, time_ms: int) -> list[Alert]:
        query, rule = self._query(plan, asked), asked.rule
        asked_ms = time_ms - plan.query_offset_ms
        try:
            if isinstance(rule, RecordingRule):
                if not rule.plan.market or self._market(rule.plan.market).is_open(time_ms):
                    self._history.record(asked_ms, rule.evaluate(query, asked_ms, plan.limit))
                return []
            if not rule.has_alerts and not query(rule.plan.expr, asked_ms):
                return []
            rule.evaluate(query, time_ms, plan.limit, plan.query_offset_ms)
        except InputError as error:
            self.failures[rule.plan.name] = str(error)
            return []
        return rule.take_due(time_ms, plan.interval_ms)

    def _query(self, plan: GroupPlan, asked: _Asked) -> Query:
        expr = asked.rule.plan.expr

        def query(text: str, time_ms: int) -> Vector:
            if text != expr:  # A template's own question.
                return self._history.instant(text, time_ms)
            if time_ms > asked.until_ms and asked.answers is not None:
                until_ms = min(time_ms + (STEPS_AT_ONCE - 1) * plan.interval_ms, max(self._end_ms, time_ms))
                asked.answers = self._history.many(expr, time_ms, until_ms, plan.interval_ms)
                asked.until_ms = until_ms
            return self._history.instant(text, time_ms) if asked.answers is None else asked.answers.get(time_ms, ())

        return query
