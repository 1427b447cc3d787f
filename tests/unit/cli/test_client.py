"""How commands find a server."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from fenghuo.base.errors import InputError, OperatingError
from fenghuo.cli.client import Server, find_server
from fenghuo.cli.query import series_text


@pytest.mark.parametrize(
    ("url", "server"),
    [
        ("http://127.0.0.1:9470", Server("http://127.0.0.1:9470")),
        ("https://monitor.example/fenghuo/", Server("https://monitor.example/fenghuo")),
        ("http://[::1]:9470", Server("http://[::1]:9470")),
        ("http://admin:p%40ss@h:1", Server("http://h:1", "Basic YWRtaW46cEBzcw==")),
    ],
)
def test_servers_by_url(url: str, server: Server) -> None:
    assert find_server(url, None) == server


@pytest.mark.parametrize("url", ["127.0.0.1:9470", "ftp://h", "http://", "nonsense"])
def test_what_is_no_server(url: str) -> None:
    with pytest.raises(InputError, match="is not the URL of a server"):
        find_server(url, None)


def test_the_server_of_a_data_directory(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text(json.dumps({"url": "http://127.0.0.1:1", "token": "t"}))

    assert find_server(None, tmp_path) == Server("http://127.0.0.1:1", "Bearer t")


def test_a_directory_without_a_server_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(OperatingError, match="start one with `fenghuo up`"):
        find_server(None, tmp_path)


def test_a_damaged_server_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "server.json").write_text("{")

    with pytest.raises(OperatingError, match=r"server\.json cannot be read"):
        find_server(None, tmp_path)


def test_a_server_that_is_gone_is_named() -> None:
    with pytest.raises(OperatingError, match=r"no answer from http://127\.0\.0\.1:1: .*refused"):
        Server("http://127.0.0.1:1").get("/api/v1/query", timeout_s=5)


@pytest.mark.parametrize(
    ("metric", "text"),
    [
        ({"__name__": "up", "job": "a"}, 'up{job="a"}'),
        ({"__name__": "up"}, "up"),
        ({}, "{}"),
        ({"job": "[red]"}, '{job="\\[red]"}'),
    ],
)
def test_series_are_shown_as_promql(metric: dict[str, str], text: str) -> None:
    assert series_text(metric) == text
