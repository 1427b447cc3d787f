"""From groups to targets."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fenghuo.base.document import load_yaml, validate
from fenghuo.metrics.collect.discovery.groups import TargetGroup
from fenghuo.metrics.collect.settings import GlobalSettings, JobSettings
from fenghuo.metrics.collect.targets import targets_of
from fenghuo.model.labels import Labels

INTERNAL = {
    "__scheme__": "http",
    "__metrics_path__": "/metrics",
    "__scrape_interval__": "1m",
    "__scrape_timeout__": "10s",
    "__convert_classic_histograms_to_nhcb__": "false",
    "__always_scrape_classic_histograms__": "false",
    "__scrape_native_histograms__": "false",
}


def job(text: str = "") -> JobSettings:
    made, problems = validate(JobSettings, load_yaml(f"job_name: j\n{text}", "f.yml"))
    assert made is not None, problems
    return made.under(GlobalSettings())


def group(own: Mapping[str, str], shared: Mapping[str, str] | None = None) -> TargetGroup:
    return TargetGroup("src:0", (Labels(own),), Labels(shared or {}))


def test_a_plain_target() -> None:
    (target,), dropped = targets_of(job(), [group({"__address__": "a:1"}, {"env": "prod", "__meta_x": "y"})])
    assert dropped == []
    assert dict(target.labels) == {"job": "j", "instance": "a:1", "env": "prod"}
    assert dict(target.internal) == {**INTERNAL, **target.labels, "__address__": "a:1"}
    assert dict(target.discovered) == {
        **INTERNAL, "__address__": "a:1", "job": "j", "env": "prod", "__meta_x": "y",
    }  # fmt: skip
    assert (target.url, target.interval_ms, target.timeout_ms) == ("http://a:1/metrics", 60_000, 10_000)


def test_a_targets_own_labels_win_over_its_groups_and_those_over_the_jobs() -> None:
    own = {"__address__": "a", "env": "own", "instance": "i"}
    (target,), _ = targets_of(job(), [group(own, {"env": "group", "job": "g", "__scheme__": "https"})])
    assert dict(target.labels) == {"job": "g", "instance": "i", "env": "own"}
    assert target.url == "https://a/metrics"


@pytest.mark.parametrize(
    ("text", "own", "url"),
    [
        ("metrics_path: /m x", {}, "http://a/m%20x"),
        ("metrics_path: /m?x=1", {}, "http://a/m%3Fx=1"),
        ("metrics_path: m", {}, "http://a/m"),
        ("scheme: https", {}, "https://a/metrics"),
        ("params: {b: [1, 2], a: ['x y&z']}", {}, "http://a/metrics?a=x+y%26z&b=1&b=2"),
        ("params: {b: [1, 2]}", {"__param_b": "3"}, "http://a/metrics?b=3&b=2"),
        ("", {"__param_target": "h"}, "http://a/metrics?target=h"),
        ("", {"__metrics_path__": "/own"}, "http://a/own"),
    ],
)
def test_the_url(text: str, own: dict[str, str], url: str) -> None:
    (target,), _ = targets_of(job(text), [group({"__address__": "a", **own})])
    assert target.url == url


def test_intervals_may_come_from_labels() -> None:
    own = {"__address__": "a", "__scrape_interval__": "5s", "__scrape_timeout__": "500ms"}
    (target,), _ = targets_of(job(), [group(own)])
    assert (target.interval_ms, target.timeout_ms) == (5000, 500)


@pytest.mark.parametrize(
    ("own", "problem"),
    [
        ({}, "no address in group src:0"),
        ({"__address__": "http://a"}, "'http://a' is not a valid hostname in group src:0"),
        ({"__address__": "a", "__scrape_interval__": "x"}, "error parsing scrape interval: 'x' is not a duration"),
        ({"__address__": "a", "__scrape_interval__": "0"}, "scrape interval cannot be 0"),
        ({"__address__": "a", "__scrape_timeout__": "0s"}, "scrape timeout cannot be 0"),
        ({"__address__": "a", "__scrape_timeout__": "2m"}, 'cannot be greater than scrape interval ("2m" > "1m")'),
        ({"__address__": "a", "__scrape_native_histograms__": "maybe"}, "is 'maybe', which is neither true nor false"),
    ],
)
def test_what_cannot_be_scraped_is_dropped_with_the_reason(own: dict[str, str], problem: str) -> None:
    active, (dropped,) = targets_of(job(), [group({"x": "y", **own})])
    assert active == []
    assert problem in dropped.problem


def test_relabelling_may_drop_a_target_and_may_mend_an_address() -> None:
    text = (
        "relabel_configs: [{action: drop, source_labels: [env], regex: test},"
        " {source_labels: [__address__], target_label: __param_target},"
        " {target_label: __address__, replacement: 'prober:9115'}]"
    )
    groups = [group({"__address__": "http://a/x"}), group({"__address__": "b"}, {"env": "test"})]
    (target,), (dropped,) = targets_of(job(text), groups)
    assert target.url == "http://prober:9115/metrics?target=http%3A%2F%2Fa%2Fx"
    assert target.labels["instance"] == "prober:9115"
    assert (dropped.discovered["__address__"], dropped.problem) == ("b", "")


def test_targets_that_come_out_the_same_are_one() -> None:
    active, _ = targets_of(job(), [group({"__address__": "a"}, {"__meta_n": "1"}), group({"__address__": "a"})])
    assert [target.discovered.get("__meta_n") for target in active] == ["1"]
