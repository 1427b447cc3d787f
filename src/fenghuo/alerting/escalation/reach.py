"""From what a step names to people and channels, and telling them.

A receiver is told through all of its channels. A person is told through one contact after another until one works. A
schedule is whoever is on call at the moment. Whatever comes of it stands on the incident's time line.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Final

from fenghuo.alerting.escalation.metrics import EscalationInstruments
from fenghuo.alerting.escalation.settings import PERSON, RECEIVER, SCHEDULE
from fenghuo.alerting.notify.channels.channel import Addressable, Channel, ChannelError
from fenghuo.alerting.notify.decide import Reason
from fenghuo.alerting.notify.health import ChannelName
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.notify.stage import ChannelStage, Tools
from fenghuo.alerting.oncall.service import OnCall
from fenghuo.alerting.oncall.settings import Contact
from fenghuo.alerting.reached import is_quiet
from fenghuo.base.errors import InputError
from fenghuo.model.incident import EventKind, Incident
from fenghuo.trading import MarketBook

CONTACT_S: Final = 30.0
"""How long one contact, or one channel of a receiver, is tried before the next."""


@dataclass(frozen=True, slots=True)
class Occasion:
    """Why somebody is told of an incident, and how that is written down."""

    incident: Incident
    reason: Reason
    now_ms: int
    note: Callable[[EventKind, str, Mapping[str, Any]], Awaitable[object]]
    """Write a line on the time line: what, in words, and for programs."""
    goes_on: Callable[[], bool] = lambda: True
    """False once somebody has answered: nobody else is told then."""


Compose = Callable[[Incident, str, int], Message]
"""The message of an incident for a person, whose name is in the link to answer (empty: for a group), at a moment."""


@dataclass(frozen=True, slots=True)
class Reach:
    """Who can be told, and how, by one version of the settings."""

    oncall: OnCall
    stages: Mapping[str, Sequence[ChannelStage]]
    """For each receiver how its channels are told."""
    channels: Mapping[str, Sequence[tuple[int, Channel]]]
    """For each receiver its channels, each with its position among those of its kind."""
    tools: Tools
    markets: MarketBook
    compose: Compose
    instruments: EscalationInstruments
    offload: Callable[..., Awaitable[Any]]

    @property
    def contact_names(self) -> set[ChannelName]:
        """How the notices to people's contacts are recorded."""
        return {
            ChannelName(f"{PERSON}:{name}", contact.kind.value, number)
            for name, person in self.oncall.settings.people.items()
            for number, contact in enumerate(person.contacts)
        }

    async def tell(self, targets: Sequence[str], occasion: Occasion) -> bool:
        """Tell everybody whom the targets name, each once; true when anybody was reached."""
        wanted: dict[tuple[str, str], str] = {}
        for target in targets:
            kind, _, name = target.partition(":")
            person = await self._on_call(name, occasion) if kind == SCHEDULE else name
            if person is not None:
                wanted.setdefault((RECEIVER if kind == RECEIVER else PERSON, person), target)
        reached: list[bool] = []

        async def tell(kind: str, name: str, target: str) -> None:
            of = self._receiver if kind == RECEIVER else self._person
            reached.append(await of(name, target, occasion))

        guard = self.tools.guard
        await asyncio.gather(
            *(guard.run("escalation", partial(tell, kind, name, target)) for (kind, name), target in wanted.items())
        )
        return any(reached)

    async def person(self, name: str, occasion: Occasion) -> bool:
        """Tell one person; true when that worked."""
        return await self._person(name, f"{PERSON}:{name}", occasion)

    async def _on_call(self, schedule: str, occasion: Occasion) -> str | None:
        target = f"{SCHEDULE}:{schedule}"
        try:
            who: str | None = await self.offload(self.oncall.who, schedule, occasion.now_ms)
        except InputError:
            await self._missed(occasion, target, "schedule", f"there is no schedule {schedule!r} any more")
            return None
        if who is None:
            await self._missed(occasion, target, "gap", f"{target}: nobody is on call")
        return who

    async def _receiver(self, name: str, target: str, occasion: Occasion) -> bool:
        stages = self.stages.get(name)
        if not stages:
            if stages is None:
                await self._missed(occasion, target, "receiver", f"{target}: there is no such receiver any more")
            else:
                await self._missed(occasion, target, "channels", f"{target}: it has no channels")
            return False
        message = replace(self.compose(occasion.incident, "", occasion.now_ms), receiver=name)
        told: list[bool] = []

        async def tell(stage: ChannelStage) -> None:
            if occasion.goes_on():
                told.append(await self._try(stage, message, target, "", occasion))

        await asyncio.gather(*(self.tools.guard.run("escalation", partial(tell, stage)) for stage in stages))
        self.instruments.targets.labels(RECEIVER, "reached" if any(told) else "failed").inc()
        return any(told)

    async def _person(self, name: str, target: str, occasion: Occasion) -> bool:
        person = self.oncall.settings.people.get(name)
        if person is None:
            return await self._missed(occasion, target, "person", f"there is no person {name!r} any more")
        shown = person.name or name
        if is_quiet(person, occasion.now_ms, occasion.incident.priority, self.markets):
            return await self._missed(occasion, target, "quiet", f"{shown} is not told: quiet hours")
        if not person.contacts:
            return await self._missed(occasion, target, "contacts", f"{shown} has no contacts")
        message = self.compose(occasion.incident, shown, occasion.now_ms)
        message = replace(message, receiver=f"{PERSON}:{name}", language=person.language)
        for number, contact in enumerate(person.contacts):
            if not occasion.goes_on():
                return True
            stage = await self._stage(contact, number, name, shown, target, occasion)
            if stage is not None and await self._try(stage, message, target, shown, occasion):
                self.instruments.targets.labels(PERSON, "reached").inc()
                return True
        self.instruments.targets.labels(PERSON, "failed").inc()
        return False

    async def _stage(
        self, contact: Contact, number: int, name: str, shown: str, target: str, occasion: Occasion
    ) -> ChannelStage | None:
        """The channel that carries the contact; None, and a line on the time line, where there is none."""
        try:
            channel = self._channel(contact).addressed(contact.to)
        except ChannelError as error:
            said = {"target": target, "who": shown, "through": contact.kind.value, "error": str(error)}
            await occasion.note(EventKind.NOT_REACHED, f"{shown} by {contact.kind}: {error}", said)
            return None
        return ChannelStage(channel, f"{PERSON}:{name}", number, self.tools)

    def _channel(self, contact: Contact) -> Addressable:
        """That of the receiver which the contact names, or the first that there is. Raises ChannelError."""
        for name, own in self.channels.items():
            for _, channel in own:
                fits = channel.kind == contact.kind.value and contact.via in ("", name)
                if fits and isinstance(channel, Addressable):
                    return channel
        where = f"receiver {contact.via!r} has no channel" if contact.via else "no receiver has a channel"
        raise ChannelError(f"{where} of kind {contact.kind} that can tell one person", retryable=False)

    async def _try(self, stage: ChannelStage, message: Message, target: str, who: str, occasion: Occasion) -> bool:
        failure = await stage.tell_at_once(message, occasion.reason, self.tools.clock.monotonic_s() + CONTACT_S)
        kind = stage.name.kind
        said = {"target": target, "who": who, "through": kind, "error": failure}
        shown = f"{who or target} by {kind}"
        if failure:
            await occasion.note(EventKind.NOT_REACHED, f"{shown}: {failure}", said)
        else:
            await occasion.note(EventKind.REACHED, shown, said)
        return not failure

    async def _missed(self, occasion: Occasion, target: str, why: str, text: str) -> bool:
        """Say that a target is nobody at the moment; false, for it was not reached. ``why`` is quiet, gap, or what is
        not there any more."""
        result = why if why in ("quiet", "gap") else "gone"
        self.instruments.targets.labels(target.partition(":")[0], result).inc()
        await occasion.note(EventKind.NOT_REACHED, text, {"target": target, "why": why})
        return False
