"""One group of rules: evaluated together, in order, each seeing what those before it wrote.

Everything here is synchronous and runs in one worker thread at a time; :attr:`Group.view` may be read from anywhere.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from functools import partial

from fenghuo.base.errors import InputError, OperatingError
from fenghuo.base.guard import Guard
from fenghuo.model.labels import Labels
from fenghuo.rules.alerting_rule import AlertingRule
from fenghuo.rules.metrics import RuleMetrics
from fenghuo.rules.output import RuleOutput
from fenghuo.rules.plan import GroupPlan, RulePlan
from fenghuo.rules.ports import Ports
from fenghuo.rules.recording import RecordingRule
from fenghuo.rules.restore import saved_states
from fenghuo.rules.views import AlertState, GroupView, RuleHealth, RuleView

log = logging.getLogger(__name__)

RESTORE_ROUNDS = 2
"""Evaluations after a start in which alerts are found again. The first may come before the first scrape."""


@dataclass(slots=True)
class _Run:
    """A rule, where it writes, and how it went last time."""

    rule: RecordingRule | AlertingRule
    output: RuleOutput
    health: RuleHealth = RuleHealth.UNKNOWN
    last_error: str = ""
    evaluation_s: float = 0.0
    last_evaluation_ms: int | None = None
    samples: int = 0

    @property
    def plan(self) -> RulePlan:
        return self.rule.plan

    def failed(self, message: str) -> None:
        self.health, self.last_error = RuleHealth.ERROR, message

    def view(self) -> RuleView:
        plan = self.plan
        alerts = self.rule.active_views() if isinstance(self.rule, AlertingRule) else ()
        states = {alert.state for alert in alerts}
        state = next((s for s in (AlertState.FIRING, AlertState.PENDING) if s in states), AlertState.INACTIVE)
        return RuleView(
            name=plan.name,
            expr=plan.expr,
            labels=plan.labels,
            annotations=plan.annotations,
            hold_ms=plan.hold_ms,
            keep_firing_ms=plan.keep_firing_ms,
            alert_state=state if plan.is_alert else None,
            alerts=alerts,
            health=self.health,
            last_error=self.last_error,
            evaluation_s=self.evaluation_s,
            last_evaluation_ms=self.last_evaluation_ms,
        )


class Group:
    """A running group. Raises TemplateError at construction when an alert's text is no template."""

    def __init__(self, plan: GroupPlan, ports: Ports, metrics: RuleMetrics, guard: Guard, *, restore: bool) -> None:
        self.plan = plan
        self._ports = ports
        self._metrics = metrics
        self._guard = guard
        self._restore_rounds = RESTORE_ROUNDS if restore else 0
        self._unread = restore
        self._runs = [self._run_of(rule) for rule in plan.rules]
        self._ended: list[RuleOutput] = []
        self._stopping = False
        self._evaluation_s = 0.0
        self._last_evaluation_ms: int | None = None
        self.view = self._view()

    def _run_of(self, plan: RulePlan) -> _Run:
        output = RuleOutput(self._ports.store, f"rules:{self.plan.key}")
        if plan.is_alert:
            ports = self._ports
            rule = AlertingRule(plan, self.plan.external_labels, self.plan.external_url, ports.market, ports.watch)
            return _Run(rule, output)
        return _Run(RecordingRule(plan), output)

    def adopt(self, older: Group) -> None:
        """Go on where ``older``, the same group before a reload and stopped, was.

        Rules are the same when name and labels are. What no longer has a rule ends with the next evaluation.
        """
        left: dict[tuple[str, bool, Labels], list[_Run]] = {}
        for run in older._runs:
            left.setdefault((run.plan.name, run.plan.is_alert, run.plan.labels), []).append(run)
        for run in self._runs:
            same = left.get((run.plan.name, run.plan.is_alert, run.plan.labels))
            if not same:
                continue
            known = same.pop(0)
            run.output.adopt(known.output)
            if isinstance(run.rule, AlertingRule) and isinstance(known.rule, AlertingRule):
                run.rule.adopt(known.rule)
        self._ended = [*older._ended, *(run.output for runs in left.values() for run in runs)]
        self._restore_rounds, self._unread = older._restore_rounds, older._unread
        self._evaluation_s, self._last_evaluation_ms = older._evaluation_s, older._last_evaluation_ms
        self.view = self._view()

    def stop(self) -> None:
        """Make a running evaluation end after the rule it is at. Callable from any thread."""
        self._stopping = True

    def evaluate(self, time_ms: int) -> None:
        """Evaluate every rule for ``time_ms``. One rule's failure is its own; nothing is raised for it."""
        clock = self._ports.clock
        began_ms, began_s = clock.now_ms(), clock.monotonic_s()
        self._begin_restore(time_ms)
        for run in self._runs:
            if self._stopping:
                return
            # A rule that fails in a way nobody foresaw must not keep the others from running.
            if not self._guard.call(f"rule {run.plan.name}", partial(self._evaluate, run, time_ms)):
                run.failed("unexpected error; the log has the traceback")
        self._end_removed(time_ms)
        self._end_restore(time_ms)
        self._evaluation_s, self._last_evaluation_ms = clock.monotonic_s() - began_s, began_ms
        self._report(began_ms)

    def end_all(self, time_ms: int) -> None:
        """Mark every series of a group that is gone as ended at ``time_ms``."""
        self._ended += [run.output for run in self._runs]
        self._end_removed(time_ms)

    def _evaluate(self, run: _Run, time_ms: int) -> None:
        clock = self._ports.clock
        run.last_evaluation_ms, began_s = clock.now_ms(), clock.monotonic_s()
        before = run.last_error
        run.health, run.last_error, run.samples = RuleHealth.OK, "", 0
        try:
            samples = self._ask(run, time_ms)
            self._notify(run, time_ms)
            run.samples = len(samples)
            self._write(run, samples, time_ms)
        except (InputError, OperatingError) as error:
            run.failed(str(error))
        self._say(run, before)
        run.evaluation_s = clock.monotonic_s() - began_s
        self._metrics.rule(self.plan.key, run.evaluation_s, failed=run.health is RuleHealth.ERROR)

    def _say(self, run: _Run, before: str) -> None:
        """Log what changed since the last evaluation; a lasting state is not repeated."""
        if run.last_error and run.last_error != before:
            log.warning("rule %s of group %s failed: %s", run.plan.name, self.plan.key, run.last_error)
        elif before and not run.last_error:
            log.info("rule %s of group %s works again", run.plan.name, self.plan.key)

    def _ask(self, run: _Run, time_ms: int) -> dict[Labels, float]:
        query, offset_ms = self._ports.query, self.plan.query_offset_ms
        if isinstance(run.rule, AlertingRule):
            return run.rule.evaluate(query, time_ms, self.plan.limit, offset_ms)
        if run.plan.market and not self._ports.market(run.plan.market).is_open(time_ms):
            return {}
        return run.rule.evaluate(query, time_ms - offset_ms, self.plan.limit)

    def _notify(self, run: _Run, time_ms: int) -> None:
        """Tell what is due. Comes before writing: a disk that is full must not keep an alert from being told."""
        if not isinstance(run.rule, AlertingRule):
            return
        due = run.rule.take_due(time_ms, self.plan.interval_ms)
        if not due:
            return
        try:
            self._ports.notify(due)
        except OperatingError as error:
            self._metrics.notify_failed()
            run.failed(f"the notification pipeline did not take {len(due)} alerts: {error}")

    def _write(self, run: _Run, samples: dict[Labels, float], time_ms: int) -> None:
        rejected = run.output.write(time_ms - self.plan.query_offset_ms, samples)
        if rejected:
            self._metrics.rejected(self.plan.key, sum(rejected.values()))
            reasons = ", ".join(f"{count} {reason}" for reason, count in sorted(rejected.items()))
            run.failed(f"samples rejected by the store: {reasons}")

    def _end_removed(self, time_ms: int) -> None:
        ended, self._ended = self._ended, []
        for output in ended:
            try:
                output.end(time_ms - self.plan.query_offset_ms)
            except OperatingError as error:
                self._ended.append(output)
                log.warning("series of a removed rule in %s are not marked as ended: %s", self.plan.key, error)

    # Restoring

    def _begin_restore(self, time_ms: int) -> None:
        if not self._unread:
            return
        self._unread = False
        for run in self._runs:
            if not isinstance(run.rule, AlertingRule):
                continue
            try:
                run.rule.restore_from(saved_states(self._ports.store, run.plan, time_ms))
            except OperatingError as error:
                log.error("the state of alert %s is not restored: %s", run.plan.name, error)

    def _end_restore(self, time_ms: int) -> None:
        if self._restore_rounds == 0:
            return
        self._restore_rounds -= 1
        if self._restore_rounds == 0:
            for run in self._runs:
                if isinstance(run.rule, AlertingRule):
                    run.rule.end_restoring(time_ms)

    # Reporting

    def _report(self, began_ms: int) -> None:
        self.view = self._view()
        self._metrics.group(self.plan.key, began_ms, self._evaluation_s, sum(run.samples for run in self._runs))
        states = [alert.state for rule in self.view.rules for alert in rule.alerts]
        self._metrics.alerts(self.plan.key, states.count(AlertState.PENDING), states.count(AlertState.FIRING))

    def _view(self) -> GroupView:
        return GroupView(
            file=self.plan.file,
            name=self.plan.name,
            interval_ms=self.plan.interval_ms,
            query_offset_ms=self.plan.query_offset_ms,
            limit=self.plan.limit,
            rules=tuple(run.view() for run in self._runs),
            evaluation_s=self._evaluation_s,
            last_evaluation_ms=self._last_evaluation_ms,
        )
