"""``receivers``: who is told, and through which channels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Final

from pydantic import Field

from fenghuo.alerting.notify.channels.dingtalk.settings import DingTalkSettings
from fenghuo.alerting.notify.channels.email.settings import EmailSettings
from fenghuo.alerting.notify.channels.settings import ChannelSettings, NoEmptyEntry
from fenghuo.alerting.notify.channels.slack.settings import SlackSettings
from fenghuo.alerting.notify.channels.webhook.settings import WebhookSettings
from fenghuo.base.document import DictOf, ListOf, Settings
from fenghuo.base.late_model import EntriesOf, SomeSettings
from fenghuo.model.settings_types import DurationMs, Text

CHANNELS: Final = "fenghuo.alerting.notify.channels"
APPRISE: Final = f"{CHANNELS}.apprise.settings"
CHAT: Final = f"{CHANNELS}.services.chat"
PAGING: Final = f"{CHANNELS}.services.paging"
Entries = Annotated[SomeSettings, NoEmptyEntry]


class Receiver(Settings):
    """A name that routes point at, and any number of channels of each kind."""

    name: Text = ""
    labels: DictOf[str] = Field(default={})
    failover: Text = ""
    """The receiver that is told in place of this one, when one of its channels does not take a notice. Ours."""
    failover_after_ms: DurationMs = Field(default=30_000, ge=1000, alias="failover_after")
    """How long a notice is tried before; when the platform says that it has had too many, nothing is waited for."""
    webhook_configs: Annotated[ListOf[WebhookSettings], NoEmptyEntry] = Field(default=[])
    dingtalk_configs: Annotated[ListOf[DingTalkSettings], NoEmptyEntry] = Field(default=[])
    email_configs: Annotated[ListOf[EmailSettings], NoEmptyEntry] = Field(default=[])
    slack_configs: Annotated[ListOf[SlackSettings], NoEmptyEntry] = Field(default=[])
    apprise_configs: Annotated[Entries, EntriesOf(APPRISE, "AppriseSettings")] = Field(default=[])
    discord_configs: Annotated[Entries, EntriesOf(CHAT, "DiscordSettings")] = Field(default=[])
    exec_configs: Annotated[Entries, EntriesOf(f"{CHANNELS}.exec.settings", "ExecSettings")] = Field(default=[])
    feishu_configs: Annotated[Entries, EntriesOf(f"{CHANNELS}.feishu.settings", "FeishuSettings")] = Field(default=[])
    incidentio_configs: Annotated[Entries, EntriesOf(PAGING, "IncidentIoSettings")] = Field(default=[])
    jira_configs: Annotated[Entries, EntriesOf(PAGING, "JiraSettings")] = Field(default=[])
    mattermost_configs: Annotated[Entries, EntriesOf(CHAT, "MattermostSettings")] = Field(default=[])
    msteams_configs: Annotated[Entries, EntriesOf(CHAT, "MsTeamsSettings")] = Field(default=[])
    msteamsv2_configs: Annotated[Entries, EntriesOf(CHAT, "MsTeamsV2Settings")] = Field(default=[])
    opsgenie_configs: Annotated[Entries, EntriesOf(PAGING, "OpsGenieSettings")] = Field(default=[])
    pagerduty_configs: Annotated[Entries, EntriesOf(PAGING, "PagerDutySettings")] = Field(default=[])
    pushover_configs: Annotated[Entries, EntriesOf(PAGING, "PushoverSettings")] = Field(default=[])
    rocketchat_configs: Annotated[Entries, EntriesOf(CHAT, "RocketChatSettings")] = Field(default=[])
    sms_configs: Annotated[Entries, EntriesOf(f"{CHANNELS}.sms.settings", "SmsSettings")] = Field(default=[])
    sns_configs: Annotated[Entries, EntriesOf(PAGING, "SnsSettings")] = Field(default=[])
    telegram_configs: Annotated[Entries, EntriesOf(CHAT, "TelegramSettings")] = Field(default=[])
    victorops_configs: Annotated[Entries, EntriesOf(PAGING, "VictorOpsSettings")] = Field(default=[])
    voice_configs: Annotated[Entries, EntriesOf(f"{CHANNELS}.sms.settings", "VoiceSettings")] = Field(default=[])
    webex_configs: Annotated[Entries, EntriesOf(CHAT, "WebexSettings")] = Field(default=[])
    wechat_configs: Annotated[Entries, EntriesOf(CHAT, "WeChatSettings")] = Field(default=[])
    wecom_configs: Annotated[Entries, EntriesOf(f"{CHANNELS}.wecom.settings", "WecomSettings")] = Field(default=[])

    def channels(self) -> Iterator[tuple[int, ChannelSettings]]:
        """Every channel with its position among those of its kind, in a fixed order."""
        for name in type(self).model_fields:
            if name.endswith("_configs"):
                yield from enumerate(getattr(self, name))
