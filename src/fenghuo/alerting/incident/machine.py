"""What becomes of an incident: pure steps, from what it is and what was seen or done to what it is then.

Each step returns the incident with the lines that its time line gains. Nothing here waits, reads a clock, or fails for
another reason than that a person asked for what cannot be.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from fenghuo.base.errors import InputError
from fenghuo.model.duration import format_duration
from fenghuo.model.incident import SYSTEM, Actor, EventKind, Incident, IncidentEvent, IncidentState, Priority
from fenghuo.model.labels import Labels

REOPEN_MS = 10 * 60_000
"""An incident whose alerts fire again within this time is the same one."""
SNOOZE_MS_MAX = 7 * 86_400_000
NAMES_MAX = 20
"""Alerts that a line of the time line names."""
ENDINGS: Final = {"over": "all alerts are over", "gone": "its group of alerts is gone"}
"""Why an incident ended by itself."""
TITLE_CHARS_MAX = 200
TEXT_CHARS_MAX = 10_000
Deadline = Callable[[Incident, int], int]
"""When an incident has to be answered that waits for an answer since the moment."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """A group as a flush sees it."""

    group_key: str
    receiver: str
    labels: Labels
    told: Mapping[int, str]
    """The alerts that fire and that nothing mutes, by fingerprint: their names."""
    still: frozenset[int]
    """All that fire, also those that are muted: a silence ends no incident."""
    priority: Priority
    """The most urgent of ``told``."""

    @property
    def title(self) -> str:
        """What fires, and where as far as the group's labels say it."""
        names = list(dict.fromkeys(self.told.values()))
        more = f" +{len(names) - 3}" if len(names) > 3 else ""
        where = ", ".join(f"{name}={value}" for name, value in self.labels.pairs if name != "alertname")
        return f"{', '.join(names[:3])}{more}{f' ({where})' if where else ''}"[:TITLE_CHARS_MAX]


@dataclass(frozen=True, slots=True)
class Step:
    """What an incident is now, and what its time line gains."""

    incident: Incident
    events: list[IncidentEvent] = field(default_factory=list)


def observe(known: Incident | None, seen: Sighting, number: int, now_ms: int) -> Step | None:
    """What a flush makes of the group's last incident; None where there is none and none is opened.

    A new one gets ``number``. Whatever fires and is not muted is in an incident that is live, or in one that a person
    called resolved while it fired.
    """
    if known is None or _is_past(known, now_ms):
        if not seen.told:
            return None if known is None else Step(known)
        return _opened(seen, number, now_ms)
    fresh = {each: name for each, name in seen.told.items() if each not in known.firing}
    over = known.firing - seen.still
    now = replace(known, firing=(known.firing & seen.still) | seen.told.keys())
    if not known.live:
        return _reopened(now, fresh, min(known.priority, seen.priority), now_ms) if fresh else Step(now)
    if known.firing and not now.firing:
        return _ended(now, "over", now_ms)
    step = Step(now)
    if fresh or over:
        step = _changed(step, fresh, len(over), now_ms)
    if seen.told and seen.priority < known.priority:
        step = _raised(step, seen.priority, now_ms)
    return woken(step, now_ms)


def woken(step: Step, now_ms: int) -> Step:
    """Open again what was snoozed until now."""
    incident = step.incident
    until_ms = incident.snoozed_until_ms
    if incident.state is not IncidentState.SNOOZED or until_ms is None or until_ms > now_ms:
        return step
    opened = replace(incident, state=IncidentState.OPEN, snoozed_until_ms=None, remind_ms=until_ms)
    return Step(opened, [*step.events, _event(EventKind.WOKEN, now_ms, "the snooze is over")])


def timed(before: Incident | None, step: Step, deadline: Deadline, now_ms: int) -> Step:
    """Give the time to answer to whatever begins to wait for an answer, or becomes more urgent while it waits; take it
    from what waits no more. ``before`` is the incident as it was before the step."""
    now = step.incident
    if now.answered:
        return Step(replace(now, due_ms=None, overdue_ms=None), step.events)
    waited = before is not None and not before.answered and before.priority <= now.priority
    if waited and now.due_ms is not None:
        return step
    return Step(replace(now, due_ms=deadline(now, now_ms), overdue_ms=None), step.events)


def late(incident: Incident, now_ms: int) -> Step:
    """Write down, once, that the time to answer is over."""
    if incident.overdue or incident.due_ms is None or incident.due_ms > now_ms:
        return Step(incident)
    said = f"nobody has answered {incident.priority} in time"
    event = _event(EventKind.OVERDUE, incident.due_ms, said, due_ms=incident.due_ms, priority=incident.priority)
    return Step(replace(incident, overdue_ms=incident.due_ms), [event])


def abandoned(incident: Incident, now_ms: int) -> Step:
    """Resolve what no group of alerts stands behind any more."""
    return _ended(replace(incident, firing=frozenset()), "gone", now_ms)


def acknowledge(incident: Incident, actor: Actor, now_ms: int, comment: str = "") -> Step:
    """Somebody works on it. Acknowledging what is acknowledged only adds the comment."""
    _must_live(incident)
    if incident.state is IncidentState.ACKNOWLEDGED:
        return Step(incident, [_event(EventKind.COMMENTED, now_ms, _text(comment), actor)] if comment else [])
    first_ms = now_ms if incident.acknowledged_ms is None else incident.acknowledged_ms
    changed = replace(
        incident,
        state=IncidentState.ACKNOWLEDGED,
        acknowledged_ms=first_ms,
        acknowledged_by=actor.name,
        snoozed_until_ms=None,
    )
    return Step(changed, [_event(EventKind.ACKNOWLEDGED, now_ms, _text(comment), actor)])


def snooze(incident: Incident, actor: Actor, now_ms: int, duration_ms: int, comment: str = "") -> Step:
    """Nobody is reminded for a while."""
    _must_live(incident)
    if not 0 < duration_ms <= SNOOZE_MS_MAX:
        raise InputError("a snooze is longer than nothing and not longer than 7 days", remedy="write 30m or 2h")
    first_ms = now_ms if incident.acknowledged_ms is None else incident.acknowledged_ms
    changed = replace(
        incident,
        state=IncidentState.SNOOZED,
        acknowledged_ms=first_ms,
        acknowledged_by=actor.name,
        snoozed_until_ms=now_ms + duration_ms,
    )
    comment = _text(comment)
    said = f"for {format_duration(duration_ms)}{f': {comment}' if comment else ''}"
    facts: dict[str, Any] = {"until_ms": now_ms + duration_ms, "duration_ms": duration_ms, "comment": comment}
    return Step(changed, [_event(EventKind.SNOOZED, now_ms, said, actor, **facts)])


def resolve(incident: Incident, actor: Actor, now_ms: int, comment: str = "") -> Step:
    """A person says that it is done. Its alerts may fire on; one that joins them opens it again."""
    _must_live(incident)
    changed = replace(incident, state=IncidentState.RESOLVED, resolved_ms=now_ms, snoozed_until_ms=None)
    return Step(changed, [_event(EventKind.RESOLVED, now_ms, _text(comment), actor)])


def reopen(incident: Incident, actor: Actor, now_ms: int, comment: str = "") -> Step:
    """A person says that it is not done."""
    if incident.live:
        raise InputError(f"{incident.id} is {incident.state}, not resolved")
    changed = replace(incident, state=IncidentState.OPEN, resolved_ms=None, remind_ms=now_ms)
    return Step(changed, [_event(EventKind.REOPENED, now_ms, _text(comment), actor)])


def assign(incident: Incident, actor: Actor, now_ms: int, person: str) -> Step:
    """Give it to somebody; an empty name takes it from whoever had it."""
    event = _event(EventKind.ASSIGNED, now_ms, f"to {person or 'nobody'}", actor, person=person)
    return Step(replace(incident, assignee=person), [event])


def escalate(incident: Incident, actor: Actor, now_ms: int, comment: str = "") -> Step:
    """A person wants more people to be told now. Who answered it gives it back."""
    _must_live(incident)
    comment = _text(comment)
    said = "the next step is asked for" + (f": {comment}" if comment else "")
    changed = replace(incident, state=IncidentState.OPEN, snoozed_until_ms=None)
    return Step(changed, [_event(EventKind.ESCALATED, now_ms, said, actor, comment=comment)])


def comment(incident: Incident, actor: Actor, now_ms: int, text: str) -> Step:
    """Write something on the time line."""
    if not text.strip():
        raise InputError("a comment says something")
    return Step(incident, [_event(EventKind.COMMENTED, now_ms, _text(text), actor)])


def link_postmortem(incident: Incident, actor: Actor, now_ms: int, url: str) -> Step:
    """Name the document that says what was learnt."""
    if not url.startswith(("http://", "https://")):
        raise InputError(f"{url!r} is neither http nor https", remedy="give the whole address of the document")
    return Step(replace(incident, postmortem_url=url), [_event(EventKind.POSTMORTEM, now_ms, url, actor)])


def refuse_link(incident: Incident, actor: Actor, now_ms: int, why: str) -> Step:
    """Write down that somebody used a link that holds no more."""
    said = f"a link to answer was refused: {why}"
    return Step(incident, [_event(EventKind.LINK_REFUSED, now_ms, said, actor, why=why)])


def _is_past(known: Incident, now_ms: int) -> bool:
    """Resolved so long ago that what fires now is something else. What fires on since then is still the same."""
    return not known.live and not known.firing and now_ms - (known.resolved_ms or 0) > REOPEN_MS


def _opened(seen: Sighting, number: int, now_ms: int) -> Step:
    incident = Incident(
        number,
        seen.group_key,
        seen.receiver,
        seen.title,
        seen.labels,
        seen.priority,
        now_ms,
        firing=frozenset(seen.told),
    )
    said = f"{seen.priority}, {_count(len(seen.told))} firing"
    facts: dict[str, Any] = {"priority": seen.priority, "firing": len(seen.told), "alerts": _names(seen.told.values())}
    return Step(incident, [_event(EventKind.OPENED, now_ms, said, **facts)])


def _reopened(incident: Incident, fresh: Mapping[int, str], priority: Priority, now_ms: int) -> Step:
    changed = replace(incident, state=IncidentState.OPEN, resolved_ms=None, remind_ms=now_ms, priority=priority)
    said = f"{priority}, {_count(len(fresh))} firing again or new"
    facts: dict[str, Any] = {"priority": priority, "firing": len(fresh), "alerts": _names(fresh.values())}
    return Step(changed, [_event(EventKind.REOPENED, now_ms, said, **facts)])


def _ended(incident: Incident, ending: str, now_ms: int) -> Step:
    changed = replace(incident, state=IncidentState.RESOLVED, resolved_ms=now_ms, snoozed_until_ms=None)
    return Step(changed, [_event(EventKind.RESOLVED, now_ms, ENDINGS[ending], ending=ending)])


def _changed(step: Step, fresh: Mapping[int, str], over: int, now_ms: int) -> Step:
    since = f" since {step.incident.state}" if step.incident.answered else ""
    said = [f"{_count(len(fresh))} new{since}"] if fresh else []
    said += [f"{_count(over)} over"] if over else []
    facts: dict[str, Any] = {
        "fresh": len(fresh),
        "over": over,
        "state": step.incident.state,
        "alerts": _names(fresh.values()),
    }
    return Step(step.incident, [*step.events, _event(EventKind.ALERTS, now_ms, ", ".join(said), **facts)])


def _raised(step: Step, priority: Priority, now_ms: int) -> Step:
    """Who answered something less urgent has not answered this."""
    old = step.incident
    said = f"from {old.priority} to {priority}"
    facts: dict[str, Any] = {"before": old.priority, "priority": priority, "state": old.state}
    now = replace(old, priority=priority)
    if old.answered:
        said += f"; open again, since it was {old.state} as {old.priority}"
        now = replace(now, state=IncidentState.OPEN, snoozed_until_ms=None)
    return Step(now, [*step.events, _event(EventKind.RAISED, now_ms, said, **facts)])


def _must_live(incident: Incident) -> None:
    if not incident.live:
        raise InputError(f"{incident.id} is resolved", remedy="reopen it first if it is not")


def _event(kind: EventKind, at_ms: int, text: str, actor: Actor = SYSTEM, **data: Any) -> IncidentEvent:
    return IncidentEvent(at_ms, kind, actor, text, data)


def _names(names: Collection[str]) -> list[str]:
    return list(dict.fromkeys(names))[:NAMES_MAX]


def _count(number: int) -> str:
    return f"{number} alert{'' if number == 1 else 's'}"


def _text(text: str) -> str:
    return text.strip()[:TEXT_CHARS_MAX]
