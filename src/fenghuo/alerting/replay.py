"""The pipeline over alerts of the past: which notices would have gone out, to whom, and how much of it was noise.

The same steps as the service's, with the same functions, and a clock that is a number: ``route → group timers →
inhibition, time intervals → decide``. Silences are left out: they were made for alerts that did fire. Nothing is sent.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

from fenghuo.alerting.mute.inhibit import Inhibitor
from fenghuo.alerting.mute.stage import intervals_muting
from fenghuo.alerting.notify.decide import Repeat, decide
from fenghuo.alerting.route.tree import Route, build_route
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.model.notification import NotificationEntry
from fenghuo.trading import MarketBook

DAY_MS = 86_400_000
SHORT_MS = 5 * 60_000
"""An alert that is over sooner than this was over before anybody could look."""
FLAP_MS = 3_600_000
"""An alert that comes back sooner than this has flapped."""

_Place = tuple[tuple[int, ...], Labels]
_Channel = tuple[str, str, int]
"""Receiver, kind of channel, and its place among those of its kind."""


@dataclass(slots=True)
class RuleNoise:
    """What one alert's name came to."""

    name: str
    alerts: int = 0
    """Times that an alert of this name began to fire."""
    short: int = 0
    """Of those, the ones that were over within :data:`SHORT_MS`."""
    flaps: int = 0
    """Of those, the ones that came back within :data:`FLAP_MS` of their end."""
    notices: int = 0
    """Notices that spoke of it."""

    def score(self, span_ms: int) -> float:
        """Notices a day, weighted by the share of alerts that were short or came back: 0 when every alert lasted."""
        useless = min(self.short + self.flaps, self.alerts)
        return self.notices * DAY_MS / span_ms * useless / self.alerts if self.alerts else 0.0


@dataclass(slots=True)
class _Group:
    route: Route
    labels: Labels
    next_ms: int
    flushed: bool = False
    alerts: dict[Labels, Alert] = field(default_factory=dict)


class PipelineReplay:
    """Routes and timers at work on a clock that is moved by :meth:`run_until`."""

    def __init__(self, settings: AlertingSettings, markets: MarketBook) -> None:
        self._root = build_route(settings.root)
        self._markets = markets
        self._intervals = settings.intervals
        self._rules = [rule.compiled() for rule in settings.inhibit_rules]
        self._channels = {
            receiver.name: [(channel.kind, at, channel.send_resolved) for at, channel in receiver.channels()]
            for receiver in settings.receivers
        }
        self._groups: dict[_Place, _Group] = {}
        self._due: list[tuple[int, int, _Place]] = []
        self._numbers = 0
        self._log: dict[tuple[str, Labels, _Channel], NotificationEntry] = {}
        self._known: dict[Labels, Alert] = {}
        self._inhibitor: Inhibitor | None = None
        self._ended: dict[Labels, int] = {}
        self.noise: dict[str, RuleNoise] = {}
        self.notices: Counter[_Channel] = Counter()
        self.inhibited = 0
        """Alerts that a look at a group left out for inhibition; likewise :attr:`muted` for time intervals."""
        self.muted = 0

    def take(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Enter what rules send on at this moment, which does not come before those of earlier calls."""
        for alert in alerts:
            self._count(alert, now_ms)
            self._known[alert.labels] = alert
            for route in self._root.match(alert.labels):
                self._insert(route, alert, now_ms)
        if alerts:
            self._inhibitor = None

    def run_until(self, now_ms: int) -> None:
        """Look at every group that is due up to this moment, in order of time."""
        while self._due and self._due[0][0] <= now_ms:
            look_ms, _, place = heapq.heappop(self._due)
            group = self._groups.get(place)
            if group is not None and group.next_ms == look_ms:
                self._flush(place, group, look_ms)

    def _count(self, alert: Alert, now_ms: int) -> None:
        """Follow beginnings and ends."""
        noise = self.noise.setdefault(alert.name, RuleNoise(alert.name))
        old = self._known.get(alert.labels)
        is_over, was_over = alert.resolved_at(now_ms), old is None or old.resolved_at(now_ms)
        if not is_over and (was_over or (old is not None and old.starts_at_ms != alert.starts_at_ms)):
            noise.alerts += 1
            ended_ms = self._ended.get(alert.labels)
            noise.flaps += ended_ms is not None and now_ms - ended_ms < FLAP_MS
        elif is_over and not was_over:
            self._ended[alert.labels] = now_ms
            noise.short += now_ms - alert.starts_at_ms < SHORT_MS

    def _insert(self, route: Route, alert: Alert, now_ms: int) -> None:
        labels = route.group_labels(alert.labels)
        place = (route.index, labels)
        group = self._groups.get(place)
        if group is None:
            if alert.resolved_at(now_ms):
                return  # Its group has told its end and is gone.
            group = self._groups[place] = _Group(route, labels, now_ms + route.group_wait_ms)
            self._schedule(place, group.next_ms)
        group.alerts[alert.labels] = alert
        if not group.flushed and alert.starts_at_ms + route.group_wait_ms < now_ms < group.next_ms:
            group.next_ms = now_ms
            self._schedule(place, now_ms)

    def _schedule(self, place: _Place, at_ms: int) -> None:
        self._numbers += 1
        heapq.heappush(self._due, (at_ms, self._numbers, place))

    def _flush(self, place: _Place, group: _Group, now_ms: int) -> None:
        group.flushed = True
        told = self._allowed(group, now_ms)
        if told:
            for channel in self._channels.get(group.route.receiver, ()):
                self._tell(group, told, channel, now_ms)
        for alert in [alert for alert in group.alerts.values() if alert.resolved_at(now_ms)]:
            del group.alerts[alert.labels]
        if not group.alerts:
            del self._groups[place]
            return
        group.next_ms = now_ms + group.route.group_interval_ms
        self._schedule(place, group.next_ms)

    def _allowed(self, group: _Group, now_ms: int) -> list[Alert]:
        alerts = [alert for alert in group.alerts.values() if not self._is_inhibited(alert, now_ms)]
        self.inhibited += len(group.alerts) - len(alerts)
        if alerts and intervals_muting(group.route, now_ms, self._intervals, self._markets):
            self.muted += len(alerts)
            return []
        return alerts

    def _is_inhibited(self, alert: Alert, now_ms: int) -> bool:
        if not self._rules:
            return False
        if self._inhibitor is None:
            firing = [each for each in self._known.values() if not each.resolved_at(now_ms)]
            self._inhibitor = Inhibitor(self._rules, firing)
        return self._inhibitor.inhibited_by(alert.labels) is not None

    def _tell(self, group: _Group, alerts: Sequence[Alert], kind: tuple[str, int, bool], now_ms: int) -> None:
        name, at, send_resolved = kind
        channel = (group.route.receiver, name, at)
        over = {alert.labels.fingerprint() for alert in alerts if alert.resolved_at(now_ms)}
        firing = frozenset(alert.labels.fingerprint() for alert in alerts) - over
        key = (group.route.key, group.labels, channel)
        repeat_ms = group.route.repeat_interval_ms
        reason = decide(
            self._log.get(key),
            frozenset(firing),
            frozenset(over),
            Repeat((repeat_ms,)),
            send_resolved=send_resolved,
            now_ms=now_ms,
        )
        if reason is None:
            return
        self._log[key] = NotificationEntry(frozenset(firing), frozenset(over), now_ms, now_ms + 2 * repeat_ms)
        if firing or send_resolved:
            self.notices[channel] += 1
            for told in {alert.name for alert in alerts if send_resolved or not alert.resolved_at(now_ms)}:
                self.noise.setdefault(told, RuleNoise(told)).notices += 1

    def ranking(self, span_ms: int) -> Iterator[RuleNoise]:
        """The names that were told or fired, the noisiest first."""
        yield from sorted(self.noise.values(), key=lambda each: (-each.score(span_ms), -each.notices, each.name))
