"""What people are told about heartbeats."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Final
from zoneinfo import ZoneInfo

from fenghuo.heartbeat.settings import HeartbeatSettings
from fenghuo.heartbeat.timing import Trouble
from fenghuo.model.alert import Alert
from fenghuo.model.duration import format_duration
from fenghuo.model.heartbeat import Pulse
from fenghuo.model.labels import Labels

NAMES: Final[Mapping[Trouble, str]] = {
    Trouble.MISSING: "FenghuoHeartbeatMissing",
    Trouble.FAILED: "FenghuoHeartbeatFailed",
    Trouble.LATE: "FenghuoHeartbeatLate",
}


def alert_of(settings: HeartbeatSettings, pulse: Pulse, trouble: Trouble, since_ms: int) -> Alert:
    """The firing alert. Its labels stay the same while the trouble lasts."""
    labels = {
        "severity": "critical", **settings.labels, "alertname": NAMES[trouble], "heartbeat": pulse.name,
        "source": "fenghuo",
    }  # fmt: skip
    english, chinese = _summary(settings, pulse, trouble)
    annotations = {"summary": english, "summary_zh": chinese}
    if settings.description:
        annotations["description"] = settings.description
    if pulse.text and trouble is Trouble.FAILED:
        annotations["output"] = pulse.text
    return Alert(Labels(labels), since_ms, annotations=Labels(annotations))


def _summary(settings: HeartbeatSettings, pulse: Pulse, trouble: Trouble) -> tuple[str, str]:
    name = pulse.name
    match trouble:
        case Trouble.MISSING if pulse.heard_ms is None:
            since = _shown(pulse.since_ms, settings)
            return (
                f"{name} has never been heard from since it was first waited for at {since}",
                f"{name} 自 {since} 开始等待以来，从未有过心跳",
            )
        case Trouble.MISSING:
            assert pulse.heard_ms is not None
            heard = _shown(pulse.heard_ms, settings)
            return f"{name} is silent, last heard from at {heard}", f"{name} 没有心跳，上一次是 {heard}"
        case Trouble.FAILED:
            code = "" if pulse.exit_code is None else f" with exit code {pulse.exit_code}"
            code_zh = "" if pulse.exit_code is None else f"，退出码 {pulse.exit_code}"
            return f"{name} failed{code}", f"{name} 运行失败{code_zh}"
        case Trouble.LATE:
            assert pulse.started_ms is not None
            started, longest = _shown(pulse.started_ms, settings), format_duration(settings.runtime_max_ms)
            return (
                f"{name} started at {started} and has not ended within {longest}",
                f"{name} 于 {started} 开始，{longest} 内没有结束",
            )


def _shown(moment_ms: int, settings: HeartbeatSettings) -> str:
    return datetime.fromtimestamp(moment_ms // 1000, ZoneInfo(settings.zone)).isoformat(" ")
