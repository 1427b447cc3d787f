"""Prometheus' own configuration files: what it accepts is accepted, what it rejects is rejected, in the same place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fenghuo.app.settings import AppSettings
from fenghuo.app.settings_load import load_settings
from fenghuo.base.document import Problem, Severity

JOB = "scrape_configs[0]"
RULE = f"{JOB}.relabel_configs[0]"

PLACES = {
    "bearertoken.bad.yml": JOB,
    "bearertoken_basicauth.bad.yml": JOB,
    "config_with_deprecated_am_api_config.yml": "alerting.alertmanagers[0].api_version",
    "dropequal.bad.yml": RULE,
    "dropequal1.bad.yml": RULE,
    "empty_alert_relabel_config.bad.yml": "alerting.alert_relabel_configs[0]",
    "empty_alertmanager_relabel_config.bad.yml": "alerting.alertmanagers[0].relabel_configs[0]",
    "empty_metric_relabel_config.bad.yml": f"{JOB}.metric_relabel_configs[0]",
    "empty_rr_config.bad.yml": "remote_read[0]",
    "empty_rw_config.bad.yml": "remote_write[0]",
    "empty_rw_relabel_config.bad.yml": "remote_write[0].write_relabel_configs[0]",
    "empty_scrape_config.bad.yml": JOB,
    "empty_scrape_config_action.bad.yml": f"{RULE}.action",
    "empty_static_config.bad.yml": f"{JOB}.static_configs[0]",
    "empty_target_relabel_config.bad.yml": RULE,
    "http_token_file.bad.yml": f"{JOB}.http_sd_configs[0]",
    "http_url_bad_scheme.bad.yml": f"{JOB}.http_sd_configs[0].url",
    "http_url_no_host.bad.yml": f"{JOB}.http_sd_configs[0].url",
    "http_url_no_scheme.bad.yml": f"{JOB}.http_sd_configs[0].url",
    "jobname.bad.yml": f"{JOB}.job_name",
    "jobname_dup.bad.yml": "scrape_configs[2].job_name",
    "keepequal.bad.yml": RULE,
    "keepequal1.bad.yml": RULE,
    "labeldrop.bad.yml": RULE,
    "labeldrop2.bad.yml": RULE,
    "labeldrop3.bad.yml": RULE,
    "labeldrop4.bad.yml": RULE,
    "labeldrop5.bad.yml": RULE,
    "labelkeep.bad.yml": RULE,
    "labelkeep2.bad.yml": RULE,
    "labelkeep3.bad.yml": RULE,
    "labelkeep4.bad.yml": RULE,
    "labelkeep5.bad.yml": RULE,
    "labelmap.bad.yml": "line 5",
    "labelname.bad.yml": "line 3",
    "labelvalue.bad.yml": "line 3",
    "lowercase.bad.yml": RULE,
    "lowercase3.bad.yml": RULE,
    "metric_name_validation_scheme.bad.yml": "global.metric_name_validation_scheme",
    "modulus_missing.bad.yml": RULE,
    "otlp_allow_utf8.bad.yml": "otlp.translation_strategy",
    "otlp_allow_utf8.incompatible.yml": "otlp.translation_strategy",
    "otlp_ignore_resource_attributes_without_promote_all.bad.yml": "otlp",
    "otlp_no_translation.incompatible.yml": "otlp.translation_strategy",
    "otlp_promote_all_resource_attributes.bad.yml": "otlp.promote_resource_attributes",
    "otlp_sanitize_ignore_resource_attributes.bad.yml": "otlp.ignore_resource_attributes",
    "otlp_sanitize_promote_resource_attributes.bad.yml": "otlp.promote_resource_attributes",
    "regex.bad.yml": f"{RULE}.regex",
    "remote_read_dup.bad.yml": "remote_read[1].name",
    "remote_read_header.bad.yml": "remote_read[0].headers",
    "remote_read_url_missing.bad.yml": "remote_read[0].url",
    "remote_write_authorization_header.bad.yml": "remote_write[0].headers",
    "remote_write_dup.bad.yml": "remote_write[1].name",
    "remote_write_header.bad.yml": "remote_write[0].headers",
    "remote_write_queue_capacity_zero.bad.yml": "remote_write[0].queue_config",
    "remote_write_queue_max_backoff_less_than_min.bad.yml": "remote_write[0].queue_config",
    "remote_write_queue_max_samples_per_send_zero.bad.yml": "remote_write[0].queue_config",
    "remote_write_queue_max_shards_zero.bad.yml": "remote_write[0].queue_config",
    "remote_write_queue_min_shards_greater_than_max.bad.yml": "remote_write[0].queue_config",
    "remote_write_queue_min_shards_zero.bad.yml": "remote_write[0].queue_config",
    "remote_write_url_missing.bad.yml": "remote_write[0].url",
    "remote_write_wrong_msg.bad.yml": "remote_write[0].protobuf_message",
    "rules.bad.yml": "rule_files[1]",
    "scrape_body_size_limit.bad.yml": f"{JOB}.body_size_limit",
    "scrape_config_files.bad.yml": f"{JOB}.scrape_timeout",
    "scrape_config_files_double_import.bad.yml": f"{JOB}.job_name",
    "scrape_config_files_duplicate.bad.yml": f"{JOB}.job_name",
    "scrape_config_files_fallback_scrape_protocol1.bad.yml": f"{JOB}.fallback_scrape_protocol",
    "scrape_config_files_fallback_scrape_protocol2.bad.yml": f"{JOB}.fallback_scrape_protocol",
    "scrape_config_files_glob.bad.yml": "scrape_config_files[0]",
    "scrape_config_files_global.bad.yml": f"{JOB}.scrape_timeout",
    "scrape_config_files_global_duplicate.bad.yml": f"{JOB}.job_name",
    "scrape_config_files_scrape_protocols.bad.yml": f"{JOB}.scrape_protocols[0]",
    "scrape_config_files_scrape_protocols2.bad.yml": f"{JOB}.scrape_protocols",
    "scrape_config_utf8_conflicting.bad.yml": JOB,
    "scrape_interval.bad.yml": f"{JOB}.scrape_timeout",
    "section_key_dup.bad.yml": "line 4",
    "static_config.bad.yml": "line 4",
    "target_label_hashmod_missing.bad.yml": RULE,
    "target_label_missing.bad.yml": RULE,
    "tracing_invalid_authorization_header.bad.yml": "tracing.headers",
    "tracing_invalid_compression.bad.yml": "tracing.compression",
    "tracing_invalid_header.bad.yml": "tracing.headers",
    "tracing_missing_endpoint.bad.yml": "tracing.endpoint",
    "tsdb_chunk_encoding_floats.bad.yml": "storage.tsdb.chunk_encoding.floats",
    "tsdb_chunk_encoding_floats_wrong_case.bad.yml": "storage.tsdb.chunk_encoding.floats",
    "tsdb_chunk_encoding_floats_wrong_case_xor2.bad.yml": "storage.tsdb.chunk_encoding.floats",
    "tsdb_retention_percentage.bad.yml": "storage.tsdb.retention.percentage",
    "tsdb_retention_percentage_negative.bad.yml": "storage.tsdb.retention.percentage",
    "tsdb_retention_size.bad.yml": "storage.tsdb.retention.size",
    "tsdb_retention_time.bad.yml": "storage.tsdb.retention.time",
    "unknown_attr.bad.yml": f"{JOB}.consult_sd_configs",
    "unknown_global_attr.bad.yml": "global.nonexistent_field",
    "uppercase.bad.yml": RULE,
    "uppercase3.bad.yml": RULE,
    "url_in_targetgroup.bad.yml": f"{JOB}.static_configs[0].targets[0]",
}
"""Where each bad file is bad; mistakes that make the file no YAML have only a line."""

FOREIGN = (
    "azure", "ec2", "eureka", "hetzner", "ionos", "kubernetes", "lightsail", "marathon", "oci", "openstack", "outscale",
    "ovhcloud", "puppetdb", "scaleway", "stackit", "uyuni",
)  # fmt: skip
"""Discovery systems that are not spoken. Their bad files are bad somewhere inside the section that names them."""

ACCEPTED = {
    "agent_mode.with_alert_manager.yml": "bad only for Prometheus' agent mode, which does not exist here",
    "agent_mode.with_alert_relabels.yml": "bad only for Prometheus' agent mode, which does not exist here",
    "agent_mode.with_remote_reads.yml": "bad only for Prometheus' agent mode, which does not exist here",
    "agent_mode.with_rule_files.yml": "bad only for Prometheus' agent mode, which does not exist here",
}


@pytest.fixture(scope="session")
def directory(conformance: Path) -> Path:
    return conformance / "prometheus" / "config"


@pytest.fixture(scope="session")
def cases(directory: Path) -> dict[str, dict[str, Any]]:
    loaded: dict[str, dict[str, Any]] = json.loads((directory / "expected.json").read_text())["cases"]
    return loaded


def load(path: Path) -> tuple[AppSettings | None, list[Problem]]:
    return load_settings(path, {"TEST": "t"})


def errors(problems: list[Problem]) -> list[Problem]:
    return [problem for problem in problems if problem.severity is Severity.ERROR]


def test_what_prometheus_accepts_is_accepted(directory: Path, cases: dict[str, dict[str, Any]]) -> None:
    good = [name for name, case in cases.items() if case["ok"]]
    rejected = {name: [str(problem) for problem in errors(load(directory / name)[1])] for name in good}
    assert len(good) == 63
    assert {name: problems for name, problems in rejected.items() if problems} == {}


def test_what_prometheus_rejects_is_rejected(directory: Path, cases: dict[str, dict[str, Any]]) -> None:
    bad = [name for name, case in cases.items() if not case["ok"]]
    assert len(bad) == 154
    assert {name for name in bad if load(directory / name)[0] is not None} == ACCEPTED.keys()


def test_bad_files_are_bad_in_the_right_place(directory: Path, cases: dict[str, dict[str, Any]]) -> None:
    missed = {}
    for name in (name for name, case in cases.items() if not case["ok"] and name not in ACCEPTED):
        found = errors(load(directory / name)[1])
        places = [problem.path or f"line {problem.line}" for problem in found]
        system = name.split("_")[0]
        inside = f"{JOB}.{system}_sd_configs[0]"
        expected = inside if system in FOREIGN else PLACES[name]
        if not any(place.startswith(expected) if system in FOREIGN else place == expected for place in places):
            missed[name] = (expected, [str(problem) for problem in found])
    assert missed == {}


def test_every_problem_names_file_and_line(directory: Path, cases: dict[str, dict[str, Any]]) -> None:
    problems = [problem for name in cases for problem in load(directory / name)[1]]
    assert [str(problem) for problem in problems if not problem.line or not Path(problem.file).is_file()] == []


def test_the_example_of_everything(directory: Path) -> None:
    settings, problems = load(directory / "conf.good.yml")
    assert settings is not None
    assert [job.job_name for job in settings.jobs] == [
        "prometheus", "service-z", "0123service-xxx", "badfederation", "測試", "httpsd",
    ]  # fmt: skip
    assert len(settings.skipped_jobs) == 28
    first = settings.jobs[0]
    assert (first.scrape_interval_ms, first.scrape_timeout_ms, first.sample_limit) == (15_000, 10_000, 1500)
    assert first.relabel_configs[3].regex == ""
    assert settings.rule_files == (str(directory / "first.rules"), str(directory / "my/*.rules"))
    warned = {problem.path for problem in problems}
    assert {
        "remote_read[0]",
        "tracing",
        "otlp",
        "runtime",
        "alerting.alertmanagers",
    } <= warned
    drop, move = settings.remote_writes
    assert (drop.name, drop.write_relabel_configs[0].action, drop.remote_timeout_ms) == (
        "drop_expensive",
        "drop",
        30_000,
    )
    assert move.name == "rw_tls"
    assert "scrape_configs[9].ec2_sd_configs" in warned


@pytest.mark.parametrize("name", ["conf.good.yml", "roundtrip.good.yml", "external_labels.good.yml"])
def test_the_configuration_that_is_shown_loads_again_and_holds_no_secret(
    directory: Path, tmp_path: Path, name: str
) -> None:
    settings, _ = load(directory / name)
    assert settings is not None
    shown = settings.to_yaml()
    for secret in ("mysecret", "multiline", "456", "foobar\nbar"):
        assert secret not in shown
    file = tmp_path / "shown.yml"
    file.write_text(shown.replace("$", "$$"))
    again, problems = load(file)
    assert errors(problems) == []
    assert again is not None
    assert [job.job_name for job in again.jobs] == [job.job_name for job in settings.jobs]
    assert again.global_.scrape_interval_ms == settings.global_.interval_ms


def test_external_labels_are_expanded_as_prometheus_does(directory: Path) -> None:
    settings, _ = load_settings(directory / "external_labels.good.yml", {"TEST": "TestValue"})
    assert settings is not None
    assert settings.global_.external_labels == {
        "bar": "foo", "foo": "TestValue", "baz": "fooTestValuebar", "qux": "foo${TEST}", "xyz": "foo$bar",
    }  # fmt: skip
    without, problems = load_settings(directory / "external_labels.good.yml", {})
    assert without is not None
    assert without.global_.external_labels["baz"] == "foobar"
    assert "variable TEST is empty or unset" in str(problems[0])


@pytest.mark.parametrize(
    "name",
    [
        "scrape_config_default_validation_mode.yml", "scrape_config_global_validation_mode.yml",
        "scrape_config_local_global_validation_mode.yml", "scrape_config_local_infer_escaping.yml",
        "scrape_config_local_validation_mode.yml",
    ],
)  # fmt: skip
def test_name_schemes(directory: Path, cases: dict[str, dict[str, Any]], name: str) -> None:
    settings, _ = load(directory / name)
    assert settings is not None
    (job,) = settings.jobs
    assert {key: getattr(job, key) for key in cases[name]["expect"]} == cases[name]["expect"]
