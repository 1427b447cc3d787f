"""Timed scenarios of alerts as two servers live through them at the same time, and what they were told of it."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from accept.receiver import Receiver
from fenghuo.model.duration import format_duration, parse_duration_ms

SLOWER = 2
"""All times of the scenarios, and all their timers, are this many times as long: some leave 0.2 s between a report and
the flush that it belongs to, which a busy machine may miss."""
SETTLE_S = 3.0
"""Before anything happens: what a start leaves for later is done then."""
TIMERS = ("group_wait", "group_interval", "repeat_interval")


@dataclass(frozen=True)
class Event:
    """Something to be done."""

    at_s: float
    """From the start, in the scenarios' own time."""
    scenario: str
    post: Sequence[Mapping[str, Any]] = ()
    silence: Mapping[str, Any] | None = None
    unsilence: bool = False
    """End the silence that the scenario made."""


def events_of(scenario: Mapping[str, Any]) -> list[Event]:
    name = scenario["name"]
    events = [Event(post["at"], name, post=post["alerts"]) for post in scenario["post"]]
    for silence in scenario.get("silences", ()):
        events.append(Event(silence["set_at"], name, silence=silence))
        if "delete_at" in silence:
            events.append(Event(silence["delete_at"], name, unsilence=True))
    return events


def slower(duration: str) -> str:
    return format_duration(parse_duration_ms(duration) * SLOWER)


def merged(configs: Mapping[str, Mapping[str, Any]], receiver: Receiver, resolve_timeout: str) -> dict[str, Any]:
    """One configuration of many: each lives below a route, in rules and in receivers of its own name."""
    routes, receivers, rules, intervals = [], [{"name": "nobody"}], [], []
    for name, config in configs.items():
        routes.append({"matchers": [f'scenario="{name}"'], **_named(config["route"], name)})
        for each in config["receivers"]:
            hooks = [
                hook | {"url": f"{receiver.url}/{name}/{each['name']}/{number}"}
                for number, hook in enumerate(each["webhook_configs"])
            ]
            receivers.append({"name": f"{name}-{each['name']}", "webhook_configs": hooks})
        for rule in config.get("inhibit_rules", ()):
            sides = {side: rule[side] | {"scenario": name} for side in ("source_match", "target_match")}
            rules.append({**rule, **sides})
        intervals += config.get("time_intervals", ())
    return {
        "global": {"resolve_timeout": slower(resolve_timeout)},
        "route": {"receiver": "nobody", "routes": routes},
        "receivers": receivers,
        "inhibit_rules": rules,
        "time_intervals": intervals,
    }


def _named(route: Mapping[str, Any], name: str) -> dict[str, Any]:
    """The route with its receivers' names and timers as they are in the merged configuration."""
    timers = {key: slower(route[key]) for key in TIMERS if key in route}
    receiver = {"receiver": f"{name}-{route['receiver']}"} if "receiver" in route else {}
    return {**route, **receiver, **timers, "routes": [_named(child, name) for child in route.get("routes", ())]}


class Player:
    """Does to one server what the scenarios say."""

    def __init__(self, url: str, start_s: float) -> None:
        self._url = url
        self._start_s = start_s
        self._silences: dict[str, str] = {}

    def play(self, events: Sequence[Event], end_s: float) -> None:
        """Events of one moment go out one after the other; returns at the end."""
        with httpx.Client(base_url=self._url, timeout=20) as client:
            for event in sorted(events, key=lambda event: event.at_s):
                self._wait_for(event.at_s)
                self._do(client, event)
        self._wait_for(end_s)

    def _wait_for(self, at_s: float) -> None:
        time.sleep(max(self._start_s + at_s * SLOWER - time.time(), 0))

    def _do(self, client: httpx.Client, event: Event) -> None:
        if event.post:
            answer = client.post("/api/v2/alerts", json=[self._alert(each, event.scenario) for each in event.post])
        elif event.silence is not None:
            answer = client.post("/api/v2/silences", json=self._silence(event.silence, event.scenario))
            self._silences[event.scenario] = answer.json()["silenceID"]
        else:
            assert event.unsilence
            answer = client.delete(f"/api/v2/silence/{self._silences[event.scenario]}")
        assert answer.status_code == 200, (event, answer.text)

    def _alert(self, alert: Mapping[str, Any], scenario: str) -> dict[str, Any]:
        times = {key: self._moment(alert[key]) for key in ("startsAt", "endsAt") if alert.get(key) is not None}
        return {**alert, "labels": {**alert["labels"], "scenario": scenario}, **times}

    def _silence(self, silence: Mapping[str, Any], scenario: str) -> dict[str, Any]:
        ours = {"name": "scenario", "value": scenario, "isRegex": False}
        return {
            "matchers": [*silence["matchers"], ours],
            "startsAt": self._moment(silence["startsAt"]),
            "endsAt": self._moment(silence["endsAt"]),
            "createdBy": "test",
            "comment": scenario,
        }

    def _moment(self, at_s: float) -> str:
        at = datetime.fromtimestamp(self._start_s + at_s * SLOWER, UTC)
        return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def play_all(urls: Sequence[str], events: Sequence[Event], end_s: float) -> float:
    """Every server lives through the same at the same time; returns when it began."""
    start_s = round(time.time() + SETTLE_S, 3)
    with ThreadPoolExecutor(len(urls)) as pool:
        for done in [pool.submit(Player(url, start_s).play, events, end_s) for url in urls]:
            done.result()
    return start_s
