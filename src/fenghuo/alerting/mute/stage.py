"""Which of a group's alerts may be told right now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from fenghuo.alerting.book import Book
from fenghuo.alerting.held import Held
from fenghuo.alerting.metrics import Instruments
from fenghuo.alerting.mute.inhibit import Inhibitor, InhibitRule
from fenghuo.alerting.mute.intervals import NamedIntervals
from fenghuo.alerting.mute.silences import Silences
from fenghuo.alerting.route.tree import Route
from fenghuo.model.labels import Labels
from fenghuo.trading import MarketBook


class Mutes:
    """Inhibition over the book's firing alerts, silences, and the routes' times."""

    def __init__(
        self,
        rules: Iterable[InhibitRule],
        intervals: Mapping[str, NamedIntervals],
        markets: MarketBook,
        book: Book,
        silences: Silences,
        instruments: Instruments,
    ) -> None:
        self._rules = tuple(rules)
        self._intervals = intervals
        self._markets = markets
        self._silences = silences
        self._instruments = instruments
        self._inhibitor = Inhibitor(self._rules)
        if self._rules:
            book.watch(self)

    def took(self, held: Held) -> None:
        """The book holds this of an alert now."""
        self._inhibitor.take(held.labels, held.ends_at_ms)

    def forgot(self, labels: Labels) -> None:
        """The book holds nothing of it any more."""
        self._inhibitor.forget(labels)

    def intervals_muting(self, route: Route, now_ms: int) -> list[str]:
        """The names of the intervals that keep this route quiet; empty when it may speak."""
        return intervals_muting(route, now_ms, self._intervals, self._markets)

    def inhibited_by(self, labels: Labels, now_ms: int) -> Labels | None:
        """The labels of the firing alert that makes this one not worth telling, or None."""
        return self._inhibitor.inhibited_by(labels, now_ms) if self._rules else None

    def allowed(self, route: Route, alerts: Sequence[Held], now_ms: int) -> list[Held]:
        """Those of ``alerts`` that nothing mutes."""
        told = [held for held in alerts if self.inhibited_by(held.labels, now_ms) is None]
        self._instruments.muted.labels("inhibition").inc(len(alerts) - len(told))
        heard = [held for held in told if not self._silences.silencing(held.labels, now_ms)]
        self._instruments.muted.labels("silence").inc(len(told) - len(heard))
        told = heard
        if told and self.intervals_muting(route, now_ms):
            self._instruments.muted.labels("time_interval").inc(len(told))
            return []
        return told

    def mutes(self, routes: Sequence[Route], labels: Labels, now_ms: int) -> bool:
        """Whether an alert is not told at the moment by any of these routes."""
        if self.inhibited_by(labels, now_ms) is not None or self._silences.silencing(labels, now_ms):
            return True
        return bool(routes) and all(self.intervals_muting(route, now_ms) for route in routes)

    def count(self, kept: Mapping[str, int]) -> None:
        """Count what rules of priorities keep."""
        for by, number in kept.items():
            self._instruments.muted.labels(by).inc(number)


def intervals_muting(
    route: Route, at_ms: int, intervals: Mapping[str, NamedIntervals], markets: MarketBook
) -> list[str]:
    """The names of the intervals that keep a route quiet at a moment; empty when it may speak."""
    muting = [name for name in route.mute_time_intervals if intervals[name].contains(at_ms, markets)]
    active = route.active_time_intervals
    if active and not any(intervals[name].contains(at_ms, markets) for name in active):
        muting.extend(active)
    return muting
