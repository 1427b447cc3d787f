"""People's contacts that fail: when there is an alert about one, and what ends it."""

from __future__ import annotations

import pytest

from fenghuo.alerting.escalation.settings import EscalationsSettings
from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.health import ALERT
from fenghuo.alerting.oncall.settings import OnCallSettings
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.service import Alerting
from unit.alerting.bench import Bench, settings_of
from unit.alerting.escalation.duty import PEOPLE, ROUTES, TABLE, Duty, Phone, read

pytestmark = pytest.mark.anyio

ZHANG_FIRST = "escalations: {night: {steps: [{after: 10s, targets: ['person:zhang']}]}}"


@pytest.fixture
def duty(bench: Bench) -> Duty:
    made = Duty(bench)

    async def behave(phone: Phone) -> None:
        if phone.kind == "sms":
            raise ChannelError("number is blocked", retryable=False)

    made.behave = behave
    return made


def failing(alerting: Alerting) -> list[tuple[str, str]]:
    labels = [alert.labels for alert in alerting.firing() if alert.labels["alertname"] == ALERT]
    return [(each["receiver"], each["kind"]) for each in labels]


async def page(duty: Duty, alerting: Alerting, name: str) -> None:
    """Let zhang be paged once: his texts fail, his phone rings."""
    await duty.fire(alerting, name)
    await duty.bench.until(duty.bench.now_s + 60)
    await duty.end(alerting, name)


async def reload(alerting: Alerting) -> None:
    policies = read(EscalationsSettings, ZHANG_FIRST)
    await alerting.apply(settings_of(ROUTES), None, read(PrioritiesSettings, TABLE), policies)


async def test_one_failure_is_no_alert_however_long_nobody_is_paged(duty: Duty) -> None:
    async with duty.service(ZHANG_FIRST) as alerting:
        await page(duty, alerting, "Down")
        await duty.bench.until(3_600)
        assert failing(alerting) == []
    assert [who for _, who in duty.told()] == ["voice 1"]


async def test_failures_in_a_row_are_and_a_reload_ends_it_only_where_the_contact_is_gone(duty: Duty) -> None:
    people = read(OnCallSettings, PEOPLE.replace("{kind: sms, to: '1'}, ", ""))
    async with duty.service(ZHANG_FIRST) as alerting:
        for name in ("One", "Two", "Three"):
            await page(duty, alerting, name)
        await duty.bench.until(duty.bench.now_s + 60)
        assert failing(alerting) == [("person:zhang", "sms")]
        await reload(alerting)
        await duty.bench.until(duty.bench.now_s + 600)
        assert failing(alerting) == [("person:zhang", "sms")]
        await alerting._parts.oncall.apply(people)
        await reload(alerting)
        await duty.bench.until(duty.bench.now_s + 60)
        assert failing(alerting) == []
