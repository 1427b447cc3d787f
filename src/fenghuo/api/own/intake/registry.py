"""The kinds of messages that are understood."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from fenghuo.api.own.intake import alertmanager, aliyun, grafana, tencent, webhook, zabbix
from fenghuo.api.own.intake.fields import Field
from fenghuo.api.own.intake.report import Reports
from fenghuo.api.own.intake.settings import IntakeKind, IntakeSettings
from fenghuo.api.own.intake.webhook import Render

FORMS: Final[Mapping[IntakeKind, Callable[[Field], Reports]]] = {
    IntakeKind.GRAFANA: grafana.read,
    IntakeKind.ZABBIX: zabbix.read,
    IntakeKind.ALERTMANAGER: alertmanager.read,
    IntakeKind.ALIYUN: aliyun.read,
    IntakeKind.TENCENT: tencent.read,
}


def read(kind: IntakeKind, message: Field, settings: IntakeSettings, render: Render) -> Reports:
    """What a message of that kind reports. Raises FieldError for one that is no such message."""
    if kind is IntakeKind.WEBHOOK:
        return webhook.read(message, settings, render)
    return FORMS[kind](message)
