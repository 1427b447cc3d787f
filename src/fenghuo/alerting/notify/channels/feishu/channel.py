"""Feishu's and Lark's custom robots: a signed POST with a card."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.feishu.settings import FeishuSettings
from fenghuo.alerting.notify.channels.services.said import Said
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, posting, said_json
from fenghuo.alerting.notify.channels.toolbox import Request
from fenghuo.alerting.notify.cutting import Limit, Markup, json_utf8, line
from fenghuo.alerting.notify.escaping import card
from fenghuo.alerting.notify.links import Button
from fenghuo.alerting.notify.message import FIRING, Message
from fenghuo.net.answer import Answer

API_URL: Final = "https://open.feishu.cn/open-apis/bot/v2/hook"
BODY_BYTES_MAX: Final = 20_000
"""Feishu refuses requests above 20 KB."""
TEXT: Final = Limit(BODY_BYTES_MAX - 4_000, json_utf8, Markup.MARKDOWN)
"""Title, buttons and the rest of the card take what is left."""
TITLE: Final = line(600, json_utf8)
THROTTLED: Final = frozenset({9499, 11232, 11233})
"""Codes for sending faster than 100 messages a minute, or 5 a second."""
THROTTLED_WAIT_S: Final = 60.0
REMEDIES: Final = {
    19021: "check secret, and that this machine's clock is right",
    19022: "add this machine's public address to the robot's list of addresses",
    19024: "add a word that every message holds, such as Fenghuo, to the robot's keywords, or use its signature",
    19001: "check the robot's token: its webhook is not known",
}
COLOURS: Final = {"p0": "red", "p1": "orange", "p2": "yellow", "p3": "blue", "warning": "orange", "info": "blue"}
"""Of the card's head, by priority or severity; what else fires is red."""


class FeishuChannel(ServiceChannel[FeishuSettings]):
    """One robot of one receiver."""

    secrets = ("url", "token", "secret")
    templated = ("title", "message", "at_users")

    person = ""
    """Whom the message mentions, instead of those of the settings."""

    def addressed(self, to: str) -> Self:
        other = copy.copy(self)
        other.person = to
        return other

    def escape(self, text: str) -> str:
        return card(text)

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        body: dict[str, Any] = {"msg_type": "interactive", "card": self._card(message, said)}
        if secret := secrets["secret"]:
            now_s = self.toolbox.clock.now_ms() // 1000
            body |= {"timestamp": str(now_s), "sign": sign(now_s, secret)}
        yield posting(secrets["url"] or f"{API_URL}/{secrets['token']}", body)

    def _card(self, message: Message, said: Said) -> dict[str, Any]:
        users = [self.person] if self.person else said["at_users"]
        mentions = [f'<at id="{user}"></at>' for user in users if user]
        if self.settings.at_all and not self.person:
            mentions.append("<at id=all></at>")
        tail = "\n" + " ".join(mentions) if mentions else ""
        level = message.incident.priority if message.incident is not None else message.common_labels.get("severity", "")
        colour = COLOURS.get(level.lower(), "red") if message.status == FIRING else "green"
        elements: list[dict[str, Any]] = [{"tag": "markdown", "content": said.fitted(TEXT.less(tail)) + tail}]
        if links := self.buttons(message):
            elements.append({"tag": "action", "actions": [_button(one) for one in links]})
        return {
            "config": {"wide_screen_mode": True},
            "header": {"title": {"tag": "plain_text", "content": TITLE.cut(said["title"])}, "template": colour},
            "elements": elements,
        }

    def buttons(self, message: Message) -> list[Button]:
        return self.toolbox.texts.buttons(message) if self.settings.buttons else []

    def judge(self, answer: Answer) -> None:
        """Feishu answers 200 to nearly everything; ``code`` tells."""
        said = said_json(answer, "Feishu")
        code = said.get("code", said.get("StatusCode", 0))
        if code == 0:
            return
        raise ChannelError(
            f"Feishu refused with code {code}: {said.get('msg', said.get('StatusMessage', ''))}",
            retryable=code in THROTTLED,
            remedy=REMEDIES.get(code, ""),
            retry_after_s=THROTTLED_WAIT_S if code in THROTTLED else None,
        )


def _button(button: Button) -> dict[str, Any]:
    """Cards of robots may open pages; they call nobody back."""
    text = {"tag": "plain_text", "content": button.text}
    return {"tag": "button", "text": text, "type": "primary" if button.is_main else "default", "url": button.url}


def sign(timestamp_s: int, secret: str) -> str:
    """The signature of a request: HMAC-SHA256 of nothing, with ``timestamp \\n secret`` as its key, in base64."""
    return base64.b64encode(hmac.digest(f"{timestamp_s}\n{secret}".encode(), b"", hashlib.sha256)).decode()
