"""Discovery systems of clusters, registries and container hosts: their keys, known and checked.

Nobody here asks these systems for targets; :mod:`.foreign` says what happens with a job that names one.
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Final, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from fenghuo.base.document import DictOf, ListOf, RefusedError, Settings
from fenghuo.metrics.collect.discovery.foreign_cloud import Filter, Polled, PolledOverHttp, Required, RequiredSecret
from fenghuo.model.http_settings import HttpClientSettings, at_most_one
from fenghuo.model.settings_types import DurationMs, FileName, HttpUrl, Secret, UrlText


def _rooted(paths: list[str]) -> list[str]:
    for path in paths:
        if not path.startswith("/"):
            raise RefusedError(f"path {path!r} does not begin with /")
    return _some(paths)


def _some(values: list[str]) -> list[str]:
    if not values:
        raise RefusedError("needs at least one entry")
    return values


Some = Annotated[ListOf[str], AfterValidator(_some)]
Rooted = Annotated[ListOf[str], AfterValidator(_rooted)]


class Consul(PolledOverHttp):
    server: Required = "localhost:8500"
    path_prefix: str = ""
    token: Secret = Secret("")
    datacenter: str = ""
    namespace: str = ""
    partition: str = ""
    tag_separator: str = ","
    scheme: str = "http"
    username: str = ""
    password: Secret = Secret("")
    allow_stale: bool = True
    services: ListOf[str] = Field(default_factory=list)
    tags: ListOf[str] = Field(default_factory=list)
    node_meta: DictOf[str] = Field(default_factory=dict)
    filter: str = ""
    health_filter: str = ""

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if self.username or self.password:
            at_most_one(self, "username", "basic_auth")
        at_most_one(self, "token", "authorization", "oauth2")
        return self


class Dns(Polled):
    names: Some
    type: str = "SRV"

    @model_validator(mode="after")
    def _record(self) -> Self:
        kind = self.type.upper()
        if kind not in ("SRV", "A", "AAAA", "MX", "NS"):
            raise RefusedError(f"DNS record type {self.type!r} is not known", "write SRV, A, AAAA, MX or NS")
        if kind != "SRV" and not self.port:
            raise RefusedError(f"a port is required for DNS records of type {kind}", "add port")
        return self


class Eureka(PolledOverHttp):
    server: HttpUrl


class Docker(PolledOverHttp):
    host: Required
    filters: ListOf[Filter] = Field(default_factory=list)
    host_networking_host: str = "localhost"
    match_first_network: bool = True


class DockerSwarm(PolledOverHttp):
    host: Required
    role: Literal["services", "nodes", "tasks"]
    filters: ListOf[Filter] = Field(default_factory=list)


class Kuma(PolledOverHttp):
    server: HttpUrl
    fetch_timeout_ms: DurationMs = Field(0, alias="fetch_timeout")
    client_id: str = ""


class Marathon(PolledOverHttp):
    servers: Some
    auth_token: Secret = Secret("")
    auth_token_file: FileName = ""

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        at_most_one(self, "auth_token", "auth_token_file")
        if self.auth_token or self.auth_token_file:
            at_most_one(
                self, "basic_auth", "authorization", "bearer_token", "bearer_token_file", "auth_token",
                "auth_token_file",
            )  # fmt: skip
        return self


class Nomad(PolledOverHttp):
    allow_stale: bool = True
    namespace: str = "default"
    region: str = "global"
    server: Required = "http://localhost:4646"
    tag_separator: str = ","


class ZooKeeper(Settings):
    """``nerve_sd_configs`` and ``serverset_sd_configs``."""

    servers: Some
    paths: Rooted
    timeout_ms: DurationMs = Field(10_000, alias="timeout")


class Uyuni(PolledOverHttp):
    server: Required
    username: Required
    password: RequiredSecret
    entitlement: str = ""
    separator: str = ","

    @field_validator("server")
    @classmethod
    def _server_url(cls, value: str) -> str:
        if value.startswith(":"):
            raise RefusedError(f"{value!r} is not a URL", "write https://host")
        return value


class KubernetesNamespaces(Settings):
    own_namespace: bool = False
    names: ListOf[str] = Field(default_factory=list)


class KubernetesMetadata(Settings):
    node: bool = False
    namespace: bool = False
    deployment: bool = False
    job: bool = False
    cronjob: bool = False


Role = Literal["node", "pod", "service", "endpoints", "endpointslice", "ingress"]

_SELECTORS: Final[dict[str, tuple[str, ...]]] = {
    "pod": ("pod", "node"),
    "service": ("service",),
    "endpoints": ("pod", "service", "endpoints"),
    "endpointslice": ("pod", "service", "endpointslice"),
    "node": ("node",),
    "ingress": ("ingress",),
}
_FIELD_TERM: Final = re.compile(r"[^=!]+(?:==|!=|=)[^=!]*\Z")


class KubernetesSelector(Settings):
    role: Role
    label: str = ""
    field: str = ""

    @field_validator("field")
    @classmethod
    def _terms(cls, value: str) -> str:
        for term in value.split(",") if value else []:
            if _FIELD_TERM.match(term) is None:
                raise RefusedError(f"invalid selector {value!r}: {term!r} is no condition", "write name=value")
        return value


class Kubernetes(HttpClientSettings):
    api_server: UrlText = ""
    role: Role
    kubeconfig_file: FileName = ""
    namespaces: KubernetesNamespaces = KubernetesNamespaces()
    selectors: ListOf[KubernetesSelector] = Field(default_factory=list)
    attach_metadata: KubernetesMetadata = KubernetesMetadata()

    @model_validator(mode="after")
    def _one_way_in(self) -> Self:
        at_most_one(self, "kubeconfig_file", "api_server")
        if any(self._client_value(name) for name in HttpClientSettings.model_fields):
            if self.kubeconfig_file:
                raise RefusedError("HTTP client settings and kubeconfig_file exclude each other")
            if not self.api_server:
                raise RefusedError("HTTP client settings need api_server", "add api_server")
        if self.namespaces.own_namespace and (self.api_server or self.kubeconfig_file):
            way = "api_server" if self.api_server else "kubeconfig_file"
            raise RefusedError(f"{way} and namespaces.own_namespace exclude each other", "keep one of them")
        return self

    def _client_value(self, name: str) -> Any:
        info = HttpClientSettings.model_fields[name]
        value = getattr(self, name)
        return value if value != info.get_default(call_default_factory=True) else None

    @model_validator(mode="after")
    def _selectors_fit(self) -> Self:
        allowed = _SELECTORS[self.role]
        seen: set[str] = set()
        for selector in self.selectors:
            if selector.role in seen:
                raise RefusedError(f"duplicated selector role: {selector.role}")
            seen.add(selector.role)
            if selector.role not in allowed:
                raise RefusedError(f"role {self.role} supports only {', '.join(allowed)} selectors")
        return self
