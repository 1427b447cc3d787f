"""Time lines in Chinese.

A line of the program's own carries English text and, beside it, the facts that the text was made of; Chinese is made of
those. What people wrote, what other programs answered, and lines without facts stay as they are.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from fenghuo.model.duration import format_duration
from fenghuo.model.incident import EventKind, IncidentEvent
from fenghuo.model.language import Language

KINDS: Final[Mapping[EventKind, str]] = {
    EventKind.OPENED: "事件开始",
    EventKind.OVERDUE: "答复超时",
    EventKind.ALERTS: "告警变化",
    EventKind.RAISED: "优先级提高",
    EventKind.ACKNOWLEDGED: "已确认",
    EventKind.ASSIGNED: "已指派",
    EventKind.COMMENTED: "备注",
    EventKind.SNOOZED: "已推迟",
    EventKind.WOKEN: "推迟结束",
    EventKind.RESOLVED: "已解决",
    EventKind.REOPENED: "重新打开",
    EventKind.POSTMORTEM: "关联复盘",
    EventKind.ESCALATED: "已升级",
    EventKind.REACHED: "已通知到人",
    EventKind.NOT_REACHED: "未能通知到",
    EventKind.ESCALATION_OVER: "已无人可通知",
    EventKind.ESCALATION_MISSED: "升级被错过",
    EventKind.LINK_REFUSED: "链接被拒绝",
    EventKind.ATTEMPT: "发送尝试失败",
    EventKind.NOTICE: "通知",
}
_STATES: Final = {"acknowledged": "确认", "snoozed": "推迟"}
_NOTICES: Final = {"claimed": "正在发送", "sent": "已发送", "failed": "失败", "interrupted": "因程序停止而中断"}
_ENDINGS: Final = {"over": "全部告警已结束", "gone": "其告警组已不存在"}
_NOBODY: Final = {
    "quiet": "处于免打扰时段",
    "gap": "无人值班",
    "schedule": "该值班表已不存在",
    "person": "此人已不在配置中",
    "contacts": "没有联系方式",
    "receiver": "该接收者已不存在",
    "channels": "该接收者没有渠道",
}
_LINKS: Final = {"used": "已被使用过", "expired": "已过期"}


def kind_text(kind: EventKind, language: Language) -> str:
    """What kind of a line it is."""
    return KINDS[kind] if language is Language.CHINESE else kind.value


def text_of(event: IncidentEvent, language: Language) -> str:
    """What the line says."""
    return _in_chinese(event) if language is Language.CHINESE else event.text


def _in_chinese(event: IncidentEvent) -> str:
    match event.kind, event.data:
        case EventKind.OPENED, {"priority": priority, "firing": firing}:
            return f"{priority}，{firing} 条告警触发"
        case EventKind.REOPENED, {"priority": priority, "firing": firing}:
            return f"{priority}，{firing} 条告警再次触发或新加入"
        case EventKind.ALERTS, {"fresh": fresh, "over": over, "state": state}:
            since = f"{_STATES[state]}后" if state in _STATES else ""
            return "，".join([f"{since}新增 {fresh} 条"] * bool(fresh) + [f"{over} 条结束"] * bool(over))
        case EventKind.RAISED, {"before": before, "priority": priority, "state": state}:
            again = f"；此前已{_STATES[state]}，现重新等待答复" if state in _STATES else ""
            return f"由 {before} 升为 {priority}{again}"
        case EventKind.OVERDUE, {"priority": priority}:
            return f"{priority} 未在时限内得到答复"
        case EventKind.WOKEN, _:
            return "推迟时间已到"
        case EventKind.RESOLVED, {"ending": ending}:
            return _ENDINGS.get(ending, event.text)
        case EventKind.SNOOZED, {"duration_ms": int(duration_ms), "comment": comment}:
            return f"推迟 {format_duration(duration_ms)}" + (f"：{comment}" if comment else "")
        case EventKind.ASSIGNED, {"person": person}:
            return f"指派给 {person}" if person else "不再指派给任何人"
        case EventKind.LINK_REFUSED, {"why": why}:
            return f"答复链接{_LINKS[why]}" if why in _LINKS else event.text
    return _escalation_in_chinese(event)


def _escalation_in_chinese(event: IncidentEvent) -> str:
    match event.kind, event.data:
        case EventKind.ESCALATED, {"comment": comment}:
            return "要求执行下一步" + (f"：{comment}" if comment else "")
        case EventKind.ESCALATED, {
            "policy": policy,
            "step": step,
            "steps": steps,
            "round": turn,
            "rounds": rounds,
        } as told:
            rounds_said = f"，第 {turn}/{rounds} 轮" if rounds != 1 else ""
            return f"{policy}：第 {step}/{steps} 步{rounds_said}：{'、'.join(told.get('targets', ()))}"
        case EventKind.NOT_REACHED, {"target": target, "why": why}:
            return f"{target}：{_NOBODY[why]}" if why in _NOBODY else event.text
        case EventKind.REACHED | EventKind.NOT_REACHED, {"target": target, "who": who, "through": kind, "error": error}:
            return f"{who or target}，通过 {kind}" + (f"：{error}" if error else "")
        case EventKind.ESCALATION_OVER, {"policy": policy}:
            return f"{policy} 的每一步都已执行，仍无人答复"
        case EventKind.ESCALATION_MISSED, {"steps": steps}:
            return f"{steps} 步因当时程序未运行而被略过，直接执行更新的一步"
        case EventKind.NOTICE, {"receiver": receiver, "channel": channel, "state": state, "error": error}:
            return f"{receiver}，通过 {channel}：{_NOTICES.get(state, state)}" + (f"（{error}）" if error else "")
        case EventKind.ATTEMPT, {"receiver": receiver, "channel": channel, "attempt": attempt, "error": error}:
            return f"{receiver}，通过 {channel}：第 {attempt} 次尝试失败（{error}）"
    return event.text
