"""A silence: alerts of certain labels are told to nobody for a while."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.matcher import MatchOp


class SilenceState(StrEnum):
    """What the clock says of a silence."""

    PENDING = "pending"
    ACTIVE = "active"
    EXPIRED = "expired"


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition on one label; one that is missing has the empty value."""

    name: str
    value: str
    op: MatchOp


@dataclass(frozen=True, slots=True)
class Silence:
    """From ``starts_ms`` to ``ends_ms`` (exclusive) alerts that meet every condition are told to nobody."""

    id: str
    """A UUID; empty for one that is still to be made."""
    conditions: tuple[Condition, ...]
    starts_ms: int
    ends_ms: int
    created_by: str
    comment: str
    updated_ms: int = 0
    annotations: Labels = EMPTY

    def state_at(self, now_ms: int) -> SilenceState:
        if now_ms < self.starts_ms:
            return SilenceState.PENDING
        return SilenceState.EXPIRED if now_ms >= self.ends_ms else SilenceState.ACTIVE
