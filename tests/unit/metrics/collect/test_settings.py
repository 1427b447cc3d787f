"""Scrape jobs: what they inherit and what cannot be. Whole files are in tests/script/test_config_prometheus.py."""

from __future__ import annotations

from typing import Any

import pytest

from fenghuo.base.document import RefusedError, RefusedManyError, load_yaml, validate
from fenghuo.metrics.collect.settings import (
    DEFAULT_PROTOCOLS,
    EscapingScheme,
    GlobalSettings,
    JobSettings,
    ScrapeProtocol,
)
from fenghuo.model.relabel import NameScheme


def job(text: str = "") -> JobSettings:
    made, problems = validate(JobSettings, load_yaml(f"job_name: j\n{text}", "f.yml"))
    assert made is not None, problems
    return made


def base(text: str = "{}") -> GlobalSettings:
    made, problems = validate(GlobalSettings, load_yaml(text, "f.yml"))
    assert made is not None, problems
    return made


@pytest.mark.parametrize(
    ("global_text", "job_text", "name", "value"),
    [
        ("{}", "", "scrape_interval_ms", 60_000),
        ("{}", "", "scrape_timeout_ms", 10_000),
        ("{scrape_interval: 5s}", "", "scrape_timeout_ms", 5_000),
        ("{scrape_interval: 20s}", "scrape_interval: 5s", "scrape_timeout_ms", 5_000),
        ("{scrape_interval: 20s, scrape_timeout: 15s}", "scrape_interval: 16s", "scrape_timeout_ms", 15_000),
        ("{sample_limit: 5}", "", "sample_limit", 5),
        ("{sample_limit: 5}", "sample_limit: 7", "sample_limit", 7),
        ("{body_size_limit: 1MB}", "", "body_size_limit_bytes", 1 << 20),
        ("{extra_scrape_metrics: true}", "", "extra_scrape_metrics", True),
        ("{extra_scrape_metrics: true}", "extra_scrape_metrics: false", "extra_scrape_metrics", False),
        ("{}", "", "extra_scrape_metrics", False),
        ("{}", "", "scrape_protocols", list(DEFAULT_PROTOCOLS)),
        ("{}", "scrape_native_histograms: true", "scrape_protocols", [ScrapeProtocol.PROTOBUF, *DEFAULT_PROTOCOLS]),
        ("{scrape_protocols: [PrometheusText0.0.4]}", "", "scrape_protocols", [ScrapeProtocol.TEXT_0_0_4]),
        ("{}", "", "metric_name_escaping_scheme", EscapingScheme.ALLOW_UTF8),
        ("{metric_name_validation_scheme: legacy}", "", "metric_name_escaping_scheme", EscapingScheme.UNDERSCORES),
        ("{metric_name_validation_scheme: legacy}", "", "metric_name_validation_scheme", NameScheme.LEGACY),
        ("{metric_name_escaping_scheme: dots}", "", "metric_name_escaping_scheme", EscapingScheme.DOTS),
        (
            "{metric_name_escaping_scheme: dots}", "metric_name_validation_scheme: legacy",
            "metric_name_escaping_scheme", EscapingScheme.UNDERSCORES,
        ),
    ],
)  # fmt: skip
def test_what_a_job_leaves_open_comes_from_global(global_text: str, job_text: str, name: str, value: Any) -> None:
    assert getattr(job(job_text).under(base(global_text)), name) == value


@pytest.mark.parametrize(
    ("global_text", "job_text", "part"),
    [
        ("{}", "scrape_interval: 5s\nscrape_timeout: 6s", "scrape timeout 6s is greater than scrape interval 5s"),
        ("{scrape_interval: 5s}", "scrape_timeout: 6s", "scrape timeout 6s is greater than scrape interval 5s"),
        (
            "{metric_name_validation_scheme: legacy}", "metric_name_escaping_scheme: allow-utf-8",
            "UTF-8 names are asked for",
        ),
    ],
)  # fmt: skip
def test_what_does_not_fit_global(global_text: str, job_text: str, part: str) -> None:
    with pytest.raises((RefusedError, RefusedManyError), match=part):
        job(job_text).under(base(global_text))


def test_every_rule_that_writes_to_no_name_is_reported_with_its_place() -> None:
    text = "relabel_configs: [{target_label: a}, {target_label: a-b}]\nmetric_relabel_configs: [{target_label: c-d}]"
    with pytest.raises(RefusedManyError) as caught:
        job(text).under(base("{metric_name_validation_scheme: legacy}"))
    assert [path for path, _ in caught.value.refusals] == [("relabel_configs", 1), ("metric_relabel_configs", 0)]


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("scheme: ftp", "scheme"),
        ("scrape_interval: 5", "scrape_interval"),
        ("scrape_interval: -5s", "scrape_interval"),
        ("sample_limit: -1", "sample_limit"),
        ("body_size_limit: 100", "body_size_limit"),
        ("scrape_protocols: []", "scrape_protocols"),
        ("scrape_protocols: [PrometheusText0.0.4, PrometheusText0.0.4]", "scrape_protocols"),
        ("scrape_protocols: [text]", "scrape_protocols[0]"),
        ("file_sd_configs: [{files: []}]", "file_sd_configs[0]"),
        ("file_sd_configs: [{files: [a.txt]}]", "file_sd_configs[0].files[0]"),
        ("file_sd_configs: [{files: ['*/a.yml']}]", "file_sd_configs[0].files[0]"),
        ("file_sd_configs: [{files: [a.yml], refresh_interval: 0s}]", "file_sd_configs[0].refresh_interval"),
        ("http_sd_configs: [{url: '/x'}]", "http_sd_configs[0].url"),
        ("http_sd_configs: [{url: 'http://x', refresh_interval: 0s}]", "http_sd_configs[0].refresh_interval"),
        ("static_configs: [{targets: [a], labels: {'': x}}]", "static_configs[0].labels"),
        ("static_configs: [{target: [a]}]", "static_configs[0].target"),
        ("static_configs: [{targets: [b, 'http://a']}]", "static_configs[0].targets[1]"),
        ("params: {a: b}", "params.a"),
    ],
)
def test_what_a_job_cannot_say(text: str, path: str) -> None:
    made, problems = validate(JobSettings, load_yaml(f"job_name: j\n{text}", "f.yml"))
    assert made is None
    assert [problem.path for problem in problems] == [path]


def test_discovery_that_is_not_spoken_is_known_by_name() -> None:
    made = job("dns_sd_configs: [{names: [a]}]\nconsul_sd_configs: [{}]\nstatic_configs: [{targets: [a]}]")
    assert made.foreign_systems() == ["consul_sd_configs", "dns_sd_configs"]
