"""HTTP client settings: what may stand together, and what is never shown."""

from __future__ import annotations

import pytest

from fenghuo.base.document import load_yaml, validate
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.settings_types import Secret


def read(text: str) -> tuple[HttpClientSettings | None, list[str]]:
    settings, problems = validate(HttpClientSettings, load_yaml(text, "f.yml", "/etc/fenghuo"))
    return settings, [f"{problem.path}: {problem.message}" for problem in problems]


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("bearer_token: a\nbearer_token_file: b", "at most one of bearer_token & bearer_token_file"),
        ("bearer_token: a\nbasic_auth: {username: u}", "at most one of basic_auth, oauth2, bearer_token"),
        ("authorization: {}\nbearer_token: a", "at most one of authorization, bearer_token"),
        ("authorization: {}\nbasic_auth: {}", "at most one of basic_auth, oauth2 & authorization"),
        ("basic_auth: {username: u, username_file: f}", "basic_auth: at most one of username & username_file"),
        ("basic_auth: {password: u, password_file: f}", "basic_auth: at most one of password & password_file"),
        ("basic_auth: {password_ref: u}", "basic_auth: password_ref needs a secret manager"),
        ("authorization: {type: Basic}", "authorization.type: authorization type cannot be basic"),
        ("oauth2: {client_id: a}", "oauth2.token_url: is required but missing"),
        ("tls_config: {cert_file: a}", "client certificate without a key"),
        ("tls_config: {key_file: a}", "client key without a certificate"),
        ("tls_config: {ca: a, ca_file: b}", "at most one of ca & ca_file"),
        ("tls_config: {min_version: TLS13, max_version: TLS12}", "min_version TLS13 is above"),
        ("tls_config: {min_version: SSL3}", "tls_config.min_version"),
        ("proxy_url: http://p\nproxy_from_environment: true", "exclude each other"),
        ("no_proxy: a", "no_proxy without proxy_url"),
        ("proxy_connect_header: {a: [b]}", "proxy_connect_header needs"),
        ("http_headers: {User-agent: {values: [a]}}", "header 'User-agent' cannot be set"),
    ],
)  # fmt: skip
def test_what_cannot_be(text: str, part: str) -> None:
    settings, problems = read(text)
    assert settings is None
    assert any(part in problem for problem in problems), problems


def test_relative_files_are_taken_from_the_directory_of_the_file_that_names_them() -> None:
    settings, problems = read(
        "basic_auth: {username: u, password_file: secret}\n"
        "tls_config: {ca_file: /ca.pem, cert_file: tls/c.pem, key_file: tls/k.pem}\n"
        "http_headers: {X-A: {files: [one, /two]}}\n"
    )
    assert problems == []
    assert settings is not None
    assert settings.files() == {
        "basic_auth.password_file": "/etc/fenghuo/secret",
        "tls_config.ca_file": "/ca.pem",
        "tls_config.cert_file": "/etc/fenghuo/tls/c.pem",
        "tls_config.key_file": "/etc/fenghuo/tls/k.pem",
        "http_headers.X-A.files[0]": "/etc/fenghuo/one",
        "http_headers.X-A.files[1]": "/two",
    }


def test_the_older_bearer_token_is_an_authorization() -> None:
    settings, _ = read("bearer_token: abc")
    assert settings is not None
    assert settings.bearer is not None
    assert (settings.bearer.type, settings.bearer.credentials) == ("Bearer", Secret("abc"))


def test_secrets_are_nowhere_shown() -> None:
    settings, problems = read(
        "basic_auth: {username: u, password: hunter2}\n"
        "proxy_url: http://me:hunter2@proxy:3128\n"
        "proxy_connect_header: {A: [hunter2]}\n"
        "http_headers: {X: {secrets: [hunter2]}}\n"
        "tls_config: {cert: c, key: hunter2}\n"
    )
    assert problems == []
    assert settings is not None
    shown = [
        settings.model_dump_json(),
        str(settings.model_dump()),
        repr(settings.basic_auth),
        f"{settings.tls_config}",
    ]
    assert not [text for text in shown if "hunter2" in text]
    assert settings.model_dump(mode="json")["proxy_url"] == "http://me:xxxxx@proxy:3128"
    assert settings.basic_auth is not None
    assert settings.basic_auth.password.reveal() == "hunter2"
