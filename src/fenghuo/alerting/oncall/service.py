"""On-call duty as the running program knows it: the settings in force, and what people have changed since.

Overrides are kept in memory and in the database; the database is written first. All methods but :meth:`OnCall.apply`
may block and are thread-safe.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Protocol

from fenghuo.alerting.oncall.schedule import SPAN_DAYS_MAX, Roster, Shift
from fenghuo.alerting.oncall.settings import DAY_MS, OnCallSettings, Person
from fenghuo.base import limits
from fenghuo.base.clock import Clock
from fenghuo.base.document import nearest
from fenghuo.base.errors import InputError
from fenghuo.model.oncall import Override

OVERRIDES = limits.declare(
    "oncall_overrides", 10_000, limits.Policy.REJECT, "Overrides of on-call schedules that are not over yet."
)
KEPT_DAYS = 400
"""How long an override is remembered after its end."""


class OverrideStore(Protocol):
    """Where overrides survive the process. Raises OperatingError when the database refuses."""

    def load(self) -> list[Override]: ...

    def add(self, overrides: Sequence[Override]) -> list[int]:
        """Keep all or none; returns their numbers."""
        ...

    def remove(self, number: int) -> bool: ...

    def forget_before(self, moment_ms: int) -> None: ...


class OnCall:
    """Who is on call, by the schedules in force and the overrides that people made."""

    def __init__(self, store: OverrideStore, clock: Clock, settings: OnCallSettings | None = None) -> None:
        """Reads the overrides: call it in a worker thread. Raises OperatingError when the database refuses."""
        self._store = store
        self._clock = clock
        self._settings = settings or OnCallSettings()
        self._lock = threading.Lock()
        store.forget_before(clock.now_ms() - KEPT_DAYS * DAY_MS)
        self._overrides = store.load()

    async def apply(self, settings: OnCallSettings) -> None:
        """Go on with other settings; overrides stay, also those of schedules that are gone."""
        self._settings = settings

    @property
    def settings(self) -> OnCallSettings:
        return self._settings

    def person(self, name: str) -> Person:
        """Raises InputError for somebody who is not known."""
        found = self._settings.people.get(name)
        if found is None:
            raise InputError(f"unknown person {name!r}", remedy=nearest(name, self._settings.people))
        return found

    def roster(self, schedule: str) -> Roster:
        """Raises InputError for a schedule that is not known."""
        found = self._settings.schedules.get(schedule)
        if found is None:
            remedy = nearest(schedule, self._settings.schedules) or "the configuration has no section `schedules`"
            raise InputError(f"unknown schedule {schedule!r}", remedy=remedy)
        return Roster(schedule, found, self._overrides)

    def who(self, schedule: str, at_ms: int) -> str | None:
        """Who is on call at the moment; None in a gap. Raises InputError for a schedule that is not known."""
        return self.roster(schedule).at(at_ms).person

    def shifts(self, schedule: str, start_ms: int, end_ms: int) -> list[Shift]:
        """The span as shifts, gaps included. Raises InputError for a span that is empty or too long."""
        if not start_ms < end_ms <= start_ms + SPAN_DAYS_MAX * DAY_MS:
            raise InputError(f"a span is longer than nothing and not longer than {SPAN_DAYS_MAX} days")
        return self.roster(schedule).shifts(start_ms, end_ms)

    def overrides(self, schedule: str = "") -> list[Override]:
        """Those that are not over yet, in order of their start."""
        now_ms = self._clock.now_ms()
        mine = (each for each in self._overrides if not schedule or each.schedule == schedule)
        return sorted((each for each in mine if each.end_ms > now_ms), key=lambda each: (each.start_ms, each.id))

    def override(self, schedule: str, person: str, start_ms: int, end_ms: int, by: str) -> Override:
        """Put ``person`` on call. Raises InputError for what cannot be, OperatingError when it cannot be kept."""
        (made,) = self._make([self._checked(schedule, person, start_ms, end_ms, by)])
        return made

    def swap(self, schedule: str, one_ms: int, other_ms: int, by: str) -> list[Override]:
        """Exchange the people of the two shifts that hold the moments, as two overrides that come together or not."""
        roster = self.roster(schedule)
        one, other = (self._whole_shift(roster, at_ms) for at_ms in (one_ms, other_ms))
        if one.person is None or other.person is None:
            raise InputError("nobody is on call at one of the two moments", remedy="name moments inside two shifts")
        if one.person == other.person:
            raise InputError(f"{one.person} has both shifts", remedy="name a shift of somebody else")
        return self._make(
            [
                self._checked(schedule, other.person, one.start_ms, one.end_ms, by),
                self._checked(schedule, one.person, other.start_ms, other.end_ms, by),
            ]
        )

    def cancel(self, number: int) -> None:
        """Take an override back. Raises InputError when there is none of that number."""
        with self._lock:
            if not self._store.remove(number):
                raise InputError(f"there is no override {number}", remedy="`fenghuo oncall overrides` lists them")
            self._overrides = [each for each in self._overrides if each.id != number]

    def _whole_shift(self, roster: Roster, at_ms: int) -> Shift:
        """The shift that holds the moment, with its true ends as far as a month on each side."""
        shifts = roster.shifts(at_ms - 31 * DAY_MS, at_ms + 31 * DAY_MS)
        return next(shift for shift in shifts if shift.start_ms <= at_ms < shift.end_ms)

    def _checked(self, schedule: str, person: str, start_ms: int, end_ms: int, by: str) -> Override:
        self.roster(schedule)
        self.person(person)
        now_ms = self._clock.now_ms()
        if end_ms <= start_ms:
            raise InputError("an override ends after it begins")
        if end_ms <= now_ms:
            raise InputError("the override is over already", remedy="give an end that is still to come")
        return Override(0, schedule, person, start_ms, end_ms, by, now_ms)

    def _make(self, made: Sequence[Override]) -> list[Override]:
        with self._lock:
            if len(self.overrides()) + len(made) > OVERRIDES.default:
                OVERRIDES.hit()
                raise InputError(f"there are {OVERRIDES.default} overrides already", remedy="cancel some")
            numbers = self._store.add(made)
            kept = [replace(each, id=number) for each, number in zip(made, numbers, strict=True)]
            self._overrides = [*self._overrides, *kept]
        return kept
