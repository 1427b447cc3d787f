"""From messages to alerts: what begins is ended by what is over, whatever changed between; nothing fires for ever."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import anyio
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from prometheus_client import CollectorRegistry

from fenghuo.api.own.intake.door import ALERTS, Door, UnknownIntakeError, parsed
from fenghuo.api.own.intake.settings import EXPIRES_MS, IntakesSettings
from fenghuo.api.own.intake.standing import IDENTITIES, Standing
from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml, validate
from fenghuo.base.errors import InputError
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels

pytestmark = pytest.mark.anyio


@dataclass
class Alerting:
    """Holds what is reported; the newest report of a label set counts."""

    clock: ManualClock
    held: dict[Labels, Alert] = field(default_factory=dict)

    async def report(self, alerts: Iterable[Alert]) -> None:
        self.held.update((alert.labels, alert) for alert in alerts)

    def firing(self) -> list[Alert]:
        return [alert for alert in self.held.values() if not alert.resolved_at(self.clock.now_ms())]

    def labels(self) -> list[dict[str, str]]:
        return [dict(alert.labels.pairs) for alert in self.firing()]


@pytest.fixture
def alerting(clock: ManualClock) -> Alerting:
    return Alerting(clock)


def settings_of(text: str = "{}") -> IntakesSettings:
    wanted, problems = validate(IntakesSettings, load_yaml(f"intake: {text}", "fenghuo.yml"))
    assert wanted is not None, problems
    return wanted


def door_of(alerting: Alerting, registry: CollectorRegistry, text: str = "{}") -> Door:
    wanted = settings_of(text)
    return Door(alerting, lambda: wanted, alerting.clock, registry)


async def take(door: Door, message: Any, name: str = "webhook") -> list[InputError]:
    count, problems = await door.take(name, orjson.dumps(message), "application/json")
    assert count or problems
    return problems


def event(value: str, severity: str = "2", **more: str) -> dict[str, str]:
    return {"event_id": "7", "event_value": value, "event_name": "Disk", "event_nseverity": severity, **more}


async def test_what_is_over_ends_what_began_though_its_severity_changed(
    alerting: Alerting, registry: CollectorRegistry
) -> None:
    door = door_of(alerting, registry)
    await take(door, event("1"), "zabbix")
    await take(door, event("1", severity="5"), "zabbix")
    assert alerting.labels() == [
        {"alertname": "Disk", "event_id": "7", "severity": "disaster", "source": "zabbix"},
    ]
    await take(door, event("0", severity="0", host="renamed"), "zabbix")
    assert alerting.labels() == []
    assert registry.get_sample_value("fenghuo_intake_alerts_total", {"kind": "zabbix", "status": "resolved"}) == 2


async def test_what_an_earlier_process_took_is_ended(alerting: Alerting, clock: ManualClock) -> None:
    await take(door_of(alerting, CollectorRegistry()), {"title": "Disk", "severity": "high", "labels": {"host": "a"}})
    later = door_of(alerting, CollectorRegistry())
    await take(later, {"title": "Disk", "status": "ok", "labels": {"host": "a"}})
    assert alerting.labels() == []
    assert all("title" not in labels for labels in alerting.held)


async def test_other_alerts_are_left_alone(alerting: Alerting, registry: CollectorRegistry, clock: ManualClock) -> None:
    ours = Alert(Labels({"alertname": "Disk"}), clock.now_ms())
    await alerting.report([ours])
    door = door_of(alerting, registry)
    await take(door, {"title": "Disk", "host": "a"})
    await take(door, {"title": "Disk", "host": "b"})
    await take(door, {"title": "Disk", "host": "b", "status": "resolved"})
    await take(door, {"title": "Disk", "status": "resolved"})
    assert [labels.get("instance") for labels in alerting.labels()] == [None, "a"]


async def test_a_label_event_id_of_alerts_with_names_of_their_own_is_any_label(
    alerting: Alerting, registry: CollectorRegistry
) -> None:
    door = door_of(alerting, registry)
    one, other = ({"alertname": name, "event_id": "7"} for name in ("Disk", "Load"))
    await take(door, {"alerts": [{"status": "firing", "labels": each} for each in (one, other)]}, "alertmanager")
    assert len(alerting.labels()) == 2
    later = door_of(alerting, CollectorRegistry())
    await take(later, {"alerts": [{"status": "resolved", "labels": other}]}, "alertmanager")
    assert [labels["alertname"] for labels in alerting.labels()] == ["Disk"]


async def test_an_alert_nobody_ends_is_over_after_a_while(
    alerting: Alerting, registry: CollectorRegistry, clock: ManualClock
) -> None:
    door = door_of(alerting, registry, "{webhook: {expires: 1h}}")
    await take(door, {"title": "Disk"})
    await clock.advance(3_599)
    await take(door, {"title": "Disk"})
    await clock.advance(3_599)
    assert alerting.labels()
    await clock.advance(1)
    assert alerting.labels() == []
    assert IntakesSettings().named("grafana")[1].expires_ms == EXPIRES_MS  # type: ignore[index]


async def test_clocks_of_senders_are_not_believed_about_the_future(
    alerting: Alerting, registry: CollectorRegistry, clock: ManualClock
) -> None:
    door, now_ms = door_of(alerting, registry), clock.now_ms()
    await take(door, {"title": "Disk", "starts_at": "2099-01-01T00:00:00Z"})
    assert [alert.starts_at_ms for alert in alerting.firing()] == [now_ms]
    await take(door, {"title": "Disk", "status": "ok", "ends_at": "2099-01-01T00:00:00Z"})
    assert [alert.ends_at_ms for alert in alerting.held.values()] == [now_ms]


async def test_a_label_source_of_the_sender_is_kept_beside_ours(
    alerting: Alerting, registry: CollectorRegistry
) -> None:
    await take(door_of(alerting, registry), {"title": "Disk", "labels": {"source": "nagios"}})
    assert alerting.labels() == [{"alertname": "Disk", "exported_source": "nagios", "source": "webhook"}]


async def test_links_that_are_none_are_left_out(alerting: Alerting, registry: CollectorRegistry) -> None:
    await take(door_of(alerting, registry), {"title": "Disk", "link": "javascript:alert(1)"})
    assert [alert.generator_url for alert in alerting.firing()] == [""]


async def test_fields_by_templates(alerting: Alerting, registry: CollectorRegistry) -> None:
    door = door_of(
        alerting,
        registry,
        """
  backups:
    alerts: data.jobs
    title: Backup of {{ .db.name }}
    status: '{{ .result }}'
    resolved: [DONE]
    severity: '{{ if .db.production }}Urgent{{ else }}minor{{ end }}'
    severities: {urgent: critical}
    id: '{{ .run }}'
    starts_at: '{{ .begun }}'
    link: https://jobs.example.com/{{ .run }}
    labels: {team: dba, site: '{{ ._message.site }}', none: '{{ .not.there }}'}
    annotations: {summary: '{{ .db.name | toUpper }} {{ .result }}'}
""",
    )
    job = {"db": {"name": "orders", "production": True}, "result": "FAILED", "run": 12, "begun": 1_795_225_863}
    await take(door, {"site": "sh", "data": {"jobs": [job, {**job, "run": 13, "db": {"name": "users"}}]}}, "backups")
    first, second = alerting.firing()
    assert dict(first.labels.pairs) == {
        "alertname": "Backup of orders",
        "event_id": "12",
        "severity": "critical",
        "site": "sh",
        "source": "backups",
        "team": "dba",
    }
    assert (second.labels["severity"], second.labels["alertname"]) == ("minor", "Backup of users")
    assert dict(first.annotations.pairs) == {"summary": "ORDERS FAILED"}
    assert first.generator_url == "https://jobs.example.com/12"
    await take(door, {"data": {"jobs": [{**job, "result": "done"}]}}, "backups")
    assert [labels["event_id"] for labels in alerting.labels()] == ["13"]


async def test_bad_alerts_of_a_message_spoil_no_other(alerting: Alerting, registry: CollectorRegistry) -> None:
    door = door_of(alerting, registry, "{x: {title: '{{ slice .name 0 2 }}'}}")
    problems = await take(door, [{"name": "Disk"}, {"name": 7}, {"name": "Load"}], "x")
    assert sorted(labels["alertname"] for labels in alerting.labels()) == ["Di", "Lo"]
    assert len(problems) == 1
    assert registry.get_sample_value("fenghuo_intake_refused_total", {"kind": "webhook", "reason": "bad_alert"}) == 1


async def test_intakes_that_do_not_exist(alerting: Alerting, registry: CollectorRegistry) -> None:
    door = door_of(alerting, registry, "{jenkins: }")
    assert ("jenkins", "webhook") in door.intakes()
    with pytest.raises(UnknownIntakeError, match=r"no intake 'x'.*jenkins"):
        await take(door, {"title": "x"}, "x")
    assert registry.get_sample_value("fenghuo_intake_refused_total", {"kind": "", "reason": "unknown"}) == 1


async def test_tencent_may_look_whether_anybody_answers(alerting: Alerting, registry: CollectorRegistry) -> None:
    assert await door_of(alerting, registry).take("tencent", b"", "") == (0, [])


async def test_too_many_alerts_at_once(alerting: Alerting, registry: CollectorRegistry) -> None:
    door = door_of(alerting, registry)
    with pytest.raises(InputError, match="send at most"):
        await take(door, [{"title": "x"}] * (ALERTS.default + 1))
    assert alerting.labels() == []


@pytest.mark.parametrize(
    ("body", "content_type", "message"),
    [
        (b'{"a": 1}', "application/json", {"a": 1}),
        (b' {"a": 1}', "application/x-www-form-urlencoded", {"a": 1}),
        (b"a=1&b=%E5%91%8A", "application/x-www-form-urlencoded; charset=UTF-8", {"a": "1", "b": "告"}),
        (b"[]", "", []),
    ],
)
def test_bodies(body: bytes, content_type: str, message: Any) -> None:
    assert parsed(body, content_type) == message


@pytest.mark.parametrize(
    ("body", "complaint"),
    [(b"", "is empty"), (b"a=1", "is not JSON"), (b"\xff", "is not JSON"), (b'{"a": "\\ud800"}', "is not JSON")],
)
def test_bodies_that_are_none(body: bytes, complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        parsed(body, "text/plain")


def test_a_form_of_too_many_fields_is_refused() -> None:
    with pytest.raises(InputError, match="form cannot be read"):
        parsed(b"&".join(b"a=1" for _ in range(2_000)), "application/x-www-form-urlencoded")


def test_what_is_remembered_is_bounded() -> None:
    standing, hits = Standing(), IDENTITIES.hits
    first = Labels({"source": "x", "event_id": "0", "severity": "high"})
    standing.fires(first, named=True)
    for number in range(1, IDENTITIES.default + 1):
        standing.fires(Labels({"source": "x", "event_id": str(number)}), named=True)
    assert IDENTITIES.hits == hits + 1
    forgotten = first.without(["severity"])
    assert standing.is_over(forgotten, named=True) == forgotten


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{'a b': {}}", "'a b' is not a name"),
        ("{grafana: {kind: zabbix}}", "grafana takes messages of grafana"),
        ("{x: {status: '{{ .s }}'}}", "status is of no use without title"),
        ("{x: {kind: zabbix, title: '{{ .s }}'}}", "not for zabbix"),
        ("{x: {labels: {source: y}}}", "the label 'source' is set by the intake itself"),
        ("{x: {labels: {team: '{{ .s'}}}", "is not a template"),
        ("{x: {expires: 5s}}", "tells nobody"),
        ("{x: {kind: nagios}}", "nagios"),
    ],
)
def test_settings_that_cannot_be(text: str, complaint: str) -> None:
    refused, problems = validate(IntakesSettings, load_yaml(f"intake: {text}", "fenghuo.yml"))
    assert refused is None
    assert complaint in " ".join(map(str, problems))


steps = st.lists(
    st.tuples(st.sampled_from(["fires", "over", "restart"]), st.integers(0, 2), st.sampled_from(["", "high", "low"])),
    max_size=25,
)


@settings(max_examples=100, deadline=None)
@given(kind=st.sampled_from(["zabbix", "alertmanager", "webhook"]), steps=steps)
def test_exactly_what_began_and_is_not_over_fires(kind: str, steps: list[tuple[str, int, str]]) -> None:
    """Each event once, with the severity that was told last, whatever its end says, and over any restart."""

    def message(step: str, number: int, severity: str) -> dict[str, Any]:
        words = {"": "0", "high": "4", "low": "2"}
        match kind:
            case "zabbix":
                value = "1" if step == "fires" else "0"
                event = {"event_id": str(number), "event_name": "Disk", "event_value": value}
                return {**event, "event_nseverity": words[severity]}
            case "webhook":
                return {"title": "Disk", "id": number, "status": step == "fires", "severity": severity}
        labels = {"alertname": "Disk", "event_id": "any", "number": str(number), "severity": severity}
        return {"alerts": [{"status": "firing" if step == "fires" else "resolved", "labels": labels}]}

    async def play() -> None:
        alerting = Alerting(ManualClock())
        door, told = door_of(alerting, CollectorRegistry()), dict[int, str]()
        for step, number, severity in steps:
            if step == "restart":
                door = door_of(alerting, CollectorRegistry())
                continue
            await take(door, message(step, number, severity), kind)
            if step == "fires":
                told[number] = severity
            else:
                told.pop(number, None)
            name = "number" if kind == "alertmanager" else "event_id"
            severities = {"": "info", "high": "high", "low": "warning"} if kind == "zabbix" else {}
            firing = sorted((int(labels[name]), labels.get("severity", "")) for labels in alerting.labels())
            assert firing == sorted((each, severities.get(word, word)) for each, word in told.items())

    anyio.run(play)
