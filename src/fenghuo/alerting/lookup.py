"""What people look up: every alert that fires, with what becomes of it."""

from __future__ import annotations

from collections.abc import Iterable

from fenghuo.alerting.arrangement import Arrangement
from fenghuo.alerting.held import Held
from fenghuo.alerting.mute.silences import Silences
from fenghuo.alerting.parts import AlertView, GroupView
from fenghuo.alerting.route.groups import Group


def alert_views(known: Iterable[Held], now: Arrangement, silences: Silences, now_ms: int) -> list[AlertView]:
    """Those that fire at the moment."""
    return [_view(held, now, silences, now_ms) for held in known if not held.resolved_at(now_ms)]


def group_views(groups: Iterable[Group], now: Arrangement, silences: Silences, now_ms: int) -> list[GroupView]:
    """Groups in which something fires, by labels and receiver."""
    views = [
        GroupView(group.labels, group.route.receiver, group.route.labels, firing)
        for group in groups
        if (firing := tuple(alert_views(group.alerts, now, silences, now_ms)))
    ]
    return sorted(views, key=lambda view: (view.labels, view.receiver))


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
