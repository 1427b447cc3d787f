"""Makes the channels of every receiver. Adding a kind adds a line here."""

from __future__ import annotations

import asyncio
import glob
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any, Final, TypeAlias

from fenghuo.alerting.notify.budget import Bucket, Budgeted
from fenghuo.alerting.notify.channels.channel import Channel
from fenghuo.alerting.notify.channels.dingtalk.channel import DingTalkChannel
from fenghuo.alerting.notify.channels.dingtalk.settings import DingTalkSettings
from fenghuo.alerting.notify.channels.email.settings import EmailSettings
from fenghuo.alerting.notify.channels.settings import ChannelSettings, HttpChannelSettings
from fenghuo.alerting.notify.channels.slack.channel import SlackBotChannel, SlackChannel
from fenghuo.alerting.notify.channels.slack.settings import SlackSettings
from fenghuo.alerting.notify.channels.toolbox import USER_AGENT, Toolbox
from fenghuo.alerting.notify.channels.webhook.channel import WebhookChannel
from fenghuo.alerting.notify.channels.webhook.settings import WebhookSettings
from fenghuo.alerting.notify.plots import PlotSource
from fenghuo.alerting.notify.texts import TextOptions, Texts
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError
from fenghuo.base.late import Later
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.http_client import HttpClient

CHANNELS: Final = "fenghuo.alerting.notify.channels"
SERVICES: Final = f"{CHANNELS}.services"
SENDERS: Final = {
    "discord": Later(f"{SERVICES}.send_chat", "DiscordChannel"),
    "feishu": Later(f"{CHANNELS}.feishu.channel", "FeishuChannel"),
    "incidentio": Later(f"{SERVICES}.send_paging", "IncidentIoChannel"),
    "jira": Later(f"{SERVICES}.jira", "JiraChannel"),
    "mattermost": Later(f"{SERVICES}.send_chat", "MattermostChannel"),
    "msteams": Later(f"{SERVICES}.send_chat", "MsTeamsChannel"),
    "msteamsv2": Later(f"{SERVICES}.send_chat", "MsTeamsV2Channel"),
    "opsgenie": Later(f"{SERVICES}.send_paging", "OpsGenieChannel"),
    "pagerduty": Later(f"{SERVICES}.pagerduty", "PagerDutyChannel"),
    "pushover": Later(f"{SERVICES}.send_paging", "PushoverChannel"),
    "rocketchat": Later(f"{SERVICES}.send_chat", "RocketChatChannel"),
    "sms": Later(f"{CHANNELS}.sms.channel", "SmsChannel"),
    "sns": Later(f"{SERVICES}.sns", "SnsChannel"),
    "telegram": Later(f"{SERVICES}.telegram", "TelegramChannel"),
    "victorops": Later(f"{SERVICES}.send_paging", "VictorOpsChannel"),
    "voice": Later(f"{CHANNELS}.sms.channel", "VoiceChannel"),
    "webex": Later(f"{SERVICES}.send_chat", "WebexChannel"),
    "wechat": Later(f"{SERVICES}.wechat", "WeChatChannel"),
    "wecom": Later(f"{CHANNELS}.wecom.channel", "WecomChannel"),
}
"""Kinds that are loaded when a receiver has one: classes made of (settings, global settings, HTTP, toolbox)."""
APPRISE: Final = Later(f"{CHANNELS}.apprise.channel", "AppriseChannel")
EMAIL: Final = Later(f"{CHANNELS}.email.channel", "EmailChannel")
EXEC: Final = Later(f"{CHANNELS}.exec.channel", "ExecChannel")
AUTHENTICATION = ("basic_auth", "authorization", "oauth2", "bearer_token", "bearer_token_file")

Place: TypeAlias = tuple[str, str, int, int, int]
"""A channel with a budget: receiver, kind, position, messages a minute, reserved ones."""
ClientFactory: TypeAlias = Callable[[HttpClientSettings], HttpClient]


class ChannelSet:
    """The channels of one configuration, and the connections that they hold."""

    def __init__(self) -> None:
        self.by_receiver: dict[str, list[tuple[int, Channel]]] = {}
        self._clients: list[HttpClient] = []

    def client(self, settings: HttpClientSettings) -> HttpClient:
        client = HttpClient(settings, USER_AGENT)
        self._clients.append(client)
        return client

    async def aclose(self) -> None:
        for client in self._clients:
            await client.close()


class Channels:
    """Builds channel sets: templates are read and parsed, nothing is sent or connected."""

    def __init__(
        self,
        clock: Clock,
        options: Callable[[], TextOptions] = TextOptions,
        offload: Callable[..., Awaitable[Any]] = asyncio.to_thread,
        plots: PlotSource | None = None,
    ) -> None:
        """``options`` is asked with each configuration that channels are built of."""
        self._clock = clock
        self._options = options
        self._offload = offload
        self._plots = plots
        self._buckets: dict[Place, Bucket] = {}
        """Of the channels that were built last: a reload is no reason to send more."""

    def build(self, settings: AlertingSettings, client: ClientFactory | None = None) -> ChannelSet:
        """The channels of every receiver. Raises InputError for a template that is missing or cannot be parsed.

        ``client`` makes what they ask with, instead of an HTTP client.
        """
        texts = Texts(self._clock.now_ms, self._options(), read_templates(settings.templates))
        made = ChannelSet()
        buckets: dict[Place, Bucket] = {}
        toolbox = Toolbox(texts, self._clock, client or made.client, self._offload, self._plots)
        for receiver in settings.receivers:
            made.by_receiver[receiver.name] = []
            for index, entry in receiver.channels():
                channel = _placed(entry, index, receiver.name, settings.global_, toolbox)
                if isinstance(entry, HttpChannelSettings) and (budget := entry.budget_in_force) is not None:
                    place = (receiver.name, entry.kind, index, budget.per_minute, budget.reserved)
                    buckets[place] = self._buckets.get(place) or Bucket(budget.per_minute, budget.reserved, self._clock)
                    channel = Budgeted(channel, buckets[place], self._clock)
                made.by_receiver[receiver.name].append((index, channel))
        self._buckets = buckets
        return made


def _placed(entry: ChannelSettings, index: int, receiver: str, globals_: GlobalSettings, toolbox: Toolbox) -> Channel:
    try:
        return make(entry, globals_, toolbox)
    except InputError as error:
        place = f"receiver {receiver!r} {entry.kind}_configs[{index}]: {error.place}"
        raise InputError(error.message, place=place, remedy=error.remedy) from error


def make(settings: ChannelSettings, globals_: GlobalSettings, toolbox: Toolbox) -> Channel:
    """The channel for one entry. Raises InputError for a template that cannot be parsed."""
    match settings:
        case WebhookSettings():
            return WebhookChannel(settings, http_of(settings, globals_), toolbox)
        case DingTalkSettings():
            return DingTalkChannel(settings, http_of(settings, globals_), toolbox)
        case SlackSettings():
            kind = SlackBotChannel if settings.is_bot(global_token=globals_.has_slack_token) else SlackChannel
            return kind(settings, globals_, http_of(settings, globals_), toolbox)
        case ChannelSettings(kind="exec"):
            program: Channel = EXEC.get()(settings, globals_, toolbox)
            return program
        case ChannelSettings(kind="apprise"):
            library: Channel = APPRISE.get()(settings, toolbox)
            return library
        case EmailSettings():
            mail: Channel = EMAIL.get()(settings, globals_, toolbox)
            return mail
    assert isinstance(settings, HttpChannelSettings)
    made: Channel = SENDERS[settings.kind].get()(settings, globals_, http_of(settings, globals_), toolbox)
    return made


def http_of(settings: HttpChannelSettings, globals_: GlobalSettings) -> HttpClientSettings:
    """The entry's ``http_config`` laid over the global one, key by key; credentials go together."""
    own, common = settings.http_config, globals_.http_config
    if own is None:
        return common
    given: Mapping[str, Any] = {name: getattr(own, name) for name in own.model_fields_set}
    if any(name in given for name in AUTHENTICATION):
        nothing = HttpClientSettings()
        common = common.model_copy(update={name: getattr(nothing, name) for name in AUTHENTICATION})
    return common.model_copy(update=dict(given))


def read_templates(patterns: list[str]) -> list[tuple[str, str]]:
    """The user's template files as (name, text); wildcards may match nothing.

    Raises InputError for a file that is named and cannot be read.
    """
    files: list[tuple[str, str]] = []
    for pattern in patterns:
        for name in sorted(glob.glob(pattern)):
            try:
                files.append((name, Path(name).read_text(encoding="utf-8")))
            except (OSError, UnicodeDecodeError) as error:
                raise InputError(f"template file cannot be read: {error}", place=name) from error
    return files
