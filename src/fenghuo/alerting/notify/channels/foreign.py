"""Receiver kinds that Alertmanager knows and Fenghuo reads but does not send through.

Their settings are checked as Alertmanager checks them, so that an existing file loads unchanged and its mistakes
are found; a configuration that uses one is told so in a warning.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar, Final, Self

from pydantic import Field, model_validator

from fenghuo.alerting.notify.channels.settings import HttpChannelSettings
from fenghuo.base.document import ListOf, RefusedError, Settings
from fenghuo.model.http_settings import at_most_one
from fenghuo.model.settings_types import DurationMs, FileName, Secret, Text

Template = str | None
"""A template; None takes the platform's default."""


class ForeignSettings(HttpChannelSettings):
    """The base of the kinds below. ``globals_`` names pairs of own and global field, one of which must be set."""

    from_global: ClassVar[tuple[tuple[tuple[str, ...], str], ...]] = ()
    """(own fields, of which one must be set unless a global one is; the complaint). Checked with the whole file."""


def _one_of(settings: Settings, names: Iterable[str], complaint: str) -> None:
    if not any(getattr(settings, name) for name in names):
        raise RefusedError(complaint)


class DiscordSettings(ForeignSettings):
    kind: ClassVar[str] = "discord"

    webhook_url: Secret = Secret("")
    webhook_url_file: FileName = ""
    title: Template = None
    message: Template = None
    content: Template = None
    username: Text = ""
    avatar_url: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "webhook_url", "webhook_url_file")
        _one_of(self, ("webhook_url", "webhook_url_file"), "one of webhook_url or webhook_url_file must be configured")
        return self


class IncidentIoSettings(ForeignSettings):
    kind: ClassVar[str] = "incidentio"

    url: Secret = Secret("")
    url_file: FileName = ""
    alert_source_token: Secret = Secret("")
    alert_source_token_file: FileName = ""
    max_alerts: int = 0
    metadata: dict[str, str] = Field(default={})

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "url", "url_file")
        _one_of(self, ("url", "url_file"), "one of url or url_file must be configured")
        at_most_one(self, "alert_source_token", "alert_source_token_file")
        if not (self.alert_source_token or self.alert_source_token_file) and not self._authorised():
            raise RefusedError("one of alert_source_token or alert_source_token_file must be configured")
        return self

    def _authorised(self) -> bool:
        return self.http_config is not None and self.http_config.authorization is not None


class JiraSettings(ForeignSettings):
    kind: ClassVar[str] = "jira"

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

    @model_validator(mode="after")
    def _check(self) -> Self:
        _one_of(self, ("project",), "missing project in jira_config")
        _one_of(self, ("issue_type",), "missing issue_type in jira_config")
        return self


class MattermostSettings(ForeignSettings):
    kind: ClassVar[str] = "mattermost"
    from_global = (
        (("webhook_url", "webhook_url_file"), "missing webhook_url or webhook_url_file on mattermost_config"),
    )

    webhook_url: Secret = Secret("")
    webhook_url_file: FileName = ""
    channel: Text = ""
    username: Template = None
    text: Template = None
    icon_url: Text = ""
    icon_emoji: Text = ""
    attachments: ListOf[dict[str, Any]] = Field(default=[])
    props: dict[str, Any] | None = None
    type: Text = ""
    priority: dict[str, Any] | None = None
    fallback: Template = None
    color: Template = None
    pretext: Template = None
    author_name: Text = ""
    author_link: Text = ""
    author_icon: Text = ""
    title: Template = None
    title_link: Template = None
    fields: ListOf[dict[str, Any]] = Field(default=[])
    thumb_url: Text = ""
    footer: Text = ""
    footer_icon: Text = ""
    image_url: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "webhook_url", "webhook_url_file")
        return self


class MsTeamsSettings(ForeignSettings):
    kind: ClassVar[str] = "msteams"

    webhook_url: Secret = Secret("")
    webhook_url_file: FileName = ""
    title: Template = None
    summary: Template = None
    text: Template = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "webhook_url", "webhook_url_file")
        _one_of(self, ("webhook_url", "webhook_url_file"), "one of webhook_url or webhook_url_file must be configured")
        return self


class MsTeamsV2Settings(MsTeamsSettings):
    kind: ClassVar[str] = "msteamsv2"


RESPONDERS: Final = ("team", "teams", "user", "escalation", "schedule")


class OpsGenieResponder(Settings):
    id: Text = ""
    name: Text = ""
    username: Text = ""
    type: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        _one_of(self, ("id", "name", "username"), "opsGenie responder has no id, username or name specified")
        if "{{" in self.type:
            if self.type.count("{{/*") != self.type.count("*/}}") or self.type.count("{{") != self.type.count("}}"):
                raise RefusedError(f"opsGenie responder type {self.type!r} is not a template")
        elif self.type.lower() not in RESPONDERS:
            raise RefusedError(f"opsGenie responder type {self.type!r} is not known", f"one of {', '.join(RESPONDERS)}")
        return self


class OpsGenieSettings(ForeignSettings):
    kind: ClassVar[str] = "opsgenie"
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

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "api_key", "api_key_file")
        return self


class PagerDutySettings(ForeignSettings):
    kind: ClassVar[str] = "pagerduty"

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

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "routing_key", "routing_key_file")
        at_most_one(self, "service_key", "service_key_file")
        keys = ("routing_key", "routing_key_file", "service_key", "service_key_file")
        _one_of(self, keys, "missing service or routing key in PagerDuty config")
        return self


class PushoverSettings(ForeignSettings):
    kind: ClassVar[str] = "pushover"

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

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "html", "monospace")
        at_most_one(self, "user_key", "user_key_file")
        at_most_one(self, "token", "token_file")
        _one_of(self, ("user_key", "user_key_file"), "one of user_key or user_key_file must be configured")
        _one_of(self, ("token", "token_file"), "one of token or token_file must be configured")
        return self


class RocketChatSettings(ForeignSettings):
    kind: ClassVar[str] = "rocketchat"
    from_global = (
        (("token_id", "token_id_file"), "no global Rocketchat TokenID set either inline or in a file"),
        (("token", "token_file"), "no global Rocketchat Token set either inline or in a file"),
    )

    api_url: Text = ""
    channel: Text = ""
    token: Secret = Secret("")
    token_file: FileName = ""
    token_id: Secret = Secret("")
    token_id_file: FileName = ""
    color: Template = None
    title: Template = None
    title_link: Template = None
    text: Template = None
    fields: ListOf[dict[str, Any]] = Field(default=[])
    short_fields: bool = False
    emoji: Template = None
    icon_url: Template = None
    image_url: Text = ""
    thumb_url: Text = ""
    link_names: bool = False
    actions: ListOf[dict[str, Any]] = Field(default=[])

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "token", "token_file")
        at_most_one(self, "token_id", "token_id_file")
        return self


class SigV4Settings(Settings):
    region: Text = ""
    access_key: Text = ""
    secret_key: Secret = Secret("")
    profile: Text = ""
    role_arn: Text = ""
    external_id: Text = ""
    use_fips_sts_endpoint: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        if bool(self.access_key) != bool(self.secret_key):
            raise RefusedError("must provide an AWS SigV4 access key and secret key, or none of them")
        return self


class SnsSettings(ForeignSettings):
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


class TelegramSettings(ForeignSettings):
    kind: ClassVar[str] = "telegram"
    from_global = ((("bot_token", "bot_token_file"), "missing bot_token or bot_token_file on telegram_config"),)

    api_url: Text = ""
    bot_token: Secret = Secret("")
    bot_token_file: FileName = ""
    chat_id: int = 0
    chat_id_file: FileName = ""
    chat: int = 0
    message_thread_id: int = 0
    message: Template = None
    disable_notifications: bool = False
    parse_mode: Text = "HTML"

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "bot_token", "bot_token_file")
        _one_of(self, ("chat_id", "chat_id_file", "chat"), "missing chat_id or chat_id_file on telegram_config")
        at_most_one(self, "chat_id", "chat_id_file")
        if self.parse_mode not in ("", "Markdown", "MarkdownV2", "HTML"):
            raise RefusedError(
                "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string"
            )
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


class VictorOpsSettings(ForeignSettings):
    kind: ClassVar[str] = "victorops"
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
        _one_of(self, ("routing_key",), "missing Routing key in VictorOps config")
        at_most_one(self, "api_key", "api_key_file")
        for name in self.custom_fields:
            if name in VICTOROPS_FIXED:
                raise RefusedError(
                    f"victorOps config contains custom field {name} which cannot be used as it conflicts with the"
                    " fixed/static fields"
                )
        return self


class WebexSettings(ForeignSettings):
    kind: ClassVar[str] = "webex"

    api_url: Text = ""
    room_id: Text = ""
    message: Template = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        _one_of(self, ("room_id",), "missing room_id on webex_config")
        if self.http_config is None or self.http_config.authorization is None:
            raise RefusedError("missing webex_configs.http_config.authorization")
        return self


class WeChatSettings(ForeignSettings):
    kind: ClassVar[str] = "wechat"
    from_global = (
        (("api_secret", "api_secret_file"), "no global Wechat Api Secret set either inline or in a file"),
        (("corp_id",), "no global Wechat CorpID set"),
    )

    send_resolved: bool = False
    api_secret: Secret = Secret("")
    api_secret_file: FileName = ""
    corp_id: Text = ""
    message: Template = None
    api_url: Text = ""
    to_user: Template = None
    to_party: Template = None
    to_tag: Template = None
    agent_id: Template = None
    message_type: Text = "text"

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "api_secret", "api_secret_file")
        if self.message_type not in ("", "text", "markdown"):
            raise RefusedError(f"weChat message type {self.message_type!r} does not match valid options text, markdown")
        return self
