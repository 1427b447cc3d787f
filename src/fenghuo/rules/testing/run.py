"""Running the tests of a file: rule groups over invented series, moment by moment."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Sequence

from prometheus_client import CollectorRegistry

from fenghuo.base.clock import SystemClock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.base.guard import Guard
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.rules.group import Group
from fenghuo.rules.metrics import RuleMetrics
from fenghuo.rules.plan import RulesSettings, plans_of
from fenghuo.rules.ports import Ports
from fenghuo.rules.testing.compare import FiringAlert, compare_alerts, compare_samples
from fenghuo.rules.testing.loader import LoadedTests
from fenghuo.rules.testing.ports import Laboratory
from fenghuo.rules.testing.report import CaseReport, FileReport, Mismatch
from fenghuo.rules.testing.settings import AlertTest, CaseSettings, ExprTest, TestFileSettings
from fenghuo.rules.views import AlertState


def run_tests(
    loaded: LoadedTests, laboratory: Callable[[int], Laboratory], only: Sequence[re.Pattern[str]] = ()
) -> FileReport:
    """Run every test whose name one of ``only`` finds, or all when there is none.

    ``laboratory`` makes a new one for a given evaluation interval in ms.
    """
    settings = loaded.settings
    if settings is None:
        return FileReport(loaded.name, broken=tuple(str(problem) for problem in loaded.problems))
    report = FileReport(loaded.name)
    for at, case in enumerate(settings.tests):
        if only and not any(pattern.search(case.name) for pattern in only):
            continue
        began_s = time.perf_counter()
        outcome = _Case(loaded, settings, at, laboratory(settings.interval_ms)).run()
        outcome.took_s = time.perf_counter() - began_s
        report.cases.append(outcome)
    return report


class _Case:
    """One test while it runs."""

    def __init__(self, loaded: LoadedTests, settings: TestFileSettings, at: int, laboratory: Laboratory) -> None:
        self._loaded = loaded
        self._settings = settings
        self._case: CaseSettings = settings.tests[at]
        self._at = at
        self._laboratory = laboratory
        self._report = CaseReport(self._case.name, self._line())

    def run(self) -> CaseReport:
        """Everything that the test says. Rules that fail end it: what they feed is not worth a look."""
        if self._load_series():
            groups = self._groups()
            if self._evaluate(groups):
                for number, test in enumerate(self._case.promql_expr_test):
                    self._note(self._ask(number, test))
        return self._report

    def _line(self, *path: str | int) -> int:
        return self._loaded.line("tests", self._at, *path)

    def _note(self, mismatch: Mismatch | None) -> None:
        if mismatch is None:
            self._report.passed += 1
        else:
            self._report.mismatches.append(mismatch)

    def _load_series(self) -> bool:
        interval_ms = self._case.interval_ms or self._settings.interval_ms
        for number, series in enumerate(self._case.input_series):
            try:
                self._laboratory.load(series.series, series.values, self._case.start_ms, interval_ms)
            except InputError as error:
                line = self._line("input_series", number)
                self._note(Mismatch(line, series.series, error.message))
        return not self._report.mismatches

    def _groups(self) -> list[Group]:
        """Every group of the rule files, in the order in which they are evaluated."""
        case, registry = self._case, CollectorRegistry()
        rules = RulesSettings(
            files=self._loaded.rules,
            evaluation_interval_ms=self._settings.interval_ms,
            external_labels=Labels(case.external_labels),
            external_url=case.external_url,
        )
        laboratory = self._laboratory
        ports = Ports(laboratory.query, laboratory, _nobody, SystemClock())
        metrics, guard = RuleMetrics(registry), Guard(registry)
        order = {name: place for place, name in enumerate(self._settings.group_eval_order)}
        plans = sorted(plans_of(rules), key=lambda plan: order.get(plan.name, -1))
        return [Group(plan, ports, metrics, guard, restore=False) for plan in plans]

    def _evaluate(self, groups: Sequence[Group]) -> bool:
        """Evaluate at every interval and look at the alerts that are asked for; false when a rule failed."""
        start_ms, step_ms = self._case.start_ms, self._settings.interval_ms
        asked = sorted(enumerate(self._case.alert_rule_test), key=lambda item: item[1].eval_time_ms)
        for now_ms in range(start_ms, start_ms + self._case.last_ms + 1, step_ms):
            self._laboratory.show_until(now_ms)
            for group in groups:
                group.evaluate(now_ms)
            failed = self._failed_rules(groups, now_ms - start_ms)
            self._report.mismatches += failed
            if failed:
                return False
            while asked and asked[0][1].eval_time_ms < now_ms - start_ms + step_ms:
                number, test = asked.pop(0)
                self._note(self._look(number, test, groups))
        return True

    def _failed_rules(self, groups: Sequence[Group], after_ms: int) -> list[Mismatch]:
        return [
            Mismatch(
                self._line(), f"rule {rule.name}", f"failed {after_ms / 1000:g} s after the start: {rule.last_error}"
            )
            for group in groups
            for rule in group.view.rules
            if rule.last_error
        ]

    def _look(self, number: int, test: AlertTest, groups: Sequence[Group]) -> Mismatch | None:
        got: list[FiringAlert] = [
            (alert.labels, alert.annotations)
            for group in groups
            for rule in group.view.rules
            if rule.is_alert and rule.name == test.alertname
            for alert in rule.alerts
            if alert.state is AlertState.FIRING
        ]
        wanted = [
            (Labels({**alert.exp_labels, "alertname": test.alertname}), Labels(alert.exp_annotations))
            for alert in test.exp_alerts
        ]
        return compare_alerts(self._line("alert_rule_test", number), test.alertname, wanted, got)

    def _ask(self, number: int, test: ExprTest) -> Mismatch | None:
        line = self._line("promql_expr_test", number)
        if any(sample.histogram for sample in test.exp_samples):
            return Mismatch(line, test.expr, "native histograms are not supported")
        try:
            wanted = [
                (self._laboratory.labels(sample.labels) if sample.labels else EMPTY, sample.value)
                for sample in test.exp_samples
            ]
            got = self._laboratory.query(test.expr, self._case.start_ms + test.eval_time_ms)
        except (InputError, OperatingError) as error:
            return Mismatch(line, test.expr, str(error))
        return compare_samples(line, test.expr, wanted, got, fuzzy=self._settings.fuzzy_compare)


def _nobody(alerts: object) -> None:
    """Tests look at the rules' alerts; nobody is told."""
