"""Debian's Alertmanager and Fenghuo with the same configuration live through the same alerts, and say the same.

The scenarios are Alertmanager's own acceptance tests; two more are here. All run at once, each below a route of its
own, in real time. Every notice of one has to be there of the other, at the same time and with the same body, and both
have to say what the scenario expects.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml

from accept.conftest import processes, servers
from accept.processes import free_port, wait_for
from accept.receiver import Arrival, Receiver
from accept.timed import SLOWER, events_of, merged, play_all

pytestmark = [
    pytest.mark.accept,
    pytest.mark.skipif(shutil.which("prometheus-alertmanager") is None, reason="needs Debian's Alertmanager"),
]

THEIRS = (
    "MergeAlerts", "Repeat", "Batching", "ResolvedFilter", "Inhibiting", "AlwaysInhibiting", "Silencing",
    "SilenceDelete",
)  # fmt: skip
OURS = yaml.safe_load("""
- name: Muted
  config:
    route:
      receiver: default
      group_by: [alertname]
      group_wait: 1s
      group_interval: 1s
      repeat_interval: 10m
      routes:
        - {matchers: [team=night], mute_time_intervals: [always]}
        - {matchers: [team=never], active_time_intervals: [in-february-30]}
        - {matchers: [team=day], active_time_intervals: [always]}
    receivers: [{name: default, webhook_configs: [{}]}]
    time_intervals:
      - {name: always, time_intervals: [{times: [{start_time: '00:00', end_time: '24:00'}]}]}
      - {name: in-february-30, time_intervals: [{months: [february], days_of_month: ['30']}]}
  post:
    - at: 1
      alerts:
        - {labels: {alertname: a, team: night}}
        - {labels: {alertname: b, team: never}}
        - {labels: {alertname: c, team: day}}
        - {labels: {alertname: d}}
  expect:
    - {webhook: 1, between: [2, 2.5], alerts: [{labels: {alertname: c, team: day}, startsAt: 1}]}
    - {webhook: 1, between: [2, 2.5], alerts: [{labels: {alertname: d}, startsAt: 1}]}
    - {webhook: 1, between: [4, 5]}
- name: Continue
  config:
    route:
      receiver: default
      group_by: [team]
      group_wait: 1s
      group_interval: 2s
      repeat_interval: 10m
      routes:
        - {matchers: ['team=~"a|b"'], receiver: all, group_by: ['...'], continue: true}
        - {matchers: [team=a], receiver: first, group_wait: 2s}
        - {matchers: [team="b"], receiver: first, continue: true}
        - {match: {host: x}, receiver: last}
    receivers:
      - {name: default, webhook_configs: [{}]}
      - {name: all, webhook_configs: [{}]}
      - {name: first, webhook_configs: [{send_resolved: false}]}
      - {name: last, webhook_configs: [{}]}
  post:
    - at: 1
      alerts:
        - {labels: {alertname: u, team: a, host: x}}
        - {labels: {alertname: v, team: a, host: y}}
        - {labels: {alertname: w, team: b, host: x}}
        - {labels: {alertname: z, team: c, host: y}, annotations: {summary: 'Σ "z"'}, generatorURL: 'http://g/?x=1&y=<2>'}
    - at: 3.5
      alerts: [{labels: {alertname: v, team: a, host: y}, startsAt: 1, endsAt: 3.5}]
  expect:
    - {webhook: 1, between: [6, 6.5]}
""")
TOLERANCE_S = 0.5
"""Between the two servers: how far apart notices may come, and times that the servers themselves set."""


@dataclass
class Told:
    """What came of the scenarios."""

    start_s: float
    theirs: Receiver
    ours: Receiver

    def of(self, scenario: Mapping[str, Any], receiver: Receiver) -> dict[str, list[tuple[float, dict[str, Any]]]]:
        """By webhook: when each notice came, in the scenario's time, and its body."""
        found: dict[str, list[tuple[float, dict[str, Any]]]] = {}
        for arrival in sorted(receiver.arrivals, key=lambda arrival: arrival.at_s):
            at_s = (arrival.at_s - self.start_s) / SLOWER
            if _scenario(arrival) == scenario["name"] and at_s <= end_of(scenario):
                found.setdefault(arrival.path, []).append((at_s, arrival.body))
        return found


def _scenario(arrival: Arrival) -> str:
    return arrival.path.split("/")[2]


def end_of(scenario: Mapping[str, Any]) -> float:
    return float(max(line["between"][1] for line in scenario["expect"]))


@pytest.fixture(scope="module")
def scenarios(conformance: Path) -> dict[str, dict[str, Any]]:
    loaded = json.loads((conformance / "alertmanager" / "scenarios.json").read_text())["scenarios"]
    found = {each["name"]: each for each in loaded if each["name"] in THEIRS}
    for each in found.values():
        each["config"] = yaml.safe_load(each["config"])
    return found | {each["name"]: each for each in OURS}


@pytest.fixture(scope="module")
def told(scenarios: dict[str, dict[str, Any]], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Told]:
    folder = tmp_path_factory.mktemp("beside")
    configs = {name: each["config"] for name, each in scenarios.items()}
    with processes(folder) as start, servers(start) as start_server, Receiver() as theirs, Receiver() as ours:
        file, port = folder / "alertmanager.yml", free_port()
        file.write_text(yaml.safe_dump(merged(configs, theirs, "10s")))
        peer = start([
            "prometheus-alertmanager", f"--config.file={file}", f"--storage.path={folder / 'peer'}",
            f"--web.listen-address=127.0.0.1:{port}", "--cluster.listen-address=",
        ])  # fmt: skip
        config = "integrations: {host: null}\npacks: []\n" + yaml.safe_dump(merged(configs, ours, "10s"))
        server = start_server(folder / "data", config, "--no-auth")
        url = f"http://127.0.0.1:{port}"
        wait_for(f"{url}/-/ready", peer, status=200)
        events = [event for each in scenarios.values() for event in events_of(each)]
        end_s = max(map(end_of, scenarios.values()))
        yield Told(play_all([url, server.url], events, end_s), theirs, ours)


@pytest.mark.parametrize("name", [*THEIRS, *(each["name"] for each in OURS)])
def test_both_say_the_same_at_the_same_time(scenarios: dict[str, dict[str, Any]], told: Told, name: str) -> None:
    theirs, ours = told.of(scenarios[name], told.theirs), told.of(scenarios[name], told.ours)
    assert theirs, "the scenario tells of something"
    shown = {path: [(round(at_s, 2), _names(body)) for at_s, body in each] for path, each in ours.items()}
    assert {path: len(each) for path, each in theirs.items()} == {path: len(each) for path, each in ours.items()}, shown
    for path, notices in theirs.items():
        for (their_s, their_body), (our_s, our_body) in zip(*map(_ordered, (notices, ours[path])), strict=True):
            assert abs(their_s - our_s) * SLOWER <= TOLERANCE_S, (path, their_s, our_s)
            their_times, our_times = _times(their_body), _times(our_body)
            assert _comparable(their_body) == _comparable(our_body)
            assert our_times == pytest.approx(their_times, abs=TOLERANCE_S)


@pytest.mark.parametrize("name", [*THEIRS, "Muted"])
def test_both_say_what_is_expected(scenarios: dict[str, dict[str, Any]], told: Told, name: str) -> None:
    """Every notice that the scenario names comes in its time, and no other."""
    scenario = scenarios[name]
    lines = [line for line in scenario["expect"] if line.get("alerts")]
    for receiver in (told.theirs, told.ours):
        found = [
            (int(path.rpartition("/")[2]) + 1, at_s, _names(body))
            for path, notices in told.of(scenario, receiver).items()
            for at_s, body in notices
        ]
        for line in lines:
            (low, high), names = line["between"], _expected(line)
            late = TOLERANCE_S / SLOWER
            fitting = [each for each in found if each[0] == line["webhook"] and each[2] == names]
            assert any(low - 0.05 <= at_s <= high + late for _, at_s, _ in fitting), (line, found)
        assert sum(len(names) for _, _, names in found) == sum(len(line["alerts"]) for line in lines), found


def _names(body: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Labels and status of every alert, in order."""
    return sorted((_label_text(alert["labels"]), alert["status"]) for alert in body["alerts"])


def _expected(line: Mapping[str, Any]) -> list[tuple[str, str]]:
    return sorted(
        (_label_text(alert["labels"]), "firing" if alert.get("endsAt") is None else "resolved")
        for alert in line["alerts"]
    )


def _label_text(labels: Mapping[str, str]) -> str:
    return ",".join(f"{name}={value}" for name, value in sorted(labels.items()) if name != "scenario")


def _ordered(notices: list[tuple[float, dict[str, Any]]]) -> list[tuple[float, dict[str, Any]]]:
    """Groups that are told at the same moment come in no order."""
    return sorted(notices, key=lambda notice: (notice[1]["groupKey"], notice[0]))


def _comparable(body: Mapping[str, Any]) -> dict[str, Any]:
    """The body without addresses of servers and without times, its alerts in the order of their labels."""
    times = ("startsAt", "endsAt")
    alerts = [{key: value for key, value in alert.items() if key not in times} for alert in body["alerts"]]
    alerts.sort(key=lambda alert: sorted(alert["labels"].items()))
    return {key: value for key, value in body.items() if key not in ("externalURL", "alerts")} | {"alerts": alerts}


def _times(body: Mapping[str, Any]) -> list[float]:
    """Start and end of every alert, in the order of their labels; an end that is not known yet is 0."""
    alerts = sorted(body["alerts"], key=lambda alert: sorted(alert["labels"].items()))
    return [_seconds(alert[key]) for alert in alerts for key in ("startsAt", "endsAt")]


def _seconds(text: str) -> float:
    moment = datetime.fromisoformat(text[:26].rstrip("Z") + "+00:00" if "." in text and text.endswith("Z") else text)
    return 0.0 if moment.year == 1 else moment.timestamp()
