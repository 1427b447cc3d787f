"""Grafana's webhook: of its unified alerting, and of the alerting of dashboards before Grafana 9."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from fenghuo.api.own.intake.alertmanager import read_alert
from fenghuo.api.own.intake.fields import Field, FieldError
from fenghuo.api.own.intake.report import NAME, Report, Reports, each_of, filled

LEGACY_STATES: Final = {"alerting": True, "no_data": True, "ok": False, "paused": False, "pending": None}
"""Whether an alert in that state fires; None: not yet."""


def read(message: Field) -> Reports:
    """Raises FieldError for what is neither."""
    if message["alerts"].value is not None:
        return each_of(message["alerts"].items(), _unified)
    if message["ruleName"].value is not None:
        return each_of([message], _legacy)
    raise FieldError("alerts", "is missing", "use a contact point of the type Webhook, with its own payload")


def _unified(alert: Field) -> Report:
    report = read_alert(alert)
    values = alert["values"].texts() if isinstance(alert["values"].value, dict) else {}
    said = filled(
        values=" ".join(f"{name}={value}" for name, value in sorted(values.items())),
        dashboard_url=alert["dashboardURL"].text(),
        panel_url=alert["panelURL"].text(),
        image_url=alert["imageURL"].text(),
    )
    return replace(report, annotations={**said, **report.annotations})


def _legacy(message: Field) -> Report | None:
    state = message["state"].required()
    if state not in LEGACY_STATES:
        raise FieldError("state", f"{state[:40]!r} is not known", f"Grafana sends {', '.join(LEGACY_STATES)}")
    firing = LEGACY_STATES[state]
    if firing is None:
        return None
    place = [message[name].text() for name in ("orgId", "ruleId")]
    matches = (f"{match['metric'].text()}={match['value'].text()}" for match in message["evalMatches"].items())
    return Report(
        labels={
            **message["tags"].texts(),
            NAME: message["ruleName"].required(),
            **filled(rule_id="-".join(part for part in place if part)),
        },
        firing=firing,
        annotations=filled(
            summary=message["title"].text(),
            description=message["message"].text(),
            values=" ".join(matches),
            image_url=message["imageUrl"].text(),
            no_data="no data" if state == "no_data" else "",
        ),
        link=message["ruleUrl"].text(),
        raw=message.value,
    )
