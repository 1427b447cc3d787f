"""Which channels keep failing, and the alert about each. Pure but for what it counts.

A channel fails when several notices in a row did not get through, or when one did not and nothing got through for some
time after. It works again with the first notice that gets through. A person's contact is told so rarely that silence
means nothing there: only failures in a row count.
"""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable
from dataclasses import dataclass, replace
from typing import Final

from fenghuo.alerting.escalation.settings import PERSON
from fenghuo.model.alert import Alert
from fenghuo.model.duration import format_duration
from fenghuo.model.labels import Labels
from fenghuo.model.notification import Notice, NoticeState

log = logging.getLogger(__name__)

ALERT: Final = "FenghuoChannelFailing"
REPORTED_AGAIN_MS: Final = 60_000
VALID_MS: Final = 5 * REPORTED_AGAIN_MS
"""How long a report of a failing channel holds: some rounds may be late."""
ERROR_CHARS_MAX: Final = 300


@dataclass(frozen=True, slots=True)
class ChannelName:
    """A channel among all of a configuration."""

    receiver: str
    kind: str
    index: int

    @property
    def is_contact(self) -> bool:
        """Whether it is one person's contact, not a receiver's channel."""
        return self.receiver.startswith(f"{PERSON}:")


@dataclass(frozen=True, slots=True)
class FailingWhen:
    """When a channel counts as failing."""

    failures: int = 3
    """So many notices in a row; 0 for never."""
    after_ms: int = 600_000
    """So long since the first of them, however many they are; 0 for never. Not for people's contacts."""


@dataclass(frozen=True, slots=True)
class _Trouble:
    since_ms: int
    failures: int
    error: str
    alert: Alert | None = None
    reported_ms: int = 0


class ChannelHealth:
    """What became of each channel's notices lately. Owned by one event loop."""

    def __init__(self) -> None:
        self._when = FailingWhen()
        self._troubles: dict[ChannelName, _Trouble] = {}
        self._over: list[Alert] = []

    @property
    def failing(self) -> list[ChannelName]:
        """The channels about which there is an alert."""
        return [name for name, trouble in self._troubles.items() if trouble.alert is not None]

    def restore(self, notices: Iterable[Notice]) -> None:
        """Take up what an earlier process saw; the oldest notice comes first."""
        for notice in notices:
            key, at_ms = notice.claim.key, notice.finished_at_ms or notice.claim.claimed_at_ms
            name = ChannelName(key.receiver, key.channel, key.index)
            if notice.state is NoticeState.SENT:
                self._troubles.pop(name, None)
            elif notice.state is NoticeState.FAILED:
                self._worsen(name, at_ms, notice.error)

    def apply(self, channels: Collection[ChannelName], when: FailingWhen, now_ms: int) -> None:
        """Go on with other settings. What is said of channels that are gone is over."""
        self._when = when
        for name in [name for name in self._troubles if name not in channels]:
            self._mend(name, now_ms, "it is no longer configured")

    def note(self, name: ChannelName, now_ms: int, *, failure: str) -> None:
        """A notice got through, or failed."""
        if failure:
            self._worsen(name, now_ms, failure)
        elif name in self._troubles:
            self._mend(name, now_ms, "it works again")

    def alerts(self, now_ms: int) -> list[Alert]:
        """What is to be reported now: what begins, what goes on once a minute, and what is over, once."""
        reports, self._over = self._over, []
        for name, trouble in self._troubles.items():
            if not self._fails(name, trouble, now_ms):
                continue
            if trouble.alert is None:
                log.error("%s of receiver %s keeps failing: %s", name.kind, name.receiver, trouble.error)
            elif now_ms < trouble.reported_ms + REPORTED_AGAIN_MS:
                continue
            alert = _alert(name, trouble, now_ms)
            self._troubles[name] = replace(trouble, alert=alert, reported_ms=now_ms)
            reports.append(alert)
        return reports

    def _fails(self, name: ChannelName, trouble: _Trouble, now_ms: int) -> bool:
        when = self._when
        if trouble.alert is not None or 0 < when.failures <= trouble.failures:
            return True
        return not name.is_contact and 0 < when.after_ms <= now_ms - trouble.since_ms

    def _worsen(self, name: ChannelName, now_ms: int, error: str) -> None:
        known = self._troubles.get(name) or _Trouble(now_ms, 0, "")
        self._troubles[name] = replace(known, failures=known.failures + 1, error=error[:ERROR_CHARS_MAX])

    def _mend(self, name: ChannelName, now_ms: int, why: str) -> None:
        trouble = self._troubles.pop(name)
        if trouble.alert is not None:
            log.warning("%s of receiver %s no longer counts as failing: %s", name.kind, name.receiver, why)
            self._over.append(replace(trouble.alert, ends_at_ms=now_ms))


def _alert(name: ChannelName, trouble: _Trouble, now_ms: int) -> Alert:
    labels = {
        "alertname": ALERT, "severity": "critical", "source": "fenghuo", "receiver": name.receiver, "kind": name.kind,
        "index": str(name.index),
    }  # fmt: skip
    lasting = format_duration((now_ms - trouble.since_ms) // 1000 * 1000)
    count = trouble.failures
    annotations = {
        "summary": f"{name.kind} of receiver {name.receiver} fails: {count} notices in {lasting} did not get through",
        "summary_zh": f"接收者 {name.receiver} 的 {name.kind} 渠道持续失败：{lasting}内有 {count} 条通知未送达",
        "description": trouble.error,
    }
    return Alert(Labels(labels), trouble.since_ms, now_ms + VALID_MS, Labels(annotations))
