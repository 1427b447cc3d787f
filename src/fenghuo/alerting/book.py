"""The alerts that are known right now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Protocol
from weakref import WeakSet

from fenghuo.alerting.held import Held, Invalid, admit, merge, moved
from fenghuo.model.alert import Alert
from fenghuo.model.fingerprints import fingerprints
from fenghuo.model.labels import Labels

KEEP_RESOLVED_MS = 30 * 60_000
"""How long a resolved alert stays in the book, so that a late report of it merges with what was."""


class Watcher(Protocol):
    """Keeps something that follows from what the book holds."""

    def took(self, held: Held) -> None:
        """This is held of an alert now, in the place of what was."""
        ...

    def forgot(self, labels: Labels) -> None:
        """Nothing is held of it any more."""
        ...

    def __hash__(self) -> int: ...


class Book:
    """Alerts by their labels. Owned by one event loop; :meth:`snapshot` may be called from any thread."""

    def __init__(self) -> None:
        self._held: dict[Labels, Held] = {}
        self._labels: dict[int, Labels] = {}
        """By fingerprint."""
        self._watchers: WeakSet[Watcher] = WeakSet()

    def __len__(self) -> int:
        return len(self._held)

    def __contains__(self, labels: object) -> bool:
        return labels in self._held

    def snapshot(self) -> list[Held]:
        return list(self._held.values())

    def watch(self, watcher: Watcher) -> None:
        """Tell it everything that is held, and what changes for as long as somebody keeps it."""
        for held in self._held.values():
            watcher.took(held)
        self._watchers.add(watcher)

    def restore(self, held: Iterable[Held]) -> None:
        known = list(held)
        for one in known:
            self._put(one)
        self._tell_watchers(known)

    def take(self, alerts: Iterable[Alert], now_ms: int, resolve_timeout_ms: int) -> list[Held | Invalid]:
        """Enter reports in their order; returns what is held of each alert then, or why the report is refused."""
        alerts = list(alerts)
        fresh = [alert.labels for alert in alerts if alert.labels not in self._held]
        prints = dict(zip(fresh, fingerprints(fresh), strict=True))
        entered = [self._take(alert, now_ms, resolve_timeout_ms, prints) for alert in alerts]
        self._tell_watchers([held for held in entered if not isinstance(held, Invalid)])
        return entered

    def _take(self, alert: Alert, now_ms: int, resolve_timeout_ms: int, prints: Mapping[Labels, int]) -> Held | Invalid:
        old = self._held.get(alert.labels)
        fingerprint = prints[alert.labels] if old is None else old.fingerprint
        new = admit(alert, now_ms, resolve_timeout_ms, fingerprint)
        if isinstance(new, Invalid):
            return new
        held = new if old is None else merge(old, new, now_ms)
        self._put(held)
        return held

    def move_ends(self, by_ms: int, before_ms: int) -> list[Held]:
        """Let the ends that lay ahead at ``before_ms`` be so much later; returns what is held now of those alerts."""
        found = [moved(held, by_ms) for held in self._held.values() if not held.resolved_at(before_ms)]
        for held in found:
            self._put(held)
        self._tell_watchers(found)
        return found

    def _put(self, held: Held) -> None:
        self._held[held.labels] = held
        self._labels[held.fingerprint] = held.labels

    def _tell_watchers(self, entered: Sequence[Held]) -> None:
        for watcher in self._watchers:
            for held in entered:
                watcher.took(held)

    def firing(self, now_ms: int) -> Iterator[Held]:
        return (held for held in self._held.values() if not held.resolved_at(now_ms))

    def firing_of(self, fingerprints: Iterable[int], now_ms: int) -> Iterator[Held]:
        """Those of these alerts that fire. What it costs does not grow with how many others are held."""
        for fingerprint in fingerprints:
            labels = self._labels.get(fingerprint)
            if labels is not None and not (held := self._held[labels]).resolved_at(now_ms):
                yield held

    def long_over(self, now_ms: int) -> list[Held]:
        """What has been resolved for so long that it can be forgotten unless somebody needs it."""
        return [held for held in self._held.values() if held.ends_at_ms + KEEP_RESOLVED_MS <= now_ms]

    def forget(self, held: Held) -> bool:
        """Take it out; false when something newer is held of the alert."""
        if self._held.get(held.labels) is not held:
            return False
        del self._held[held.labels]
        self._labels.pop(held.fingerprint, None)
        for watcher in self._watchers:
            watcher.forgot(held.labels)
        return True
