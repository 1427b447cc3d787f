"""What the rules say about themselves. The label ``group`` is ``file;name``."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram


class RuleMetrics:
    """Instruments of all groups on one registry."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._counters = {
            name: Counter(f"fenghuo_rule_{name}", help_, ["group"], registry=registry)
            for name, help_ in (
                ("evaluations", "Rules evaluated."),
                ("evaluation_failures", "Rules whose evaluation, or the writing of whose result, failed."),
                ("group_iterations", "Evaluations of a group that were due."),
                ("group_iterations_missed", "Evaluations of a group left out because an earlier one took too long."),
                ("samples_rejected", "Samples of rules that the store did not take."),
            )
        }
        self._gauges = {
            name: Gauge(f"fenghuo_rule_group_{name}", help_, ["group"], registry=registry)
            for name, help_ in (
                ("rules", "Rules in the group."),
                ("interval_seconds", "Time between evaluations."),
                ("last_duration_seconds", "How long the last evaluation took."),
                ("last_evaluation_timestamp_seconds", "When the last evaluation began."),
                ("last_evaluation_samples", "Samples that the last evaluation yielded."),
            )
        }
        self._alerts = Gauge(
            "fenghuo_rule_alerts", "Alerts of the last evaluation, by state.", ["group", "state"], registry=registry
        )
        self._duration = Histogram(
            "fenghuo_rule_evaluation_duration_seconds", "Time that one rule took, query and writing.", registry=registry
        )
        self._notify_failures = Counter(
            "fenghuo_rule_notify_failures",
            "Times the notification pipeline did not take a rule's alerts; they are offered again.",
            registry=registry,
        )

    def started(self, group: str, rules: int, interval_ms: int) -> None:
        """A group runs from now on; its counters begin at zero so that rates of them work at once."""
        for counter in self._counters.values():
            counter.labels(group)
        self._gauges["rules"].labels(group).set(rules)
        self._gauges["interval_seconds"].labels(group).set(interval_ms / 1000)

    def stopped(self, group: str) -> None:
        """A group is gone, and so are its series."""
        for instrument in (*self._counters.values(), *self._gauges.values()):
            instrument.remove(group)
        self._alerts.remove_by_labels({"group": group})

    def iteration(self, group: str, missed: int = 0) -> None:
        self._counters["group_iterations"].labels(group).inc(1 + missed)
        self._counters["group_iterations_missed"].labels(group).inc(missed)

    def rule(self, group: str, duration_s: float, *, failed: bool) -> None:
        self._counters["evaluations"].labels(group).inc()
        self._counters["evaluation_failures"].labels(group).inc(failed)
        self._duration.observe(duration_s)

    def rejected(self, group: str, count: int) -> None:
        self._counters["samples_rejected"].labels(group).inc(count)

    def group(self, group: str, began_ms: int, duration_s: float, samples: int) -> None:
        self._gauges["last_evaluation_timestamp_seconds"].labels(group).set(began_ms / 1000)
        self._gauges["last_duration_seconds"].labels(group).set(duration_s)
        self._gauges["last_evaluation_samples"].labels(group).set(samples)

    def alerts(self, group: str, pending: int, firing: int) -> None:
        self._alerts.labels(group, "pending").set(pending)
        self._alerts.labels(group, "firing").set(firing)

    def notify_failed(self) -> None:
        self._notify_failures.inc()
