"""``fenghuo.yml``: what it may hold, what it includes, and what it says when it is wrong."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from fenghuo.alerting.settings import BUILT_IN_RECEIVER
from fenghuo.app.settings import AppSettings, Language, SkippedJob
from fenghuo.app.settings_load import load_settings
from fenghuo.base.document import Severity

Write = Callable[..., Path]

ROUTING = """
route: {receiver: team, group_by: [job]}
receivers:
  - name: team
    webhook_configs: [{url: 'http://127.0.0.1:9/hook'}]
"""
SCRAPING = """
global: {scrape_interval: 15s}
scrape_configs:
  - job_name: web
    static_configs: [{targets: ['a:1']}]
rule_files: [rules/*.yml]
"""


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(text: str, name: str = "fenghuo.yml") -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return put


def good(path: Path, env: Mapping[str, str] | None = None) -> AppSettings:
    settings, problems = load_settings(path, env or {})
    assert settings is not None, [str(problem) for problem in problems]
    return settings


def faults(path: Path, env: Mapping[str, str] | None = None) -> list[tuple[str, int, str]]:
    """File name, line and path of every error."""
    settings, problems = load_settings(path, env or {})
    assert settings is None
    return [(Path(each.file).name, each.line, each.path) for each in problems if each.severity is Severity.ERROR]


def test_without_a_file_the_defaults_watch_this_host() -> None:
    settings, problems = load_settings(None, {})
    assert problems == []
    assert settings == AppSettings()
    assert settings is not None
    assert settings.integrations.host is not None
    assert settings.packs == ("host",)
    assert settings.alerting.root.receiver == BUILT_IN_RECEIVER


def test_an_empty_file_is_the_defaults(write: Write) -> None:
    path = write("# nothing yet\n")
    assert good(path) == AppSettings(file=path, sources=(path,))


def test_prometheus_and_alertmanager_words_in_one_file(write: Write, tmp_path: Path) -> None:
    text = SCRAPING.replace("global: {", "global: {smtp_from: a@b.cn, ") + ROUTING
    settings = good(write(text + "server: {listen: '0.0.0.0:8080'}\nlanguage: zh\nstorage: {retention: 30d}\n"))
    assert settings.global_.scrape_interval_ms == 15_000
    assert settings.alerting.global_.smtp_from == "a@b.cn"
    assert [job.job_name for job in settings.jobs] == ["web"]
    assert [receiver.name for receiver in settings.alerting.receivers] == ["team"]
    assert settings.rule_files == (str(tmp_path / "rules/*.yml"),)
    assert settings.server.listen == "0.0.0.0:8080"
    assert settings.language is Language.CHINESE
    assert settings.storage.retention_ms == 30 * 86_400_000


def test_existing_files_load_by_their_paths_and_theirs_are_relative_to_them(write: Write, tmp_path: Path) -> None:
    write(
        SCRAPING.replace("    static_configs", "    tls_config: {ca_file: ca.pem}\n    static_configs"),
        "old/prometheus.yml",
    )
    write(ROUTING + "templates: ['t/*.tmpl']\n", "am/alertmanager.yml")
    settings = good(write("prometheus: old/prometheus.yml\nalertmanager: am/alertmanager.yml\npacks: []\n"))
    assert settings.jobs[0].tls_config.ca_file == str(tmp_path / "old/ca.pem")
    assert settings.rule_files == (str(tmp_path / "old/rules/*.yml"),)
    assert settings.alerting.templates == [str(tmp_path / "am/t/*.tmpl")]
    assert settings.alerting.root.receiver == "team"
    assert [path.name for path in settings.sources] == ["fenghuo.yml", "prometheus.yml", "alertmanager.yml"]
    assert settings.packs == ()


def test_included_files_are_not_expanded_and_the_named_one_is(write: Write) -> None:
    write(ROUTING.replace("127.0.0.1:9/hook", "${HOST}/$${HOST}"), "am.yml")
    settings = good(
        write("alertmanager: am.yml\nserver: {external_url: 'https://${HOST}'}\n"), {"HOST": "monitor.example"}
    )
    assert settings.server.external_url == "https://monitor.example"
    (channel,) = settings.alerting.receivers[0].webhook_configs
    assert "${HOST}" in channel.url.reveal()


def test_all_mistakes_of_all_sections_are_found_at_once(write: Write) -> None:
    text = """\
global:
  scrape_intervall: 15s
  resolve_timeout: soon
scrape_configs:
  - job_name: a
    scrape_interval: 5
  - job_name: b
    relabel_configs:
      - action: replac
  - job_name: b
rule_files: ['a/*/b.yml']
route: {receiver: nobody-knows}
receivers: [{name: team}]
server: {listen: nowhere, external_url: 'ftp://x'}
storage: {retention: long}
packs: [hots]
language: klingon
servr: {}
password: ${UNSET}
"""
    assert sorted(faults(write(text))) == sorted(
        [
            ("fenghuo.yml", 2, "global.scrape_intervall"),
            ("fenghuo.yml", 3, "global.resolve_timeout"),
            ("fenghuo.yml", 6, "scrape_configs[0].scrape_interval"),
            ("fenghuo.yml", 9, "scrape_configs[1].relabel_configs[0].action"),
            ("fenghuo.yml", 10, "scrape_configs[2].job_name"),
            ("fenghuo.yml", 11, "rule_files[0]"),
            ("fenghuo.yml", 14, "server.external_url"),
            ("fenghuo.yml", 14, "server.listen"),
            ("fenghuo.yml", 15, "storage.retention"),
            ("fenghuo.yml", 16, "packs[0]"),
            ("fenghuo.yml", 17, "language"),
            ("fenghuo.yml", 18, "servr"),
            ("fenghuo.yml", 19, "password"),
            ("fenghuo.yml", 19, "password"),
        ]
    )


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("prometheus: no.yml\n", (1, "prometheus")),
        ("prometheus: [a]\n", (1, "prometheus")),
        ("alertmanager: no.yml\n", (1, "alertmanager")),
        ("prometheus: p.yml\nscrape_configs: []\n", (1, "prometheus")),
        ("prometheus: p.yml\nglobal: {scrape_interval: 5s}\n", (2, "global")),
        ("alertmanager: a.yml\nreceivers: []\n", (1, "alertmanager")),
        ("scrape_configs: {}\n", (1, "scrape_configs")),
        ("rule_files: a.yml\n", (1, "rule_files")),
        ("- a\n", (1, "")),
        ("a: [\n", (2, "")),
        ("global: []\n", (1, "global")),
        ("server: {cors_origins: ['https://x/path']}\n", (1, "server.cors_origins")),
        ("server: {trusted_proxies: [nginx]}\n", (1, "server.trusted_proxies")),
        ("server: {trusted_proxies: ['10.0.0.1/8']}\n", (1, "server.trusted_proxies")),
        ("intake:\n  x: {labels: {team: '{{ .y'}}\n", (2, "intake.x.labels.team")),
        ("integrations: {hots: {}}\n", (1, "integrations.hots")),
        ("otlp: {translation_strategy: None}\n", (1, "otlp.translation_strategy")),
    ],
)
def test_one_mistake(write: Write, text: str, place: tuple[int, str]) -> None:
    write(SCRAPING, "p.yml")
    write(ROUTING, "a.yml")
    assert faults(write(text)) == [("fenghuo.yml", *place)]


def test_mistakes_in_included_files_are_placed_there(write: Write) -> None:
    write("scrape_configs:\n  - job_nam: x\n", "p.yml")
    write("route: {}\n", "a.yml")
    assert sorted(faults(write("prometheus: p.yml\nalertmanager: a.yml\n"))) == [
        ("a.yml", 1, "route"),
        ("p.yml", 2, "scrape_configs[0].job_nam"),
        ("p.yml", 2, "scrape_configs[0].job_name"),
    ]


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    settings, problems = load_settings(tmp_path / "no.yml", {})
    assert settings is None
    assert [(problem.message, problem.file) for problem in problems] == [
        ("cannot be read: No such file or directory", str(tmp_path / "no.yml"))
    ]


def test_a_variable_without_quotes_inside_braces_is_explained(write: Write) -> None:
    _, problems = load_settings(write("server: {external_url: ${URL}}\n"), {"URL": "http://h"})
    assert problems[0].remedy == "inside { } and [ ] write quotes around ${…}"


def test_a_job_of_foreign_discovery_is_skipped_and_a_mixed_one_keeps_its_other_targets(write: Write) -> None:
    path = write(
        "scrape_configs:\n"
        "  - {job_name: cloud, ec2_sd_configs: [{region: r}]}\n"
        "  - {job_name: mixed, dns_sd_configs: [{names: [n]}], static_configs: [{targets: [a]}]}\n"
    )
    settings, problems = load_settings(path, {})
    assert settings is not None
    assert [job.job_name for job in settings.jobs] == ["mixed"]
    assert settings.skipped_jobs == (SkippedJob("cloud", ("ec2_sd_configs",)),)
    assert [(problem.severity, problem.line, problem.message) for problem in problems] == [
        (
            Severity.WARNING, 2,
            "discovery by ec2_sd_configs is not supported; of job 'cloud' the job is skipped",
        ),
        (
            Severity.WARNING, 3,
            "discovery by dns_sd_configs is not supported; of job 'mixed' its other targets are scraped",
        ),
    ]  # fmt: skip


def test_prometheus_storage_words_reach_the_store_and_own_ones_win(write: Write) -> None:
    prometheus = (
        "storage:\n  tsdb: {retention: {time: 3d, size: 1GB}, out_of_order_time_window: 5m}\n"
        "  exemplars: {max_exemplars: 7}\n"
    )
    store = good(write(prometheus)).storage
    assert (store.retention_ms, store.retention_size_bytes) == (3 * 86_400_000, 1 << 30)
    assert (store.out_of_order_window_ms, store.exemplars_max) == (300_000, 7)
    both = good(write(prometheus + "  retention: 9d\n")).storage
    assert (both.retention_ms, both.exemplars_max) == (9 * 86_400_000, 7)


def test_jobs_of_further_files_inherit_global_and_must_not_repeat_a_name(write: Write) -> None:
    write("scrape_configs: [{job_name: more, static_configs: [{targets: [b]}]}]\n", "jobs/a.yml")
    settings = good(write(SCRAPING + "scrape_config_files: ['jobs/*.yml']\n"))
    assert [(job.job_name, job.scrape_interval_ms) for job in settings.jobs] == [("web", 15_000), ("more", 15_000)]
    write("scrape_configs:\n - {job_name: web}\n", "jobs/b.yml")
    assert faults(write(SCRAPING + "scrape_config_files: ['jobs/*.yml']\n")) == [
        ("b.yml", 2, "scrape_configs[0].job_name")
    ]


def test_an_integration_may_be_switched_off(write: Write) -> None:
    assert good(write("integrations: {host: null}\n")).integrations.host is None


def test_equal_files_give_equal_settings(write: Write) -> None:
    text = SCRAPING + ROUTING
    assert good(write(text)) == good(write(text))
    assert good(write(text)) != good(write(text.replace("15s", "16s")))


def test_what_is_shown_masks_every_secret(write: Write) -> None:
    text = SCRAPING.replace("    static", "    basic_auth: {username: u, password: hunter2}\n    static")
    text += ROUTING.replace("/hook", "/hunter2") + "    dingtalk_configs: [{access_token: hunter2, secret: hunter2}]\n"
    settings = good(write(text))
    shown = settings.to_yaml()
    assert "hunter2" not in shown
    assert shown.count("<secret>") == 4
    assert "hunter2" not in repr(settings)


TRADING = """
trading:
  hours: {all_day: ["00:00-24:00"]}
  calendars: {china: {closed_days: [2027-02-05]}}
  exchanges: {OTC: {day: all_day}}
  series: [SHFE.rb, OTC]
time_intervals:
  - name: trading
    time_intervals: [{trading: OTC}]
"""


def test_markets_are_named_in_intervals_and_for_series(write: Write) -> None:
    settings = good(write(TRADING + ROUTING))
    assert settings.trading.series == ["SHFE.rb", "OTC"]
    assert settings.alerting.intervals["trading"].time_intervals[0].trading == "OTC"


@pytest.mark.parametrize(
    ("right", "wrong", "place"),
    [
        ("{trading: OTC}", "{trading: SHEF.rb}", "time_intervals[0].time_intervals[0].trading"),
        ("[SHFE.rb, OTC]", "[SHFE.rb, OTD.x]", "trading.series[1]"),
        ("{day: all_day}", "{day: all_days}", "trading"),
        ("2027-02-05", "2027-02-30", "trading.calendars.china.closed_days[0]"),
        ("00:00-24:00", "24:00-00:00", "trading.hours.all_day[0]"),
    ],
)
def test_a_market_that_does_not_exist_is_refused_at_its_place(write: Write, right: str, wrong: str, place: str) -> None:
    path = write((TRADING + ROUTING).replace(right, wrong))
    assert place in [each[2] for each in faults(path)]
