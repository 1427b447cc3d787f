"""A post-mortem to be filled in: Markdown with what the time line knows already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime

from fenghuo.model.duration import format_duration
from fenghuo.model.incident import Incident, IncidentEvent

QUESTIONS = (
    ("Impact", "Who noticed what, and for how long?"),
    ("Cause", "What made it happen, and what let it?"),
    ("What went well", "What helped to see or to mend it?"),
    ("What went badly", "What cost time?"),
    ("What we do", "| what | who | until |\n|---|---|---|\n|  |  |  |"),
)


def postmortem(incident: Incident, timeline: Sequence[IncidentEvent]) -> str:
    """The document. Times are UTC."""
    lines = [
        f"# {incident.id}: {_plain(incident.title)}",
        "",
        "| | |",
        "|---|---|",
        f"| Priority | {incident.priority} |",
        f"| Opened | {_moment(incident.opened_ms)} |",
        f"| Acknowledged | {_after(incident.acknowledged_ms, incident)} |",
        f"| Resolved | {_after(incident.resolved_ms, incident)} |",
        f"| Assignee | {_plain(incident.assignee) or '–'} |",
        "",
    ]
    for title, question in QUESTIONS:
        lines += [f"## {title}", "", question, ""]
    lines += ["## Time line", "", "| when (UTC) | what | who | |", "|---|---|---|---|"]
    for event in timeline:
        who = f"{_plain(event.actor.name)} ({event.actor.via})"
        lines.append(f"| {_moment(event.at_ms)} | {event.kind} | {who} | {_plain(event.text)} |")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that stays inside one cell of a table and is no markup."""
    return "".join(f"\\{char}" if char in "\\|`*_[]<>#" else char for char in " ".join(text.split()))


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _after(at_ms: int | None, incident: Incident) -> str:
    if at_ms is None:
        return "–"
    seconds = (at_ms - incident.opened_ms) // 1000
    return f"{_moment(at_ms)} (after {format_duration(seconds * 1000)})"
