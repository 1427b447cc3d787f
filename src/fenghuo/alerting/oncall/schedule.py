"""Whose turn it is. Pure; moments are ms since the epoch, spans are half open.

A turn of whole days ends at the hand-off's time of day in the schedule's zone, whatever the clocks do that night: the
instant of a hand-off that the clocks skip or repeat is the one that the time zone's earlier offset gives.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import Final
from zoneinfo import ZoneInfo

from fenghuo.alerting.mute.edges import DAY, instant, interval_edges, local, local_days, placed
from fenghuo.alerting.oncall.settings import DAY_MS, Layer, Schedule
from fenghuo.model.oncall import Override

SPAN_DAYS_MAX: Final = 800
"""The longest span that is laid out at once."""


@dataclass(frozen=True, slots=True)
class Shift:
    """A stretch of time with the same person; ``person`` is None where nobody is on call."""

    start_ms: int
    end_ms: int
    person: str | None
    layer: int | None = None
    """The layer that says so, counted from 0; None for an override and a gap."""
    override: int | None = None
    """The override that says so."""


class Roster:
    """One schedule with its overrides."""

    def __init__(self, name: str, settings: Schedule, overrides: Iterable[Override] = ()) -> None:
        self.name = name
        self._zone = ZoneInfo(settings.zone)
        self._layers = [_LayerTurns(layer, self._zone) for layer in settings.layers]
        own = [override for override in overrides if override.schedule == name]
        self._overrides = sorted(own, key=lambda override: (-override.made_ms, -override.id))

    def at(self, at_ms: int) -> Shift:
        """Who is on call at the moment, as a shift of unknown ends: both are ``at_ms``."""
        for override in self._overrides:
            if override.start_ms <= at_ms < override.end_ms:
                return Shift(at_ms, at_ms, override.person, override=override.id)
        for number in reversed(range(len(self._layers))):
            person = self._layers[number].person(at_ms)
            if person is not None:
                return Shift(at_ms, at_ms, person, layer=number)
        return Shift(at_ms, at_ms, None)

    def shifts(self, start_ms: int, end_ms: int) -> list[Shift]:
        """The span from ``start_ms`` to ``end_ms`` as shifts without holes, gaps included."""
        edges = [start_ms, *self._edges(start_ms, end_ms), end_ms]
        found: list[Shift] = []
        for begin, end in pairwise(edges):
            here = self.at(begin)
            if found and (found[-1].person, found[-1].layer, found[-1].override) == (
                here.person,
                here.layer,
                here.override,
            ):
                found[-1] = Shift(found[-1].start_ms, end, here.person, here.layer, here.override)
            else:
                found.append(Shift(begin, end, here.person, here.layer, here.override))
        return found

    def gaps(self, start_ms: int, end_ms: int) -> list[Shift]:
        """The parts of the span in which nobody is on call."""
        return [shift for shift in self.shifts(start_ms, end_ms) if shift.person is None]

    def next_after(self, at_ms: int, days: int = 60) -> Shift | None:
        """The first shift of somebody else (or of nobody) after the moment; None when there is none for ``days``."""
        first, *rest = self.shifts(at_ms, at_ms + days * DAY_MS)
        return next((shift for shift in rest if shift.person != first.person), None)

    def _edges(self, start_ms: int, end_ms: int) -> list[int]:
        """Every moment inside the span at which the answer may change, in order."""
        if end_ms - start_ms > SPAN_DAYS_MAX * DAY_MS:
            raise ValueError(f"a span of more than {SPAN_DAYS_MAX} days")
        found = {edge for layer in self._layers for edge in layer.edges(start_ms, end_ms)}
        found |= {edge for override in self._overrides for edge in (override.start_ms, override.end_ms)}
        return sorted(edge for edge in found if start_ms < edge < end_ms)


class _LayerTurns:
    def __init__(self, layer: Layer, zone: ZoneInfo) -> None:
        self._layer = layer
        self._zone = zone
        self._days, rest = divmod(layer.turn_ms, DAY_MS)
        if rest:
            self._days = 0
        self._first_ms = instant(layer.start, layer.handoff, zone)
        self._during = [placed(interval, zone.key) for interval in layer.during]

    def person(self, at_ms: int) -> str | None:
        if at_ms < self._first_ms or not self._covers(at_ms):
            return None
        return self._layer.people[self._turn(at_ms) % len(self._layer.people)]

    def _covers(self, at_ms: int) -> bool:
        return not self._during or any(interval.contains(at_ms) for interval in self._during)

    def _turn(self, at_ms: int) -> int:
        """How many turns have passed since the first hand-off."""
        if not self._days:
            return (at_ms - self._first_ms) // self._layer.turn_ms
        day = local(at_ms, self._zone).date()
        if instant(day, self._layer.handoff, self._zone) > at_ms:
            day -= DAY
        return (day - self._layer.start).days // self._days

    def edges(self, start_ms: int, end_ms: int) -> Iterator[int]:
        yield self._first_ms
        if not self._days:
            turn_ms = self._layer.turn_ms
            first = max(0, (start_ms - self._first_ms) // turn_ms)
            last = max(0, (end_ms - self._first_ms) // turn_ms)
            yield from (self._first_ms + number * turn_ms for number in range(first, last + 1))
        else:
            yield from (
                instant(day, self._layer.handoff, self._zone) for day in local_days(start_ms, end_ms, self._zone)
            )
        for interval in self._during:
            yield from interval_edges(interval, start_ms, end_ms)
