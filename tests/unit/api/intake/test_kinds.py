"""Each kind of message, as its sender sends it, and what is wrong with those that are wrong."""

from __future__ import annotations

import copy
from typing import Any
from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fenghuo.api.own.intake import alertmanager, aliyun, grafana, tencent, zabbix
from fenghuo.api.own.intake.door import parsed
from fenghuo.api.own.intake.fields import Field
from fenghuo.api.own.intake.registry import read
from fenghuo.api.own.intake.report import Report, Reports
from fenghuo.api.own.intake.settings import IntakeKind, IntakeSettings
from fenghuo.base.errors import InputError

GRAFANA = {
    "receiver": "fenghuo",
    "status": "firing",
    "orgId": 1,
    "alerts": [
        {
            "status": "firing",
            "labels": {"alertname": "Memory high", "grafana_folder": "mall", "severity": "critical", "zone": "sh-1"},
            "annotations": {"summary": "内存不足", "runbook_url": "https://wiki.example.com/memory"},
            "startsAt": "2026-11-21T09:51:03.157076123+08:00",
            "endsAt": "0001-01-01T00:00:00Z",
            "generatorURL": "https://grafana.example.com/alerting/grafana/1afz29v7z/view?orgId=1",
            "fingerprint": "c6eadffa33fcdf37",
            "silenceURL": "https://grafana.example.com/alerting/silence/new?matchers=zone%3Dsh-1",
            "dashboardURL": "https://grafana.example.com/d/mall",
            "panelURL": "https://grafana.example.com/d/mall?viewPanel=2",
            "values": {"B": 94.5, "C": 1},
            "valueString": "[ var='B' labels={} value=94.5 ]",
        },
        {
            "status": "resolved",
            "labels": {"alertname": "DatasourceNoData", "datasource_uid": "p8", "ref_id": "A", "rulename": "Orders"},
            "annotations": {},
            "startsAt": "2026-11-21T09:00:00Z",
            "endsAt": "2026-11-21T09:40:00Z",
            "generatorURL": "",
            "fingerprint": "bc97ff14869b13e3",
            "values": None,
        },
    ],
    "groupLabels": {},
    "commonLabels": {},
    "commonAnnotations": {},
    "externalURL": "https://grafana.example.com/",
    "version": "1",
    "groupKey": "{}:{}",
    "truncatedAlerts": 0,
    "title": "[FIRING:1]",
    "state": "alerting",
    "message": "**Firing**",
}
LEGACY = {
    "dashboardId": 1,
    "evalMatches": [{"value": 342.5, "metric": "queue", "tags": None}, {"value": 7, "metric": "dead", "tags": {}}],
    "imageUrl": "https://grafana.example.com/render.png",
    "message": "too many orders wait",
    "orgId": 1,
    "panelId": 2,
    "ruleId": 92,
    "ruleName": "Orders wait",
    "ruleUrl": "https://grafana.example.com/d/x?tab=alert",
    "state": "alerting",
    "tags": {"team": "mall", "severity": "warning"},
    "title": "[Alerting] Orders wait",
}
ZABBIX = {
    "event_id": "48211",
    "event_value": "1",
    "event_update_status": "0",
    "event_name": "/: Disk space is low (used > 80%)",
    "event_nseverity": "3",
    "event_opdata": "Space used: 87 GB of 100 GB (87 %)",
    "event_tags": '[{"tag":"scope","value":"capacity"},{"tag":"component","value":"storage"},'
    '{"tag":"component","value":"disk"},{"tag":"mute","value":""}]',
    "event_timestamp": "1795225863",
    "recovery_timestamp": "{EVENT.RECOVERY.TIMESTAMP}",
    "event_update_message": "{EVENT.UPDATE.MESSAGE}",
    "host": "db-1",
    "trigger_id": "23101",
    "trigger_description": "",
    "subject": "Problem: /: Disk space is low (used > 80%)",
    "message": "*UNKNOWN*",
    "url": "https://zabbix.example.com/tr_events.php?triggerid=23101&eventid=48211",
}
ALIYUN = {
    "lastTime": "5分钟",
    "rawMetricName": "memory_usedutilization",
    "expression": "$Average>=95",
    "metricName": "Host.mem.usedutilization",
    "instanceName": "mall-web-01",
    "signature": "eEq1zHuC",
    "transId": "db5f2204",
    "groupId": "41263096",
    "regionName": "null",
    "productGroupName": "mall",
    "metricProject": "acs_ecs_dashboard",
    "userId": "120000000000",
    "curValue": "97.39",
    "unit": "%",
    "alertName": "基础监控-ECS-内存使用率",
    "regionId": "cn-shanghai",
    "namespace": "acs_ecs_dashboard",
    "triggerLevel": "WARN",
    "alertState": "ALERT",
    "preTriggerLevel": "WARN",
    "ruleId": "applyTemplateee147e59",
    "dimensions": "{userId=120000000000, instanceId=i-uf6}",
    "timestamp": "1795225863421",
}
TENCENT: dict[str, Any] = {
    "sessionId": "vuRH4ZlxBJSMNJHvNZhls9HY",
    "alarmStatus": 1,
    "alarmType": "metric",
    "alarmObjInfo": {
        "region": "sh",
        "namespace": "qce/cvm",
        "dimensions": {
            "unInstanceId": "ins-o9p3rg3m",
            "objId": "94f1",
            "objName": "172.21.30.15#588789",
            "__region__": "4",
        },
    },
    "alarmPolicyInfo": {
        "policyId": "policy-n4exeh88",
        "policyType": "cvm_device",
        "policyName": "商城主机",
        "policyTypeCName": "云服务器-基础监控",
        "conditions": {
            "metricName": "cpu_usage",
            "metricShowName": "CPU 利用率",
            "calcType": ">",
            "calcValue": "90",
            "currentValue": "97",
            "unit": "%",
            "period": "60",
            "periodNum": "1",
            "alarmNotifyType": "continuousAlarm",
            "alarmNotifyPeriod": 300,
        },
    },
    "firstOccurTime": "2026-11-21 09:51:03",
    "durationTime": 500,
    "recoverTime": "0",
}
TENCENT_EVENT = {
    **TENCENT,
    "alarmStatus": "1",
    "alarmType": "event",
    "alarmObjInfo": {"dimensions": {"unInstanceId": "ins-pft", "objDetail": {"deviceLanIp": "172.21.0.17"}}},
    "alarmPolicyInfo": {
        "policyName": "商城主机",
        "conditions": {"productName": "cvm", "eventName": "ping_unreachable", "eventShowName": "ping 不可达"},
    },
}


def only(found: Reports) -> Report:
    assert not found.problems
    (report,) = found.reports
    return report


def changed(message: dict[str, Any], **fields: Any) -> Field:
    return Field({**copy.deepcopy(message), **fields})


def test_grafana() -> None:
    found = grafana.read(Field(GRAFANA))
    firing, over = found.reports
    assert found.problems == []
    assert firing == Report(
        labels={"alertname": "Memory high", "grafana_folder": "mall", "severity": "critical", "zone": "sh-1"},
        firing=True,
        starts_ms=1_795_225_863_157,
        annotations={
            "summary": "内存不足",
            "runbook_url": "https://wiki.example.com/memory",
            "values": "B=94.5 C=1",
            "dashboard_url": "https://grafana.example.com/d/mall",
            "panel_url": "https://grafana.example.com/d/mall?viewPanel=2",
        },
        link="https://grafana.example.com/alerting/grafana/1afz29v7z/view?orgId=1",
        raw=GRAFANA["alerts"][0],  # type: ignore[index]
    )
    assert (over.firing, over.starts_ms, over.ends_ms) == (False, 1_795_251_600_000, 1_795_254_000_000)


@pytest.mark.parametrize(
    ("state", "firing"),
    [("alerting", [True]), ("no_data", [True]), ("ok", [False]), ("paused", [False]), ("pending", [])],
)
def test_grafana_before_9(state: str, firing: list[bool]) -> None:
    found = grafana.read(changed(LEGACY, state=state))
    assert [report.firing for report in found.reports] == firing
    for report in found.reports:
        assert report.labels == {
            "alertname": "Orders wait", "rule_id": "1-92", "team": "mall", "severity": "warning",
        }  # fmt: skip
        assert report.annotations["values"] == "queue=342.5 dead=7"


def test_alertmanager_takes_the_good_alerts_of_a_message() -> None:
    good = {"status": "firing", "labels": {"alertname": "Down"}, "startsAt": "2026-11-21T09:00:00Z"}
    bad = [{**good, "status": "on"}, {**good, "labels": {}}, {**good, "startsAt": "yesterday"}, "text"]
    found = alertmanager.read(Field({"version": "4", "alerts": [good, *bad, good]}))
    assert [report.labels["alertname"] for report in found.reports] == ["Down", "Down"]
    assert [str(problem) for problem in found.problems] == [
        "alerts[1].status 'on' is neither firing nor resolved (send one of them)",
        "alerts[2].labels holds no label (an alert has at least the label alertname)",
        "alerts[3].startsAt 'yesterday' is not a time (write 2026-11-23T02:10:00+08:00)",
        'alerts[4] has to be an object, got a text (write {"key": "value"})',
    ]


def test_zabbix() -> None:
    report = only(zabbix.read(Field(ZABBIX)))
    assert report.labels == {
        "alertname": "/: Disk space is low (used > 80%)",
        "event_id": "48211",
        "instance": "db-1",
        "trigger_id": "23101",
        "severity": "warning",
        "scope": "capacity",
        "component": "storage,disk",
        "mute": "true",
    }
    assert (report.firing, report.starts_ms, report.ends_ms) == (True, 1_795_225_863_000, None)
    assert report.annotations == {
        "summary": "Problem: /: Disk space is low (used > 80%)",
        "values": "Space used: 87 GB of 100 GB (87 %)",
    }
    over = only(zabbix.read(changed(ZABBIX, event_value="0", recovery_timestamp="1795225900")))
    assert (over.firing, over.ends_ms) == (False, 1_795_225_900_000)


@pytest.mark.parametrize(
    ("number", "severity"), [("0", "info"), ("1", "info"), ("2", "warning"), ("4", "high"), ("5", "disaster")]
)
def test_zabbix_severities(number: str, severity: str) -> None:
    assert only(zabbix.read(changed(ZABBIX, event_nseverity=number))).labels["severity"] == severity


def test_aliyun_as_a_form_and_as_json() -> None:
    by_form = only(aliyun.read(Field(parsed(urlencode(ALIYUN).encode(), "application/x-www-form-urlencoded"))))
    by_json = only(aliyun.read(changed(ALIYUN, dimensions='[{"userId":"120000000000","instanceId":"i-uf6"}]')))
    assert (
        by_form.labels
        == by_json.labels
        == {
            "alertname": "基础监控-ECS-内存使用率",
            "instance": "mall-web-01",
            "instanceId": "i-uf6",
            "userId": "120000000000",
            "namespace": "acs_ecs_dashboard",
            "metric": "memory_usedutilization",
            "region": "cn-shanghai",
            "rule_id": "applyTemplateee147e59",
            "severity": "warning",
        }
    )
    assert by_form.starts_ms == 1_795_225_863_421
    assert by_form.annotations["values"] == "97.39%"


def test_aliyun_over_and_without_data() -> None:
    over = only(aliyun.read(changed(ALIYUN, alertState="OK", triggerLevel="OK", curValue="null")))
    assert (over.firing, over.starts_ms, over.ends_ms) == (False, None, 1_795_225_863_421)
    assert "severity" not in over.labels
    blind = only(aliyun.read(changed(ALIYUN, alertState="INSUFFICIENT_DATA")))
    assert (blind.firing, blind.annotations["no_data"]) == (True, "no data")


def test_tencent() -> None:
    report = only(tencent.read(Field(TENCENT)))
    assert report.labels == {
        "alertname": "商城主机",
        "instance": "172.21.30.15#588789",
        "unInstanceId": "ins-o9p3rg3m",
        "objId": "94f1",
        "namespace": "qce/cvm",
        "region": "sh",
        "policy_id": "policy-n4exeh88",
        "metric": "cpu_usage",
    }
    assert (report.firing, report.starts_ms) == (True, 1_795_225_863_000)
    assert report.annotations == {
        "summary": "CPU 利用率 97%", "expression": "> 90%", "values": "97%", "policy_type": "云服务器-基础监控",
    }  # fmt: skip
    over = only(tencent.read(changed(TENCENT, alarmStatus="0", recoverTime="2026-11-21 09:59:00")))
    assert (over.firing, over.labels) == (False, report.labels)
    event = only(tencent.read(Field(TENCENT_EVENT)))
    assert event.labels == {
        "alertname": "商城主机", "instance": "ins-pft", "unInstanceId": "ins-pft", "event": "ping_unreachable",
    }  # fmt: skip
    assert event.annotations == {"summary": "ping 不可达", "object": '{"deviceLanIp":"172.21.0.17"}'}
    assert tencent.read(Field({})) == Reports()


@pytest.mark.parametrize(
    ("kind", "message", "complaint"),
    [
        (IntakeKind.GRAFANA, {}, "alerts is missing"),
        (IntakeKind.GRAFANA, [], "the message has to be an object, got a list"),
        (IntakeKind.GRAFANA, {"alerts": "x"}, "alerts has to be a list, got a text"),
        (IntakeKind.GRAFANA, {"ruleName": "x", "state": "odd"}, "state 'odd' is not known"),
        (IntakeKind.ALERTMANAGER, {"version": "4"}, "alerts is missing"),
        (IntakeKind.ZABBIX, {**ZABBIX, "event_value": "{EVENT.VALUE}"}, "event_value is missing"),
        (IntakeKind.ZABBIX, {**ZABBIX, "event_value": "2"}, "event_value '2' is neither 0 nor 1"),
        (IntakeKind.ZABBIX, {**ZABBIX, "event_tags": "scope:x"}, "event_tags is not JSON"),
        (IntakeKind.ZABBIX, {**ZABBIX, "event_nseverity": "9"}, "event_nseverity '9' is not 0 to 5"),
        (IntakeKind.ZABBIX, {**ZABBIX, "event_id": None}, "event_id is missing"),
        (IntakeKind.ALIYUN, {**ALIYUN, "alertState": "SAD"}, "alertState 'SAD' is not known"),
        (IntakeKind.ALIYUN, {**ALIYUN, "alertName": "null"}, "alertName is missing"),
        (IntakeKind.TENCENT, {**TENCENT, "alarmStatus": 2}, "alarmStatus '2' is neither 1 nor 0"),
        (IntakeKind.TENCENT, {**TENCENT, "alarmPolicyInfo": {}}, "alarmPolicyInfo.policyName is missing"),
        (IntakeKind.TENCENT, {**TENCENT, "firstOccurTime": "now"}, "firstOccurTime 'now+08:00' is not a time"),
        (IntakeKind.WEBHOOK, {"status": "firing"}, "title is missing"),
        (IntakeKind.WEBHOOK, {"title": "x", "status": "odd"}, "status 'odd' is not known"),
        (IntakeKind.WEBHOOK, {"title": "x", "time": "soon"}, "time 'soon' is not a time"),
        (IntakeKind.WEBHOOK, {"title": "x", "labels": ["a"]}, "labels has to be an object, got a list"),
        (IntakeKind.WEBHOOK, {"title": {"a": 1}}, "title has to be a text, got an object"),
        (IntakeKind.WEBHOOK, "down", "the message has to be an object, got a text"),
    ],
)
def test_what_is_wrong_is_said_with_its_field(kind: IntakeKind, message: Any, complaint: str) -> None:
    try:
        problems = read(kind, Field(message), IntakeSettings(), lambda text, data: text).problems
    except InputError as error:
        problems = [error]
    assert [complaint in problem.message for problem in problems] == [True], problems
    assert problems[0].remedy


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=200, deadline=None)
@given(kind=st.sampled_from(IntakeKind), data=st.data())
def test_no_message_breaks_a_kind(kind: IntakeKind, data: st.DataObject) -> None:
    """A message with any of its fields replaced by anything is read or refused."""
    whole = {
        IntakeKind.GRAFANA: data.draw(st.sampled_from([GRAFANA, LEGACY])),
        IntakeKind.ZABBIX: ZABBIX,
        IntakeKind.ALERTMANAGER: GRAFANA,
        IntakeKind.ALIYUN: ALIYUN,
        IntakeKind.TENCENT: data.draw(st.sampled_from([TENCENT, TENCENT_EVENT])),
        IntakeKind.WEBHOOK: {"title": "x", "status": "ok", "time": 1, "labels": {}, "annotations": {}, "alerts": None},
    }[kind]
    message: Any = copy.deepcopy(whole)
    key = data.draw(st.sampled_from(sorted(message)))
    if isinstance(message[key], list) and message[key] and data.draw(st.booleans()):
        inner = message[key][0]
        inner[data.draw(st.sampled_from(sorted(inner)))] = data.draw(values)
    else:
        message[key] = data.draw(values)
    found, refusals = Reports(), list[InputError]()
    try:
        found = read(kind, Field(message), IntakeSettings(), lambda text, data: text)
    except InputError as error:
        refusals.append(error)
    assert all(problem.remedy for problem in [*refusals, *found.problems])
    assert all(report.labels for report in found.reports)
