"""Telegram: a message of a bot to a chat."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlsplit

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.services.chat import TelegramSettings
from fenghuo.alerting.notify.channels.services.said import Said
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, posting, said_json
from fenghuo.alerting.notify.channels.toolbox import Request, Toolbox
from fenghuo.alerting.notify.cutting import Limit, Markup, utf16
from fenghuo.alerting.notify.links import Button
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import Answer

API_URL: Final = "https://api.telegram.org"
TEXT: Final = Limit(4096, utf16)
"""Telegram refuses longer messages. It counts after parsing; markup is counted here, too."""
MARKUPS: Final = {"HTML": Markup.HTML, "Markdown": Markup.MARKDOWN, "MarkdownV2": Markup.MARKDOWN, "": Markup.TEXT}
HTML: Final = "HTML"
DEFAULT_HTML: Final = '{{ template "telegram.default.message" . }}'
DEFAULT_TEXT: Final = '{{ template "telegram.default.text" . }}'


class TelegramChannel(ServiceChannel[TelegramSettings]):
    """One chat of one receiver."""

    secrets = ("bot_token",)
    heading = ""
    defaults: ClassVar[Mapping[str, str]] = {"message": ""}
    _person = ""

    def __init__(
        self, settings: TelegramSettings, globals_: GlobalSettings, http: HttpClientSettings, toolbox: Toolbox
    ) -> None:
        super().__init__(settings, globals_, http, toolbox)
        # What our own text holds would have to be escaped in Telegram's Markdown: it goes without.
        own = settings.message is None
        self._mode = "" if own and settings.parse_mode != HTML else settings.parse_mode
        if self._mode == HTML:
            self.wording.add_html("message", "telegram message", DEFAULT_HTML if own else str(settings.message))
        elif own:
            self.wording.add(settings.kind, settings, (), {"message": DEFAULT_TEXT})

    def addressed(self, to: str) -> Self:
        """The same for another chat, by its id."""
        other = copy.copy(self)
        other._person = to
        return other

    def buttons(self, message: Message) -> list[Button]:
        """Telegram refuses messages whose buttons lead to a host without a dot: those keep their links in the text."""
        host = urlsplit(message.external_url).hostname or ""
        if not self.settings.buttons or self.settings.message is not None or "." not in host:
            return []
        return self.toolbox.texts.buttons(message)

    async def revealed(self) -> dict[str, str]:
        secrets = await super().revealed()
        secrets["chat_id"] = await self.toolbox.offload(self._chat)
        return secrets

    def _chat(self) -> str:
        settings = self.settings
        if self._person:
            return self._person
        if not settings.chat_id_file:
            return str(settings.chat_id or settings.chat)
        try:
            return Path(settings.chat_id_file).read_text().strip()
        except (OSError, UnicodeDecodeError) as error:
            raise ChannelError(f"chat_id_file cannot be read: {error}", retryable=True) from error

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        mode = "" if said.faulty else self._mode
        body: dict[str, Any] = {
            "chat_id": secrets["chat_id"],
            "text": said.fitted(replace(TEXT, markup=MARKUPS[mode])).strip(),
            "link_preview_options": {"is_disabled": True},
        }
        if mode:
            body["parse_mode"] = mode
        if links := self.buttons(message):
            body["reply_markup"] = {"inline_keyboard": [[{"text": one.text, "url": one.url}] for one in links]}
        if self.settings.disable_notifications:
            body["disable_notification"] = True
        if self.settings.message_thread_id:
            body["message_thread_id"] = self.settings.message_thread_id
        yield posting(f"{self.address(API_URL)}/bot{secrets['bot_token']}/sendMessage", body)

    def judge(self, answer: Answer) -> None:
        said = said_json(answer, "Telegram")
        if not said.get("ok"):
            raise ChannelError(f"Telegram refused: {said.get('description', 'unknown')}", retryable=False)
