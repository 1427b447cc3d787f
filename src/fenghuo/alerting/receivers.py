"""``receivers``: who is told, and through which channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated

from pydantic import Field

from fenghuo.alerting.notify.channels.dingtalk.settings import DingTalkSettings
from fenghuo.alerting.notify.channels.email.settings import EmailSettings
from fenghuo.alerting.notify.channels.foreign.chat import (
    DiscordSettings,
    MattermostSettings,
    MsTeamsSettings,
    MsTeamsV2Settings,
    RocketChatSettings,
    TelegramSettings,
    WebexSettings,
    WeChatSettings,
)
from fenghuo.alerting.notify.channels.foreign.paging import (
    IncidentIoSettings,
    JiraSettings,
    OpsGenieSettings,
    PagerDutySettings,
    PushoverSettings,
    SnsSettings,
    VictorOpsSettings,
)
from fenghuo.alerting.notify.channels.settings import ChannelSettings, NoEmptyEntry
from fenghuo.alerting.notify.channels.slack.settings import SlackSettings
from fenghuo.alerting.notify.channels.webhook.settings import WebhookSettings
from fenghuo.base.document import DictOf, ListOf, Settings
from fenghuo.model.settings_types import Text


class Receiver(Settings):
    """A name that routes point at, and any number of channels of each kind."""

    name: Text = ""
    labels: DictOf[str] = Field(default={})
    webhook_configs: Annotated[ListOf[WebhookSettings], NoEmptyEntry] = Field(default=[])
    dingtalk_configs: Annotated[ListOf[DingTalkSettings], NoEmptyEntry] = Field(default=[])
    email_configs: Annotated[ListOf[EmailSettings], NoEmptyEntry] = Field(default=[])
    slack_configs: Annotated[ListOf[SlackSettings], NoEmptyEntry] = Field(default=[])
    discord_configs: Annotated[ListOf[DiscordSettings], NoEmptyEntry] = Field(default=[])
    incidentio_configs: Annotated[ListOf[IncidentIoSettings], NoEmptyEntry] = Field(default=[])
    jira_configs: Annotated[ListOf[JiraSettings], NoEmptyEntry] = Field(default=[])
    mattermost_configs: Annotated[ListOf[MattermostSettings], NoEmptyEntry] = Field(default=[])
    msteams_configs: Annotated[ListOf[MsTeamsSettings], NoEmptyEntry] = Field(default=[])
    msteamsv2_configs: Annotated[ListOf[MsTeamsV2Settings], NoEmptyEntry] = Field(default=[])
    opsgenie_configs: Annotated[ListOf[OpsGenieSettings], NoEmptyEntry] = Field(default=[])
    pagerduty_configs: Annotated[ListOf[PagerDutySettings], NoEmptyEntry] = Field(default=[])
    pushover_configs: Annotated[ListOf[PushoverSettings], NoEmptyEntry] = Field(default=[])
    rocketchat_configs: Annotated[ListOf[RocketChatSettings], NoEmptyEntry] = Field(default=[])
    sns_configs: Annotated[ListOf[SnsSettings], NoEmptyEntry] = Field(default=[])
    telegram_configs: Annotated[ListOf[TelegramSettings], NoEmptyEntry] = Field(default=[])
    victorops_configs: Annotated[ListOf[VictorOpsSettings], NoEmptyEntry] = Field(default=[])
    webex_configs: Annotated[ListOf[WebexSettings], NoEmptyEntry] = Field(default=[])
    wechat_configs: Annotated[ListOf[WeChatSettings], NoEmptyEntry] = Field(default=[])

    def channels(self) -> Iterator[tuple[int, ChannelSettings]]:
        """Every channel with its position among those of its kind, in a fixed order."""
        for name in type(self).model_fields:
            if name.endswith("_configs"):
                yield from enumerate(getattr(self, name))
