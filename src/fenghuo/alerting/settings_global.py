"""``global`` of an ``alertmanager.yml``: what receivers fall back to."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from fenghuo.alerting.notify.channels.email.settings import HostPort
from fenghuo.alerting.notify.channels.slack.settings import POST_MESSAGE_URL
from fenghuo.base.document import ListOf, RefusedError, Settings
from fenghuo.model.http_settings import HttpClientSettings, TlsSettings, at_most_one
from fenghuo.model.settings_types import DurationMs, FileName, Secret, Text


class GlobalSettings(Settings):
    """Alertmanager's global defaults."""

    resolve_timeout_ms: DurationMs = Field(default=300_000, alias="resolve_timeout")
    """An alert that came without an end counts as over this long after it was last heard of."""
    http_config: HttpClientSettings = HttpClientSettings()

    smtp_from: Text = ""
    smtp_hello: Text = "localhost"
    smtp_smarthost: HostPort = ""
    smtp_auth_username: Text = ""
    smtp_auth_password: Secret = Secret("")
    smtp_auth_password_file: FileName = ""
    smtp_auth_secret: Secret = Secret("")
    smtp_auth_secret_file: FileName = ""
    smtp_auth_identity: Text = ""
    smtp_require_tls: bool = True
    smtp_implicit_tls: bool | None = None
    smtp_force_implicit_tls: bool | None = None
    smtp_tls_config: TlsSettings | None = None

    slack_api_url: Secret = Secret("")
    slack_api_url_file: FileName = ""
    slack_app_token: Secret = Secret("")
    slack_app_token_file: FileName = ""
    slack_app_url: Text = POST_MESSAGE_URL

    exec_allowed: ListOf[FileName] = Field(default=[])
    """Programs that ``exec_configs`` may run, by their whole path. Ours; Alertmanager does not know it."""
    channel_failures: int = Field(default=3, ge=0)
    """After so many notices in a row that did not get through, there is an alert about the channel; 0 for never.
    Ours."""
    channel_failing_after_ms: DurationMs = Field(default=600_000, alias="channel_failing_after")
    """There is one too when a notice did not get through and for so long none did; 0 for never. Ours."""

    jira_api_url: Text = ""
    mattermost_webhook_url: Secret = Secret("")
    mattermost_webhook_url_file: FileName = ""
    opsgenie_api_url: Text = ""
    opsgenie_api_key: Secret = Secret("")
    opsgenie_api_key_file: FileName = ""
    pagerduty_url: Text = ""
    rocketchat_api_url: Text = ""
    rocketchat_token: Secret = Secret("")
    rocketchat_token_file: FileName = ""
    rocketchat_token_id: Secret = Secret("")
    rocketchat_token_id_file: FileName = ""
    telegram_api_url: Text = ""
    telegram_bot_token: Secret = Secret("")
    telegram_bot_token_file: FileName = ""
    victorops_api_url: Text = ""
    victorops_api_key: Secret = Secret("")
    victorops_api_key_file: FileName = ""
    webex_api_url: Text = ""
    wechat_api_url: Text = ""
    wechat_api_secret: Secret = Secret("")
    wechat_api_secret_file: FileName = ""
    wechat_api_corp_id: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        for name in (
            "smtp_auth_password",
            "smtp_auth_secret",
            "slack_api_url",
            "slack_app_token",
            "mattermost_webhook_url",
            "opsgenie_api_key",
            "rocketchat_token",
            "rocketchat_token_id",
            "telegram_bot_token",
            "victorops_api_key",
            "wechat_api_secret",
        ):
            at_most_one(self, name, f"{name}_file")
        if self.has_slack_token and self._slack_url_differs():
            raise RefusedError(
                "at most one of slack_app_token/slack_app_token_file & slack_api_url/slack_api_url_file must be"
                " configured"
            )
        return self

    @property
    def has_slack_token(self) -> bool:
        """Whether a Slack bot is given for all entries that name no door of their own."""
        return bool(self.slack_app_token or self.slack_app_token_file)

    def _slack_url_differs(self) -> bool:
        # People wrote the address of chat.postMessage as slack_api_url before slack_app_token existed.
        return bool(self.slack_api_url_file) or (
            bool(self.slack_api_url) and self.slack_api_url.reveal() != self.slack_app_url
        )
