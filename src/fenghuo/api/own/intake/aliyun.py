"""Aliyun CloudMonitor's callback of threshold rules: a form, or the same fields as JSON."""

from __future__ import annotations

import re
from typing import Final

import orjson

from fenghuo.api.own.intake.fields import Field, FieldError
from fenghuo.api.own.intake.report import NAME, SEVERITY, Report, Reports, each_of, filled

STATES: Final = {"ALERT": True, "ALARM": True, "INSUFFICIENT_DATA": True, "OK": False}
"""Whether a rule in that state fires. Without data nobody knows, which is worth telling."""
LEVELS: Final = {"CRITICAL": "critical", "WARN": "warning", "INFO": "info"}
PAIR: Final = re.compile(r"([A-Za-z_][A-Za-z0-9_]*)=([^,{}]*)")


def read(message: Field) -> Reports:
    return each_of([message], _callback)


def _callback(message: Field) -> Report:
    # What is not known is sent as the word null.
    said = Field({key: "" if value == "null" else value for key, value in message.object().items()})
    state = said["alertState"].required()
    if state not in STATES:
        raise FieldError("alertState", f"{state[:40]!r} is not known", f"CloudMonitor sends {', '.join(STATES)}")
    dimensions = _dimensions(said["dimensions"])
    level = said.first("triggerLevel", "preTriggerLevel").text()
    metric = said.first("rawMetricName", "metricName").text()
    value = f"{said['curValue'].text()}{said['unit'].text()}"
    expression = said["expression"].text()
    return Report(
        labels={
            **dimensions,
            NAME: said["alertName"].required(),
            **filled(
                instance=said["instanceName"].text() or dimensions.get("instanceId", ""),
                namespace=said.first("namespace", "metricProject").text(),
                metric=metric,
                region=said.first("regionId", "regionName").text(),
                rule_id=said["ruleId"].text(),
                **{SEVERITY: LEVELS.get(level, "")},
            ),
        },
        firing=STATES[state],
        starts_ms=said["timestamp"].time_ms() if STATES[state] else None,
        ends_ms=None if STATES[state] else said["timestamp"].time_ms(),
        annotations=filled(
            summary=f"{said['alertName'].text()}: {metric} {value}".strip(),
            expression=expression,
            values=value,
            lasts=said["lastTime"].text(),
            no_data="no data" if state == "INSUFFICIENT_DATA" else "",
        ),
        raw=message.value,
    )


def _dimensions(field: Field) -> dict[str, str]:
    """``{userId=12, instanceId=i-1}``, or JSON of one object or a list of them."""
    text = field.text() if not isinstance(field.value, dict | list) else ""
    try:
        value = orjson.loads(text) if text else field.value
    except orjson.JSONDecodeError:
        return {name: value.strip() for name, value in PAIR.findall(text) if value.strip()}
    objects = [value] if isinstance(value, dict) else value if isinstance(value, list) else []
    return {name: text for each in objects for name, text in Field(each, field.place).texts().items()}
