"""Rules and routes over stored history: what ``fenghuo alerts replay`` asks for."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from fenghuo.alerting.reached import Duty, kinds_of
from fenghuo.alerting.replay import PipelineReplay
from fenghuo.app.laboratory import Laboratory
from fenghuo.app.settings import AppSettings
from fenghuo.base import limits
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.metrics.promql import Engine, MatrixResult, Queryable, normalized, parse_expr, selectors_in
from fenghuo.model.incident import Priority
from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.matcher import MatchOp
from fenghuo.rules import RulesSettings, load_rules
from fenghuo.rules.plan import GroupPlan, plans_of
from fenghuo.rules.replay import RuleReplay, Vector
from fenghuo.trading import MarketBook

EVALUATIONS = limits.declare(
    "replay_evaluations", 2_000_000, limits.Policy.REJECT, "Evaluations of rules that one replay may do."
)
_OF_THE_RANGE = ("start()", "end()", "range()", "step()")
"""What means something else in a query over many moments."""


@dataclass(frozen=True, slots=True)
class ReplayQuestion:
    """Rules, and the stretch of history that they are run over."""

    rules: str
    start_ms: int
    end_ms: int


class Replays:
    """Answers questions one after the other. Blocking: call it in a worker thread."""

    def __init__(self, engine: Engine, store: Queryable, who: Callable[[str, int], str | None]) -> None:
        """``who`` says who was on call by a schedule at a moment."""
        self._engine = engine
        self._store = store
        self._who = who
        self._busy = threading.Lock()

    def ask(self, question: ReplayQuestion, settings: AppSettings) -> dict[str, Any]:
        """What the rules and the routes in force would have told.

        Raises InputError for rules that cannot run and for too much work, OperatingError while another replay runs.
        """
        if question.end_ms <= question.start_ms:
            raise InputError("the stretch of history ends before it begins")
        markets = MarketBook(settings.trading)
        plans = _plans(question, settings, markets)
        if not self._busy.acquire(blocking=False):
            raise OperatingError("another replay runs", retryable=True, remedy="try again when it is done")
        try:
            return self._run(question, settings, markets, plans)
        finally:
            self._busy.release()

    def _run(
        self, question: ReplayQuestion, settings: AppSettings, markets: MarketBook, plans: list[GroupPlan]
    ) -> dict[str, Any]:
        recorded = {rule.name for plan in plans for rule in plan.rules if not rule.is_alert}
        history = _StoredHistory(self._engine, self._store, recorded)
        rules = RuleReplay(plans, history, markets.market, question.end_ms)
        duty = Duty(settings.oncall.people, self._who, kinds_of(settings.alerting), markets)
        policies = settings.escalations.escalations
        pipeline = PipelineReplay(settings.alerting, markets, settings.priorities, policies, duty)
        for time_ms, alerts in rules.run(question.start_ms):
            pipeline.run_until(time_ms - 1)
            pipeline.take(alerts, time_ms)
        pipeline.run_until(question.end_ms)
        return _answer(question, pipeline, rules.failures)


def _plans(question: ReplayQuestion, settings: AppSettings, markets: MarketBook) -> list[GroupPlan]:
    loaded = load_rules(question.rules, "rules", normalized, markets=markets)
    if loaded.file is None:
        raise InputError("; ".join(str(problem) for problem in loaded.problems))
    rules = RulesSettings(
        files=(loaded.file,),
        evaluation_interval_ms=settings.global_.evaluation_ms,
        external_labels=Labels(settings.global_.external_labels),
    )
    plans = plans_of(rules)
    span_ms = question.end_ms - question.start_ms
    evaluations = sum(len(plan.rules) * (span_ms // plan.interval_ms + 1) for plan in plans)
    if evaluations > EVALUATIONS.default:
        EVALUATIONS.hit()
        raise InputError(
            f"{evaluations} evaluations of rules are more than {EVALUATIONS.default}",
            remedy="ask for a shorter time, or for fewer rules",
        )
    return plans


class _StoredHistory:
    """The engine's store, and beside it what the replayed rules record; series of their names are theirs alone."""

    def __init__(self, engine: Engine, store: Queryable, recorded: set[str]) -> None:
        self._engine = engine
        self._recorded = recorded
        self._laboratory = Laboratory(engine.options(), store, recorded)
        self._reading: dict[str, bool] = {}
        """Expressions, and whether they read what is recorded here."""

    def instant(self, expr: str, time_ms: int) -> Vector:
        return self._laboratory.query(expr, time_ms)

    def many(self, expr: str, start_ms: int, end_ms: int, step_ms: int) -> Mapping[int, Vector] | None:
        if self._reads_own(expr) or any(word in expr for word in _OF_THE_RANGE):
            return None
        value = self._engine.range(expr, start_ms, end_ms, step_ms).value
        assert isinstance(value, MatrixResult)
        found: dict[int, list[tuple[Labels, float]]] = defaultdict(list)
        for labels, times, values in value.series():
            for time_ms, number in zip(times.tolist(), values.tolist(), strict=True):
                found[time_ms].append((labels, number))
        return found

    def record(self, time_ms: int, samples: Mapping[Labels, float]) -> None:
        for labels, value in samples.items():
            self._laboratory.add(labels, time_ms, value)

    def _reads_own(self, expr: str) -> bool:
        known = self._reading.get(expr)
        if known is None:
            names = {
                matcher.value
                for matchers in selectors_in(parse_expr(expr))
                for matcher in matchers
                if matcher.name == METRIC_NAME and matcher.op is MatchOp.EQUAL
            }
            known = self._reading[expr] = bool(names & self._recorded)
        return known


def _answer(question: ReplayQuestion, pipeline: PipelineReplay, failures: Mapping[str, str]) -> dict[str, Any]:
    span_ms = question.end_ms - question.start_ms
    return {
        "start_ms": question.start_ms,
        "end_ms": question.end_ms,
        "notices": [
            {"receiver": receiver, "channel": kind, "index": at, "count": count}
            for (receiver, kind, at), count in pipeline.notices.most_common()
        ],
        "people": [{"person": person, "count": count} for person, count in pipeline.escalations.people.most_common()],
        "incidents": {priority.value: pipeline.incidents[priority] for priority in Priority},
        "rules": [
            {
                "name": each.name,
                "alerts": each.alerts,
                "short": each.short,
                "flaps": each.flaps,
                "notices": each.notices,
                "noise": round(each.score(span_ms), 2),
            }
            for each in pipeline.ranking(span_ms)
        ],
        "inhibited": pipeline.inhibited,
        "muted": pipeline.muted,
        "kept": pipeline.kept,
        "failures": dict(failures),
    }
