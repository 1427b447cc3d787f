"""Discovery systems of cloud providers: their keys, known and checked, so that a file that names them loads.

Nobody here asks these providers for targets; :mod:`.foreign` says what happens with a job that names one.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from fenghuo.base.document import ListOf, RefusedError, Settings
from fenghuo.model.http_settings import HttpClientSettings, TlsSettings, at_most_one
from fenghuo.model.settings_types import Count, DurationMs, FileName, HttpUrl, Secret, UrlText


def _not_empty(value: str) -> str:
    if not value.strip():
        raise RefusedError("is required but empty")
    return value


def _secret_given(value: Secret) -> Secret:
    if not value:
        raise RefusedError("is required but empty")
    return value


Required = Annotated[str, AfterValidator(_not_empty)]
RequiredSecret = Annotated[Secret, AfterValidator(_secret_given)]


class Polled(Settings):
    """What nearly every system has."""

    refresh_interval_ms: DurationMs = Field(0, alias="refresh_interval")
    port: Count = 0


class PolledOverHttp(Polled, HttpClientSettings):
    """The same, for systems that are asked over HTTP."""


class Filter(Settings):
    name: str
    values: ListOf[str] = Field(default_factory=list)


class FilledFilter(Filter):
    @model_validator(mode="after")
    def _some_value(self) -> Self:
        if not self.values:
            raise RefusedError("filter values cannot be empty", "add values: [...]")
        return self


class AmazonAccount(PolledOverHttp):
    """What the systems of Amazon's cloud share."""

    region: str = ""
    endpoint: UrlText = ""
    access_key: str = ""
    secret_key: Secret = Secret("")
    profile: str = ""
    role_arn: str = ""
    external_id: str = ""


class Ec2(AmazonAccount):
    filters: ListOf[FilledFilter] = Field(default_factory=list)


class AmazonClusters(AmazonAccount):
    clusters: ListOf[str] = Field(default_factory=list)
    request_concurrency: Count = 0


class Rds(AmazonClusters):
    filters: ListOf[Filter] = Field(default_factory=list)


class Aws(AmazonAccount):
    role: Literal["ec2", "ecs", "elasticache", "lightsail", "msk", "rds"]
    filters: ListOf[Filter] = Field(default_factory=list)
    clusters: ListOf[str] = Field(default_factory=list)


class Azure(PolledOverHttp):
    environment: str = ""
    authentication_method: Literal["OAuth", "ManagedIdentity", "SDK", "WorkloadIdentity"] = "OAuth"
    subscription_id: Required
    tenant_id: str = ""
    client_id: str = ""
    client_secret: Secret = Secret("")
    resource_group: str = ""

    @model_validator(mode="after")
    def _credentials(self) -> Self:
        for name in ("tenant_id", "client_id", "client_secret"):
            if self.authentication_method == "OAuth" and not getattr(self, name):
                raise RefusedError(f"authentication with OAuth requires {name}", f"add {name}")
        return self


class DigitalOcean(PolledOverHttp):
    role: Literal["droplets", "databases"] = "droplets"


class Gce(Polled):
    project: Required
    zone: Required
    filter: str = ""
    tag_separator: str = ""


class Hetzner(PolledOverHttp):
    role: Literal["robot", "hcloud"]
    label_selector: str = ""


class Ionos(PolledOverHttp):
    datacenter_id: Required


class Linode(PolledOverHttp):
    tag_separator: str = ""
    region: str = ""


class Oci(PolledOverHttp):
    auth: Literal["api_key", "instance_principal"] = "api_key"
    tenancy: str = ""
    user: str = ""
    fingerprint: str = ""
    key_file: FileName = ""
    key_passphrase: Secret = Secret("")
    key_passphrase_file: FileName = ""
    region: str = ""
    compartments: ListOf[str] = Field(default_factory=list)


class OpenStack(Polled):
    identity_endpoint: UrlText = ""
    username: str = ""
    userid: str = ""
    password: Secret = Secret("")
    project_name: str = ""
    project_id: str = ""
    domain_name: str = ""
    domain_id: str = ""
    application_credential_name: str = ""
    application_credential_id: str = ""
    application_credential_secret: Secret = Secret("")
    role: Literal["instance", "hypervisor", "loadbalancer"]
    region: Required
    all_tenants: bool = False
    tls_config: TlsSettings = TlsSettings()
    availability: Literal["public", "internal", "admin"] = "public"


class KeyPair(PolledOverHttp):
    """An access key, and its secret in the file or beside it."""

    access_key: Required
    secret_key: Secret = Secret("")
    secret_key_file: FileName = ""

    @model_validator(mode="after")
    def _one_secret(self) -> Self:
        at_most_one(self, "secret_key", "secret_key_file")
        if not self.secret_key and not self.secret_key_file:
            raise RefusedError("one of secret_key & secret_key_file must be configured")
        return self


class Outscale(KeyPair):
    region: Required
    endpoint: UrlText = ""


class Scaleway(KeyPair):
    role: Literal["instance", "baremetal"]
    project_id: Required
    api_url: UrlText = ""
    zone: str = ""
    name_filter: str = ""
    tags_filter: ListOf[str] = Field(default_factory=list)


class OvhCloud(Settings):
    endpoint: Required = "ovh-eu"
    application_key: Required
    application_secret: RequiredSecret
    consumer_key: RequiredSecret
    refresh_interval_ms: DurationMs = Field(0, alias="refresh_interval")
    service: Literal["dedicated_server", "vps"]


class Stackit(PolledOverHttp):
    project: str = ""
    region: str = "eu01"
    endpoint: UrlText = ""
    service_account_key: Secret = Secret("")
    private_key: Secret = Secret("")
    service_account_key_path: FileName = ""
    private_key_path: FileName = ""
    credentials_file_path: FileName = ""


class Triton(Polled):
    account: Required
    role: Literal["container", "cn"] = "container"
    dns_suffix: Required
    endpoint: Required
    groups: ListOf[str] = Field(default_factory=list)
    version: int = 1
    tls_config: TlsSettings = TlsSettings()


class PuppetDb(PolledOverHttp):
    url: HttpUrl
    query: Required
    include_parameters: bool = False
