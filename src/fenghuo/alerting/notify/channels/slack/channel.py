"""Slack: one attachment through an incoming webhook, or with a bot's token.

A bot may change what it has said: with ``update_message`` a group has one message, which tells how things stand now.
And it can tell one person.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.services.said import Said
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, posting
from fenghuo.alerting.notify.channels.slack.settings import POST_MESSAGE_URL, SlackSettings
from fenghuo.alerting.notify.channels.toolbox import Request, Toolbox, read_secret
from fenghuo.alerting.notify.cutting import Limit, Markup, line
from fenghuo.alerting.notify.escaping import mrkdwn
from fenghuo.alerting.notify.links import Button
from fenghuo.alerting.notify.message import FIRING, RESOLVED, Message
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.base import limits
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import Answer

TITLE: Final = line(1024)
"""Beyond it Slack's API refuses the attachment."""
TEXT: Final = Limit(8000, markup=Markup.MRKDWN)
"""Slack folds longer texts away and refuses very long ones."""
RETRYABLE: Final = frozenset({"ratelimited", "rate_limited", "fatal_error", "internal_error", "service_unavailable"})
UNCHANGEABLE: Final = ("message_not_found", "cant_update_message", "edit_window_closed", "channel_not_found")
"""Reasons for which a message cannot be changed, and a new one is sent instead."""
ATTACHED: Final = ("title_link", "pretext", "fallback", "callback_id", "footer", "color", "image_url", "thumb_url")
AROUND: Final = ("channel", "username", "icon_emoji", "icon_url")
KEPT = limits.declare(
    "slack_messages_kept", 1_000, limits.Policy.DROP_OLDEST, "Messages of one Slack channel that may still be changed."
)


class SlackChannel(ServiceChannel[SlackSettings]):
    """One Slack channel of one receiver."""

    heading, main = "title", "text"
    person = ""
    """Who is told instead of the entry's channel: the id of a member, or of another channel."""
    templated = ("title", "text", "message_text", "fields", "actions", *ATTACHED, *AROUND)

    def __init__(
        self, settings: SlackSettings, globals_: GlobalSettings, http: HttpClientSettings, toolbox: Toolbox
    ) -> None:
        super().__init__(settings, globals_, http, toolbox)
        self._sent: dict[str, tuple[str, str]] = {}
        """By group: the channel's id and the time stamp by which Slack knows the message."""

    async def send(self, message: Message) -> None:
        secrets = await self.revealed()
        (request,) = await self.toolbox.offload(self._requests, message, secrets)
        updates = self.settings.update_message and not self.person
        known = self._sent.get(message.group_key) if updates else None
        if known is not None and await self._changed(request, *known):
            if message.status == RESOLVED:
                del self._sent[message.group_key]
            return
        answer = await self.poster.ask(request)
        self.judge(answer)
        if updates and message.status == FIRING:
            self._remember(message.group_key, answer)

    async def _changed(self, request: Request, channel: str, stamp: str) -> bool:
        """Put the new text in the place of the old; false when Slack does not let us."""
        body = orjson.dumps(orjson.loads(request.data or b"{}") | {"channel": channel, "ts": stamp})
        url = f"{request.url.rpartition('/')[0]}/chat.update"
        answer = await self.poster.ask(Request(url, body, request.headers))
        try:
            self.judge(answer)
        except ChannelError as error:
            if any(reason in error.message for reason in UNCHANGEABLE):
                return False
            raise
        return True

    def _remember(self, group_key: str, answer: Answer) -> None:
        said = orjson.loads(answer.body) if answer.content_type.startswith("application/json") else None
        if not isinstance(said, dict) or not said.get("ts") or not said.get("channel"):
            return
        self._sent.pop(group_key, None)
        if len(self._sent) >= KEPT.default:
            KEPT.hit()
            del self._sent[next(iter(self._sent))]
        self._sent[group_key] = str(said["channel"]), str(said["ts"])

    async def revealed(self) -> dict[str, str]:
        url, token = await self._door()
        return {"url": url, "token": token}

    async def _door(self) -> tuple[str, str]:
        """The URL, and the bot's token or the empty text. What the entry names wins over what is global."""
        s, g, offload = self.settings, self.globals, self.toolbox.offload
        app_url = s.app_url or g.slack_app_url or POST_MESSAGE_URL
        if s.app_token or s.app_token_file:
            return app_url, await read_secret(s.app_token, s.app_token_file, "app_token_file", offload)
        if s.api_url or s.api_url_file:
            return await read_secret(s.api_url, s.api_url_file, "api_url_file", offload), ""
        if g.slack_app_token or g.slack_app_token_file:
            token = await read_secret(g.slack_app_token, g.slack_app_token_file, "slack_app_token_file", offload)
            return app_url, token
        return await read_secret(g.slack_api_url, g.slack_api_url_file, "slack_api_url_file", offload), ""

    def buttons(self, message: Message) -> list[Button]:
        """Only below what we say ourselves: whoever wrote a text or actions of his own gets just those."""
        settings = self.settings
        if not settings.buttons or settings.actions or "text" in settings.model_fields_set:
            return []
        return self.toolbox.texts.buttons(message)

    def escape(self, text: str) -> str:
        return mrkdwn(text)

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        headers = {"Authorization": f"Bearer {secrets['token']}"} if secrets["token"] else {}
        yield posting(secrets["url"], self._body(message, said), headers)

    def _body(self, message: Message, said: Said) -> dict[str, Any]:
        title = TITLE.cut(said["title"])
        attachment: dict[str, Any] = {
            "title": title,
            "text": said.fitted(TEXT),
            "mrkdwn_in": self.settings.mrkdwn_in,
            "fields": [_field(field, short=self.settings.short_fields) for field in said["fields"]],
            "actions": [_action(action) for action in said["actions"]] or _actions(self.buttons(message)),
        }
        attachment |= said.some(*ATTACHED)
        if said.faulty:
            attachment["fallback"] = title
            attachment["color"] = said["color"] or ("danger" if message.status == FIRING else "good")
        body: dict[str, Any] = {"attachments": [{name: value for name, value in attachment.items() if value}]}
        body |= said.some(*AROUND)
        if self.person:
            body["channel"] = self.person
        if said["message_text"]:
            body["text"] = said["message_text"]
        if self.settings.link_names:
            body["link_names"] = True
        return body

    def judge(self, answer: Answer) -> None:
        _judge(answer.body, answer.content_type)


class SlackBotChannel(SlackChannel):
    """The same with a bot's token."""

    def addressed(self, to: str) -> Self:
        """The same as a direct message to a member, or in another channel, by its id. It is sent anew each time."""
        other = copy.copy(self)
        other.person = to
        return other


def _field(said: Mapping[str, Any], *, short: bool) -> dict[str, Any]:
    return {**said, "short": short if said["short"] is None else said["short"]}


def _action(said: Mapping[str, Any]) -> dict[str, Any]:
    action = {name: value for name, value in said.items() if value}
    if "confirm" in action:
        action["confirm"] = {name: value for name, value in action["confirm"].items() if value}
    return action


def _actions(buttons: Iterable[Button]) -> list[dict[str, str]]:
    return [
        {"type": "button", "text": one.text, "url": one.url} | ({"style": "primary"} if one.is_main else {})
        for one in buttons
    ]


def _judge(body: bytes, content_type: str) -> None:
    """Webhooks answer ``ok``; the API answers 200 with JSON that says ``"ok": false``."""
    if not content_type.startswith("application/json"):
        text = body.decode("utf-8", "replace").strip()
        if text and text != "ok":
            raise ChannelError(f"Slack answered {text[:200]!r} instead of ok", retryable=False)
        return
    try:
        said = orjson.loads(body)
    except orjson.JSONDecodeError as error:
        raise ChannelError("Slack's answer is not the JSON that it claims to be", retryable=True) from error
    if isinstance(said, dict) and said.get("ok") is False:
        reason = str(said.get("error", "unknown"))
        raise ChannelError(f"Slack refused: {reason}", retryable=reason in RETRYABLE)
