"""Notice templates: Alertmanager's table with the real data, default names, files of the user, faults."""

from __future__ import annotations

import json
import re
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from fenghuo.alerting.notify.channels.registry import read_templates
from fenghuo.alerting.notify.cutting import Markup
from fenghuo.alerting.notify.data import AlertData, Kv, MessageData
from fenghuo.alerting.notify.facts import choose
from fenghuo.alerting.notify.message import IncidentView, ToldAlert
from fenghuo.alerting.notify.texts import Page, TextOptions, Texts
from fenghuo.base.errors import InputError
from fenghuo.model.labels import Labels
from fenghuo.model.language import Language
from fenghuo.template.gotime import Time
from unit.alerting.notify.channels.support import AT_MS, message, told


def texts(**files: str) -> Texts:
    return Texts(lambda: AT_MS, files=list(files.items()))


def kv(value: Any) -> Kv | None:
    return None if value is None else Kv(value)


def data_of(value: Any) -> Any:
    """A table's data, as the real objects; None when it is not a message."""
    if value is None:
        return MessageData([])
    if not isinstance(value, dict) or not set(value) & {"Alerts", "GroupLabels", "CommonLabels", "RouteLabels"}:
        return None
    alerts = [AlertData(one["Status"], kv(one.get("Labels"))) for one in value.get("Alerts", ())]
    return MessageData(
        alerts,
        group_labels=kv(value.get("GroupLabels")),
        common_labels=kv(value.get("CommonLabels")),
        route_labels=kv(value.get("RouteLabels")),
    )


def outcome(case: dict[str, Any], data: MessageData) -> tuple[str, list[str]]:
    page = Page(data)
    try:
        slot = texts().slot(case["template"], "", html=case.get("html", False))
    except InputError as error:
        return "", [str(error)]
    return page.render(slot), page.faults


def test_alertmanagers_table(conformance: Path) -> None:
    cases = json.loads((conformance / "alertmanager" / "templates.json").read_text())["cases"]
    wrong, skipped = [], 0
    for case in cases:
        data = data_of(case.get("data"))
        if data is None:
            skipped += 1
            continue
        text, faults = outcome(case, data)
        refused = bool(case.get("fail") or case.get("error"))
        if refused != bool(faults) or (not refused and text != case["output"]):
            wrong.append((case["title"], text, faults))
    assert wrong == []
    assert len(cases) - skipped >= 45


def render(template: str, data: MessageData | None = None, **files: str) -> str:
    page = Page(data or MessageData.of(message(told(), told(resolved=True, instance="web-2"))))
    text = page.render(texts(**files).slot(template, "t"))
    assert page.faults == []
    return text


@pytest.mark.parametrize(
    ("template", "text"),
    [
        ("{{ .Receiver }} {{ .Status }} {{ .ExternalURL }}", "team firing http://fenghuo"),
        ("{{ len .Alerts.Firing }}/{{ len .Alerts.Resolved }}/{{ len .Alerts }}", "1/1/2"),
        ("{{ .GroupLabels.SortedPairs.Values | join \",\" }}", "HighCPUUsage"),
        ("{{ range (index .Alerts 0).Labels.SortedPairs }}{{ .Name }} {{ end }}", "alertname instance severity "),
        ("{{ .CommonLabels.nothing }}|{{ .CommonAnnotations.value }}", "|93.1%"),
        ("{{ (index .Alerts 0).StartsAt.Unix }} {{ (index .Alerts 0).Fingerprint }}",
         f"{AT_MS // 1000 - 720} {told().fingerprint_hex}"),
        ("{{ template \"__subject\" . }}", "[FIRING:1] HighCPUUsage (critical)"),
        ("{{ template \"__alertmanagerURL\" . }}", "http://fenghuo/#/alerts?receiver=team"),
        ("{{ template \"__text_alert_list\" .Alerts.Resolved }}",
         "Labels:\n - alertname = HighCPUUsage\n - instance = web-2\n - severity = critical\nAnnotations:\n"
         " - description = Requests slow down.\n - runbook_url = https://wiki/cpu\n - summary = CPU over 80 %\n"
         " - summary_zh = CPU 超过 80%\n - value = 93.1%\nSource: http://fenghuo/graph?g0.expr=x\n"),
        ("{{ since (index .Alerts 0).StartsAt }}", "12m0s"),
    ],
)  # fmt: skip
def test_what_templates_see(template: str, text: str) -> None:
    assert render(template) == text


def test_resolved_subject_has_no_count() -> None:
    data = MessageData.of(message(told(resolved=True)))
    assert render('{{ template "__subject" . }}', data) == "[RESOLVED] HighCPUUsage (web-1 critical)"


def test_files_of_the_user_may_redefine_and_be_called() -> None:
    own = '{{ define "slack.default.title" }}mine{{ end }}{{ define "x" }}{{ .Receiver }}!{{ end }}'
    assert render('{{ template "slack.default.title" . }} {{ template "x" . }}', own=own) == "mine team!"


def test_route_labels_may_be_templates() -> None:
    data = MessageData.of(message(route_labels=Labels({"owner": "{{ .Receiver }}-oncall"})))
    assert render('{{ routeLabels "owner" }}', data) == "team-oncall"


def test_a_fault_names_template_and_place_and_leaves_a_substitute() -> None:
    page = texts().page(message())
    assert page.render(texts().slot("{{ index .Alerts 3 }}", "my.tmpl"), "instead") == "instead"
    assert re.match(r"my\.tmpl:1:\d+: .*index out of range: 3", page.faults[0])


def test_templates_reach_nothing_but_what_is_listed() -> None:
    for attempt in ("{{ .__class__ }}", "{{ .Alerts.__class__ }}", "{{ .CommonLabels.pop }}{{ .alerts }}"):
        page = texts().page(message())
        text = page.render(texts().slot(attempt, "t"))
        assert page.faults or text == ""


def test_local_time_and_severity_words() -> None:
    shanghai = Texts(lambda: AT_MS, TextOptions(Language.CHINESE, ZoneInfo("Asia/Shanghai")))
    page = shanghai.page(message())
    template = '{{ localTime (index .Alerts 0).StartsAt }} {{ severity "warning" }} {{ severity "odd" }}'
    assert page.render(shanghai.slot(template, "t")) == "2023-11-15 06:01:20 CST 🟡 警告 ⚪ odd"
    assert datetime.fromtimestamp(Time.of_ms(AT_MS).epoch_ns / 1e9, ZoneInfo("Asia/Shanghai")).hour == 6


@pytest.mark.parametrize(
    ("language", "text"), [(Language.CHINESE, "中"), (Language.ENGLISH, "en"), (Language.BOTH, "中 en")]
)
def test_languages(language: Language, text: str) -> None:
    assert choose(language, "中", "en") == text
    assert choose(language, "", "en") == "en"
    assert choose(language, "same", "same") == "same"


def test_template_files(tmp_path: Path) -> None:
    (tmp_path / "b.tmpl").write_text("B")
    (tmp_path / "a.tmpl").write_text("A")
    assert [text for _, text in read_templates([f"{tmp_path}/*.tmpl", f"{tmp_path}/none/*.tmpl"])] == ["A", "B"]
    (tmp_path / "c.tmpl").write_bytes(b"\xff\xfe")
    with pytest.raises(InputError, match=r"c\.tmpl"):
        read_templates([f"{tmp_path}/c.tmpl"])


LINKED = (
    "dingtalk.default.message",
    "wecom.default.message",
    "feishu.default.message",
    "slack.default.text",
    "fenghuo.text",
    "fenghuo.markdown",
)


@pytest.mark.parametrize("name", LINKED)
def test_what_fires_carries_the_link_to_answer_its_incident(name: str) -> None:
    view = IncidentView(12, "INC-12", "P1", "open", "http://fenghuo/a/token")
    template = f'{{{{ template "{name}" . }}}}'

    def said(*alerts: ToldAlert, incident: IncidentView | None, has_buttons: bool = False) -> str:
        page = texts().page(message(*alerts, incident=incident), has_buttons=has_buttons)
        return render(template, page.data)

    text = said(told(), told(resolved=True), incident=view)
    assert text.count("http://fenghuo/a/token?do=acknowledge") == 1
    assert text.count("http://fenghuo/a/token?do=snooze30") == 1
    assert "INC-12" in text
    assert "/a/token" not in said(told(resolved=True), incident=view)
    assert "/a/token" not in said(told(), incident=view, has_buttons=True)
    assert "INC-" not in said(told(), incident=None)


def test_a_person_is_told_in_that_persons_language() -> None:
    english = Texts(lambda: AT_MS, TextOptions(Language.ENGLISH))
    slot = english.slot('{{ template "fenghuo.title" . }}|{{ template "fenghuo.text" . }}', "t")
    for language, words in ((None, "Value: 93.1%"), (Language.CHINESE, "当前值: 93.1%"), (Language.BOTH, "值 Value")):
        there = message(language=language)
        assert words in english.page(there).render(slot)
    chinese = message(language=Language.CHINESE)
    assert english.left_out(3, chinese, Markup.TEXT) == "另有 3 条告警未列出: http://fenghuo/alerts"
    assert [button.text for button in english.buttons(chinese)] == ["打开烽火"]


def test_whose_place_a_notice_takes_is_said() -> None:
    text = render('{{ template "fenghuo.footer" . }}', MessageData.of(message(instead_of="duty")))
    assert text == "代替 in place of duty · 烽火 Fenghuo"


@pytest.mark.parametrize(
    ("severities", "reason", "title"),
    [
        (
            ["warning", "critical", "info"],
            "digest",
            "🔴 严重 critical · 汇总 digest · HighCPUUsage · web-1 · 3 条告警 alerts",
        ),
        (["p2", "page"], "first", "🟠 page · HighCPUUsage · web-1 · 2 条告警 alerts"),
        ([""], "first", "🔔 告警 alert · HighCPUUsage · web-1"),
        (["p1"], "escalation", "🟠 P1 严重 serious · 升级通知 escalated · HighCPUUsage · web-1"),
        (["p1"], "assigned", "🟠 P1 严重 serious · 指派给你 assigned to you · HighCPUUsage · web-1"),
    ],
)
def test_a_title_says_how_bad_it_is_and_why_it_comes(severities: list[str], reason: str, title: str) -> None:
    there = message(*(told(severity=severity) for severity in severities), reason=reason)
    assert render('{{ template "fenghuo.title" . }}', MessageData.of(there)) == title
