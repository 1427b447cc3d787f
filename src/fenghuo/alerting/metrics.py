"""What alerting counts about itself."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

SECONDS_BUCKETS = (0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)


class Instruments:
    """``fenghuo_alerts_*`` and ``fenghuo_notifications_*``."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._received = Counter(
            "fenghuo_alerts_received", "Alerts reported, by status.", ["status"], registry=registry
        )
        self._rejected = Counter(
            "fenghuo_alerts_rejected", "Alerts that could not be taken, by reason.", ["reason"], registry=registry
        )
        self.alerts = Gauge("fenghuo_alerts", "Alerts known now, by state.", ["state"], registry=registry)
        self.queued = Gauge("fenghuo_alerts_queued", "Alerts that wait to be entered.", registry=registry)
        self.groups = Gauge("fenghuo_alert_groups", "Groups of alerts that have a timer.", registry=registry)
        self._notifications = Counter(
            "fenghuo_notifications",
            "Notices by channel, outcome and reason.",
            ["channel", "outcome", "reason"],
            registry=registry,
        )
        self._attempts_failed = Counter(
            "fenghuo_notification_attempts_failed", "Attempts to send that failed.", ["channel"], registry=registry
        )
        self._latency = Histogram(
            "fenghuo_notification_latency_seconds",
            "Time one attempt to send took.",
            ["channel"],
            buckets=SECONDS_BUCKETS,
            registry=registry,
        )
        self._last_success = Gauge(
            "fenghuo_notification_last_success_timestamp_seconds",
            "When a notice last went out, by channel.",
            ["channel"],
            registry=registry,
        )
        self.sending = Gauge("fenghuo_notifications_sending", "Notices being sent right now.", registry=registry)
        self.failing = Gauge(
            "fenghuo_notification_channels_failing", "Channels that count as failing.", registry=registry
        )
        self.muted = Counter(
            "fenghuo_notifications_muted", "Alerts kept back at a flush, by what muted them.", ["by"], registry=registry
        )
        self._state_errors = Counter(
            "fenghuo_alerting_state_errors",
            "Times the state database refused; alerts go on from memory.",
            ["operation"],
            registry=registry,
        )

    def received(self, firing: int, resolved: int) -> None:
        self._received.labels("firing").inc(firing)
        self._received.labels("resolved").inc(resolved)

    def rejected(self, reason: str, count: int = 1) -> None:
        self._rejected.labels(reason).inc(count)

    def notified(self, channel: str, outcome: str, reason: str, now_ms: int) -> None:
        self._notifications.labels(channel, outcome, reason).inc()
        if outcome == "sent":
            self._last_success.labels(channel).set(now_ms / 1000)

    def attempted(self, channel: str, duration_s: float, *, failed: bool) -> None:
        self._latency.labels(channel).observe(duration_s)
        if failed:
            self._attempts_failed.labels(channel).inc()

    def state_refused(self, operation: str) -> None:
        self._state_errors.labels(operation).inc()
