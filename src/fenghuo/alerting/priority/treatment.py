"""What the table of priorities says of an alert at a moment: what it counts as, and whether it is told or kept.

An alert whose market is open or closed may be kept, or count as the next lower priority, whose own rules hold for it
then. What is left of it after that may fall into quiet hours. Nothing here is remembered: the answer follows from the
table, the labels and the moment, so that a restart changes none of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from fenghuo.alerting.mute.edges import end_of
from fenghuo.alerting.priority.settings import PriorityPolicy, SessionWhat
from fenghuo.base.errors import InputError
from fenghuo.model.incident import Priority
from fenghuo.model.labels import Labels
from fenghuo.trading import Market, MarketBook

REMEMBERED: Final = 4_096
"""Markets that labels name, and holds, that are kept in memory."""
HOLDS_MAX: Final = 100
"""Holds that follow each other without a break, and sessions of several markets that do: more are not looked at."""
LOWER: Final[Mapping[Priority, Priority]] = {
    Priority.P0: Priority.P1,
    Priority.P1: Priority.P2,
    Priority.P2: Priority.P3,
}


_Key = tuple[Priority, str, str]
"""A priority, and the labels that may name a market."""


@dataclass(frozen=True, slots=True)
class Treatment:
    """What holds for an alert at one moment."""

    priority: Priority
    """What it counts as."""
    why: tuple[str, ...] = ()
    """The rules that lower or keep it, such as ``P2 quiet_hours`` and ``P1 out_of_session SHFE.rb``."""
    held: bool = False
    """It is kept."""
    until_ms: int | None = None
    """When this may be over; None where nothing lowers or keeps it, and where no end is in sight."""

    @property
    def keeper(self) -> str:
        """``quiet_hours``, ``in_session`` or ``out_of_session``: the key of the rule that keeps it."""
        return self.why[-1].split()[1] if self.held else ""


class Treatments:
    """The table at work. May be used from several threads."""

    def __init__(self, policies: Mapping[Priority, PriorityPolicy], markets: MarketBook) -> None:
        self._policies = policies
        self._markets = markets
        self._own_market = lru_cache(REMEMBERED)(self._find_market)
        self._held: dict[_Key, tuple[int, Treatment]] = {}
        """What keeps alerts, and since when that is known: it holds until its end. Looking for ends takes time."""
        self.restless = any(
            policy.quiet_hours or any(rule.what is not SessionWhat.NOTIFY for _, rule in policy.session_rules())
            for policy in policies.values()
        )
        """Whether any rule can keep or lower anything."""

    def at(self, priority: Priority, labels: Labels, at_ms: int) -> Treatment:
        """What holds for an alert of this priority at the moment."""
        key = priority, *market_labels(labels)
        known = self._held.get(key)
        if known is not None and known[0] <= at_ms < (known[1].until_ms or 0):
            return known[1]
        found = self._look(priority, self._own_market(*key[1:]), at_ms)
        if found.held and found.until_ms is not None:
            if len(self._held) >= REMEMBERED:
                self._held.clear()
            self._held[key] = at_ms, found
        return found

    def told_from(self, priority: Priority, labels: Labels, at_ms: int) -> int | None:
        """The first moment from ``at_ms`` on at which nothing keeps such an alert; None where none is in sight."""
        for _ in range(HOLDS_MAX):
            found = self.at(priority, labels, at_ms)
            if not found.held:
                return at_ms
            if found.until_ms is None:
                return None
            at_ms = found.until_ms
        return None

    def _look(self, priority: Priority, own: Market | None, at_ms: int) -> Treatment:
        why: list[str] = []
        ends: list[int | None] = []
        while True:
            policy = self._policies[priority]
            what, rule = self._session(policy, own, at_ms, ends)
            why += [f"{priority} {rule}"] if rule else []
            if what is SessionWhat.HOLD:
                return Treatment(priority, tuple(why), True, _first(ends))
            if what is SessionWhat.NOTIFY:
                break
            priority = LOWER[priority]
        if any(interval.contains(at_ms, self._markets) for interval in policy.quiet_hours):
            ends.append(end_of(policy.quiet_hours, at_ms, self._markets))
            return Treatment(priority, (*why, f"{priority} quiet_hours"), True, _first(ends))
        return Treatment(priority, tuple(why), False, _first(ends) if why else None)

    def _session(
        self, policy: PriorityPolicy, own: Market | None, at_ms: int, ends: list[int | None]
    ) -> tuple[SessionWhat, str]:
        """What the rules for sessions say, and which of them. ``ends`` gains when they may say something else."""
        said: tuple[SessionWhat, str] = SessionWhat.NOTIFY, ""
        for key, rule in policy.session_rules():
            markets = [own] if own is not None else [self._markets.market(name) for name in rule.market]
            if rule.what is SessionWhat.NOTIFY or not markets:
                continue
            is_open = any(market.is_open(at_ms) for market in markets)
            ends.append(_closing(markets, at_ms) if is_open else _opening(markets, at_ms))
            if is_open is (key == "in_session") and not said[1]:
                said = rule.what, f"{key} {', '.join(market.name for market in markets)}"
        return said

    def _find_market(self, exchange: str, product: str) -> Market | None:
        """The market that labels name; None where they name none that is known."""
        if not exchange:
            return None
        try:
            return self._markets.market(f"{exchange}.{product}" if product else exchange)
        except InputError:
            return None


def market_labels(labels: Labels) -> tuple[str, str]:
    """The labels that may say which market an alert is of."""
    return labels.get("exchange", ""), labels.get("product", "")


def _opening(markets: list[Market], at_ms: int) -> int | None:
    """When the first of the markets opens."""
    return _first([None if (following := each.next_session(at_ms)) is None else following.opens_ms for each in markets])


def _closing(markets: list[Market], at_ms: int) -> int | None:
    """When none of the markets is open any more."""
    for _ in range(HOLDS_MAX):
        closes = [session.closes_ms for each in markets if (session := each.session_at(at_ms)) is not None]
        if not closes:
            return at_ms
        at_ms = max(closes)
    return at_ms


def _first(moments: list[int | None]) -> int | None:
    return min((each for each in moments if each is not None), default=None)
