"""Alertmanager's own table of notice templates, as far as it is about the language and its functions."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from fenghuo.base.errors import InputError
from fenghuo.template import Exposed, Scope, Template, TemplateError
from fenghuo.template.functions import DATA_FUNCTIONS, TEXT_FUNCTIONS, since
from fenghuo.template.gotime import Time

NOW_MS = 1_700_000_000_000
MISSING_TITLES = {
    "Template using toJson with Alerts": "the JSON of alerts is the notice's own; tested with alerting",
    "Template using toJson with Alerts.Firing()": "the JSON of alerts is the notice's own; tested with alerting",
}


class Pairs(Exposed, Sequence[tuple[str, str]]):
    """A label map as sorted pairs, as notices have it."""

    template_names = {"Names": "names", "Values": "values"}  # noqa: RUF012

    def __init__(self, pairs: list[tuple[str, str]]) -> None:
        self._pairs = pairs

    def __getitem__(self, at: Any) -> Any:
        return self._pairs[at]

    def __len__(self) -> int:
        return len(self._pairs)

    def names(self) -> list[str]:
        return [name for name, _ in self._pairs]

    def values(self) -> list[str]:
        return [value for _, value in self._pairs]


class LabelMap(dict[str, str], Exposed):
    """A map of labels with methods, as notices have it."""

    template_names = {"Remove": "remove", "SortedPairs": "sorted_pairs"}  # noqa: RUF012
    template_missing = ""

    def remove(self, names: Sequence[str]) -> LabelMap:
        return LabelMap({name: value for name, value in self.items() if name not in names})

    def sorted_pairs(self) -> Pairs:
        return Pairs(sorted(self.items()))


class RouteLabels:
    """``routeLabels``: labels that are templates themselves; a cycle is an error."""

    def __init__(self, labels: Mapping[str, str], data: Any) -> None:
        self._labels = labels
        self._data = data
        self._open: list[str] = []

    def expand(self, scope: Scope, name: str) -> str:
        if name in self._open:
            raise InputError(f"route label {name!r} refers to itself")
        self._open.append(name)
        try:
            return scope.expand(self._labels.get(name, ""), self._data)
        finally:
            self._open.pop()


def data_of(given: Any) -> Any:
    if isinstance(given, str) and given.endswith("[UTC]"):
        return Time.of_moment(datetime.fromisoformat(given.removesuffix("[UTC]")).replace(tzinfo=UTC))
    if isinstance(given, dict) and "now_minus" in given:
        return Time.of_ms(NOW_MS - 3_600_000)
    if isinstance(given, dict):
        return {
            key: LabelMap(item) if key.endswith("Labels") and isinstance(item, dict) else data_of(item)
            for key, item in given.items()
        }
    if isinstance(given, list):
        return [{"Labels": None, **item} if isinstance(item, dict) else item for item in given]
    return given


def render(case: dict[str, Any]) -> str:
    data = data_of(case.get("data"))
    route = RouteLabels(case["data"].get("RouteLabels", {}) if isinstance(case.get("data"), dict) else {}, data)
    functions = {**TEXT_FUNCTIONS, **DATA_FUNCTIONS, "since": since(lambda: NOW_MS), "routeLabels": route.expand}
    return Template.parse(case["template"], functions, html=case.get("html", False)).render(data)


def test_every_case(conformance: Path, subtests: pytest.Subtests) -> None:
    cases = json.loads((conformance / "alertmanager" / "templates.json").read_text())["cases"]
    done = 0
    for case in cases:
        if case["title"] in MISSING_TITLES:
            continue
        done += 1
        with subtests.test(case["title"]):
            if case.get("fail") or "error" in case:
                with pytest.raises(TemplateError) as caught:
                    render(case)
                if "error calling" in case.get("error", ""):
                    assert case["error"].split("error calling ", 1)[1] in caught.value.message
            else:
                assert render(case) == case["output"]
    assert done == 65
