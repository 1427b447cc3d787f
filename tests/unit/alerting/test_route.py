"""The route tree, by Alertmanager's tables."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.alerting.route.groups import show_group_labels
from fenghuo.alerting.route.tree import Route, RouteSettings, build_route
from fenghuo.base.document import load_yaml, validate
from fenghuo.model.duration import parse_duration_ms
from fenghuo.model.labels import Labels

DEFAULTS_MS = {"group_wait": 30_000, "group_interval": 300_000, "repeat_interval": 4 * 3_600_000}


def tree(text: str) -> Route:
    settings, problems = validate(RouteSettings, load_yaml(text, "route"))
    assert settings is not None, [str(problem) for problem in problems]
    return build_route(settings)


@pytest.fixture(scope="module")
def tests(conformance: Path) -> dict[str, Any]:
    loaded = json.loads((conformance / "alertmanager" / "routes.json").read_text())
    return {test["test"]: test for test in loaded["tests"]}


def timed(match: dict[str, Any], name: str) -> int:
    return DEFAULTS_MS[name] if match[name] == "default" else parse_duration_ms(match[name])


def as_table(route: Route) -> dict[str, Any]:
    return {
        "receiver": route.receiver,
        "group_by_all": route.group_by_all,
        "group_by": sorted(route.group_by),
        "group_wait": route.group_wait_ms,
        "group_interval": route.group_interval_ms,
        "repeat_interval": route.repeat_interval_ms,
    }


def wanted(match: dict[str, Any]) -> dict[str, Any]:
    group_by = match["group_by"]
    return {
        **match,
        "group_by": [] if isinstance(group_by, str) else sorted(group_by),
        **{name: timed(match, name) for name in DEFAULTS_MS},
    }


def test_matches_options_and_keys(tests: dict[str, Any]) -> None:
    count = 0
    for test in tests.values():
        for case in test.get("cases", ()):
            found = tree(test["route_yaml"]).match(case["alert_labels"])
            assert [as_table(route) for route in found] == [wanted(match) for match in case["matches"]], case
            assert [route.key for route in found] == case["route_keys"], case
            count += 1
    assert count == 24


def test_group_by_all_is_inherited_until_overridden(tests: dict[str, Any]) -> None:
    parent = tree(tests["TestInheritParentGroupByAll"]["route_yaml"]).children[0]
    inherits, overrides = parent.children
    assert (parent.group_by_all, inherits.group_by_all, overrides.group_by_all) == (True, True, False)
    assert overrides.group_by == {"foo"}


def test_an_empty_group_by_overrides() -> None:
    root = tree("receiver: a\ngroup_by: [x]\nroutes:\n- group_by: []\n- receiver: b\n")
    assert root.children[0].group_by == frozenset()
    assert root.children[1].group_by == {"x"}


def test_labels_are_inherited_one_by_one(tests: dict[str, Any]) -> None:
    first = tree(tests["TestRouteLabelsLoading"]["route_yaml"]).children[0]
    assert [dict(child.labels) for child in first.children] == [
        {"team": "team-A-testing"},
        {"team": "team-A", "severity": "production"},
    ]


def test_positions_tell_equal_routes_apart(tests: dict[str, Any]) -> None:
    routes = list(tree(tests["TestRouteID"]["route_yaml"]).walk())
    assert len({route.index for route in routes}) == len(routes) == 12


def test_group_keys_read_as_alertmanagers() -> None:
    route = tree('receiver: a\nroutes:\n- matchers: [severity="x"]\n').children[0]
    labels = Labels({"alertname": "y", "a": 'q"\n'})
    assert f"{route.key}:{show_group_labels(labels)}" == '{}/{severity="x"}:{a="q\\"\\n", alertname="y"}'


names = st.sampled_from(["a", "b", "c"])
values = st.sampled_from(["", "1", "2"])
routes = st.recursive(
    st.fixed_dictionaries({"match": st.dictionaries(names, values, max_size=2), "continue": st.booleans()}),
    lambda inner: st.fixed_dictionaries(
        {
            "match": st.dictionaries(names, values, max_size=2),
            "continue": st.booleans(),
            "routes": st.lists(inner, max_size=3),
        }
    ),
    max_leaves=12,
)


@given(children=st.lists(routes, max_size=4), labels=st.dictionaries(names, values))
def test_every_alert_ends_somewhere_and_nowhere_twice(children: list[dict[str, Any]], labels: dict[str, str]) -> None:
    root = build_route(RouteSettings.model_validate({"receiver": "all", "routes": children}))
    found = root.match(labels)
    assert found
    assert len({route.index for route in found}) == len(found)
    for route in found:
        assert all(matcher.matches(labels) for matcher in route.matchers)
