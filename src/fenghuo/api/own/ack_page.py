"""What the page behind a notice's link looks like."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from html import escape
from typing import Final

from fenghuo.model.incident import Incident, IncidentState

STATES: Final = {
    IncidentState.OPEN: "未确认 · open",
    IncidentState.ACKNOWLEDGED: "已确认 · acknowledged",
    IncidentState.SNOOZED: "已推迟 · snoozed",
    IncidentState.RESOLVED: "已解决 · resolved",
}
ACTIONS: Final = (
    ("acknowledge", "确认", "Acknowledge"),
    ("snooze30", "推迟 30 分钟", "Snooze 30 min"),
    ("snooze120", "推迟 2 小时", "Snooze 2 h"),
    ("resolve", "已解决", "Resolved"),
)
ESCALATE: Final = ("escalate", "升级，叫更多人", "Escalate: tell more people")
STYLE: Final = """
:root{color-scheme:light dark}*{box-sizing:border-box}
body{margin:0 auto;max-width:30rem;padding:1rem;font:1rem/1.5 system-ui,sans-serif}
h1{font-size:1.25rem;margin:.5rem 0;overflow-wrap:anywhere}
.tag{display:inline-block;padding:0 .6rem;border-radius:1rem;background:#666;color:#fff;font-weight:600}
.P0,.P1{background:#b3261e}.P2{background:#8a5a00}
dl{display:grid;grid-template-columns:auto 1fr;gap:.1rem .8rem}dt{opacity:.75}dd{margin:0;overflow-wrap:anywhere}
label{display:block;margin:1rem 0 .5rem}
input{width:100%;font:inherit;padding:.7rem;border:1px solid #888;border-radius:.5rem}
button{width:100%;font:inherit;padding:.8rem;margin-top:.6rem;border:1px solid #888;border-radius:.5rem;cursor:pointer}
button.main{background:#0b57d0;border-color:#0b57d0;color:#fff;font-weight:600}
.said{padding:.8rem;border-left:.3rem solid #0b57d0;background:#0b57d018}
small{opacity:.8}
"""


@dataclass(frozen=True, slots=True)
class Page:
    html: str


def form_page(
    incident: Incident,
    person: str,
    complaint: tuple[str, str] | None = None,
    wanted: str = "",
    *,
    may_escalate: bool = False,
) -> Page:
    """What there is to answer, and the buttons. Without ``person`` it asks who answers; ``wanted`` stands first."""
    body = _shown(incident)
    if complaint is not None:
        body = _said(complaint) + body
    if not incident.live:
        return _page(incident.id, body)
    name = (
        f"<p>{escape(person)}</p>"
        if person
        else '<label for="name">你的名字 · Your name</label>'
        '<input id="name" name="name" maxlength="60" autocomplete="name" required>'
    )
    actions = (*ACTIONS, ESCALATE) if may_escalate else ACTIONS
    first = wanted if wanted in {action for action, *_ in actions} else actions[0][0]
    buttons = "".join(
        f'<button class="{"main" if action == first else ""}" name="action" value="{action}">'
        f"{zh}<br><small>{en}</small></button>"
        for action, zh, en in sorted(actions, key=lambda known: known[0] != first)
    )
    return _page(incident.id, f'{body}<form method="post">{name}{buttons}</form>')


def said_page(words: tuple[str, str], incident: Incident | None = None) -> Page:
    """What came of it, in Chinese and English."""
    return _page(
        incident.id if incident is not None else "Fenghuo",
        _said(words) + (_shown(incident) if incident is not None else ""),
    )


def _shown(incident: Incident) -> str:
    rows = [("状态 · State", STATES[incident.state]), ("开始 · Since", _time(incident.opened_ms))]
    if incident.firing:
        rows.append(("告警 · Alerts", str(len(incident.firing))))
    if incident.acknowledged_by:
        rows.append(("答复人 · Answered by", incident.acknowledged_by))
    if incident.snoozed_until_ms is not None:
        rows.append(("推迟到 · Until", _time(incident.snoozed_until_ms)))
    if incident.assignee:
        rows.append(("负责人 · Assignee", incident.assignee))
    facts = "".join(f"<dt>{name}</dt><dd>{escape(value)}</dd>" for name, value in rows)
    return (
        f'<p><span class="tag {incident.priority}">{incident.priority}</span> {incident.id}</p>'
        f"<h1>{escape(incident.title)}</h1><dl>{facts}</dl>"
    )


def _said(words: tuple[str, str]) -> str:
    return f'<p class="said" role="status">{"<br>".join(escape(each) for each in words if each)}</p>'


def _time(at_ms: int) -> str:
    return datetime.fromtimestamp(at_ms / 1000).astimezone().strftime("%Y-%m-%d %H:%M %Z")


def _page(title: str, body: str) -> Page:
    return Page(
        '<!doctype html><html lang="zh-CN"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>{body}</main></body></html>"
    )
