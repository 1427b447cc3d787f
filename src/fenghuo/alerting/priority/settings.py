"""The section ``priorities``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, field_validator, model_validator

from fenghuo.alerting.mute.edges import placed
from fenghuo.alerting.mute.intervals import TimeInterval
from fenghuo.base.document import (
    DictOf,
    Document,
    ListOf,
    Path,
    Problem,
    RefusedError,
    RefusedManyError,
    Settings,
    nearest,
)
from fenghuo.model.incident import Priority
from fenghuo.model.settings_types import DurationMs, Zone
from fenghuo.trading import MarketBook, unknown_market

REPEAT_MS_MIN = 60_000
ACK_WITHIN_MS: Final[Mapping[Priority, int]] = {
    Priority.P0: 5 * 60_000,
    Priority.P1: 15 * 60_000,
    Priority.P2: 30 * 60_000,
    Priority.P3: 60 * 60_000,
}


class SessionWhat(StrEnum):
    """What becomes of an alert while its market is open, or closed."""

    NOTIFY = "notify"
    """It is told as ever."""
    HOLD = "hold"
    """It is kept until that is over, and told then."""
    DOWNGRADE = "downgrade"
    """It counts as the next lower priority until that is over."""


def _one_or_many(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


class SessionRule(Settings):
    """What a trading session, or its absence, means for alerts of one priority."""

    market: Annotated[ListOf[str], BeforeValidator(_one_or_many)] = Field(default=[])
    """A market such as ``SHFE.rb``, or several, of which one open is enough. It is for alerts whose labels
    ``exchange`` and ``product`` name none; with neither, nothing changes for the alert."""
    what: SessionWhat = SessionWhat.NOTIFY
    """Tell it as ever, keep it until that is over, or count it as the next lower priority until then."""


class PriorityPolicy(Settings):
    """What holds for one priority."""

    ack_within_ms: DurationMs | None = Field(default=None, alias="ack_within")
    """How soon somebody has to answer. Default: 5m for P0, 15m for P1, 30m for P2, 60m for P3."""
    receivers: ListOf[str] = Field(default=[])
    """Receivers that are told besides the route's."""
    repeat: ListOf[DurationMs] = Field(default=[])
    """The time between a notice and its reminder, the first, the second …; the last holds on. Empty: the route's
    ``repeat_interval``."""
    escalation: str = ""
    """The policy of ``escalations`` by which more people are told while nobody answers. Empty: none."""
    quiet_hours: ListOf[TimeInterval] = Field(default=[])
    """Times at which notices are kept; what fires still is told in one digest at their end. P0 has none."""
    in_session: SessionRule = SessionRule()
    """What changes while the alert's market is open."""
    out_of_session: SessionRule = SessionRule()
    """What changes while the alert's market is closed."""

    @field_validator("ack_within_ms")
    @classmethod
    def _time_to_answer(cls, value: int | None) -> int | None:
        if value is not None and value < REPEAT_MS_MIN:
            raise RefusedError("nobody answers within less than a minute", "write 5m")
        return value

    @field_validator("repeat")
    @classmethod
    def _long_enough(cls, value: list[int]) -> list[int]:
        if any(each < REPEAT_MS_MIN for each in value):
            raise RefusedError("a reminder within a minute is noise", "write [5m, 15m, 1h]")
        return value

    def session_rules(self) -> tuple[tuple[str, SessionRule], tuple[str, SessionRule]]:
        """Both rules with their keys: the one for an open market, the one for a closed one."""
        return ("in_session", self.in_session), ("out_of_session", self.out_of_session)


class PrioritiesSettings(Settings):
    """``priorities``: from labels to P0, P1, P2, P3, and from those to what happens."""

    label: str = "severity"
    """The label that says how bad an alert is."""
    severities: DictOf[Priority] = Field(default={})
    """Values of the label, in small letters, beside and before those that are known without this."""
    default: Priority = Priority.P2
    """For every other value, and for none."""
    zone: Zone = "Asia/Shanghai"
    """The time zone of quiet hours that name no ``location``."""
    p0: PriorityPolicy = Field(default=PriorityPolicy(), alias="P0")
    p1: PriorityPolicy = Field(default=PriorityPolicy(), alias="P1")
    p2: PriorityPolicy = Field(default=PriorityPolicy(), alias="P2")
    p3: PriorityPolicy = Field(default=PriorityPolicy(), alias="P3")

    @field_validator("severities")
    @classmethod
    def _small_letters(cls, value: dict[str, Any]) -> dict[str, Any]:
        return {key.lower(): priority for key, priority in value.items()}

    @model_validator(mode="after")
    def _possible(self) -> Self:
        refusals = list(self._impossible())
        if refusals:
            raise RefusedManyError(refusals)
        return self

    def _impossible(self) -> Iterator[tuple[Path, RefusedError]]:
        downgrade = "`what: downgrade` makes it P1 for the time, whose own rules hold then"
        if self.p0.quiet_hours:
            yield (
                ("P0", "quiet_hours"),
                RefusedError("P0 is never quiet: it is kept for what must wake people", downgrade),
            )
        for key, rule in self.p0.session_rules():
            if rule.what is SessionWhat.HOLD:
                yield ("P0", key, "what"), RefusedError("P0 is never held back: it must wake people", downgrade)
        for key, rule in self.p3.session_rules():
            if rule.what is SessionWhat.DOWNGRADE:
                yield ("P3", key, "what"), RefusedError("there is no priority below P3", "`what: hold` keeps it")

    def policies(self) -> Iterator[tuple[Priority, PriorityPolicy]]:
        """Every priority with its policy, in which nothing is left open."""
        for priority, policy in zip(Priority, (self.p0, self.p1, self.p2, self.p3), strict=True):
            within_ms = ACK_WITHIN_MS[priority] if policy.ack_within_ms is None else policy.ack_within_ms
            quiet = [placed(interval, self.zone) for interval in policy.quiet_hours]
            yield priority, policy.model_copy(update={"ack_within_ms": within_ms, "quiet_hours": quiet})

    def markets(self) -> Iterator[tuple[Path, str]]:
        """Every market that is named, with its path in the section."""
        for priority, policy in self.policies():
            for index, interval in enumerate(policy.quiet_hours):
                if interval.trading:
                    yield (priority.value, "quiet_hours", index, "trading"), interval.trading
            for key, rule in policy.session_rules():
                yield from (((priority.value, key, "market", at), name) for at, name in enumerate(rule.market))


def unknown_names(
    settings: PrioritiesSettings, receivers: Iterable[str], markets: MarketBook, document: Document
) -> list[Problem]:
    """Receivers and markets that are named and that nobody knows, each with its place."""
    known = set(receivers)
    problems = [
        document.problem(
            f"undefined receiver {name!r}",
            ("priorities", priority.value, "receivers", index),
            remedy=nearest(name, known),
        )
        for priority, policy in settings.policies()
        for index, name in enumerate(policy.receivers)
        if name not in known
    ]
    for path, name in settings.markets():
        problems += unknown_market(markets, name, document, ("priorities", *path))
    return problems
