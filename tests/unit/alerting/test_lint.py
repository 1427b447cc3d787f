"""What ``check routes`` finds in routes, receivers, intervals, people and schedules."""

from __future__ import annotations

from typing import TypeVar

import pytest

from fenghuo.alerting.escalation.settings import EscalationsSettings
from fenghuo.alerting.lint import lint
from fenghuo.alerting.lint_people import Configured
from fenghuo.alerting.oncall.settings import OnCallSettings
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.base.document import Settings, load_yaml, show_path, validate
from unit.alerting.bench import settings_of

M = TypeVar("M", bound=Settings)
NOW_MS = 1_795_000_000_000  # 2026-11-18T11:06:40Z, a Wednesday.
ONLY = "receivers: [{name: ops, webhook_configs: [{url: 'http://x/'}]}]\n"


def section(model: type[M], text: str) -> M:
    found, problems = validate(model, load_yaml(text, "fenghuo.yml"))
    assert found is not None, problems
    return found


def findings(text: str, people: str = "{}", priorities: str = "{}", escalations: str = "{}") -> list[str]:
    """``path: message`` of each finding."""
    what = Configured(
        settings_of(text),
        section(OnCallSettings, people),
        section(PrioritiesSettings, priorities),
        section(EscalationsSettings, escalations),
    )
    return [f"{show_path(each.path)}: {each.message}" for each in lint(what, NOW_MS)]


def routes(*matchers: str) -> str:
    """A tree of children without ``continue``, each with one list of matchers."""
    children = "".join(f"    - {{matchers: [{each}]}}\n" for each in matchers)
    return f"{ONLY}route:\n  receiver: ops\n  routes:\n{children}"


@pytest.mark.parametrize(
    ("first", "second", "shadowed"),
    [
        ("a=x", "'a=x', 'b=y'", True),
        ("a=x", "a=y", False),
        ("'a=~\"x|y\"'", "a=x", True),
        ("'a=~\"x|y\"'", "'a=~\"y|x\"'", True),
        ("'a=~\"x|y\"'", "'a=~\"y|z\"'", False),
        ("'a=~\"x.*\"'", "a=xyz", True),
        ("'a=~\"x.*\"'", "'a=~\"xy.*\"'", False),  # It is, but only a proof about languages would show it.
        ("a!=x", "a=y", True),
        ("a!=x", "b=y", False),
        ("'a=x', 'b=y'", "a=x", False),
        ("", "a=x", True),
    ],
)
def test_a_route_that_an_earlier_one_shadows(first: str, second: str, shadowed: bool) -> None:
    found = findings(routes(first, second))
    assert any("routes[0] before it takes every alert" in each for each in found) is shadowed
    assert len(found) == shadowed


def test_a_route_that_goes_on_shadows_nobody() -> None:
    text = f"{ONLY}route:\n  receiver: ops\n  routes: [{{matchers: [a=x], continue: true}}, {{matchers: [a=x]}}]\n"
    assert findings(text) == []


@pytest.mark.parametrize(
    "matchers", ["'a=x', 'a=y'", "'a=x', 'a!=x'", "'a=~\"x|y\"', 'a=z'", "'a=~\"x|y\"', 'a!~\"x|y\"'"]
)
def test_matchers_that_contradict_each_other(matchers: str) -> None:
    assert findings(routes(matchers)) == [
        "route.routes[0]: no alert can match this route: its matchers contradict each other or those above"
    ]


def test_what_stands_above_counts() -> None:
    text = f"{ONLY}route:\n  receiver: ops\n  routes: [{{matchers: [a=x], routes: [{{matchers: [a=y]}}]}}]\n"
    (found,) = findings(text)
    assert found.startswith("route.routes[0].routes[0]: no alert can match")


def test_repeats_that_cannot_be_are_told_where_they_are_set() -> None:
    text = f"{ONLY}route: {{receiver: ops, repeat_interval: 1m, routes: [{{matchers: [a=x]}}]}}\n"
    (found,) = findings(text)
    assert found.startswith("route: repeat_interval 1m is shorter than group_interval 5m")


def test_receivers_that_nobody_uses() -> None:
    text = "route: {receiver: ops}\nreceivers: [{name: ops}, {name: old}, {name: page}]\n"
    people = "people: {li: {contacts: [{kind: sms, to: '1', via: page}]}}"
    assert (
        findings(text, people)[0]
        == "receivers[1].name: receiver 'old' is used by no route, no priority, no escalation and no person"
    )
    assert not any("page" in each and "used by" in each for each in findings(text, people))


def intervals(*texts: str) -> str:
    """Intervals that the only route names, all of them."""
    named = "".join(f"  - {{name: i{at}, time_intervals: [{text}]}}\n" for at, text in enumerate(texts))
    names = ", ".join(f"i{at}" for at in range(len(texts)))
    child = f"{{matchers: [a=x], mute_time_intervals: [{names}]}}"
    return f"{ONLY}route: {{receiver: ops, routes: [{child}]}}\ntime_intervals:\n{named}"


@pytest.mark.parametrize(
    ("interval", "never"),
    [
        ("{years: ['2020:2025']}", True),
        ("{years: ['2026']}", False),
        ("{years: ['2040:2041'], months: ['3']}", False),
        ("{months: ['2'], days_of_month: ['30']}", True),
        ("{months: ['2'], days_of_month: ['29']}", False),
        ("{years: ['2026:2027'], months: ['2'], days_of_month: ['29']}", True),
        ("{times: [{start_time: '23:59', end_time: '24:00'}], location: Asia/Shanghai}", False),
        ("{trading: SHFE.rb, times: [{start_time: '09:00', end_time: '10:00'}], location: Asia/Shanghai}", False),
        ("{trading: SHFE.rb, weekdays: [sunday], location: Asia/Shanghai}", True),
        ("", True),
    ],
)
def test_intervals_that_never_come_again(interval: str, never: bool) -> None:
    assert findings(intervals(interval)) == (
        ["time_intervals[0].name: time interval 'i0' never comes again"] if never else []
    )


def test_intervals_that_no_route_names() -> None:
    text = f"{ONLY}route: {{receiver: ops}}\nmute_time_intervals: [{{name: n, time_intervals: [{{}}]}}]\n"
    assert findings(text) == ["mute_time_intervals[0].name: time interval 'n' is used by no route"]


@pytest.mark.parametrize(
    ("door", "reached"),
    [
        ("api_url: 'http://slack'", False),
        ("app_token: xoxb-1", True),
        ("channel: '#ops'", True),
        ("app_token_file: /run/token", True),
    ],
)
def test_slack_tells_people_through_a_bot(door: str, reached: bool) -> None:
    config = f"""
global: {{slack_app_token: xoxb-0}}
route: {{receiver: ops}}
receivers: [{{name: ops, slack_configs: [{{{door}}}]}}]
"""
    people = "people: {zhang: {contacts: [{kind: slack, to: U1}]}}"
    said = "a channel of kind slack with a bot's token (`app_token`), so that this contact cannot be reached"
    assert findings(config, people) == ([] if reached else [f"people.zhang.contacts[0]: no receiver has {said}"])


def test_people_who_cannot_be_reached() -> None:
    people = """
people:
  li: {}
  wu: {}
  zhang: {contacts: [{kind: email, to: a@b}, {kind: slack, to: U1, via: ops}, {kind: sms, to: '1', via: op}]}
schedules:
  primary: {layers: [{people: [li], start: 2026-01-05}]}
"""
    assert findings(f"{ONLY}route: {{receiver: ops}}\n", people) == [
        "people.li: 'li' is on call and has no contacts",
        "people.zhang.contacts[0]: no receiver has a channel of kind email, so that this contact cannot be reached",
        "people.zhang.contacts[1]: receiver 'ops' has no channel of kind slack with a bot's token (`app_token`), so "
        "that this contact cannot be reached",
        "people.zhang.contacts[2].via: there is no receiver 'op'",
    ]


def test_schedules_with_gaps() -> None:
    people = """
people: {li: {contacts: [{kind: email, to: a@b}]}}
schedules:
  office:
    layers: [{people: [li], start: 2026-01-05, during: [{weekdays: ['monday:friday']}]}]
  always: {layers: [{people: [li], start: 2026-01-05}]}
"""
    text = "route: {receiver: o}\nreceivers: [{name: o, email_configs: [{to: a, from: b, smarthost: 'c:25'}]}]\n"
    assert findings(text, people) == [
        "schedules.office: nobody is on call in 'office' for 4d of the next 14 days, "
        "first from 2026-11-21 00:00 to 2026-11-23 00:00"
    ]


PEOPLE = """
people:
  zhang: {contacts: [{kind: email, to: zhang@example.com}]}
  li: {}
schedules:
  nobody: {layers: [{people: [li], start: 2026-01-01}]}
"""
RECEIVERS = """
route: {receiver: ops}
receivers:
  - {name: ops, webhook_configs: [{url: 'http://x/'}], email_configs: [{to: a@b, smarthost: 'x:25', from: f@b}]}
  - {name: mute}
"""


def test_escalations_that_nobody_uses_and_steps_that_reach_nobody() -> None:
    policies = """
escalations:
  ladder:
    steps: [{targets: ['person:li', 'schedule:nobody', 'receiver:mute']}, {after: 5m, targets: ['person:zhang']}]
  spare: {steps: [{targets: ['receiver:ops']}]}
"""
    assert findings(RECEIVERS, PEOPLE, "{P1: {escalation: ladder}}", policies) == [
        "people.li: 'li' is on call and has no contacts",
        "escalations.ladder.steps[0]: this step reaches nobody: no target has a way to be told",
        "escalations.spare: escalation 'spare' is used by no priority",
    ]


def test_a_person_whom_an_escalation_names_needs_contacts() -> None:
    people = "people: {li: {}}"
    policies = "escalations: {a: {steps: [{targets: ['person:li', 'receiver:ops', 'receiver:mute']}]}}"
    assert findings(RECEIVERS, people, "{P1: {escalation: a}}", policies) == [
        "people.li: 'li' is a target of escalations and has no contacts"
    ]


def test_priorities_without_channels() -> None:
    assert findings(RECEIVERS, priorities="{P2: {receivers: [mute]}}") == [
        "priorities.P2.receivers[0]: receiver 'mute' has no channels, so that nobody hears"
    ]
    silent = RECEIVERS.replace("{receiver: ops}", "{receiver: mute}")
    assert findings(silent, priorities="{P0: {receivers: [ops]}}") == [
        "route.receiver: alerts of P1 that no other route takes are told to nobody: 'mute' has no channels"
    ]


def test_quiet_hours_without_an_end() -> None:
    quiet = "{P3: {receivers: [mute], quiet_hours: [{weekdays: ['sunday:saturday']}]}}"
    assert findings(RECEIVERS, priorities=quiet)[1:] == [
        "priorities.P3.quiet_hours: quiet hours of P3 hold now and do not end in two weeks"
    ]
