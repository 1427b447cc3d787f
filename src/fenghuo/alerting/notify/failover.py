"""Receivers at one flush: every channel of each, and who is told in its place when a channel does not take it.

What a receiver knows is what the log has of its own channels, and nothing else is kept: a failover that was told all
that fires stands in for the receiver until it has to be reminded, when the receiver is tried first again. What is
over is told to whoever was told that it fired, whether receiver or failover.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.notify.stage import OVER, ChannelStage, Outcome, Terms
from fenghuo.base.clock import Clock
from fenghuo.base.guard import Guard

log = logging.getLogger(__name__)

SHARE_OF_TIME_MAX = 0.5
"""Of a flush's time that a receiver with a failover may use: the failover needs some too."""


@dataclass(frozen=True, slots=True)
class Failover:
    """Who is told in a receiver's place."""

    receiver: str
    after_s: float
    """How long a notice is tried before."""


@dataclass(frozen=True, slots=True)
class Receivers:
    """Everybody who can be told, by one version of the settings."""

    channels: Mapping[str, Sequence[ChannelStage]]
    failovers: Mapping[str, Failover]
    """Without cycles."""
    clock: Clock
    guard: Guard

    async def tell(self, names: Collection[str], message: Message, terms: Terms) -> bool:
        """Bring the named receivers up to date, or those who stand in for them; true when nobody is left."""
        round_ = _Round(self, frozenset(names), message, terms)
        told = await asyncio.gather(*(round_.tell(name) for name in names))
        return all([*told, *await asyncio.gather(*(round_.tell_what_is_over(*each) for each in round_.standing_in()))])


@dataclass(slots=True)
class _Round:
    """One flush."""

    receivers: Receivers
    own: frozenset[str]
    message: Message
    terms: Terms
    asked: dict[str, asyncio.Task[bool]] = field(default_factory=dict)
    """Failovers that were told all there is, each once however many receivers fail."""

    async def tell(self, name: str, instead_of: str = "") -> bool:
        """Tell every channel of a receiver; if one does not take what fires, tell the failover."""
        failover = self._failover(name)
        terms = self.terms
        if failover is not None:
            now_s = self.receivers.clock.monotonic_s()
            most_s = min(failover.after_s, (terms.deadline_s - now_s) * SHARE_OF_TIME_MAX)
            stood_in = await self._covered_by(failover.receiver)
            terms = replace(terms, deadline_s=now_s + most_s, patient=False, only_over=stood_in)
        outcomes = await self._each(name, instead_of, terms)
        failed = [outcome for outcome in outcomes if not outcome.up_to_date]
        # For a failover it is enough that somebody hears it: what matters is that one way is open.
        if not failed or (instead_of and len(failed) < len(outcomes)):
            return True
        if failover is None or any(outcome.reason in OVER for outcome in failed):
            return False
        log.warning("receiver %s is told in place of %s: %s", failover.receiver, name, failed[0].failure)
        return await self._once(failover.receiver, name)

    def standing_in(self) -> Iterator[tuple[str, str]]:
        """The failovers that were not told all there is, each with the receiver that it stands in for."""
        seen = set(self.own)
        for name in self.own:
            while (failover := self._failover(name)) is not None and failover.receiver not in seen:
                seen.add(failover.receiver)
                if failover.receiver not in self.asked:
                    yield failover.receiver, name
                name = failover.receiver

    async def tell_what_is_over(self, name: str, instead_of: str) -> bool:
        """Tell a failover, if it was told that something fires, that it is over."""
        outcomes = await self._each(name, instead_of, replace(self.terms, only_over=True))
        return all(outcome.up_to_date for outcome in outcomes)

    async def _each(self, name: str, instead_of: str, terms: Terms) -> list[Outcome]:
        message = replace(self.message, receiver=name, instead_of=instead_of)
        stages = self.receivers.channels.get(name, ())
        return await asyncio.gather(*(self._stage(stage, message, terms) for stage in stages))

    async def _stage(self, stage: ChannelStage, message: Message, terms: Terms) -> Outcome:
        """A fault in one channel is that channel's: the flush goes on until every other one has ended."""
        outcome = Outcome(failure="an error that nobody foresaw; the program's log has it")

        async def tell() -> None:
            nonlocal outcome
            outcome = await stage.tell(message, terms)

        await self.receivers.guard.run("notification", tell)
        return outcome

    async def _once(self, name: str, instead_of: str) -> bool:
        if name not in self.asked:
            self.asked[name] = asyncio.ensure_future(self.tell(name, instead_of))
        return await self.asked[name]

    def _failover(self, name: str) -> Failover | None:
        """Who is told in the receiver's place, unless it is told anyway."""
        failover = self.receivers.failovers.get(name)
        return None if failover is None or failover.receiver in self.own else failover

    async def _covered_by(self, name: str) -> bool:
        """Whether somebody of this receiver, or of its own failover, was told all that fires."""
        for stage in self.receivers.channels.get(name, ()):
            if await stage.knows(self.message, self.terms.repeat):
                return True
        further = self._failover(name)
        return further is not None and await self._covered_by(further.receiver)
