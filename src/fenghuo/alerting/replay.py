"""The pipeline over alerts of the past: which notices would have gone out, to whom, and how much of it was noise.

The same steps as the service's, with the same functions, and a clock that is a number: ``route → group timers →
inhibition, time intervals, priorities → incident → decide``, and escalations beside. Silences are left out: they were
made for alerts that did fire. Nobody answers. Nothing is sent.
"""

from __future__ import annotations

import heapq
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fenghuo.alerting.escalation.settings import EscalationPolicy
from fenghuo.alerting.flushing import receivers, repeat, sighting
from fenghuo.alerting.held import Held
from fenghuo.alerting.incident.machine import observe
from fenghuo.alerting.mute.inhibit import Inhibitor
from fenghuo.alerting.mute.stage import intervals_muting
from fenghuo.alerting.notify.decide import Repeat, decide
from fenghuo.alerting.notify.together import COMPANY_S
from fenghuo.alerting.priority.policy import Priorities, Sorted
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.reached import Duty
from fenghuo.alerting.replay_escalation import EscalationReplay
from fenghuo.alerting.route.groups import HURRY_S, Flush, show_group_labels
from fenghuo.alerting.route.tree import Route, build_route
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.model.alert import Alert
from fenghuo.model.incident import EventKind, Incident, Priority
from fenghuo.model.labels import Labels
from fenghuo.model.notification import NotificationEntry
from fenghuo.trading import MarketBook

DAY_MS = 86_400_000
FOREVER_MS: Final = 1 << 62
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
    key: str
    next_ms: int
    looked_ms: int | None = None
    """When it was last looked at."""
    alerts: dict[Labels, Held] = field(default_factory=dict)


class PipelineReplay:
    """Routes and timers at work on a clock that is moved by :meth:`run_until`."""

    def __init__(
        self,
        settings: AlertingSettings,
        markets: MarketBook,
        priorities: PrioritiesSettings | None = None,
        escalations: Mapping[str, EscalationPolicy] | None = None,
        duty: Duty | None = None,
    ) -> None:
        self._root = build_route(settings.root)
        self._markets = markets
        self._intervals = settings.intervals
        self._rules = [rule.compiled() for rule in settings.inhibit_rules]
        self._priorities = Priorities(priorities or PrioritiesSettings(), markets)
        self._channels = {
            receiver.name: [(channel.kind, at, channel.send_resolved) for at, channel in receiver.channels()]
            for receiver in settings.receivers
        }
        self._groups: dict[_Place, _Group] = {}
        self._due: list[tuple[int, int, _Place]] = []
        self._numbers = 0
        self._log: dict[tuple[str, _Channel], NotificationEntry] = {}
        self._incidents: dict[tuple[str, str], Incident] = {}
        self._digests: dict[_Channel, int] = {}
        """Until when a digest waits for company."""
        self._known: dict[Labels, Held] = {}
        self._inhibitor: Inhibitor | None = None
        self._ended: dict[Labels, int] = {}
        self.escalations = EscalationReplay(self._priorities, escalations or {}, duty or Duty(), self._told_besides)
        self.noise: dict[str, RuleNoise] = {}
        self.notices: Counter[_Channel] = Counter()
        self.incidents: Counter[Priority] = Counter()
        """Incidents by the priority with which they opened."""
        self.inhibited = 0
        """Alerts that a look at a group left out for inhibition; likewise :attr:`muted` for time intervals and
        :attr:`kept` for quiet hours and trading sessions of priorities."""
        self.muted = 0
        self.kept = 0

    def take(self, alerts: Sequence[Alert], now_ms: int) -> None:
        """Enter what rules send on at this moment, which does not come before those of earlier calls."""
        for alert in alerts:
            self._count(alert, now_ms)
            held = self._held(alert)
            self._known[alert.labels] = held
            for route in self._root.match(alert.labels):
                self._insert(route, held, now_ms)
        if alerts:
            self._inhibitor = None

    def run_until(self, now_ms: int) -> None:
        """Look at every group that is due up to this moment, in order of time."""
        while self._due and self._due[0][0] <= now_ms:
            look_ms, _, place = heapq.heappop(self._due)
            group = self._groups.get(place)
            if group is not None and group.next_ms == look_ms:
                self.escalations.run_until(look_ms)
                self._flush(place, group, look_ms)
        self.escalations.run_until(now_ms)

    def _held(self, alert: Alert) -> Held:
        known = self._known.get(alert.labels)
        fingerprint = alert.labels.fingerprint() if known is None else known.fingerprint
        return Held(alert, FOREVER_MS if alert.ends_at_ms is None else alert.ends_at_ms, False, fingerprint)

    def _count(self, alert: Alert, now_ms: int) -> None:
        """Follow beginnings and ends."""
        noise = self.noise.setdefault(alert.name, RuleNoise(alert.name))
        old = self._known.get(alert.labels)
        is_over, was_over = alert.resolved_at(now_ms), old is None or old.resolved_at(now_ms)
        if not is_over and (was_over or (old is not None and old.alert.starts_at_ms != alert.starts_at_ms)):
            noise.alerts += 1
            ended_ms = self._ended.get(alert.labels)
            noise.flaps += ended_ms is not None and now_ms - ended_ms < FLAP_MS
        elif is_over and not was_over:
            self._ended[alert.labels] = now_ms
            noise.short += now_ms - alert.starts_at_ms < SHORT_MS

    def _insert(self, route: Route, held: Held, now_ms: int) -> None:
        labels = route.group_labels(held.labels)
        place = (route.index, labels)
        group = self._groups.get(place)
        if group is None:
            if held.resolved_at(now_ms):
                return  # Its group has told its end and is gone.
            key = f"{route.key}:{show_group_labels(labels)}"
            group = self._groups[place] = _Group(route, labels, key, now_ms + route.group_wait_ms)
            self._schedule(place, group.next_ms)
        known, group.alerts[held.labels] = group.alerts.get(held.labels), held
        urgent = not held.resolved_at(now_ms) and self._priorities.of(held.labels) is Priority.P0
        if group.looked_ms is None:
            waited = held.alert.starts_at_ms + route.group_wait_ms < now_ms
            if waited or (urgent and not route.wait_is_given):
                self._look_at(place, group, now_ms)
        elif urgent and not route.interval_is_given and (known is None or known.resolved_at(now_ms)):
            self._look_at(place, group, max(now_ms, group.looked_ms + round(HURRY_S * 1000)))

    def _look_at(self, place: _Place, group: _Group, at_ms: int) -> None:
        """Look at a group earlier than it would be."""
        if at_ms < group.next_ms:
            group.next_ms = at_ms
            self._schedule(place, at_ms)

    def _schedule(self, place: _Place, at_ms: int) -> None:
        self._numbers += 1
        heapq.heappush(self._due, (at_ms, self._numbers, place))

    def _flush(self, place: _Place, group: _Group, now_ms: int) -> None:
        group.looked_ms = now_ms
        flush = Flush(group.route, group.key, group.labels, list(group.alerts.values()), now_ms, 0.0)
        found = self._priorities.sort_out(self._allowed(flush), now_ms)
        self.kept += len(found.held)
        incident = self._see(flush, found)
        if found.told:
            terms = repeat(group.route, incident, self._priorities)
            for name in receivers(group.route, incident, self._priorities):
                for kind, at, send_resolved in self._channels.get(name, ()):
                    self._tell(flush, found, (name, kind, at), terms, send_resolved=send_resolved)
        if not any(held.resolved_at(now_ms) for held in found.held):
            for held in [held for held in group.alerts.values() if held.resolved_at(now_ms)]:
                del group.alerts[held.labels]
        if not group.alerts:
            del self._groups[place]
            return
        group.next_ms = min(now_ms + group.route.group_interval_ms, found.again_ms or FOREVER_MS)
        self._schedule(place, group.next_ms)

    def _allowed(self, flush: Flush) -> list[Held]:
        alerts = [held for held in flush.alerts if not self._is_inhibited(held.labels, flush.now_ms)]
        self.inhibited += len(flush.alerts) - len(alerts)
        if alerts and intervals_muting(flush.route, flush.now_ms, self._intervals, self._markets):
            self.muted += len(alerts)
            return []
        return alerts

    def _is_inhibited(self, labels: Labels, now_ms: int) -> bool:
        if not self._rules:
            return False
        if self._inhibitor is None:
            firing = [each.alert for each in self._known.values() if not each.resolved_at(now_ms)]
            self._inhibitor = Inhibitor(self._rules, firing)
        return self._inhibitor.inhibited_by(labels) is not None

    def _see(self, flush: Flush, found: Sorted[Held]) -> Incident | None:
        place = flush.group_key, flush.route.receiver
        known = self._incidents.get(place)
        step = observe(known, sighting(flush, found.told, self._priorities), len(self._incidents) + 1, flush.now_ms)
        if step is None:
            return None
        self._incidents[place] = step.incident
        if any(event.kind is EventKind.OPENED for event in step.events):
            self.incidents[step.incident.priority] += 1
        self.escalations.follow(place, step.incident, flush.now_ms)
        return step.incident

    def _tell(
        self, flush: Flush, found: Sorted[Held], channel: _Channel, terms: Repeat, *, send_resolved: bool
    ) -> None:
        over = frozenset(held.fingerprint for held in found.told if held.resolved_at(flush.now_ms))
        firing = frozenset(held.fingerprint for held in found.told) - over
        key = (flush.group_key, channel)
        last = self._log.get(key)
        if decide(last, firing, over, terms, send_resolved=send_resolved, now_ms=flush.now_ms) is None:
            return
        lasts_ms = flush.now_ms + 2 * terms.longest_ms
        self._log[key] = NotificationEntry(firing, over, flush.now_ms, lasts_ms)
        if not firing and not send_resolved:
            return
        self.notices[channel] += not self._joins_a_digest(channel, found, flush.now_ms)
        for told in {held.alert.name for held in found.told if send_resolved or not held.resolved_at(flush.now_ms)}:
            self.noise.setdefault(told, RuleNoise(told)).notices += 1

    def _joins_a_digest(self, channel: _Channel, found: Sorted[Held], now_ms: int) -> bool:
        """Whether another notice that was kept until now takes this one along."""
        if not found.released:
            return False
        if now_ms <= self._digests.get(channel, 0):
            return True
        self._digests[channel] = now_ms + round(COMPANY_S * 1000)
        return False

    def _told_besides(self, receiver: str) -> None:
        """A step of an escalation tells a receiver."""
        for kind, at, _ in self._channels.get(receiver, ()):
            self.notices[receiver, kind, at] += 1

    def ranking(self, span_ms: int) -> Iterator[RuleNoise]:
        """The names that were told or fired, the noisiest first."""
        yield from sorted(self.noise.values(), key=lambda each: (-each.score(span_ms), -each.notices, each.name))
