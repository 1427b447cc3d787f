"""What is remembered of notifications: what each receiver was last told, and every attempt to tell it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


@dataclass(frozen=True, slots=True)
class NotificationKey:
    """One channel of one receiver, for one group of alerts."""

    group_key: str
    receiver: str
    channel: str
    """The kind: ``webhook``, ``dingtalk`` …"""
    index: int
    """Position among the receiver's channels of that kind."""


@dataclass(frozen=True, slots=True)
class NotificationEntry:
    """What the channel was last told about the group. Alerts are named by their fingerprints."""

    firing: frozenset[int]
    resolved: frozenset[int]
    sent_at_ms: int
    expires_at_ms: int


class NoticeState(StrEnum):
    """What became of a notice."""

    CLAIMED = "claimed"
    """It is being sent, or was when the process ended."""
    SENT = "sent"
    FAILED = "failed"
    INTERRUPTED = "interrupted"
    """The process ended while it was being sent; whether it arrived is not known, and it is sent again."""


@dataclass(frozen=True, slots=True)
class NoticeClaim:
    """What is written down before anything is sent."""

    key: NotificationKey
    reason: str
    status: str
    """``firing`` or ``resolved``."""
    alerts: int
    claimed_at_ms: int
    incident: int | None = None
    """The number of the incident that it tells of."""
    instead_of: str = ""
    """The receiver that could not be told, when this one is told in its place."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """One try to send a notice. ``error`` is empty when it succeeded."""

    number: int
    at_ms: int
    duration_ms: int
    error: str = ""


@dataclass(frozen=True, slots=True)
class Notice:
    """A notice and what became of it, as people look it up."""

    id: int
    claim: NoticeClaim
    state: NoticeState
    attempts: int
    error: str
    """Of the last attempt that failed; empty when none did."""
    finished_at_ms: int | None
