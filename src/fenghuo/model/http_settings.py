"""How to reach an HTTP server: credentials, TLS, proxy, redirects, headers; in Prometheus' words.

Scrape jobs, HTTP service discovery and notification channels share :class:`HttpClientSettings`; jobs inherit from it,
so that its keys stand beside their own. Nothing here opens a file or a socket.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Any, Final, Self

from pydantic import Field, field_validator, model_validator

from fenghuo.base.document import DictOf, ListOf, RefusedError, Settings, show_path
from fenghuo.model.settings_types import FileName, HttpUrl, Secret, UrlText, named_files

RESERVED_HEADERS: Final = frozenset(
    {
        "authorization", "host", "content-encoding", "content-length", "content-type", "user-agent", "connection",
        "keep-alive", "proxy-authenticate", "proxy-authorization", "www-authenticate", "accept-encoding",
        "x-prometheus-remote-write-version", "x-prometheus-remote-read-version",
        "x-prometheus-scrape-timeout-seconds", "x-amz-date", "x-amz-security-token", "x-amz-content-sha256",
    }
)  # fmt: skip
"""Headers that are set by the client itself, in lower case."""

JWT_GRANT: Final = "urn:ietf:params:oauth:grant-type:jwt-bearer"


class TlsVersion(StrEnum):
    TLS10 = "TLS10"
    TLS11 = "TLS11"
    TLS12 = "TLS12"
    TLS13 = "TLS13"


def at_most_one(settings: Settings, *names: str, within: str = "") -> None:
    """Raise RefusedError when more than one of the named fields is set to something that is not empty."""
    given = [name for name in names if getattr(settings, name)]
    if len(given) > 1:
        *firsts, last = names
        where = f" of {within}" if within else ""
        raise RefusedError(
            f"at most one of {', '.join(firsts)} & {last}{where} must be configured, got {' and '.join(given)}",
            "keep one of them",
        )


def refuse_references(settings: Settings, *names: str) -> None:
    """Raise RefusedError for a ``…_ref`` key that is set: there is no secret manager to ask."""
    for name in names:
        if getattr(settings, name):
            raise RefusedError(f"{name} needs a secret manager, and there is none", f"use {name[:-4]}_file")


class TlsSettings(Settings):
    """``tls_config``: whom to trust and how to identify oneself."""

    ca: str = ""
    cert: str = ""
    key: Secret = Secret("")
    ca_file: FileName = ""
    cert_file: FileName = ""
    key_file: FileName = ""
    ca_ref: str = ""
    cert_ref: str = ""
    key_ref: str = ""
    server_name: str = ""
    insecure_skip_verify: bool = False
    min_version: TlsVersion | None = None
    max_version: TlsVersion | None = None

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_references(self, "ca_ref", "cert_ref", "key_ref")
        at_most_one(self, "ca", "ca_file", within="tls_config")
        at_most_one(self, "cert", "cert_file", within="tls_config")
        at_most_one(self, "key", "key_file", within="tls_config")
        has_cert, has_key = bool(self.cert or self.cert_file), bool(self.key or self.key_file)
        if has_cert != has_key:
            raise RefusedError(
                f"tls_config has a client {'certificate without a key' if has_cert else 'key without a certificate'}",
                "give both cert_file and key_file, or neither",
            )
        if self.min_version and self.max_version and self.min_version > self.max_version:
            raise RefusedError(f"min_version {self.min_version} is above max_version {self.max_version}")
        return self


class BasicAuthSettings(Settings):
    """``basic_auth``. A file is read anew for every request, so that a rotated secret is picked up."""

    username: str = ""
    username_file: FileName = ""
    username_ref: str = ""
    password: Secret = Secret("")
    password_file: FileName = ""
    password_ref: str = ""

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_references(self, "username_ref", "password_ref")
        at_most_one(self, "username", "username_file", within="basic_auth")
        at_most_one(self, "password", "password_file", within="basic_auth")
        return self


class AuthorizationSettings(Settings):
    """``authorization``: the header ``Authorization: <type> <credentials>``."""

    type: str = "Bearer"
    credentials: Secret = Secret("")
    credentials_file: FileName = ""
    credentials_ref: str = ""

    @field_validator("type")
    @classmethod
    def _not_basic(cls, value: str) -> str:
        if value.strip().lower() == "basic":
            raise RefusedError("authorization type cannot be basic", "use basic_auth instead")
        return value.strip() or "Bearer"

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        refuse_references(self, "credentials_ref")
        at_most_one(self, "credentials", "credentials_file", within="authorization")
        return self


class ProxySettings(Settings):
    """Which proxy stands between."""

    proxy_url: UrlText = ""
    no_proxy: str = ""
    proxy_from_environment: bool = False
    proxy_connect_header: DictOf[ListOf[Secret]] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _proxy_consistent(self) -> Self:
        if self.proxy_connect_header and not (self.proxy_url or self.proxy_from_environment):
            raise RefusedError("proxy_connect_header needs proxy_url or proxy_from_environment")
        if self.proxy_from_environment and (self.proxy_url or self.no_proxy):
            other = "proxy_url" if self.proxy_url else "no_proxy"
            raise RefusedError(f"proxy_from_environment and {other} exclude each other", "keep one of them")
        if self.no_proxy and not self.proxy_url:
            raise RefusedError("no_proxy without proxy_url has no meaning", "add proxy_url or remove no_proxy")
        return self


class OAuth2Settings(ProxySettings):
    """``oauth2``: where to get a token from."""

    client_id: str
    client_secret: Secret = Secret("")
    client_secret_file: FileName = ""
    client_secret_ref: str = ""
    client_certificate_key_id: str = ""
    client_certificate_key: Secret = Secret("")
    client_certificate_key_file: FileName = ""
    client_certificate_key_ref: str = ""
    grant_type: str = ""
    signature_algorithm: str = ""
    iss: str = ""
    audience: str = ""
    claims: DictOf[Any] = Field(default_factory=dict)
    scopes: ListOf[str] = Field(default_factory=list)
    token_url: HttpUrl
    endpoint_params: DictOf[str] = Field(default_factory=dict)
    tls_config: TlsSettings = TlsSettings()

    @model_validator(mode="after")
    def _consistent(self) -> Self:
        if self.grant_type == JWT_GRANT:
            at_most_one(self, "client_certificate_key", "client_certificate_key_file", within="oauth2")
            if self.signature_algorithm not in ("", "RS256", "RS384", "RS512"):
                raise RefusedError(f"signature_algorithm {self.signature_algorithm!r} is not RS256, RS384 or RS512")
        else:
            at_most_one(self, "client_secret", "client_secret_file", within="oauth2")
        return self

    @property
    def is_spoken(self) -> bool:
        """Whether tokens are fetched: with a secret, not with a key pair."""
        return self.grant_type != JWT_GRANT


class HeaderSettings(Settings):
    """The values of one header; each is sent as a header line of its own."""

    values: ListOf[str] = Field(default_factory=list)
    secrets: ListOf[Secret] = Field(default_factory=list)
    files: ListOf[FileName] = Field(default_factory=list)


class HttpClientSettings(ProxySettings):
    """Everything about the client's side of an HTTP request except its URL."""

    basic_auth: BasicAuthSettings | None = None
    authorization: AuthorizationSettings | None = None
    oauth2: OAuth2Settings | None = None
    bearer_token: Secret = Secret("")
    bearer_token_file: FileName = ""
    tls_config: TlsSettings = TlsSettings()
    follow_redirects: bool = True
    enable_http2: bool = True
    http_headers: DictOf[HeaderSettings] = Field(default_factory=dict)

    @field_validator("http_headers")
    @classmethod
    def _not_reserved(cls, value: dict[str, HeaderSettings]) -> dict[str, HeaderSettings]:
        for name in value:
            if name.lower() in RESERVED_HEADERS:
                raise RefusedError(f"header {name!r} cannot be set", "this header is set by the client itself")
        return value

    @model_validator(mode="after")
    def _one_way_to_authenticate(self) -> Self:
        at_most_one(self, "bearer_token", "bearer_token_file")
        if self.bearer_token or self.bearer_token_file:
            at_most_one(self, "authorization", "bearer_token", "bearer_token_file")
            at_most_one(self, "basic_auth", "oauth2", "bearer_token", "bearer_token_file")
        at_most_one(self, "basic_auth", "oauth2", "authorization")
        return self

    @property
    def bearer(self) -> AuthorizationSettings | None:
        """``authorization``, or what the older ``bearer_token`` and ``bearer_token_file`` say in its words."""
        if self.bearer_token or self.bearer_token_file:
            return AuthorizationSettings(credentials=self.bearer_token, credentials_file=self.bearer_token_file)
        return self.authorization

    def files(self) -> dict[str, str]:
        """Files that a request will read, by the path of the setting that names them."""
        return {show_path(path): file for path, file in named_files(self, HttpClientSettings.model_fields)}
