"""A post-mortem to be filled in: Markdown with what the time line knows already."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from fenghuo.alerting.incident.wording import kind_text, text_of
from fenghuo.model.duration import format_duration
from fenghuo.model.incident import Incident, IncidentEvent
from fenghuo.model.language import Language

FACTS: Final = {
    Language.ENGLISH: ("Priority", "Opened", "Acknowledged", "Resolved", "Assignee"),
    Language.CHINESE: ("优先级", "开始", "确认", "解决", "负责人"),
}
QUESTIONS: Final = {
    Language.ENGLISH: (
        ("Impact", "Who noticed what, and for how long?"),
        ("Cause", "What made it happen, and what let it?"),
        ("What went well", "What helped to see or to mend it?"),
        ("What went badly", "What cost time?"),
        ("What we do", "| what | who | until |\n|---|---|---|\n|  |  |  |"),
    ),
    Language.CHINESE: (
        ("影响", "谁受到了什么影响，持续多久？"),
        ("原因", "什么引发了它，又是什么没能拦住它？"),
        ("做得好的", "什么帮助我们更早发现或更快恢复？"),
        ("做得不好的", "时间耽误在哪里？"),
        ("改进措施", "| 事项 | 负责人 | 期限 |\n|---|---|---|\n|  |  |  |"),
    ),
}
TIME_LINE: Final = {
    Language.ENGLISH: ("Time line", "| when (UTC) | what | who | |"),
    Language.CHINESE: ("时间线", "| 时间（UTC） | 事项 | 操作者 | 说明 |"),
}


def postmortem(incident: Incident, timeline: Sequence[IncidentEvent], language: Language = Language.ENGLISH) -> str:
    """The document, in Chinese or English. Times are UTC."""
    language = Language.CHINESE if language is Language.CHINESE else Language.ENGLISH
    values = (
        incident.priority,
        _moment(incident.opened_ms),
        _after(incident.acknowledged_ms, incident, language),
        _after(incident.resolved_ms, incident, language),
        _plain(incident.assignee) or "–",
    )
    lines = [f"# {incident.id}: {_plain(incident.title)}", "", "| | |", "|---|---|"]
    lines += [f"| {name} | {value} |" for name, value in zip(FACTS[language], values, strict=True)]
    for title, question in QUESTIONS[language]:
        lines += ["", f"## {title}", "", question]
    title, head = TIME_LINE[language]
    lines += ["", f"## {title}", "", head, "|---|---|---|---|"]
    for event in timeline:
        who = f"{_plain(event.actor.name)} ({event.actor.via})"
        kind, text = kind_text(event.kind, language), _plain(text_of(event, language))
        lines.append(f"| {_moment(event.at_ms)} | {kind} | {who} | {text} |")
    return "\n".join(lines) + "\n"


def _plain(text: str) -> str:
    """Text that stays inside one cell of a table and is no markup."""
    return "".join(f"\\{char}" if char in "\\|`*_[]<>#" else char for char in " ".join(text.split()))


def _moment(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")


def _after(at_ms: int | None, incident: Incident, language: Language) -> str:
    if at_ms is None:
        return "–"
    lasted = format_duration((at_ms - incident.opened_ms) // 1000 * 1000)
    return _moment(at_ms) + (f"（{lasted} 后）" if language is Language.CHINESE else f" (after {lasted})")
