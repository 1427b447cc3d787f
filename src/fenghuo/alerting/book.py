"""The alerts that are known right now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from fenghuo.alerting.held import Held, Invalid, admit, merge
from fenghuo.model.alert import Alert
from fenghuo.model.fingerprints import fingerprints
from fenghuo.model.labels import Labels

KEEP_RESOLVED_MS = 30 * 60_000
"""How long a resolved alert stays in the book, so that a late report of it merges with what was."""


class Book:
    """Alerts by their labels. Owned by one event loop; :meth:`snapshot` may be called from any thread."""

    def __init__(self) -> None:
        self._held: dict[Labels, Held] = {}
        self.version = 0
        """Counts changes, for those who keep something computed from the book."""

    def __len__(self) -> int:
        return len(self._held)

    def snapshot(self) -> list[Held]:
        return list(self._held.values())

    def restore(self, held: Iterable[Held]) -> None:
        self._held.update((one.labels, one) for one in held)
        self.version += 1

    def take(self, alerts: Iterable[Alert], now_ms: int, resolve_timeout_ms: int) -> list[Held | Invalid]:
        """Enter reports in their order; returns what is held of each alert then, or why the report is refused."""
        alerts = list(alerts)
        fresh = [alert.labels for alert in alerts if alert.labels not in self._held]
        prints = dict(zip(fresh, fingerprints(fresh), strict=True))
        return [self._take(alert, now_ms, resolve_timeout_ms, prints) for alert in alerts]

    def _take(self, alert: Alert, now_ms: int, resolve_timeout_ms: int, prints: Mapping[Labels, int]) -> Held | Invalid:
        old = self._held.get(alert.labels)
        fingerprint = prints[alert.labels] if old is None else old.fingerprint
        new = admit(alert, now_ms, resolve_timeout_ms, fingerprint)
        if isinstance(new, Invalid):
            return new
        held = new if old is None else merge(old, new, now_ms)
        self._held[alert.labels] = held
        self.version += 1
        return held

    def firing(self, now_ms: int) -> Iterator[Held]:
        return (held for held in self._held.values() if not held.resolved_at(now_ms))

    def forget_resolved(self, now_ms: int, needed: frozenset[Labels]) -> list[Held]:
        """Take out what has been over for long and nobody needs any more; returns it."""
        gone = [
            held
            for held in self._held.values()
            if held.ends_at_ms + KEEP_RESOLVED_MS <= now_ms and held.labels not in needed
        ]
        for held in gone:
            del self._held[held.labels]
        if gone:
            self.version += 1
        return gone
