"""A message in plain words, without any template: what goes out when a template fails."""

from __future__ import annotations

from datetime import UTC, datetime, tzinfo

from fenghuo.alerting.notify.message import FIRING, Message, ToldAlert
from fenghuo.model.labels import Labels


def plain_title(message: Message) -> str:
    """``[FIRING:2] HighCPUUsage web-1``."""
    count = f":{len(message.firing)}" if message.status == FIRING else ""
    names = " ".join(value for _, value in message.group_labels.pairs) or message.receiver
    return f"[{message.status.upper()}{count}] {names}"


def plain_text(message: Message, faults: list[str], zone: tzinfo = UTC) -> str:
    """Every alert with its labels and annotations, and what went wrong with the template."""
    lines = [f"模板出错,以下为原始内容 A template failed, this is the plain content: {fault}" for fault in faults]
    for alert in message.alerts:
        lines += ["", *_alert_lines(alert, zone)]
    return "\n".join(lines).strip()


def _alert_lines(alert: ToldAlert, zone: tzinfo) -> list[str]:
    return [
        f"[{alert.status}] {alert.labels.get('alertname', '')}",
        *_pair_lines(alert.labels),
        *_pair_lines(alert.annotations),
        f"since: {datetime.fromtimestamp(alert.starts_at_ms / 1000, zone).isoformat(timespec='seconds')}",
        *([f"source: {alert.generator_url}"] if alert.generator_url else []),
    ]


def _pair_lines(labels: Labels) -> list[str]:
    return [f"  {name} = {value}" for name, value in labels.pairs if name != "alertname"]
