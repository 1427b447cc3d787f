"""What a flush means for incidents and receivers: the pure steps that telling and the replay of the past share."""

from __future__ import annotations

from collections.abc import Sequence

from fenghuo.alerting.held import Held
from fenghuo.alerting.incident.machine import Sighting
from fenghuo.alerting.notify.decide import Repeat
from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.route.groups import Flush
from fenghuo.alerting.route.tree import Route
from fenghuo.model.incident import Incident


def sighting(flush: Flush, told: Sequence[Held], priorities: Priorities) -> Sighting:
    """The group as its incident sees it. ``told`` are those of its alerts that nothing mutes or keeps."""
    firing = [held for held in told if not held.resolved_at(flush.now_ms)]
    return Sighting(
        group_key=flush.group_key,
        receiver=flush.route.receiver,
        labels=flush.group_labels,
        told={held.fingerprint: held.alert.name for held in firing},
        still=frozenset(held.fingerprint for held in flush.alerts if not held.resolved_at(flush.now_ms)),
        priority=priorities.highest((held.labels for held in firing), flush.now_ms),
    )


def receivers(route: Route, incident: Incident | None, priorities: Priorities) -> list[str]:
    """The route's receiver, then those that the priority adds; each once."""
    more = priorities.policy(incident.priority).receivers if incident is not None else ()
    return list(dict.fromkeys((route.receiver, *more)))


def repeat(route: Route, incident: Incident | None, priorities: Priorities) -> Repeat:
    """When whoever was told is told again."""
    usual_ms = route.repeat_interval_ms
    if incident is None:
        return Repeat((usual_ms,))
    intervals_ms = priorities.policy(incident.priority).repeat or (usual_ms,)
    # The end of an earlier incident may have been kept until this one opened: who was told of that one knows
    # nothing of this.
    remind_ms = max(incident.remind_ms, incident.opened_ms if priorities.restless else 0)
    return Repeat(intervals_ms, incident.opened_ms, incident.answered, remind_ms)
