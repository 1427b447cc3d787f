"""Chats that take one message through one request: Discord, Teams, Rocket.Chat, Mattermost, Webex."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.services.chat import (
    DiscordSettings,
    MattermostSettings,
    MsTeamsSettings,
    RocketChatSettings,
    WebexSettings,
)
from fenghuo.alerting.notify.channels.services.said import Said
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, posting, said_json
from fenghuo.alerting.notify.channels.toolbox import Request
from fenghuo.alerting.notify.cutting import Limit, Markup, json_utf8, line, utf8, utf16
from fenghuo.alerting.notify.links import Button
from fenghuo.alerting.notify.message import FIRING, Message
from fenghuo.net.answer import Answer

DISCORD_TITLE: Final = line(256, utf16)
DISCORD_TEXT: Final = Limit(4096, utf16, Markup.MARKDOWN)
DISCORD_CONTENT: Final = Limit(2000, utf16, Markup.MARKDOWN)
TEAMS_TEXT: Final = Limit(24_000, json_utf8, Markup.MARKDOWN)
"""Teams refuses messages above 28 KB, of which the card itself takes some."""
ROCKETCHAT_TITLE: Final = line(1024)
ROCKETCHAT_TEXT: Final = Limit(5000, markup=Markup.MARKDOWN)
"""What a server takes unless its administrator allows more (Message_MaxAllowedSize)."""
MATTERMOST_TEXT: Final = Limit(16_383, markup=Markup.MARKDOWN)
WEBEX_TEXT: Final = Limit(7439, utf8, Markup.MARKDOWN)
WEBEX_URL: Final = "https://webexapis.com/v1/messages"
ROCKETCHAT_URL: Final = "https://open.rocket.chat"
MATTERMOST_PRIORITIES: Final = ("standard", "important", "urgent")


class DiscordChannel(ServiceChannel[DiscordSettings]):
    """An embed, red while it fires and green when it is over."""

    secrets = ("webhook_url",)
    templated = ("content",)
    defaults: ClassVar[Mapping[str, str]] = {
        "title": '{{ template "discord.default.title" . }}',
        "message": '{{ template "discord.default.message" . }}',
    }

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        embed = {
            "title": DISCORD_TITLE.cut(said["title"]),
            "description": said.fitted(DISCORD_TEXT),
            "color": 0x992D22 if message.status == FIRING else 0x2ECC71,
        }
        body: dict[str, Any] = {"content": DISCORD_CONTENT.cut(said["content"]), "embeds": [embed]}
        for name in ("username", "avatar_url"):
            if given := getattr(self.settings, name):
                body[name] = given
        yield posting(secrets["webhook_url"], body)


class MsTeamsChannel(ServiceChannel[MsTeamsSettings]):
    """A card of an Office 365 connector."""

    secrets = ("webhook_url",)
    main = "text"
    defaults: ClassVar[Mapping[str, str]] = {
        "title": '{{ template "msteams.default.title" . }}',
        "summary": '{{ template "msteams.default.summary" . }}',
        "text": '{{ template "msteams.default.text" . }}',
    }

    def buttons(self, message: Message) -> list[Button]:
        return self.toolbox.texts.buttons(message) if self.settings.buttons and self.settings.text is None else []

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        yield posting(secrets["webhook_url"], self.card(message, said))

    def card(self, message: Message, said: Said) -> dict[str, Any]:
        card = {
            "@context": "http://schema.org/extensions",
            "@type": "MessageCard",
            "type": "MessageCard",
            "title": said["title"],
            "summary": said["summary"],
            "text": said.fitted(TEAMS_TEXT),
            "themeColor": "8C1A1A" if message.status == FIRING else "2DC72D",
        }
        if links := self.buttons(message):
            card["potentialAction"] = [
                {"@type": "OpenUri", "name": one.text, "targets": [{"os": "default", "uri": one.url}]} for one in links
            ]
        return card


class MsTeamsV2Channel(MsTeamsChannel):
    """An adaptive card of a Teams workflow."""

    defaults: ClassVar[Mapping[str, str]] = {
        "title": '{{ template "msteamsv2.default.title" . }}',
        "text": '{{ template "msteamsv2.default.text" . }}',
    }

    def card(self, message: Message, said: Said) -> dict[str, Any]:
        heading = {
            "type": "TextBlock",
            "text": said["title"],
            "weight": "Bolder",
            "size": "Medium",
            "wrap": True,
            "style": "heading",
            "color": "Attention" if message.status == FIRING else "Good",
        }
        text = {"type": "TextBlock", "text": said.fitted(TEAMS_TEXT), "wrap": True}
        content: dict[str, Any] = {
            "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
            "type": "AdaptiveCard",
            "version": "1.2",
            "body": [heading, text],
            "msteams": {"width": "full"},
        }
        if links := self.buttons(message):
            content["actions"] = [{"type": "Action.OpenUrl", "title": one.text, "url": one.url} for one in links]
        attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "contentUrl": None, "content": content}
        return {"type": "message", "attachments": [attachment]}


class RocketChatChannel(ServiceChannel[RocketChatSettings]):
    """An attachment, posted by a user with a token."""

    secrets = ("token", "token_id")
    main = "text"
    templated = ("channel", "fields", "actions", "image_url", "thumb_url")
    defaults: ClassVar[Mapping[str, str]] = {
        "color": '{{ if eq .Status "firing" }}red{{ else }}green{{ end }}',
        "title": '{{ template "rocketchat.default.title" . }}',
        "title_link": '{{ template "rocketchat.default.titlelink" . }}',
        "text": '{{ template "rocketchat.default.text" . }}',
        "emoji": '{{ template "rocketchat.default.emoji" . }}',
        "icon_url": '{{ template "rocketchat.default.iconurl" . }}',
    }

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        attachment = said.some("title", "title_link", "text", "image_url", "thumb_url", "color")
        attachment["title"] = ROCKETCHAT_TITLE.cut(said["title"])
        if said["text"]:
            attachment["text"] = said.fitted(ROCKETCHAT_TEXT)
        if said["fields"]:
            attachment["fields"] = [{"short": self.settings.short_fields} | one for one in said["fields"]]
        if said["actions"]:
            attachment["actions"] = [{"type": "button"} | one for one in said["actions"]]
        body = said.some("channel", "emoji") | {"attachments": [attachment]}
        if said["icon_url"]:
            body["avatar"] = said["icon_url"]
        if self.settings.link_names:
            body["parseUrls"] = True
        headers = {"X-Auth-Token": secrets["token"], "X-User-Id": secrets["token_id"]}
        yield posting(f"{self.address(ROCKETCHAT_URL)}/api/v1/chat.postMessage", body, headers)

    def judge(self, answer: Answer) -> None:
        said = said_json(answer, "Rocket.Chat")
        if not said.get("success"):
            raise ChannelError(f"Rocket.Chat refused: {said.get('error', 'unknown')}", retryable=False)


class MattermostChannel(ServiceChannel[MattermostSettings]):
    """An attachment through an incoming webhook, or as many as the entry names."""

    secrets = ("webhook_url",)
    main = "text"
    attached: ClassVar[tuple[str, ...]] = (
        "fallback", "color", "pretext", "author_name", "author_link", "author_icon", "title", "title_link", "fields",
        "thumb_url", "footer", "footer_icon", "image_url",
    )  # fmt: skip
    templated = (
        "channel", "icon_url", "icon_emoji", "type", "attachments", "props", "priority", "pretext", "author_name",
        "author_link", "author_icon", "fields", "thumb_url", "footer", "footer_icon", "image_url",
    )  # fmt: skip
    defaults: ClassVar[Mapping[str, str]] = {
        "username": '{{ template "mattermost.default.username" . }}',
        "color": '{{ template "mattermost.default.color" . }}',
        "title": '{{ template "mattermost.default.title" . }}',
        "title_link": '{{ template "mattermost.default.titlelink" . }}',
        "fallback": '{{ template "mattermost.default.fallback" . }}',
        "text": '{{ template "mattermost.default.text" . }}',
    }

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        text = said.fitted(MATTERMOST_TEXT)
        body = said.some("channel", "username", "icon_url", "icon_emoji", "type")
        if said["attachments"]:
            body |= {"text": text, "attachments": said["attachments"]}
        else:
            body["attachments"] = [said.some(*self.attached) | {"text": text}]
        if (props := said["props"]) and props.get("card"):
            body["props"] = {"card": props["card"]}
        if (priority := said["priority"]) and priority.get("priority"):
            body["priority"] = _mattermost_priority(priority)
        yield posting(secrets["webhook_url"], body)


def _mattermost_priority(given: Mapping[str, Any]) -> dict[str, Any]:
    """What the server takes: an acknowledgement can be asked above ``standard``, persistence at ``urgent`` only."""
    name = str(given["priority"]).lower()
    name = name if name in MATTERMOST_PRIORITIES else "standard"
    priority: dict[str, Any] = {"priority": name}
    if _true(given.get("requested_ack")) and name != "standard":
        priority["requested_ack"] = True
    if _true(given.get("persistent_notifications")) and name == "urgent":
        priority["persistent_notifications"] = True
    return priority


def _true(value: Any) -> bool:
    return str(value).lower() in ("true", "yes", "on", "1")


class WebexChannel(ServiceChannel[WebexSettings]):
    """A message in Markdown, posted by a bot whose token stands in ``http_config.authorization``."""

    heading = ""
    templated = ("room_id",)
    defaults: ClassVar[Mapping[str, str]] = {"message": '{{ template "webex.default.message" . }}'}

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        text = said.fitted(WEBEX_TEXT)
        yield posting(self.address(WEBEX_URL), {"markdown": text, "roomId": said["room_id"]})
