"""Slack: one attachment through an incoming webhook, or with a bot's token."""

from __future__ import annotations

from typing import Any, Final

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.slack.settings import POST_MESSAGE_URL, SlackSettings
from fenghuo.alerting.notify.channels.toolbox import JSON, JsonPoster, Toolbox, read_secret
from fenghuo.alerting.notify.cutting import cut_chars
from fenghuo.alerting.notify.message import FIRING, Message
from fenghuo.alerting.notify.plain import plain_text, plain_title
from fenghuo.alerting.notify.texts import Page
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.template import Template

TITLE_CHARS_MAX: Final = 1024
"""Beyond it Slack's API refuses the attachment."""
TEXT_CHARS_MAX: Final = 8000
"""Slack folds longer texts away and refuses very long ones."""
RETRYABLE: Final = frozenset({"ratelimited", "rate_limited", "fatal_error", "internal_error", "service_unavailable"})
TEXT_FIELDS: Final = (
    "channel", "username", "color", "title", "title_link", "pretext", "text", "message_text", "footer", "fallback",
    "callback_id", "icon_emoji", "icon_url", "image_url", "thumb_url",
)  # fmt: skip


class SlackChannel:
    """One Slack channel of one receiver."""

    kind = SlackSettings.kind

    def __init__(
        self, settings: SlackSettings, globals_: GlobalSettings, http: HttpClientSettings, toolbox: Toolbox
    ) -> None:
        self._settings = settings
        self._globals = globals_
        self._toolbox = toolbox
        self._poster = JsonPoster(toolbox.client(http), toolbox, settings.timeout_ms)
        slot = toolbox.texts.slot
        self._slots = {name: slot(getattr(settings, name), f"slack {name}") for name in TEXT_FIELDS}
        self._fields: list[tuple[Template, Template, bool]] = [
            (
                slot(field.title, "slack field title"),
                slot(field.value, "slack field value"),
                settings.short_fields if field.short is None else field.short,
            )
            for field in settings.fields
        ]
        self._actions = [
            {
                name: slot(value, f"slack action {name}")
                for name, value in action.model_dump(exclude={"confirm"}).items()
                if value
            }
            for action in settings.actions
        ]

    @property
    def send_resolved(self) -> bool:
        return self._settings.send_resolved

    async def send(self, message: Message) -> None:
        url, token = await self._door()
        headers = {**JSON, "Authorization": f"Bearer {token}"} if token else JSON
        answer = await self._poster.post(url, lambda: self._body(message), headers)
        _judge(answer.body, answer.content_type)

    async def _door(self) -> tuple[str, str]:
        """The URL, and the bot's token or the empty text. What the entry names wins over what is global."""
        s, g, offload = self._settings, self._globals, self._toolbox.offload
        app_url = s.app_url or g.slack_app_url or POST_MESSAGE_URL
        if s.app_token or s.app_token_file:
            return app_url, await read_secret(s.app_token, s.app_token_file, "app_token_file", offload)
        if s.api_url or s.api_url_file:
            return await read_secret(s.api_url, s.api_url_file, "api_url_file", offload), ""
        if g.slack_app_token or g.slack_app_token_file:
            token = await read_secret(g.slack_app_token, g.slack_app_token_file, "slack_app_token_file", offload)
            return app_url, token
        return await read_secret(g.slack_api_url, g.slack_api_url_file, "slack_api_url_file", offload), ""

    def _body(self, message: Message) -> dict[str, Any]:
        page = self._toolbox.texts.page(message)
        said = {name: page.render(slot) for name, slot in self._slots.items()}
        fields = [
            {"title": page.render(title), "value": page.render(value), "short": short}
            for title, value, short in self._fields
        ]
        actions = [self._action(page, index) for index in range(len(self._actions))]
        if page.faults:
            said["title"] = said["fallback"] = plain_title(message)
            said["text"] = plain_text(message, page.faults, self._toolbox.texts.options.zone)
            said["color"] = said["color"] or ("danger" if message.status == FIRING else "good")
        attachment: dict[str, Any] = {
            "title": cut_chars(said["title"], TITLE_CHARS_MAX),
            "text": cut_chars(said["text"], TEXT_CHARS_MAX),
            "mrkdwn_in": self._settings.mrkdwn_in,
            "fields": fields,
            "actions": actions,
        }
        for name in ("title_link", "pretext", "fallback", "callback_id", "footer", "color", "image_url", "thumb_url"):
            attachment[name] = said[name]
        body: dict[str, Any] = {"attachments": [{name: value for name, value in attachment.items() if value}]}
        for name in ("channel", "username", "icon_emoji", "icon_url"):
            body[name] = said[name]
        body["text"] = said["message_text"]
        return {name: value for name, value in body.items() if value} | (
            {"link_names": True} if self._settings.link_names else {}
        )

    def _action(self, page: Page, index: int) -> dict[str, Any]:
        said: dict[str, Any] = {name: page.render(slot) for name, slot in self._actions[index].items()}
        confirm = self._settings.actions[index].confirm
        if confirm is not None:
            said["confirm"] = {name: value for name, value in confirm.model_dump().items() if value}
        return said


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
