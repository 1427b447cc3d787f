"""What a configuration with another engine says."""

from __future__ import annotations

from pathlib import Path

import pytest

from fenghuo.app.settings import AppSettings
from fenghuo.app.settings_check import check_file
from fenghuo.app.settings_load import load_settings
from fenghuo.app.settings_remote import RETENTION_MS
from fenghuo.base.document import Severity


def loaded(tmp_path: Path, text: str) -> AppSettings:
    path = tmp_path / "fenghuo.yml"
    path.write_text(text)
    settings, problems = load_settings(path, {})
    assert settings is not None, problems
    assert problems == []
    return settings


def test_samples_go_where_queries_go_in_the_same_way(tmp_path: Path) -> None:
    settings = loaded(
        tmp_path, "remote: {url: 'http://vm:8428/', timeout: 5s, basic_auth: {username: u, password: p}}\n"
    )
    assert settings.remote is not None
    assert (settings.remote.url, settings.remote.timeout_ms) == ("http://vm:8428", 5000)
    (write,) = settings.remote_writes
    assert write.url == "http://vm:8428/api/v1/write"
    assert write.basic_auth is not None
    assert write.basic_auth.username == "u"
    assert settings.storage.retention_ms == RETENTION_MS
    assert "<secret>" in settings.to_yaml()


@pytest.mark.parametrize(
    ("text", "urls"),
    [
        ("remote: {url: 'http://vm:8428', write: false}", []),
        ("remote: {url: 'http://vm:8428'}\nremote_write: [{url: 'http://other/write'}]", ["http://other/write"]),
        ("remote_write: [{url: 'http://other/write'}]", ["http://other/write"]),
        ("{}", []),
    ],
)
def test_who_is_written_to(tmp_path: Path, text: str, urls: list[str]) -> None:
    assert [write.url for write in loaded(tmp_path, text + "\n").remote_writes] == urls


def test_a_retention_that_is_set_is_kept(tmp_path: Path) -> None:
    settings = loaded(tmp_path, "remote: {url: 'http://vm:8428'}\nstorage: {retention: 3d}\n")
    assert settings.storage.retention_ms == 3 * 86_400_000


@pytest.mark.parametrize("url", ["vm:8428", "ftp://vm", "http://vm/api/v1/query", "http://vm?x=1", "''"])
def test_what_is_no_beginning_of_an_api_is_refused(tmp_path: Path, url: str) -> None:
    path = tmp_path / "fenghuo.yml"
    path.write_text(f"remote: {{url: {url}}}\n")
    settings, problems = load_settings(path, {})
    assert settings is None
    assert [(problem.path, problem.severity) for problem in problems] == [("remote.url", Severity.ERROR)]


def test_what_is_forwarded_is_watched_unless_packs_are_named(tmp_path: Path) -> None:
    write = "remote_write: [{url: 'http://other/write'}]\n"
    assert loaded(tmp_path, write).packs == ("host", "remote-write")
    assert loaded(tmp_path, f"{write}packs: [host]\n").packs == ("host",)
    assert loaded(tmp_path, "{}\n").packs == ("host",)


def test_files_that_a_remote_names_must_be_there(tmp_path: Path) -> None:
    path = tmp_path / "fenghuo.yml"
    path.write_text(
        "remote: {url: 'http://vm:8428', write: false, bearer_token_file: gone}\n"
        "remote_write: [{url: 'http://other/write', name: far, basic_auth: {password_file: lost}}]\n"
    )
    report = check_file(path, {}, lambda rules: (0, []))
    assert [problem.message for problem in report.problems] == [
        f"file {str(tmp_path / 'lost')!r} does not exist, named by remote_write to far",
        f"file {str(tmp_path / 'gone')!r} does not exist, named by remote",
    ]
