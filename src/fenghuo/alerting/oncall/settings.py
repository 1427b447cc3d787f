"""The sections ``people`` and ``schedules``."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Iterator
from enum import StrEnum
from typing import Annotated, Any, Final, Self

from pydantic import BeforeValidator, Field, model_validator

from fenghuo.alerting.mute.intervals import TimeInterval
from fenghuo.base.document import DictOf, ListOf, Path, RefusedError, RefusedManyError, Settings, nearest, refusing
from fenghuo.base.errors import InputError
from fenghuo.model.duration import parse_duration_ms
from fenghuo.model.language import Language
from fenghuo.model.settings_types import Date, Text, Zone

_CLOCK: Final = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])\Z")
DAY_MS: Final = 86_400_000
HOUR_MS: Final = 3_600_000


class ContactKind(StrEnum):
    """Ways to reach a person. Each names what ``to`` is."""

    EMAIL = "email"
    """An address."""
    DINGTALK = "dingtalk"
    """A mobile number, mentioned in the robot's group."""
    WECOM = "wecom"
    """A user id or a mobile number."""
    FEISHU = "feishu"
    """An open_id or user_id."""
    SMS = "sms"
    """A phone number."""
    VOICE = "voice"
    """A phone number."""
    TELEGRAM = "telegram"
    """A chat id."""
    SLACK = "slack"
    """A member id or a channel."""


def _clock(value: Any) -> Any:
    if isinstance(value, dt.time):
        return value
    found = _CLOCK.match(str(value))
    if found is None:
        raise RefusedError(f"{value!s} is not a time of day", "write HH:MM, from 00:00 to 23:59, in quotes")
    return dt.time(int(found[1]), int(found[2]))


def _turn(value: Any) -> Any:
    """``daily``, ``weekly`` or a duration, in ms."""
    if isinstance(value, int):
        return value
    named = {"daily": DAY_MS, "weekly": 7 * DAY_MS}.get(str(value))
    if named is not None:
        return named
    try:
        turn_ms = parse_duration_ms(str(value))
    except InputError as error:
        raise refusing(error) from error
    if turn_ms < HOUR_MS or turn_ms > 366 * DAY_MS:
        raise RefusedError(f"a turn of {value!s} is shorter than an hour or longer than a year", "daily, weekly or 12h")
    return turn_ms


Clock = Annotated[dt.time, BeforeValidator(_clock)]
Turn = Annotated[int, BeforeValidator(_turn)]


class Contact(Settings):
    """One way to reach a person."""

    kind: ContactKind
    to: str = Field(min_length=1)
    via: Text = ""
    """The receiver whose channel of this kind carries it; empty: the first receiver that has one."""


class Person(Settings):
    """Somebody who can be told."""

    name: Text = ""
    """As people say it; empty: the key."""
    contacts: ListOf[Contact] = Field(default=[])
    """In the order in which they are tried."""
    zone: Zone = "Asia/Shanghai"
    quiet_hours: ListOf[TimeInterval] = Field(default=[])
    """Times at which only P0 and P1 reach this person."""
    language: Language | None = None


class Layer(Settings):
    """People who take turns."""

    people: ListOf[str] = Field(default=[])
    turn_ms: Turn = Field(default=7 * DAY_MS, alias="rotation")
    """``daily``, ``weekly``, or a duration such as ``12h``. Turns of whole days end at ``handoff``, others are counted
    in hours from the first hand-off on."""
    start: Date
    """The day of the first hand-off, to the first of ``people``."""
    handoff: Clock = dt.time(10, 0)
    during: ListOf[TimeInterval] = Field(default=[])
    """The times that this layer covers; empty: always. Without a location they are in the schedule's zone."""

    @model_validator(mode="after")
    def _somebody(self) -> Self:
        if not self.people:
            raise RefusedError("a layer without people covers nothing", "name at least one of `people:`")
        return self


class Schedule(Settings):
    """Layers, the last of which wins where several have somebody."""

    zone: Zone = "Asia/Shanghai"
    layers: ListOf[Layer] = Field(default=[])

    @model_validator(mode="after")
    def _covered(self) -> Self:
        if not self.layers:
            raise RefusedError("a schedule without layers has nobody on call", "give at least one of `layers:`")
        return self


class OnCallSettings(Settings):
    """The sections ``people`` and ``schedules`` together."""

    people: DictOf[Person] = Field(default={})
    schedules: DictOf[Schedule] = Field(default={})

    @model_validator(mode="after")
    def _known_people(self) -> Self:
        refusals = list(self._unknown_people())
        if refusals:
            raise RefusedManyError(refusals)
        return self

    def _unknown_people(self) -> Iterator[tuple[Path, RefusedError]]:
        for name, schedule in self.schedules.items():
            for number, layer in enumerate(schedule.layers):
                for index, person in enumerate(layer.people):
                    if person not in self.people:
                        place: Path = ("schedules", name, "layers", number, "people", index)
                        yield place, RefusedError(f"unknown person {person!r}", nearest(person, self.people))
