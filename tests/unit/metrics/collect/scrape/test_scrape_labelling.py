"""Stored labels: conflicts with target labels, limits, report samples."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fenghuo.metrics.collect.scrape.labelling import (
    LabelLimits,
    LabelRules,
    limit_problem,
    report_labels,
    with_target_labels,
)
from fenghuo.model.labels import Labels
from fenghuo.wire.exposition import parse_text


@pytest.fixture(scope="module")
def facts(conformance: Path) -> Any:
    return json.loads((conformance / "prometheus" / "scrape.json").read_text())


def exposed(text: str) -> Labels:
    parsed = parse_text(text.encode() + b"\n", "text/plain")
    assert parsed.problem is None
    return parsed.layout.series[0]


def test_conflicts_are_resolved_as_prometheus_resolves_them(facts: Any) -> None:
    assert len(facts["label_conflicts"]) == 10
    for case in facts["label_conflicts"]:
        stored = with_target_labels(
            exposed(case["exposition"]), Labels(case["target_labels"]), honor_labels=case["honor_labels"]
        )
        assert stored == Labels(case["stored_labels"]), case["name"]


def test_label_limits_fail_what_prometheus_fails(facts: Any) -> None:
    assert len(facts["label_limits"]) == 9
    for case in facts["label_limits"]:
        pairs = case["discoveryLabels"] or []
        target = Labels(zip(pairs[::2], pairs[1::2], strict=True))
        given = case["labelLimits"]
        limits = LabelLimits(
            given.get("labelLimit", 0), given.get("labelNameLengthLimit", 0), given.get("labelValueLengthLimit", 0)
        )
        rules = LabelRules(target, limits=limits)
        stored = rules.stored(exposed(case["scrapeLabels"]))
        assert stored is not None
        assert (rules.problem(stored) is not None) == case["expectErr"], case["title"]


def test_a_limit_names_metric_label_length_and_bound() -> None:
    labels = Labels({"__name__": "m", "path": "/0123456789"})

    assert limit_problem(labels, LabelLimits(value_bytes=5)) == (
        'label_value_length_limit exceeded (metric: m, label name: path, value: "/0123456789", length: 11, limit: 5)'
    )
    assert limit_problem(labels, LabelLimits(count=1)) == (
        "label_limit exceeded (metric: m, number of labels: 2, limit: 1)"
    )
    assert limit_problem(labels, LabelLimits(count=2, name_bytes=8, value_bytes=11)) is None


def test_lengths_are_counted_in_bytes() -> None:
    labels = Labels({"__name__": "m", "城市": "北京"})

    assert limit_problem(labels, LabelLimits(value_bytes=6, name_bytes=8)) is None
    assert limit_problem(labels, LabelLimits(value_bytes=5)) is not None


def test_honoured_labels_stand_and_the_target_fills_the_rest() -> None:
    stored = with_target_labels(
        Labels({"__name__": "m", "job": "theirs"}), Labels({"job": "ours", "instance": "i"}), honor_labels=True
    )

    assert stored == Labels({"__name__": "m", "job": "theirs", "instance": "i"})


def test_legacy_validation_refuses_utf8_names() -> None:
    legacy, modern = LabelRules(legacy_names=True), LabelRules()
    labels = Labels({"__name__": "http.requests"})

    assert "http.requests" in (legacy.problem(labels) or "")
    assert modern.problem(labels) is None


def test_a_sample_that_lost_its_name_is_a_problem() -> None:
    assert "no metric name" in (LabelRules().problem(Labels({"a": "b"})) or "")


def test_report_samples_carry_the_target_labels() -> None:
    assert report_labels("up", Labels({"job": "a"})) == Labels({"__name__": "up", "job": "a"})
