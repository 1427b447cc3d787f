"""What WeCom's robots and applications have in common: error codes, and the access token of an application."""

from __future__ import annotations

import asyncio
from typing import Any, Final
from urllib.parse import urlencode

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.toolbox import JsonPoster, Request
from fenghuo.base.clock import Clock
from fenghuo.net.answer import Answer

API_URL: Final = "https://qyapi.weixin.qq.com/cgi-bin"
TOKEN_GONE: Final = frozenset({40014, 42001, 41001})
"""errcodes for an access token that is not, or no longer, valid."""
THROTTLED: Final = frozenset({45009, 45033})
"""errcodes for sending too fast; a robot may send 20 messages a minute."""
THROTTLED_WAIT_S: Final = 60.0
BUSY: Final = -1
RENEWED_BEFORE_S: Final = 300.0
"""A token is fetched anew so long before it ends."""
REMEDIES: Final = {
    40013: "check corp_id",
    40001: "check the application's secret",
    93000: "check the robot's key: its webhook is not known, or was removed from the group",
    60020: "add this machine's public address to the application's trusted addresses (企业可信IP)",
    81013: "nobody of to_user, to_party and to_tag may see the application: check them and its visible range",
}


class WecomTokens:
    """The access token of one application, kept for as long as it holds."""

    def __init__(self, poster: JsonPoster, clock: Clock, api_url: str) -> None:
        self._poster = poster
        self._clock = clock
        self._api_url = api_url
        self._token = ""
        self._until_s = 0.0
        self._asking = asyncio.Lock()

    async def token(self, corp_id: str, secret: str) -> str:
        """A token that holds. Raises ChannelError when WeCom gives none."""
        async with self._asking:
            if not self._token or self._clock.monotonic_s() >= self._until_s:
                query = urlencode({"corpid": corp_id, "corpsecret": secret})
                answer = await self._poster.ask(Request(f"{self._api_url}/gettoken?{query}", method="GET"))
                said = judge(answer)
                self._token = str(said.get("access_token", ""))
                self._until_s = self._clock.monotonic_s() + float(said.get("expires_in", 7200)) - RENEWED_BEFORE_S
            return self._token

    def forget(self) -> None:
        """The token does not hold: the next call asks for another."""
        self._token = ""


def judge(answer: Answer, tokens: WecomTokens | None = None) -> dict[str, Any]:
    """What WeCom said; it answers 200 to everything, and ``errcode`` tells. Raises ChannelError for a refusal."""
    try:
        said: dict[str, Any] = orjson.loads(answer.body)
        code, text = int(said["errcode"]), str(said.get("errmsg", ""))
    except (orjson.JSONDecodeError, KeyError, TypeError, ValueError) as error:
        shown = answer.body[:200].decode("utf-8", "replace")
        raise ChannelError(f"WeCom answered something else than its JSON: {shown!r}", retryable=True) from error
    if code == 0:
        return said
    stale = tokens is not None and code in TOKEN_GONE
    if tokens is not None and stale:
        tokens.forget()
    raise ChannelError(
        f"WeCom refused with errcode {code}: {text}",
        retryable=stale or code in THROTTLED or code == BUSY,
        remedy=REMEDIES.get(code, ""),
        retry_after_s=THROTTLED_WAIT_S if code in THROTTLED else None,
    )
