"""What people look up: every alert that fires, with what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable

from fenghuo.alerting.arrangement import Arrangement
from fenghuo.alerting.held import Held
from fenghuo.alerting.mute.silences import Silences
from fenghuo.alerting.parts import AlertView, GroupView
from fenghuo.alerting.route.groups import Group
from fenghuo.alerting.timing import in_turns

VIEWED_AT_ONCE = 100
"""Alerts that are looked up in one turn of the event loop: about 2 ms of work."""


async def alert_views(known: Iterable[Held], now: Arrangement, silences: Silences, now_ms: int) -> list[AlertView]:
    """Those that fire at the moment."""
    firing = (held for held in known if not held.resolved_at(now_ms))
    return [_view(held, now, silences, now_ms) async for held in in_turns(firing, VIEWED_AT_ONCE)]


async def group_views(groups: Iterable[Group], now: Arrangement, silences: Silences, now_ms: int) -> list[GroupView]:
    """Groups in which something fires, by labels and receiver."""
    firing = ((group, held) for group in groups for held in group.alerts if not held.resolved_at(now_ms))
    views_of: dict[Group, list[AlertView]] = {}
    async for group, held in in_turns(firing, VIEWED_AT_ONCE):
        views_of.setdefault(group, []).append(_view(held, now, silences, now_ms))
    found = [
        GroupView(group.labels, group.route.receiver, group.route.labels, tuple(views))
        for group, views in views_of.items()
    ]
    return sorted(found, key=lambda view: (view.labels, view.receiver))


def _view(held: Held, now: Arrangement, silences: Silences, now_ms: int) -> AlertView:
    routes = now.root.match(held.labels)
    muted = [now.mutes.intervals_muting(route, now_ms) for route in routes]
    treatment = now.telling.priorities.at(held.labels, now_ms)
    return AlertView(
        held.alert,
        held.fingerprint,
        tuple(dict.fromkeys(route.receiver for route in routes)),
        now.mutes.inhibited_by(held.labels, now_ms),
        tuple(silences.silencing(held.labels, now_ms)),
        (
            *(dict.fromkeys(name for names in muted for name in names) if all(muted) else ()),
            *(treatment.why[-1:] if treatment.held else ()),
        ),
    )
