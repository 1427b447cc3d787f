"""An alerting rule: each element of its expression's value is an alert, which waits, fires and ends.

``inactive → pending`` when its element appears, ``pending → firing`` after ``for``, ``→ inactive`` when the element
is gone (for ``keep_firing_for``, if it was firing). A resolved alert is kept a while so that its end can be told
again. While the market that a rule names is closed, its alerts stay as they are, and the time does not count.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property, partial

from fenghuo.base.errors import InputError
from fenghuo.model.alert import Alert
from fenghuo.model.labels import EMPTY, METRIC_NAME, Labels
from fenghuo.model.reading import Reading, Watched
from fenghuo.rules.alert_text import AlertText, Surroundings
from fenghuo.rules.functions import Query, table_link
from fenghuo.rules.plan import RulePlan
from fenghuo.rules.restore import STATE_METRIC, SavedState
from fenghuo.rules.views import AlertState, AlertView
from fenghuo.trading import Market

ALERT_METRIC = "ALERTS"
RESOLVED_KEPT_MS = 15 * 60_000
"""How long the end of an alert is told again; Prometheus' figure, for receivers that were away."""
RESEND_DELAY_MS = 60_000
"""The least time between two messages about one alert; Prometheus' ``--rules.alert.resend-delay``."""
SHORT_OUTAGE_MS = 5 * 60_000
"""Instant queries see samples of this age, so after a shorter outage they are as they were."""
VALID_ROUNDS = 4
"""A message holds this many rounds, so that lost ones do not end an alert."""


@dataclass(slots=True)
class ActiveAlert:
    """The state of one alert. ``labels`` are its identity."""

    labels: Labels
    annotations: Labels
    value: float
    active_at_ms: int
    state: AlertState = AlertState.PENDING
    fired_at_ms: int = 0
    resolved_at_ms: int | None = None
    keep_firing_since_ms: int | None = None
    sent_at_ms: int | None = None
    _series: tuple[AlertState, Labels, Labels] | None = None

    def series(self) -> tuple[Labels, Labels]:
        """The labels of ``ALERTS`` and of ``ALERTS_FOR_STATE``; the same objects until the state changes."""
        if self._series is None or self._series[0] is not self.state:
            shown = self.labels.merged({METRIC_NAME: ALERT_METRIC, "alertstate": self.state.value})
            self._series = self.state, shown, self.labels.merged({METRIC_NAME: STATE_METRIC})
        return self._series[1:]

    def move(self, by_ms: int) -> None:
        """Let every moment of it be so much later: the clock was set."""
        self.active_at_ms += by_ms
        self.fired_at_ms += by_ms
        for name in ("resolved_at_ms", "keep_firing_since_ms", "sent_at_ms"):
            if (moment_ms := getattr(self, name)) is not None:
                setattr(self, name, moment_ms + by_ms)

    def needs_sending(self, time_ms: int, resend_delay_ms: int) -> bool:
        if self.state is AlertState.PENDING:
            return False
        if self.sent_at_ms is None:
            return True
        if self.resolved_at_ms is not None and self.resolved_at_ms > self.sent_at_ms:
            return True
        return self.sent_at_ms + resend_delay_ms < time_ms

    def view(self) -> AlertView:
        return AlertView(
            self.labels, self.annotations, self.state, self.active_at_ms, self.keep_firing_since_ms, self.value
        )


class AlertingRule:
    """One alerting rule and its alerts. Not thread-safe: one evaluation at a time."""

    def __init__(
        self,
        plan: RulePlan,
        external_labels: Labels,
        external_url: str,
        market: Callable[[str], Market] | None = None,
        watch: Callable[[str], Watched | None] | None = None,
    ) -> None:
        """``market`` finds the market that the plan names, if it names one; ``watch`` what its expression watches."""
        self.plan = plan
        self._watch = watch
        self._market = partial(market, plan.market) if market is not None and plan.market else None
        self._external_labels = external_labels
        self._external_url = external_url
        self._labels = {name: AlertText(text, plan.name) for name, text in plan.labels.pairs}
        self._annotations = {name: AlertText(text, plan.name) for name, text in plan.annotations.pairs}
        self._active: dict[Labels, ActiveAlert] = {}
        self._saved: Mapping[Labels, SavedState] = {}
        self._evaluated_ms: int | None = None
        """The moment of the last evaluation."""

    @property
    def has_alerts(self) -> bool:
        """Whether any alert is pending, fires, or is over so shortly that its end is still told."""
        return bool(self._active)

    def restore_from(self, saved: Mapping[Labels, SavedState]) -> None:
        """Alerts that appear from now on and are in ``saved`` go on from there, until :meth:`end_restoring`."""
        self._saved = saved

    def end_restoring(self, time_ms: int) -> None:
        """What was firing before the restart and has not shown since ended while nobody watched: that is told.

        Only after a short outage: after a long one expressions have lost sight of their past, and an alert that
        does not show yet may show in a minute.
        """
        for labels, saved in self._saved.items():
            active_at_ms, was_firing = self._active_since(saved, time_ms)
            if was_firing and labels not in self._active and time_ms - saved.seen_ms <= SHORT_OUTAGE_MS:
                self._active[labels] = ActiveAlert(
                    labels,
                    EMPTY,
                    math.nan,
                    active_at_ms,
                    AlertState.INACTIVE,
                    fired_at_ms=active_at_ms + self.plan.hold_ms,
                    resolved_at_ms=time_ms,
                )
        self._saved = {}

    def _active_since(self, saved: SavedState, time_ms: int) -> tuple[int, bool]:
        held_ms = self._held_ms(saved.active_at_ms, saved.seen_ms)
        return saved.active_since(self.plan.hold_ms - held_ms, self.plan.hold_ms, time_ms)

    def adopt(self, older: AlertingRule) -> None:
        """Go on with the alerts of ``older``, the same rule before a reload."""
        self._active = older._active
        self._saved = older._saved
        self._evaluated_ms = older._evaluated_ms

    def evaluate(self, query: Query, time_ms: int, limit: int, query_offset_ms: int = 0) -> dict[Labels, float]:
        """Move every alert on to ``time_ms``; returns the samples of ``ALERTS`` and ``ALERTS_FOR_STATE``.

        Raises InputError when two elements become the same alert or more than ``limit`` (0 is no limit) are active
        (then all are forgotten, as Prometheus does), and whatever ``query`` raises (then nothing changes).
        """
        self._follow_clock(time_ms)
        if self._market is not None and not self._market().is_open(time_ms):
            self._restore_all(time_ms)
            return self._samples()
        found = self._found(query, time_ms, query_offset_ms)
        for labels, alert in found.items():
            known = self._active.get(labels)
            if known is None or known.state is AlertState.INACTIVE:
                self._active[labels] = alert
            else:
                known.value, known.annotations = alert.value, alert.annotations
        for alert in [*self._active.values()]:
            self._advance(alert, time_ms, present=alert.labels in found)
        samples = self._samples()
        active = len(samples) // 2
        if limit and active > limit:
            self._active.clear()
            raise InputError(f"exceeded limit of {limit} with {active} alerts")
        return samples

    def _follow_clock(self, time_ms: int) -> None:
        """Where the clock was set back since the last time, let all moments keep their distance from now: nothing waits
        longer for that, is told later, or begins in the future."""
        if self._evaluated_ms is not None and time_ms < self._evaluated_ms:
            for alert in self._active.values():
                alert.move(time_ms - self._evaluated_ms)
        self._evaluated_ms = time_ms

    def _samples(self) -> dict[Labels, float]:
        samples: dict[Labels, float] = {}
        for alert in self._active.values():
            if alert.state is not AlertState.INACTIVE:
                shown, state = alert.series()
                samples[shown], samples[state] = 1.0, alert.active_at_ms / 1000
        return samples

    def _held_ms(self, start_ms: int, end_ms: int) -> int:
        """How much of the time counts for ``for``."""
        return end_ms - start_ms if self._market is None else self._market().open_ms(start_ms, end_ms)

    def _restore_all(self, time_ms: int) -> None:
        """Take up what was active before a restart; while the rule rests, no element appears that would."""
        for labels in self._saved:
            if labels not in self._active:
                self._active[labels] = self._new(labels, EMPTY, math.nan, time_ms)

    def _found(self, query: Query, time_ms: int, query_offset_ms: int) -> dict[Labels, ActiveAlert]:
        """A new alert for each element of the expression's value."""
        surroundings = Surroundings.of(query, time_ms, self._external_labels, self._external_url)
        found: dict[Labels, ActiveAlert] = {}
        for series, value in query(self.plan.expr, time_ms - query_offset_ms):
            texts = {name: text.expand(series, value, surroundings) for name, text in self._labels.items()}
            labels = series.merged({METRIC_NAME: "", **texts, "alertname": self.plan.name})
            if labels in found:
                raise InputError(f"two series of the result have the same labels after the rule's are set: {labels}")
            annotations = {name: text.expand(series, value, surroundings) for name, text in self._annotations.items()}
            found[labels] = self._new(labels, Labels(annotations), value, time_ms)
        return found

    def _new(self, labels: Labels, annotations: Labels, value: float, time_ms: int) -> ActiveAlert:
        saved = self._saved.get(labels)
        if saved is None:
            return ActiveAlert(labels, annotations, value, time_ms)
        active_at_ms, was_firing = self._active_since(saved, time_ms)
        alert = ActiveAlert(labels, annotations, value, active_at_ms)
        if was_firing:
            alert.state, alert.fired_at_ms = AlertState.FIRING, active_at_ms + self.plan.hold_ms
        return alert

    def _advance(self, alert: ActiveAlert, time_ms: int, *, present: bool) -> None:
        """Move one alert on."""
        if present:
            alert.keep_firing_since_ms = None
        elif not self._keeps_firing(alert, time_ms):
            self._end(alert, time_ms)
            return
        if alert.state is AlertState.PENDING and self._held_ms(alert.active_at_ms, time_ms) >= self.plan.hold_ms:
            alert.state, alert.fired_at_ms = AlertState.FIRING, time_ms

    def _keeps_firing(self, alert: ActiveAlert, time_ms: int) -> bool:
        if alert.state is not AlertState.FIRING or not self.plan.keep_firing_ms:
            return False
        if alert.keep_firing_since_ms is None:
            alert.keep_firing_since_ms = time_ms
        return time_ms - alert.keep_firing_since_ms < self.plan.keep_firing_ms

    def _end(self, alert: ActiveAlert, time_ms: int) -> None:
        was_pending = alert.state is AlertState.PENDING
        told_enough = alert.resolved_at_ms is not None and time_ms - alert.resolved_at_ms > RESOLVED_KEPT_MS
        if was_pending or told_enough:
            del self._active[alert.labels]
        if alert.state is not AlertState.INACTIVE:
            alert.state, alert.resolved_at_ms = AlertState.INACTIVE, time_ms

    def take_due(self, time_ms: int, interval_ms: int, resend_delay_ms: int = RESEND_DELAY_MS) -> list[Alert]:
        """The alerts that are to be told now; they count as told."""
        valid_until_ms = time_ms + VALID_ROUNDS * max(interval_ms, resend_delay_ms)
        due = [alert for alert in self._active.values() if alert.needs_sending(time_ms, resend_delay_ms)]
        for alert in due:
            alert.sent_at_ms = time_ms
        return [self._told(alert, valid_until_ms, time_ms) for alert in due]

    def _told(self, alert: ActiveAlert, valid_until_ms: int, time_ms: int) -> Alert:
        return Alert(
            labels=Labels({**self._external_labels, **alert.labels}),
            starts_at_ms=alert.fired_at_ms,
            ends_at_ms=valid_until_ms if alert.resolved_at_ms is None else alert.resolved_at_ms,
            annotations=alert.annotations,
            generator_url=self._external_url + table_link(self.plan.expr),
            updated_at_ms=time_ms,
            reading=self._reading(alert),
        )

    def _reading(self, alert: ActiveAlert) -> Reading | None:
        # One that was taken up after a restart, and has not shown since, has no value.
        return None if self._watched is None or math.isnan(alert.value) else Reading(alert.value, self._watched)

    @cached_property
    def _watched(self) -> Watched | None:
        """Read off the expression when the first alert is told: most rules never tell one."""
        return None if self._watch is None else self._watch(self.plan.expr)

    def active_views(self) -> tuple[AlertView, ...]:
        """The pending and firing alerts."""
        return tuple(alert.view() for alert in self._active.values() if alert.state is not AlertState.INACTIVE)
