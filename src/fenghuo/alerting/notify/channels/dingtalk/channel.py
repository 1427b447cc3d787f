"""DingTalk's custom robots: a signed POST with a card with buttons, or with Markdown that mentions members."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, Self
from urllib.parse import quote_plus, urlencode

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.dingtalk.settings import API_URL, DingTalkSettings
from fenghuo.alerting.notify.channels.services.said import Said
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, posting
from fenghuo.alerting.notify.channels.toolbox import Request, Toolbox
from fenghuo.alerting.notify.cutting import Limit, Markup, json_utf8, line
from fenghuo.alerting.notify.links import Button
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import Answer

BODY_BYTES_MAX: Final = 20_000
"""DingTalk refuses messages above 20,000 bytes (errcode 460101)."""
TEXT: Final = Limit(BODY_BYTES_MAX - 4_000, json_utf8, Markup.MARKDOWN)
"""Title, buttons and the members to mention take what is left."""
TITLE: Final = line(600, json_utf8)
THROTTLED: Final = frozenset({130101, 410100})
"""errcodes for sending faster than 20 messages a minute."""
BUSY: Final = frozenset({-1, 400106})
"""errcodes for trouble on their side."""
REFUSED: Final = 310000
"""One errcode for several refusals; the text tells them apart."""
THROTTLE_WORDS: Final = ("send too fast", "too fast", "limit", "限流", "频率")
THROTTLED_WAIT_S: Final = 60.0
"""The robot's quota is counted by the minute; who exceeds it is shut out for longer the more he tries."""
REMEDIES: Final = {
    "sign": "check secret, and that this machine's clock is right",
    "timestamp": "set this machine's clock: DingTalk refuses signatures that are an hour off",
    "keyword": "add a word that every message holds, such as Fenghuo, to the robot's keywords, or use its signature",
    "ip": "add this machine's public address to the robot's list of addresses",
    "token": "check the robot's access_token",
}


class DingTalkChannel(ServiceChannel[DingTalkSettings]):
    """One robot of one receiver."""

    secrets = ("url", "access_token", "secret")
    templated = ("title", "message", "at_mobiles")
    person = ""
    """The mobile number of the one member to mention, instead of those of the settings."""

    def __init__(self, settings: DingTalkSettings, http: HttpClientSettings, toolbox: Toolbox) -> None:
        super().__init__(settings, GlobalSettings(), http, toolbox)

    def addressed(self, to: str) -> Self:
        """The same, calling the member with this mobile number, and nobody else."""
        other = copy.copy(self)
        other.person = to
        return other

    def buttons(self, message: Message) -> list[Button]:
        settings = self.settings
        mentions = self.person or settings.at_all or settings.at_mobiles
        return self.toolbox.texts.buttons(message) if settings.buttons and not mentions else []

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        url = secrets["url"] or f"{API_URL}?{urlencode({'access_token': secrets['access_token']})}"
        if secret := secrets["secret"]:
            now_ms = self.toolbox.clock.now_ms()
            url = f"{url}{'&' if '?' in url else '?'}timestamp={now_ms}&sign={sign(now_ms, secret)}"
        title = TITLE.cut(said["title"])
        if links := self.buttons(message):
            yield posting(url, {"msgtype": "actionCard", "actionCard": _card(title, _text(said, TEXT), links)})
        else:
            yield posting(url, self._markdown(title, said))

    def _markdown(self, title: str, said: Said) -> dict[str, Any]:
        named = [self.person] if self.person else [mobile.strip() for mobile in said["at_mobiles"]]
        mobiles = [number for number in named if number]
        # A mention only rings when the text holds it.
        mentions = "\n\n" + " ".join(f"@{number}" for number in mobiles) if mobiles else ""
        return {
            "msgtype": "markdown",
            "markdown": {"title": title, "text": _text(said, TEXT.less(mentions)) + mentions},
            "at": {"atMobiles": mobiles, "isAtAll": self.settings.at_all and not self.person},
        }

    def judge(self, answer: Answer) -> None:
        _judge(answer.body)


def _text(said: Said, limit: Limit) -> str:
    if not said.faulty:
        return said.fitted(limit)
    # Plain lines are no lines in Markdown, which joins them.
    return limit.cut(said.fitted(limit).replace("\n", "\n\n"))


def _card(title: str, text: str, links: Sequence[Button]) -> dict[str, Any]:
    buttons = [{"title": link.text, "actionURL": link.url} for link in links]
    return {"title": title, "text": text, "btnOrientation": "0", "btns": buttons}


def sign(timestamp_ms: int, secret: str) -> str:
    """The signature of a request: HMAC-SHA256 over ``timestamp \\n secret``, base64, escaped for a URL."""
    digest = hmac.digest(secret.encode(), f"{timestamp_ms}\n{secret}".encode(), hashlib.sha256)
    return quote_plus(base64.b64encode(digest))


def _judge(body: bytes) -> None:
    """DingTalk answers 200 to everything; ``errcode`` tells."""
    try:
        said = orjson.loads(body)
        code, text = int(said["errcode"]), str(said.get("errmsg", ""))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError, AttributeError) as error:
        shown = body[:200].decode("utf-8", "replace")
        raise ChannelError(f"DingTalk answered something else than its JSON: {shown!r}", retryable=True) from error
    if code == 0:
        return
    lowered = text.lower()
    throttled = code in THROTTLED or (code == REFUSED and any(word in lowered for word in THROTTLE_WORDS))
    raise ChannelError(
        f"DingTalk refused with errcode {code}: {text}",
        retryable=throttled or code in BUSY,
        remedy=next((remedy for word, remedy in REMEDIES.items() if word in lowered), ""),
        retry_after_s=THROTTLED_WAIT_S if throttled else None,
    )
