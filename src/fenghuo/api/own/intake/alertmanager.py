"""Alertmanager's webhook, payload version 4: how somebody else's Alertmanager passes its alerts on."""

from __future__ import annotations

from fenghuo.api.own.intake.fields import Field, FieldError
from fenghuo.api.own.intake.report import NAME, Report, Reports, each_of

RESOLVED = "resolved"
STATUSES = ("firing", RESOLVED)


def read(message: Field) -> Reports:
    """Raises FieldError for what is no such message."""
    if message["alerts"].value is None:
        raise FieldError("alerts", "is missing", "point webhook_configs of an Alertmanager here")
    return each_of(message["alerts"].items(), read_alert)


def read_alert(alert: Field) -> Report:
    """One alert, in the form that Grafana shares. Raises FieldError."""
    status = alert["status"].required()
    if status not in STATUSES:
        raise FieldError(f"{alert.place}.status", f"{status[:40]!r} is neither firing nor resolved", "send one of them")
    labels = alert["labels"].texts()
    if not labels:
        raise FieldError(f"{alert.place}.labels", "holds no label", f"an alert has at least the label {NAME}")
    resolved = status == RESOLVED
    return Report(
        labels=labels,
        firing=not resolved,
        starts_ms=alert["startsAt"].time_ms(),
        ends_ms=alert["endsAt"].time_ms() if resolved else None,
        annotations=alert["annotations"].texts(),
        link=alert["generatorURL"].text(),
        raw=alert.value,
    )
