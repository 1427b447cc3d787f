"""How to speak to an HTTP server: Prometheus' ``http_config``, shared by scraping and by notification channels."""

from __future__ import annotations

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator

from fenghuo.base.document import DictOf, ListOf, RefusedError, Settings
from fenghuo.model.settings_types import FileName, Secret, Text

TLS_VERSIONS = ("TLS10", "TLS11", "TLS12", "TLS13")


def at_most_one(settings: Settings, *names: str) -> None:
    """Refuse when more than one of the named fields is set."""
    given = [name for name in names if getattr(settings, name)]
    if len(given) > 1:
        raise RefusedError(f"at most one of {' & '.join(names)} must be configured", f"remove {given[-1]}")


class TlsSettings(Settings):
    """``tls_config``: whom to trust and who we are."""

    ca: Text = ""
    cert: Text = ""
    key: Secret = Secret("")
    ca_file: FileName = ""
    cert_file: FileName = ""
    key_file: FileName = ""
    ca_ref: Text = ""
    cert_ref: Text = ""
    key_ref: Text = ""
    server_name: Text = ""
    insecure_skip_verify: bool = False
    min_version: Text = ""
    max_version: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "ca", "ca_file", "ca_ref")
        at_most_one(self, "cert", "cert_file", "cert_ref")
        at_most_one(self, "key", "key_file", "key_ref")
        has_cert = bool(self.cert or self.cert_file or self.cert_ref)
        has_key = bool(self.key or self.key_file or self.key_ref)
        if has_cert != has_key:
            raise RefusedError("a client certificate and its key come together", "give both cert_file and key_file")
        for version in (self.min_version, self.max_version):
            if version and version not in TLS_VERSIONS:
                raise RefusedError(f"unknown TLS version {version!r}", f"one of {', '.join(TLS_VERSIONS)}")
        if self.min_version and self.max_version and self.min_version > self.max_version:
            raise RefusedError(f"tls_config min_version {self.min_version} is above max_version {self.max_version}")
        return self


class BasicAuthSettings(Settings):
    """``basic_auth``."""

    username: Text = ""
    username_file: FileName = ""
    username_ref: Text = ""
    password: Secret = Secret("")
    password_file: FileName = ""
    password_ref: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "username", "username_file", "username_ref")
        at_most_one(self, "password", "password_file", "password_ref")
        return self


class AuthorizationSettings(Settings):
    """``authorization``: a header of type and credentials."""

    type: Text = "Bearer"
    credentials: Secret = Secret("")
    credentials_file: FileName = ""
    credentials_ref: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "credentials", "credentials_file", "credentials_ref")
        if self.type.strip().lower() == "basic":
            raise RefusedError("authorization type cannot be set to 'basic'", "use basic_auth instead")
        return self


class HeaderSettings(Settings):
    """The values of one further header."""

    values: ListOf[str] = Field(default=[])
    secrets: ListOf[Secret] = Field(default=[])
    files: ListOf[FileName] = Field(default=[])


class ProxySettings(Settings):
    """What the HTTP client and the OAuth 2 client have in common about proxies."""

    proxy_url: Text = ""
    no_proxy: Text = ""
    proxy_from_environment: bool = False
    proxy_connect_header: DictOf[list[Secret]] = Field(default={})

    @model_validator(mode="after")
    def _check_proxy(self) -> Self:
        if self.proxy_from_environment and (self.proxy_url or self.no_proxy):
            raise RefusedError("proxy_from_environment is not used together with proxy_url or no_proxy")
        if self.no_proxy and not self.proxy_url:
            raise RefusedError("no_proxy is given without proxy_url", "give proxy_url, or remove no_proxy")
        if self.proxy_connect_header and not (self.proxy_url or self.proxy_from_environment):
            raise RefusedError("proxy_connect_header is given without a proxy")
        return self


class OAuth2Settings(ProxySettings):
    """``oauth2``: client credentials that are traded for a token."""

    client_id: Text = ""
    client_secret: Secret = Secret("")
    client_secret_file: FileName = ""
    client_secret_ref: Text = ""
    client_certificate_key_id: Text = ""
    client_certificate_key: Secret = Secret("")
    client_certificate_key_file: FileName = ""
    client_certificate_key_ref: Text = ""
    grant_type: Text = ""
    signature_algorithm: Text = ""
    iss: Text = ""
    audience: Text = ""
    claims: DictOf[object] = Field(default={})
    scopes: ListOf[str] = Field(default=[])
    token_url: Text = ""
    endpoint_params: DictOf[str] = Field(default={})
    tls_config: TlsSettings | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.client_id:
            raise RefusedError("oauth2 client_id must be configured")
        if not self.token_url:
            raise RefusedError("oauth2 token_url must be configured")
        at_most_one(self, "client_secret", "client_secret_file", "client_secret_ref")
        return self


class HttpClientSettings(ProxySettings):
    """``http_config``, and the same keys where Prometheus writes them straight into their user."""

    basic_auth: BasicAuthSettings | None = None
    authorization: AuthorizationSettings | None = None
    oauth2: OAuth2Settings | None = None
    bearer_token: Secret = Secret("")
    bearer_token_file: FileName = ""
    tls_config: TlsSettings | None = None
    follow_redirects: bool = True
    enable_http2: bool = True
    http_headers: DictOf[HeaderSettings] = Field(default={})

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "bearer_token", "bearer_token_file")
        bearer = bool(self.bearer_token or self.bearer_token_file)
        kinds = [bool(self.basic_auth), bool(self.authorization), bool(self.oauth2), bearer]
        if sum(kinds) > 1:
            raise RefusedError(
                "at most one of basic_auth, authorization, oauth2, bearer_token & bearer_token_file must be configured"
            )
        if self.proxy_url and not urlsplit(self.proxy_url).path and not urlsplit(self.proxy_url).netloc:
            raise RefusedError(f"proxy_url {self.proxy_url!r} is not a URL")
        return self
