"""Paging services, ticket systems and cloud queues."""

from __future__ import annotations

from typing import Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from fenghuo.alerting.notify.channels.services.kind import ServiceSettings, Template, one_of
from fenghuo.base.document import ListOf, RefusedError, Settings
from fenghuo.model.settings_types import DurationMs, FileName, Secret, Text
from fenghuo.model.sigv4_settings import SigV4Settings


class IncidentIoSettings(ServiceSettings):
    kind: ClassVar[str] = "incidentio"
    alternatives = (("url", "url_file"), ("alert_source_token", "alert_source_token_file"))
    needed = ((("url", "url_file"), "one of url or url_file must be configured"),)

    url: Secret = Secret("")
    url_file: FileName = ""
    alert_source_token: Secret = Secret("")
    alert_source_token_file: FileName = ""
    max_alerts: int = 0
    metadata: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not (self.alert_source_token or self.alert_source_token_file) and not self._authorised():
            raise RefusedError("one of alert_source_token or alert_source_token_file must be configured")
        return self

    def _authorised(self) -> bool:
        return self.http_config is not None and self.http_config.authorization is not None


class JiraSettings(ServiceSettings):
    kind: ClassVar[str] = "jira"
    needed = ((("project",), "missing project in jira_config"), (("issue_type",), "missing issue_type in jira_config"))

    api_url: Text = ""
    api_type: Text = ""
    project: Text = ""
    summary: Any = None
    description: Any = None
    labels: ListOf[str] = Field(default=[])
    priority: Template = None
    issue_type: Text = ""
    resolve_transition: Text = ""
    reopen_transition: Text = ""
    wont_fix_resolution: Text = ""
    reopen_duration_ms: DurationMs = Field(default=0, alias="reopen_duration")
    fields: dict[str, Any] = Field(default={})


RESPONDERS: Final = ("team", "teams", "user", "escalation", "schedule")


class OpsGenieResponder(Settings):
    id: Text = ""
    name: Text = ""
    username: Text = ""
    type: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        one_of(self, ("id", "name", "username"), "opsGenie responder has no id, username or name specified")
        if "{{" in self.type:
            if self.type.count("{{/*") != self.type.count("*/}}") or self.type.count("{{") != self.type.count("}}"):
                raise RefusedError(f"opsGenie responder type {self.type!r} is not a template")
        elif self.type.lower() not in RESPONDERS:
            raise RefusedError(f"opsGenie responder type {self.type!r} is not known", f"one of {', '.join(RESPONDERS)}")
        return self


class OpsGenieSettings(ServiceSettings):
    kind: ClassVar[str] = "opsgenie"
    alternatives = (("api_key", "api_key_file"),)
    from_global = ((("api_key", "api_key_file"), "no global OpsGenie API Key set either inline or in a file"),)

    api_key: Secret = Secret("")
    api_key_file: FileName = ""
    api_url: Text = ""
    message: Template = None
    description: Template = None
    source: Template = None
    details: dict[str, str] = Field(default={})
    entity: Text = ""
    responders: ListOf[OpsGenieResponder] = Field(default=[])
    actions: Text = ""
    tags: Text = ""
    note: Text = ""
    priority: Text = ""
    update_alerts: bool = False


class PagerDutySettings(ServiceSettings):
    kind: ClassVar[str] = "pagerduty"
    alternatives = (("routing_key", "routing_key_file"), ("service_key", "service_key_file"))
    needed = (
        (
            ("routing_key", "routing_key_file", "service_key", "service_key_file"),
            "missing service or routing key in PagerDuty config",
        ),
    )

    service_key: Secret = Secret("")
    service_key_file: FileName = ""
    routing_key: Secret = Secret("")
    routing_key_file: FileName = ""
    url: Text = ""
    client: Template = None
    client_url: Template = None
    description: Template = None
    details: dict[str, Any] = Field(default={})
    images: ListOf[dict[str, str]] = Field(default=[])
    links: ListOf[dict[str, str]] = Field(default=[])
    source: Text = ""
    severity: Text = ""
    class_: Text = Field(default="", alias="class")
    component: Text = ""
    group: Text = ""


class PushoverSettings(ServiceSettings):
    kind: ClassVar[str] = "pushover"
    alternatives = (("html", "monospace"), ("user_key", "user_key_file"), ("token", "token_file"))
    needed = (
        (("user_key", "user_key_file"), "one of user_key or user_key_file must be configured"),
        (("token", "token_file"), "one of token or token_file must be configured"),
    )

    user_key: Secret = Secret("")
    user_key_file: FileName = ""
    token: Secret = Secret("")
    token_file: FileName = ""
    title: Template = None
    message: Template = None
    url: Template = None
    url_title: Text = ""
    device: Text = ""
    sound: Text = ""
    priority: Template = None
    retry_ms: DurationMs = Field(default=60_000, alias="retry")
    expire_ms: DurationMs = Field(default=3_600_000, alias="expire")
    ttl_ms: DurationMs = Field(default=0, alias="ttl")
    html: bool = False
    monospace: bool = False


class SnsSettings(ServiceSettings):
    kind: ClassVar[str] = "sns"

    api_url: Text = ""
    sigv4: SigV4Settings = SigV4Settings()
    topic_arn: Text = ""
    phone_number: Text = ""
    target_arn: Text = ""
    subject: Template = None
    message: Template = None
    attributes: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _check(self) -> Self:
        if sum(map(bool, (self.target_arn, self.topic_arn, self.phone_number))) != 1:
            raise RefusedError("must provide either a Target ARN, Topic ARN, or Phone Number for SNS config")
        return self


VICTOROPS_FIXED: Final = (
    "routing_key",
    "message_type",
    "state_message",
    "entity_display_name",
    "monitoring_tool",
    "entity_id",
    "entity_state",
)


class VictorOpsSettings(ServiceSettings):
    kind: ClassVar[str] = "victorops"
    alternatives = (("api_key", "api_key_file"),)
    needed = ((("routing_key",), "missing Routing key in VictorOps config"),)
    from_global = ((("api_key", "api_key_file"), "no global VictorOps API Key set"),)

    api_key: Secret = Secret("")
    api_key_file: FileName = ""
    api_url: Text = ""
    routing_key: Text = ""
    message_type: Text = ""
    state_message: Template = None
    entity_display_name: Template = None
    monitoring_tool: Template = None
    custom_fields: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in self.custom_fields:
            if name in VICTOROPS_FIXED:
                raise RefusedError(
                    f"victorOps config contains custom field {name} which cannot be used as it conflicts with the"
                    " fixed/static fields"
                )
        return self
