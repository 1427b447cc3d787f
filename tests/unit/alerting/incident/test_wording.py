"""Time lines and post-mortems in Chinese."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from fenghuo.alerting.escalation import course
from fenghuo.alerting.incident import machine
from fenghuo.alerting.incident.document import FACTS, QUESTIONS, TIME_LINE, postmortem
from fenghuo.alerting.incident.machine import Sighting, Step
from fenghuo.alerting.incident.wording import KINDS, kind_text, text_of
from fenghuo.model.escalation import Escalation, FrozenPolicy, FrozenStep
from fenghuo.model.incident import SYSTEM, Actor, EventKind, Incident, IncidentEvent, Priority
from fenghuo.model.labels import Labels
from fenghuo.model.language import Language

ZHANG = Actor("zhang", "panel")
MINUTE_MS = 60_000


def seen(*told: int, priority: Priority = Priority.P2) -> Sighting:
    labels = Labels({"alertname": "Down"})
    return Sighting("key", "team", labels, {each: f"A{each}" for each in told}, frozenset(told), priority)


def observed(known: Incident | None, sighting: Sighting, now_ms: int = 0) -> Step:
    step = machine.observe(known, sighting, 7, now_ms)
    assert step is not None
    return step


def incident() -> Incident:
    return observed(None, seen(1, 2)).incident


def last(step: Step) -> IncidentEvent:
    return step.events[-1]


def in_chinese(event: IncidentEvent) -> str:
    """As it is after it was stored and read again."""
    stored = replace(event, data=json.loads(json.dumps(dict(event.data))))
    assert text_of(stored, Language.ENGLISH) == event.text
    return text_of(stored, Language.CHINESE)


def line(kind: EventKind, **facts: object) -> IncidentEvent:
    return IncidentEvent(0, kind, SYSTEM, "words", facts)


def test_what_became_of_alerts() -> None:
    known = incident()
    answered = machine.acknowledge(known, ZHANG, 5).incident
    assert in_chinese(last(observed(None, seen(1, 2)))) == "P2，2 条告警触发"
    assert in_chinese(last(observed(known, seen(1, 2, 3)))) == "新增 1 条"
    assert in_chinese(last(observed(known, seen(1, 3)))) == "新增 1 条，1 条结束"
    assert in_chinese(last(observed(known, seen(1)))) == "1 条结束"
    assert in_chinese(last(observed(answered, seen(1, 2, 3)))) == "确认后新增 1 条"
    assert in_chinese(last(observed(known, seen()))) == "全部告警已结束"
    assert in_chinese(last(machine.abandoned(known, 5))) == "其告警组已不存在"
    over = observed(known, seen(), 10).incident
    assert in_chinese(last(observed(over, seen(1), 20))) == "P2，1 条告警再次触发或新加入"


def test_what_became_more_urgent_or_late() -> None:
    known = incident()
    snoozed = machine.snooze(known, ZHANG, 0, 30 * MINUTE_MS).incident
    assert in_chinese(last(observed(known, seen(1, 2, priority=Priority.P0)))) == "由 P2 升为 P0"
    raised = in_chinese(last(observed(snoozed, seen(1, 2, priority=Priority.P1))))
    assert raised == "由 P2 升为 P1；此前已推迟，现重新等待答复"
    assert in_chinese(last(machine.woken(Step(snoozed), 30 * MINUTE_MS))) == "推迟时间已到"
    assert in_chinese(last(machine.late(replace(known, due_ms=5), 9))) == "P2 未在时限内得到答复"


def test_what_people_did() -> None:
    known = incident()
    assert in_chinese(last(machine.acknowledge(known, ZHANG, 5, "I look"))) == "I look"
    assert in_chinese(last(machine.snooze(known, ZHANG, 5, 30 * MINUTE_MS))) == "推迟 30m"
    assert in_chinese(last(machine.snooze(known, ZHANG, 5, 30 * MINUTE_MS, "吃饭"))) == "推迟 30m：吃饭"
    assert in_chinese(last(machine.assign(known, ZHANG, 5, "li"))) == "指派给 li"
    assert in_chinese(last(machine.assign(known, ZHANG, 5, ""))) == "不再指派给任何人"
    assert in_chinese(last(machine.escalate(known, ZHANG, 5))) == "要求执行下一步"
    assert in_chinese(last(machine.escalate(known, ZHANG, 5, "快"))) == "要求执行下一步：快"
    assert in_chinese(last(machine.refuse_link(known, SYSTEM, 5, "expired"))) == "答复链接已过期"
    assert last(machine.refuse_link(known, SYSTEM, 5, "used")).text == "a link to answer was refused: used"


@pytest.mark.parametrize(
    ("repeat", "said"),
    [
        (0, "night：第 1/1 步：person:li、schedule:day"),
        (2, "night：第 1/1 步，第 1/3 轮：person:li、schedule:day"),
    ],
)
def test_a_step_of_an_escalation(repeat: int, said: str) -> None:
    step = FrozenStep(0, ("person:li", "schedule:day"))
    now = Escalation(7, FrozenPolicy("night", Priority.P1, (step,), repeat, 0), 0)
    event = IncidentEvent(0, EventKind.ESCALATED, SYSTEM, course.described(now), course.facts(now))
    assert in_chinese(event) == said


def test_whom_an_escalation_reached() -> None:
    told = {"target": "person:li", "who": "李", "through": "dingtalk"}
    assert in_chinese(line(EventKind.REACHED, **told, error="")) == "李，通过 dingtalk"
    assert in_chinese(line(EventKind.NOT_REACHED, **told, error="HTTP 500")) == "李，通过 dingtalk：HTTP 500"
    missed = line(EventKind.NOT_REACHED, target="schedule:night", why="gap")
    assert in_chinese(missed) == "schedule:night：无人值班"
    assert in_chinese(line(EventKind.ESCALATION_OVER, policy="night")) == "night 的每一步都已执行，仍无人答复"
    assert "2 步" in in_chinese(line(EventKind.ESCALATION_MISSED, steps=2))


def test_notices() -> None:
    facts = {"receiver": "team", "channel": "webhook", "error": ""}
    assert in_chinese(line(EventKind.NOTICE, **facts, state="sent")) == "team，通过 webhook：已发送"
    failed = line(EventKind.NOTICE, **{**facts, "error": "HTTP 403"}, state="failed")
    assert in_chinese(failed) == "team，通过 webhook：失败（HTTP 403）"
    tried = line(EventKind.ATTEMPT, **{**facts, "error": "HTTP 500"}, attempt=2)
    assert in_chinese(tried) == "team，通过 webhook：第 2 次尝试失败（HTTP 500）"


@pytest.mark.parametrize("kind", [kind for kind in EventKind if kind is not EventKind.WOKEN])
def test_a_line_without_facts_stays_as_it_is(kind: EventKind) -> None:
    assert in_chinese(line(kind)) == "words"


def test_every_kind_has_a_name() -> None:
    assert set(KINDS) == set(EventKind)
    assert kind_text(EventKind.OPENED, Language.ENGLISH) == "opened"
    assert kind_text(EventKind.OPENED, Language.CHINESE) == "事件开始"


def test_the_post_mortem_speaks_the_language_that_is_asked_for() -> None:
    step = observed(None, seen(1))
    answered = machine.acknowledge(step.incident, ZHANG, 90_000)
    chinese = postmortem(answered.incident, [*step.events, *answered.events], Language.CHINESE)
    assert "| 优先级 | P2 |" in chinese
    assert "| 确认 | 1970-01-01 00:01:30（1m30s 后） |" in chinese
    assert "## 时间线" in chinese
    assert "| 事件开始 | fenghuo (pipeline) | P2，1 条告警触发 |" in chinese
    assert not any(title in chinese for title, _ in QUESTIONS[Language.ENGLISH])
    english = postmortem(answered.incident, step.events, Language.BOTH)
    assert "| Acknowledged | 1970-01-01 00:01:30 (after 1m30s) |" in english
    assert "P2, 1 alert firing" in english
    for table in (FACTS, QUESTIONS, TIME_LINE):
        assert len(table[Language.ENGLISH]) == len(table[Language.CHINESE])
