"""What the service is given, and what people look up in it."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from prometheus_client import CollectorRegistry

from fenghuo.alerting.escalation.book import EscalationStore
from fenghuo.alerting.held import HeldStore
from fenghuo.alerting.incident.book import IncidentStore
from fenghuo.alerting.mute.silences import SilenceStore
from fenghuo.alerting.notify.backoff import Backoff
from fenghuo.alerting.notify.channels.channel import Channel
from fenghuo.alerting.notify.log import NotificationLog
from fenghuo.alerting.oncall.service import OnCall
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.base.clock import Clock
from fenghuo.base.guard import Guard
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.model.notification import Notice


class NoticeArchive(NotificationLog, Protocol):
    """The notification log, with what the service itself needs of it."""

    def interrupt_open(self, at_ms: int) -> int:
        """Close the claims that a dead process left open; returns how many there were."""
        ...

    def expire(self, now_ms: int) -> None:
        """Forget entries whose time is over, and old notices."""
        ...

    def recent(self, limit: int) -> list[Notice]: ...


class BuiltChannels(Protocol):
    """The channels of one configuration."""

    @property
    def by_receiver(self) -> Mapping[str, list[tuple[int, Channel]]]:
        """For each receiver its channels, each with its position among those of its kind."""
        ...

    async def aclose(self) -> None:
        """Close the connections that they hold."""
        ...


class ChannelFactory(Protocol):
    """Makes a receiver's channels. Raises InputError for what cannot work, before anything is swapped."""

    def build(self, settings: AlertingSettings) -> BuiltChannels: ...


@dataclass(frozen=True, slots=True)
class AlertView:
    """An alert as people look it up."""

    alert: Alert
    fingerprint: int
    receivers: tuple[str, ...]
    inhibited_by: Labels | None
    silenced_by: tuple[str, ...]
    """Ids of silences."""
    muted_by: tuple[str, ...]
    """Names of time intervals that keep every route of it quiet, and the rule of its priority that keeps it."""

    @property
    def suppressed(self) -> bool:
        """Inhibited or silenced; what a time interval mutes is active all the same, as Alertmanager counts it."""
        return self.inhibited_by is not None or bool(self.silenced_by)


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group of alerts as people look it up."""

    labels: Labels
    receiver: str
    route_labels: Labels
    alerts: tuple[AlertView, ...]


@dataclass(frozen=True, slots=True)
class AlertingParts:
    """What the service is given."""

    alerts: HeldStore
    log: NoticeArchive
    silences: SilenceStore
    incidents: IncidentStore
    channels: ChannelFactory
    clock: Clock
    registry: CollectorRegistry
    guard: Guard
    oncall: OnCall
    escalations: EscalationStore
    external_url: Callable[[], str] = lambda: "http://127.0.0.1:9470"
    """Where people reach this server; asked for with each version of the settings."""
    offload: Callable[..., Awaitable[Any]] = asyncio.to_thread
    """How blocking calls leave the event loop."""
    link_secret: bytes = field(default_factory=lambda: secrets.token_bytes(32))
    """Signs the links in notices. One that is kept lets links hold over restarts."""
    backoff: Callable[[], Backoff] = Backoff
    drain_s: float = 5.0
    """How long what is being sent may go on when the service stops."""
