"""What channels are made with, and what they have in common when they speak HTTP."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Container, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path
from typing import Any

import orjson

import fenghuo
from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.plots import PlotSource
from fenghuo.alerting.notify.texts import Texts
from fenghuo.base.clock import Clock
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.settings_types import Secret
from fenghuo.net.answer import Answer, HttpError, HttpFault
from fenghuo.net.http_client import HttpClient

USER_AGENT = f"Fenghuo/{fenghuo.__version__}"
JSON = {"Content-Type": "application/json"}
ANSWER_BYTES_MAX = 65_536
SHOWN_CHARS_MAX = 300
"""How much of a platform's complaint is kept."""


@dataclass(frozen=True, slots=True)
class Toolbox:
    """Given to every channel when it is made."""

    texts: Texts
    clock: Clock
    client: Callable[[HttpClientSettings], HttpClient]
    """A client for these settings; whoever gave the toolbox closes it."""
    offload: Callable[..., Awaitable[Any]] = asyncio.to_thread
    plots: PlotSource | None = None
    """What is drawn into mails comes from here."""


async def read_secret(given: Secret, file: str, what: str, offload: Callable[..., Awaitable[Any]]) -> str:
    """A secret that stands in the settings or in a file. Raises ChannelError when the file cannot be read."""
    if not file:
        return given.reveal()
    try:
        text: str = await offload(Path(file).read_text)
    except (OSError, UnicodeDecodeError) as error:
        raise ChannelError(f"{what} cannot be read: {error}", retryable=True) from error
    return text.strip()


@dataclass(frozen=True, slots=True)
class Request:
    """One request to a platform."""

    url: str
    data: bytes | None = None
    headers: Mapping[str, str] = field(default_factory=lambda: JSON)
    method: str = "POST"


class JsonPoster:
    """Asks platforms and judges the status. Those that hide failures behind 200 are judged by their channel."""

    def __init__(
        self, client: HttpClient, toolbox: Toolbox, timeout_ms: int, retried: Container[int] = frozenset()
    ) -> None:
        """``retried`` are statuses that may pass, beyond 429 and 5xx."""
        self._client = client
        self._clock = toolbox.clock
        self._offload = toolbox.offload
        self._timeout_s = timeout_ms / 1000 or None
        self._retried = retried

    async def post(self, url: str, body: Callable[[], Any], headers: Mapping[str, str] = JSON) -> Answer:
        """POST what ``body()`` gives, which is made off the event loop. As :meth:`ask`."""
        return await self.ask(Request(url, await self._offload(_encode, body), headers))

    async def ask(self, request: Request) -> Answer:
        """The answer, of status 2xx, with at most its first 64 KiB.

        Raises ChannelError: to be retried for a server that fails (5xx), asks for patience (429) or does not
        answer, final for every other status.
        """
        try:
            async with asyncio.timeout(self._timeout_s):
                answer = await self._answer(request)
        except HttpError as error:
            final = error.fault in (HttpFault.REDIRECTS, HttpFault.PROTOCOL)
            raise ChannelError(error.message, retryable=not final) from error
        except TimeoutError as error:
            raise ChannelError(f"no answer within {self._timeout_s:g} s", retryable=True) from error
        if 200 <= answer.status < 300:
            return answer
        complaint = answer.body.decode("utf-8", "replace").strip()[:SHOWN_CHARS_MAX]
        raise ChannelError(
            f"HTTP {answer.status} {answer.reason}" + (f": {complaint}" if complaint else ""),
            retryable=answer.status >= 500 or answer.status == 429 or answer.status in self._retried,
            retry_after_s=self._retry_after_s(answer),
            throttled=answer.status == 429,
        )

    async def _answer(self, request: Request) -> Answer:
        if request.method == "POST":
            return await self._client.post(request.url, request.headers, request.data or b"", ANSWER_BYTES_MAX)
        sent = {"Accept-Encoding": "identity", **request.headers}
        async with self._client.stream(request.method, request.url, sent, request.data) as incoming:
            body = bytearray()
            async for piece in incoming.pieces:
                body += piece
                if len(body) >= ANSWER_BYTES_MAX:
                    break
        return replace(incoming.head, body=bytes(body[:ANSWER_BYTES_MAX]))

    def _retry_after_s(self, answer: Answer) -> float | None:
        value = answer.headers.get("retry-after", "").strip()
        if value.isdigit():
            return float(value)
        try:
            at = parsedate_to_datetime(value)
        except ValueError:
            return None
        now = datetime.fromtimestamp(self._clock.now_ms() / 1000, UTC)
        return max((at - (now if at.tzinfo else now.replace(tzinfo=None))).total_seconds(), 0.0)


def _encode(body: Callable[[], Any]) -> bytes:
    return orjson.dumps(body())
