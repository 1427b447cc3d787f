"""``slack_configs``."""

from __future__ import annotations

from typing import ClassVar, Final, Self

from pydantic import Field, model_validator

from fenghuo.alerting.notify.channels.services.kind import ServiceSettings
from fenghuo.base.document import ListOf, RefusedError, Settings
from fenghuo.model.http_settings import at_most_one
from fenghuo.model.settings_types import FileName, Secret, Text

POST_MESSAGE_URL: Final = "https://slack.com/api/chat.postMessage"


class SlackField(Settings):
    """One row of the attachment's table."""

    title: Text = ""
    value: Text = ""
    short: bool | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.title:
            raise RefusedError("missing title in Slack field configuration")
        if not self.value:
            raise RefusedError("missing value in Slack field configuration")
        return self


class SlackConfirmation(Settings):
    """The question before an action."""

    text: Text = ""
    title: Text = ""
    ok_text: Text = ""
    dismiss_text: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.text:
            raise RefusedError("missing text in Slack confirmation configuration")
        return self


class SlackAction(Settings):
    """A button below the attachment."""

    type: Text = ""
    text: Text = ""
    url: Text = ""
    style: Text = ""
    name: Text = ""
    value: Text = ""
    confirm: SlackConfirmation | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        if not self.type:
            raise RefusedError("missing type in Slack action configuration")
        if not self.text:
            raise RefusedError("missing text in Slack action configuration")
        if not self.url and not self.name:
            raise RefusedError("missing name or url in Slack action configuration")
        return self


class SlackSettings(ServiceSettings):
    """One message with one attachment, through an incoming webhook or with a bot's token."""

    kind: ClassVar[str] = "slack"

    send_resolved: bool = False
    api_url: Secret = Secret("")
    api_url_file: FileName = ""
    app_token: Secret = Secret("")
    app_token_file: FileName = ""
    app_url: Text = ""
    channel: Text = ""
    username: str = '{{ template "slack.default.username" . }}'
    color: str = '{{ if eq .Status "firing" }}danger{{ else }}good{{ end }}'
    title: str = '{{ template "slack.default.title" . }}'
    title_link: str = '{{ template "slack.default.titlelink" . }}'
    pretext: str = '{{ template "slack.default.pretext" . }}'
    text: str = '{{ template "slack.default.text" . }}'
    message_text: Text = ""
    fields: ListOf[SlackField] = Field(default=[])
    short_fields: bool = False
    footer: str = '{{ template "slack.default.footer" . }}'
    fallback: str = '{{ template "slack.default.fallback" . }}'
    callback_id: str = '{{ template "slack.default.callbackid" . }}'
    icon_emoji: str = '{{ template "slack.default.iconemoji" . }}'
    icon_url: str = '{{ template "slack.default.iconurl" . }}'
    image_url: Text = ""
    thumb_url: Text = ""
    link_names: bool = False
    mrkdwn_in: ListOf[str] = Field(default=["fallback", "pretext", "text"])
    actions: ListOf[SlackAction] = Field(default=[])
    update_message: bool = False
    """Change the message of a group instead of sending another, as long as this process remembers it."""
    buttons: bool = True
    """Links to answer as buttons, below a text that is ours."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "api_url", "api_url_file")
        at_most_one(self, "app_token", "app_token_file")
        if (self.api_url or self.api_url_file) and (self.app_token or self.app_token_file):
            raise RefusedError("at most one of api_url/api_url_file & app_token/app_token_file must be configured")
        return self

    def is_bot(self, *, global_token: bool) -> bool:
        """Whether a bot speaks, which can tell one person; an incoming webhook has its one place.

        ``global_token``: there is a bot's token for entries that name no door of their own.
        """
        if self.app_token or self.app_token_file:
            return True
        return global_token and not self.api_url and not self.api_url_file
