"""What is allowed in routes, receivers and intervals, and is most likely a mistake. Pure.

What is doubtful about people, schedules, escalations and priorities is in :mod:`fenghuo.alerting.lint_people`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from fenghuo.alerting.escalation.settings import RECEIVER
from fenghuo.alerting.lint_people import Configured, Finding, doubtful_people
from fenghuo.alerting.matcher import AlertMatcher
from fenghuo.alerting.mute.intervals import TimeInterval
from fenghuo.alerting.oncall.settings import DAY_MS
from fenghuo.alerting.reached import kinds_of
from fenghuo.alerting.route.tree import Route, build_route
from fenghuo.alerting.settings import BUILT_IN_RECEIVER, AlertingSettings
from fenghuo.base.document import Path
from fenghuo.model.duration import format_duration
from fenghuo.model.matcher import MatchOp
from fenghuo.trading import MarketBook

YEARS_AHEAD = 5
"""How far an interval's next moment is looked for: every date comes up, 29 February included."""
TRADING_DAYS_AHEAD = 30
TRADING_STEP_MINUTES = 5
"""How far and how finely an interval that names a market is looked through: the longest holidays last ten days."""
_ALTERNATIVES = re.compile(r"[\w :/-]+(?:\|[\w :/-]+)*\Z")
"""A regular expression that only lists texts."""


def lint(found: Configured, now_ms: int) -> list[Finding]:
    """Everything that is doubtful, part by part."""
    root = build_route(found.alerting.root)
    return [
        *_unreachable(root, ("route",)),
        *_slow_repeats(root, ("route",)),
        *_unused_receivers(found),
        *_doubtful_intervals(found.alerting, found.markets, now_ms),
        *doubtful_people(found, now_ms),
    ]


# --- routes


def _unreachable(route: Route, path: Path, above: Sequence[AlertMatcher] = ()) -> Iterator[Finding]:
    """Children that no alert can come to."""
    for number, child in enumerate(route.children):
        place: Path = (*path, "routes", number)
        conditions = [*above, *child.matchers]
        if _contradictory(conditions):
            yield Finding(place, "no alert can match this route: its matchers contradict each other or those above")
            continue
        taker = next(
            (
                at
                for at, sibling in enumerate(route.children[:number])
                if not sibling.goes_on and all(_implied(matcher, conditions) for matcher in sibling.matchers)
            ),
            None,
        )
        if taker is not None:
            yield Finding(
                place,
                f"this route is never reached: routes[{taker}] before it takes every alert that would match",
                "put it before the other, or give the other `continue: true`",
            )
            continue
        yield from _unreachable(child, place, conditions)


def _values(name: str, conditions: Sequence[AlertMatcher]) -> list[str] | None:
    """The values that a label can have under these conditions; None where they do not list them."""
    listed = [values for each in conditions if each.name == name and (values := _listed(each)) is not None]
    if not listed:
        return None
    own = [each for each in conditions if each.name == name]
    return [value for value in listed[0] if all(each.matches({name: value}) for each in own)]


def _listed(matcher: AlertMatcher) -> list[str] | None:
    if matcher.op is MatchOp.EQUAL:
        return [matcher.value]
    text = matcher.value.removeprefix("^(?:").removesuffix(")$")
    if matcher.op is MatchOp.REGEX and _ALTERNATIVES.match(text):
        return text.split("|")
    return None


def _contradictory(conditions: Sequence[AlertMatcher]) -> bool:
    return any(_values(name, conditions) == [] for name in {each.name for each in conditions})


def _implied(matcher: AlertMatcher, conditions: Sequence[AlertMatcher]) -> bool:
    """Whether whatever meets the conditions meets the matcher."""
    if matcher in conditions:
        return True
    values = _values(matcher.name, conditions)
    return values is not None and all(matcher.matches({matcher.name: value}) for value in values)


def _slow_repeats(route: Route, path: Path, above: Route | None = None) -> Iterator[Finding]:
    """Routes that want repeats more often than their groups are looked at; inherited once, not again and again."""
    own = (route.repeat_interval_ms, route.group_interval_ms)
    if own[0] < own[1] and (above is None or own != (above.repeat_interval_ms, above.group_interval_ms)):
        yield Finding(
            path,
            f"repeat_interval {format_duration(own[0])} is shorter than group_interval {format_duration(own[1])}; "
            "groups are looked at only that often",
            "make repeat_interval a multiple of group_interval",
        )
    for number, child in enumerate(route.children):
        yield from _slow_repeats(child, (*path, "routes", number), route)


# --- receivers and intervals


def _unused_receivers(found: Configured) -> Iterator[Finding]:
    used = {route.receiver for route in build_route(found.alerting.root).walk()}
    used |= {name for _, policy in found.priorities.policies() for name in policy.receivers}
    used |= {name for _, kind, name in found.escalations.targets() if kind == RECEIVER}
    used |= {receiver.failover for receiver in found.alerting.receivers}
    contacts = [contact for person in found.oncall.people.values() for contact in person.contacts]
    used |= {contact.via for contact in contacts}
    kinds_of_people = {contact.kind.value for contact in contacts}
    kinds = kinds_of(found.alerting)
    for number, receiver in enumerate(found.alerting.receivers):
        name = receiver.name
        if name in used or name == BUILT_IN_RECEIVER or kinds_of_people.intersection(kinds[name]):
            continue
        yield Finding(
            ("receivers", number, "name"),
            f"receiver {name!r} is used by no route, no priority, no escalation and no person",
        )


def _doubtful_intervals(settings: AlertingSettings, markets: MarketBook, now_ms: int) -> Iterator[Finding]:
    used = {
        name for _, route in settings.root.walk() for name in (*route.mute_time_intervals, *route.active_time_intervals)
    }
    for key in ("mute_time_intervals", "time_intervals"):
        for number, named in enumerate(getattr(settings, key)):
            place: Path = (key, number, "name")
            if named.name not in used:
                yield Finding(place, f"time interval {named.name!r} is used by no route")
            if not any(_comes(interval, markets, now_ms) for interval in named.time_intervals):
                yield Finding(place, f"time interval {named.name!r} never comes again", "look at its years and days")


def _comes(interval: TimeInterval, markets: MarketBook, now_ms: int) -> bool:
    """Whether any moment from now on is inside."""
    return any(interval.contains(at_ms, markets) for at_ms in _moments(interval, now_ms))


def _moments(interval: TimeInterval, now_ms: int) -> Iterator[int]:
    """Moments of which at least one is inside the interval, if any from now on is."""
    if interval.trading:
        step_ms = TRADING_STEP_MINUTES * 60_000
        yield from range(now_ms, now_ms + TRADING_DAYS_AHEAD * DAY_MS, step_ms)
        return
    zone = UTC if interval.location in ("", "Local") else ZoneInfo(interval.location)
    today = datetime.fromtimestamp(now_ms / 1000, zone).replace(hour=0, minute=0, second=0, microsecond=0)
    # Years that are further off than the others repeat begin at their first.
    begin = max(today.year, min((first for first, last in interval.years if last >= today.year), default=0))
    first = today if begin == today.year else today.replace(year=begin, month=1, day=1)
    minutes = [edge for each in interval.times for edge in (each.start_minute, each.end_minute - 1)] or [0, 1439]
    for number in range(366 * YEARS_AHEAD):
        day = first + timedelta(days=number)
        yield from (round((day + timedelta(minutes=minute)).timestamp() * 1000) for minute in minutes)
