"""What is allowed in people, schedules, escalations and priorities, and is most likely a mistake. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from fenghuo.alerting.escalation.settings import PERSON, RECEIVER, EscalationsSettings
from fenghuo.alerting.mute.edges import end_of
from fenghuo.alerting.notify.channels.settings import ChannelSettings
from fenghuo.alerting.notify.channels.slack.settings import SlackSettings
from fenghuo.alerting.oncall.schedule import Roster
from fenghuo.alerting.oncall.settings import DAY_MS, Contact, ContactKind, OnCallSettings
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.reached import kinds_of
from fenghuo.alerting.settings import BUILT_IN_RECEIVER, AlertingSettings
from fenghuo.base.document import Path, nearest
from fenghuo.model.duration import format_duration
from fenghuo.model.incident import Priority
from fenghuo.trading import MarketBook, built_in_markets

GAP_DAYS = 14
"""How far gaps in schedules are looked for."""
URGENT: Final = (Priority.P0, Priority.P1)
"""What must not be told to nobody by mistake."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One doubtful thing. ``path`` is where it stands in the configuration."""

    path: Path
    message: str
    remedy: str = ""


@dataclass(frozen=True, slots=True)
class Configured:
    """What is looked at."""

    alerting: AlertingSettings
    oncall: OnCallSettings = field(default_factory=OnCallSettings)
    priorities: PrioritiesSettings = field(default_factory=PrioritiesSettings)
    escalations: EscalationsSettings = field(default_factory=EscalationsSettings)
    markets: MarketBook = field(default_factory=built_in_markets)


def doubtful_people(found: Configured, now_ms: int) -> Iterator[Finding]:
    """Everything that is doubtful about who is told besides the routes' receivers."""
    yield from _contacts(found)
    yield from _gaps(found.oncall, now_ms)
    yield from _escalations(found)
    yield from _priorities(found, now_ms)


def _kinds(found: Configured) -> dict[str, tuple[str, ...]]:
    """The kinds of each receiver's channels that can tell people: of Slack's only those of bots."""
    has_token = found.alerting.global_.has_slack_token

    def can(channel: ChannelSettings) -> bool:
        return not isinstance(channel, SlackSettings) or channel.is_bot(global_token=has_token)

    return {
        receiver.name: tuple(channel.kind for _, channel in receiver.channels() if can(channel))
        for receiver in found.alerting.receivers
    }


def _contacts(found: Configured) -> Iterator[Finding]:
    by_name = _kinds(found)
    schedules = found.oncall.schedules.values()
    on_call = {name for schedule in schedules for layer in schedule.layers for name in layer.people}
    called = {name for _, kind, name in found.escalations.targets() if kind == PERSON}
    for key, person in found.oncall.people.items():
        if not person.contacts and key in on_call | called:
            what = "is on call" if key in on_call else "is a target of escalations"
            yield Finding(("people", key), f"{key!r} {what} and has no contacts", "give `contacts:` at least one")
        for number, contact in enumerate(person.contacts):
            place: Path = ("people", key, "contacts", number)
            if contact.via and contact.via not in by_name:
                yield Finding((*place, "via"), f"there is no receiver {contact.via!r}", nearest(contact.via, by_name))
            elif not _carried(contact, by_name):
                where = f"receiver {contact.via!r} has" if contact.via else "no receiver has"
                none = "no" if contact.via else "a"
                bot = " with a bot's token (`app_token`)" if contact.kind is ContactKind.SLACK else ""
                kind = f"{contact.kind}{bot}"
                yield Finding(place, f"{where} {none} channel of kind {kind}, so that this contact cannot be reached")


def _carried(contact: Contact, by_name: dict[str, tuple[str, ...]]) -> bool:
    """Whether some channel can reach the contact."""
    return any(contact.kind.value in kinds for name, kinds in by_name.items() if contact.via in ("", name))


def _gaps(oncall: OnCallSettings, now_ms: int) -> Iterator[Finding]:
    for name, schedule in oncall.schedules.items():
        gaps = Roster(name, schedule).gaps(now_ms, now_ms + GAP_DAYS * DAY_MS)
        if gaps:
            zone = ZoneInfo(schedule.zone)
            begin, end = (
                datetime.fromtimestamp(at_ms / 1000, zone).strftime("%Y-%m-%d %H:%M")
                for at_ms in (gaps[0].start_ms, gaps[0].end_ms)
            )
            total = format_duration(sum(gap.end_ms - gap.start_ms for gap in gaps) // 60_000 * 60_000)
            yield Finding(
                ("schedules", name),
                f"nobody is on call in {name!r} for {total} of the next {GAP_DAYS} days, first from {begin} to {end}",
                "add a layer that covers the rest",
            )


def _escalations(found: Configured) -> Iterator[Finding]:
    used = {policy.escalation for _, policy in found.priorities.policies()}
    for name, policy in found.escalations.escalations.items():
        place: Path = ("escalations", name)
        if name not in used:
            yield Finding(place, f"escalation {name!r} is used by no priority", "`priorities: P1: {escalation: …}`")
        for number, step in enumerate(policy.steps):
            if not any(_reaches(target, found) for target in step.targets):
                yield Finding((*place, "steps", number), "this step reaches nobody: no target has a way to be told")


def _reaches(target: str, found: Configured) -> bool:
    """Whether a target can ever reach somebody."""
    kind, _, name = target.partition(":")
    if kind == RECEIVER:
        return bool(kinds_of(found.alerting).get(name))
    by_name = _kinds(found)
    schedule = found.oncall.schedules.get(name)
    layers = schedule.layers if schedule is not None and kind != PERSON else []
    keys = [name] if kind == PERSON else [key for layer in layers for key in layer.people]
    people = [found.oncall.people[key] for key in keys if key in found.oncall.people]
    return any(_carried(contact, by_name) for person in people for contact in person.contacts)


def _priorities(found: Configured, now_ms: int) -> Iterator[Finding]:
    by_name = kinds_of(found.alerting)
    root = found.alerting.root.receiver
    for priority, policy in found.priorities.policies():
        place: Path = ("priorities", priority.value)
        for index, name in enumerate(policy.receivers):
            if name in by_name and not by_name[name]:
                yield Finding((*place, "receivers", index), f"receiver {name!r} has no channels, so that nobody hears")
        quiet = any(interval.contains(now_ms, found.markets) for interval in policy.quiet_hours)
        if quiet and end_of(policy.quiet_hours, now_ms, found.markets) is None:
            said = f"quiet hours of {priority} hold now and do not end in two weeks"
            yield Finding((*place, "quiet_hours"), said, "look at its times and days")
    unheard = [
        priority.value
        for priority, policy in found.priorities.policies()
        if priority in URGENT and not policy.escalation and not any(by_name.get(name) for name in policy.receivers)
    ]
    if unheard and root != BUILT_IN_RECEIVER and not by_name.get(root):
        yield Finding(
            ("route", "receiver"),
            f"alerts of {', '.join(unheard)} that no other route takes are told to nobody: {root!r} has no channels",
            "give the priority `receivers:`, or the root route a receiver with channels",
        )
