"""Alertmanager's acceptance scenarios, on the manual clock."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.model.alert import Alert
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import MatchOp
from fenghuo.model.silence import Condition, Silence
from unit.alerting.bench import Bench, FakeChannel

pytestmark = pytest.mark.anyio

NAMES = [
    "MergeAlerts", "MergeAlertsWithEndsAt", "Repeat", "Retry", "Batching", "Resolved", "ResolvedFilter", "Reload",
    "WebhookTimeout", "Inhibiting", "AlwaysInhibiting", "EmptyInhibitionRule", "Silencing",
    "SilenceDelete", "UTF8Route",
]  # fmt: skip
"""All but those of clusters and of a flag that delays the start, neither of which Fenghuo has."""


def posted(bench: Bench, alert: dict[str, Any]) -> Alert:
    starts, ends = alert.get("startsAt"), alert.get("endsAt")
    return Alert(
        Labels(alert["labels"]),
        0 if starts is None else bench.ms(starts),
        None if ends is None else bench.ms(ends),
        Labels(alert.get("annotations", {})),
    )


def silence_of(bench: Bench, silence: dict[str, Any]) -> Silence:
    conditions = tuple(
        Condition(each["name"], each["value"], MatchOp.REGEX if each["isRegex"] else MatchOp.EQUAL)
        for each in silence["matchers"]
    )
    return Silence("", conditions, bench.ms(silence["startsAt"]), bench.ms(silence["endsAt"]), "me", "so")


def seen(bench: Bench, message: Any) -> list[dict[str, Any]]:
    return [
        {
            "labels": dict(alert.labels),
            "annotations": dict(alert.annotations),
            "startsAt": (alert.starts_at_ms - bench.ms(0)) / 1000,
            "endsAt": None if alert.ends_at_ms is None else (alert.ends_at_ms - bench.ms(0)) / 1000,
        }
        for alert in message.alerts
    ]


def wanted(alert: dict[str, Any]) -> dict[str, Any]:
    return {
        "labels": alert["labels"],
        "annotations": alert.get("annotations", {}),
        "startsAt": alert.get("startsAt"),
        "endsAt": alert.get("endsAt"),
    }


def in_order(alerts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(alerts, key=lambda alert: sorted(alert["labels"].items()))


async def misbehave(channel: FakeChannel) -> None:
    """What the scenarios' webhooks do wrong."""
    name, now_s = channel.bench.scenario, channel.bench.now_s  # type: ignore[attr-defined]
    if name == "WebhookTimeout" and now_s < 3:
        await channel.bench.clock.sleep(0.5)
        raise ChannelError("no answer within 0.5 s", retryable=True)


@pytest.fixture(scope="module")
def scenarios(conformance: Path) -> dict[str, Any]:
    loaded = json.loads((conformance / "alertmanager" / "scenarios.json").read_text())
    return {scenario["name"]: scenario for scenario in loaded["scenarios"]}


@pytest.mark.parametrize("name", NAMES)
async def test_scenario(bench: Bench, scenarios: dict[str, Any], name: str) -> None:
    scenario = scenarios[name]
    bench.scenario = name  # type: ignore[attr-defined]
    bench.behave = misbehave
    config = scenario["config"].replace("{{webhook", "webhook").replace("}}", "")
    expected = [line for line in scenario["expect"] if line.get("alerts")]
    events = [(post["at"], "post", post["alerts"]) for post in scenario["post"]]
    events += [(at_s, "reload", None) for at_s in scenario.get("reload_at", ())]
    for silence in scenario.get("silences", ()):
        events.append((silence["set_at"], "silence", silence))
        if "delete_at" in silence:
            events.append((silence["delete_at"], "expire", silence))
    end_s = max((line["between"][1] for line in scenario["expect"]), default=5)
    async with bench.service(config) as alerting:
        for at_s, kind, alerts in sorted(events, key=lambda event: event[0]):
            await bench.until(at_s)
            match kind:
                case "post":
                    alerting.intake.put([posted(bench, alert) for alert in alerts])
                case "silence":
                    alerts["id"] = await alerting.silence(silence_of(bench, alerts))
                case "expire":
                    await alerting.expire_silence(alerts["id"])
                case _:
                    await alerting.apply(alerting.settings)
        await bench.until(end_s)
    check(bench, scenario, expected)


def check(bench: Bench, scenario: dict[str, Any], expected: list[dict[str, Any]]) -> None:
    # The webhook that Retry calls broken answers 200 and only does not write down; so it is here.
    deaf_until_s = 4.5 if scenario["name"] == "Retry" else 0
    told = [one for one in bench.told if not (one.index == 1 and one.at_s < deaf_until_s)]
    got = [(one.index + 1, one.at_s, in_order(seen(bench, one.message))) for one in told]
    for line in expected:
        low, high = line["between"]
        alerts = in_order([wanted(alert) for alert in line["alerts"]])
        assert any(
            webhook == line["webhook"] and low <= at_s <= high and found == alerts for webhook, at_s, found in got
        ), f"missing {line}; got {got}"
    total = sum(len(line["alerts"]) for line in expected)
    assert sum(len(found) for _, _, found in got) == total, got
