"""Whom the targets of an escalation mean at a moment, and how they can be reached. Pure; nobody is told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from fenghuo.alerting.escalation.settings import PERSON, RECEIVER
from fenghuo.alerting.mute.edges import placed
from fenghuo.alerting.oncall.settings import Person
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.model.incident import Priority
from fenghuo.trading import MarketBook, built_in_markets

LOUD: Final = frozenset({Priority.P0, Priority.P1})
"""What reaches people in their quiet hours."""


@dataclass(frozen=True, slots=True)
class Receiving:
    """A receiver and the kinds of its channels; without any nobody hears."""

    receiver: str
    channels: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Reached:
    """A person as a target finds them."""

    key: str
    name: str
    """As people say it."""
    contacts: tuple[str, ...]
    """The kinds of the contacts, in the order in which they are tried; addresses are nobody's business here."""
    quiet: bool
    """It is one of the person's quiet hours, and the incident is not urgent enough: they are passed over."""


@dataclass(frozen=True, slots=True)
class Target:
    """One target at its moment."""

    target: str
    """As it is written: ``person:zhang``, ``schedule:primary``, ``receiver:robot``."""
    person: Reached | None
    """None for a receiver, and where nobody is on call."""
    channels: tuple[str, ...]
    """The kinds of a receiver's channels."""

    @property
    def heard(self) -> bool:
        """Whether somebody can be told."""
        return bool(self.channels) or (self.person is not None and bool(self.person.contacts) and not self.person.quiet)


@dataclass(frozen=True, slots=True)
class Duty:
    """Who there is, and who is on call."""

    people: Mapping[str, Person] = field(default_factory=dict)
    who: Callable[[str, int], str | None] = lambda _schedule, _at_ms: None
    """Who is on call by a schedule at a moment; None: nobody."""
    receivers: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """The kinds of each receiver's channels."""
    markets: MarketBook = field(default_factory=built_in_markets)

    def receiving(self, name: str) -> Receiving:
        return Receiving(name, self.receivers.get(name, ()))


def kinds_of(settings: AlertingSettings) -> dict[str, tuple[str, ...]]:
    """The kinds of each receiver's channels."""
    return {receiver.name: tuple(channel.kind for _, channel in receiver.channels()) for receiver in settings.receivers}


def reached(targets: Sequence[str], at_ms: int, priority: Priority, duty: Duty) -> Iterator[Target]:
    """The targets of one step, as they are at the moment."""
    for target in targets:
        kind, _, name = target.partition(":")
        if kind == RECEIVER:
            yield Target(target, None, duty.receivers.get(name, ()))
            continue
        key = name if kind == PERSON else duty.who(name, at_ms)
        person = duty.people.get(key) if key else None
        yield Target(target, None if key is None or person is None else _person(key, person, at_ms, priority, duty), ())


def _person(key: str, person: Person, at_ms: int, priority: Priority, duty: Duty) -> Reached:
    quiet = is_quiet(person, at_ms, priority, duty.markets)
    return Reached(key, person.name or key, tuple(contact.kind.value for contact in person.contacts), quiet)


def is_quiet(person: Person, at_ms: int, priority: Priority, markets: MarketBook) -> bool:
    """Whether the person is left alone at the moment by what is not more urgent than this."""
    return priority not in LOUD and any(
        placed(interval, person.zone).contains(at_ms, markets) for interval in person.quiet_hours
    )
