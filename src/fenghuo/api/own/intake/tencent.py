"""Tencent Cloud's Observability Platform (Cloud Monitor): the callback of metric and event alarms."""

from __future__ import annotations

from typing import Final

from fenghuo.api.own.intake.fields import Field, FieldError
from fenghuo.api.own.intake.report import NAME, Report, Reports, each_of, filled

STATUSES: Final = {"1": True, "0": False}
ZONE: Final = "+08:00"
"""Times are China's and do not say so."""
OBJECT: Final = ("objName", "objDetail")
"""Dimensions that describe the object for people."""


def read(message: Field) -> Reports:
    """A message without an alarm is Tencent's look whether anybody answers here."""
    if message["alarmStatus"].value is None and message["alarmPolicyInfo"].value is None:
        return Reports()
    return each_of([message], _alarm)


def _alarm(message: Field) -> Report:
    status = message["alarmStatus"].required()
    if status not in STATUSES:
        raise FieldError("alarmStatus", f"{status[:40]!r} is neither 1 nor 0", "Tencent sends 1 when it fires, else 0")
    thing, policy = _part(message, "alarmObjInfo"), _part(message, "alarmPolicyInfo")
    conditions, dimensions = _part(policy, "conditions"), thing["dimensions"].texts()
    shown = conditions.first("metricShowName", "eventShowName", "metricName", "eventName").text()
    unit = conditions["unit"].text()
    value = filled(values=_with(conditions["currentValue"].text(), unit))
    threshold = f"{conditions['calcType'].text()} {_with(conditions['calcValue'].text(), unit)}".strip()
    begun = message["firstOccurTime"].text()
    return Report(
        labels={
            **{name: text for name, text in dimensions.items() if name not in OBJECT and not name.startswith("__")},
            NAME: policy["policyName"].required(),
            **filled(
                instance=Field(dimensions).first("objName", "unInstanceId", "objId").text(),
                namespace=thing["namespace"].text(),
                region=thing["region"].text(),
                policy_id=policy["policyId"].text(),
                metric=conditions["metricName"].text(),
                event=conditions["eventName"].text(),
            ),
        },
        firing=STATUSES[status],
        starts_ms=Field(f"{begun}{ZONE}", "firstOccurTime").time_ms() if begun else None,
        annotations={
            **filled(summary=" ".join(part for part in (shown, *value.values()) if part), expression=threshold),
            **value,
            **filled(policy_type=policy["policyTypeCName"].text(), object=dimensions.get("objDetail", "")),
        },
        raw=message.value,
    )


def _part(whole: Field, key: str) -> Field:
    """An object inside; one that is missing is empty."""
    part = whole[key]
    return Field({}, part.place) if part.value is None else part


def _with(number: str, unit: str) -> str:
    return f"{number}{unit}" if number else ""
