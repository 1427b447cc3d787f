"""Chat platforms."""

from __future__ import annotations

from typing import Any, ClassVar, Self

from pydantic import Field, model_validator

from fenghuo.alerting.notify.channels.services.kind import ServiceSettings, Template
from fenghuo.base.document import ListOf, RefusedError
from fenghuo.model.settings_types import FileName, Secret, Text


class DiscordSettings(ServiceSettings):
    kind: ClassVar[str] = "discord"
    alternatives = (("webhook_url", "webhook_url_file"),)
    needed = ((("webhook_url", "webhook_url_file"), "one of webhook_url or webhook_url_file must be configured"),)

    webhook_url: Secret = Secret("")
    webhook_url_file: FileName = ""
    title: Template = None
    message: Template = None
    content: Template = None
    username: Text = ""
    avatar_url: Text = ""


class MattermostSettings(ServiceSettings):
    kind: ClassVar[str] = "mattermost"
    alternatives = (("webhook_url", "webhook_url_file"),)
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


class MsTeamsSettings(ServiceSettings):
    kind: ClassVar[str] = "msteams"
    alternatives = (("webhook_url", "webhook_url_file"),)
    needed = ((("webhook_url", "webhook_url_file"), "one of webhook_url or webhook_url_file must be configured"),)

    webhook_url: Secret = Secret("")
    webhook_url_file: FileName = ""
    title: Template = None
    summary: Template = None
    text: Template = None
    buttons: bool = True
    """Links to answer as buttons, below a text that is ours."""


class MsTeamsV2Settings(MsTeamsSettings):
    kind: ClassVar[str] = "msteamsv2"


class RocketChatSettings(ServiceSettings):
    kind: ClassVar[str] = "rocketchat"
    alternatives = (("token", "token_file"), ("token_id", "token_id_file"))
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


class TelegramSettings(ServiceSettings):
    kind: ClassVar[str] = "telegram"
    alternatives = (("bot_token", "bot_token_file"), ("chat_id", "chat_id_file"))
    needed = ((("chat_id", "chat_id_file", "chat"), "missing chat_id or chat_id_file on telegram_config"),)
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
    buttons: bool = True
    """Links to answer as buttons, below a text that is ours."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.parse_mode not in ("", "Markdown", "MarkdownV2", "HTML"):
            raise RefusedError(
                "unknown parse_mode on telegram_config, must be Markdown, MarkdownV2, HTML or empty string"
            )
        return self


class WebexSettings(ServiceSettings):
    kind: ClassVar[str] = "webex"
    needed = ((("room_id",), "missing room_id on webex_config"),)

    api_url: Text = ""
    room_id: Text = ""
    message: Template = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.http_config is None or self.http_config.authorization is None:
            raise RefusedError("missing webex_configs.http_config.authorization")
        return self


class WeChatSettings(ServiceSettings):
    kind: ClassVar[str] = "wechat"
    alternatives = (("api_secret", "api_secret_file"),)
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
        if self.message_type not in ("", "text", "markdown"):
            raise RefusedError(f"weChat message type {self.message_type!r} does not match valid options text, markdown")
        return self
