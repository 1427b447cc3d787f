"""DingTalk's custom robots: a signed POST with a markdown message that may mention members."""

from __future__ import annotations

import base64
import copy
import hashlib
import hmac
from typing import Any, Final, Self
from urllib.parse import quote_plus, urlencode

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.dingtalk.settings import API_URL, DingTalkSettings
from fenghuo.alerting.notify.channels.toolbox import JsonPoster, Toolbox, read_secret
from fenghuo.alerting.notify.cutting import cut_bytes
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.notify.plain import plain_text, plain_title
from fenghuo.model.http_settings import HttpClientSettings

BODY_BYTES_MAX: Final = 20_000
"""DingTalk refuses messages above 20,000 bytes (errcode 460101)."""
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


class DingTalkChannel:
    """One robot of one receiver."""

    kind = DingTalkSettings.kind
    _person = ""

    def __init__(self, settings: DingTalkSettings, http: HttpClientSettings, toolbox: Toolbox) -> None:
        self._settings = settings
        self._toolbox = toolbox
        self._poster = JsonPoster(toolbox.client(http), toolbox, settings.timeout_ms)
        texts = toolbox.texts
        self._title = texts.slot(settings.title, "dingtalk title")
        self._message = texts.slot(settings.message, "dingtalk message")
        self._mobiles = [texts.slot(mobile, "dingtalk at_mobiles") for mobile in settings.at_mobiles]

    def addressed(self, to: str) -> Self:
        """The same, calling the member with this mobile number, and nobody else."""
        other = copy.copy(self)
        other._person = to
        return other

    @property
    def send_resolved(self) -> bool:
        return self._settings.send_resolved

    async def send(self, message: Message) -> None:
        url = await self._signed_url()
        answer = await self._poster.post(url, lambda: self._body(message))
        _judge(answer.body)

    async def _signed_url(self) -> str:
        settings, offload = self._settings, self._toolbox.offload
        url = await read_secret(settings.url, settings.url_file, "url_file", offload)
        if not url:
            token = await read_secret(settings.access_token, settings.access_token_file, "access_token_file", offload)
            url = f"{API_URL}?{urlencode({'access_token': token})}"
        secret = await read_secret(settings.secret, settings.secret_file, "secret_file", offload)
        if not secret:
            return url
        now_ms = self._toolbox.clock.now_ms()
        separator = "&" if "?" in url else "?"
        return f"{url}{separator}timestamp={now_ms}&sign={sign(now_ms, secret)}"

    def _body(self, message: Message) -> dict[str, Any]:
        page = self._toolbox.texts.page(message)
        title = page.render(self._title, plain_title(message))
        text = page.render(self._message)
        named = [self._person] if self._person else [page.render(slot).strip() for slot in self._mobiles]
        mobiles = [number for number in named if number]
        if page.faults:
            text = plain_text(message, page.faults, self._toolbox.texts.options.zone).replace("\n", "\n\n")
        # A mention only rings when the text holds it.
        mentions = "".join(f" @{number}" for number in mobiles)
        room = BODY_BYTES_MAX - len(mentions.encode()) - len(title.encode()) - 512
        return {
            "msgtype": "markdown",
            "markdown": {
                "title": title,
                "text": cut_bytes(text, room) + (f"\n\n{mentions.strip()}" if mentions else ""),
            },
            "at": {"atMobiles": mobiles, "isAtAll": self._settings.at_all and not self._person},
        }


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
