"""Trying out a receiver: what its channels would send, or a message that is really sent.

The channels are made anew from the settings, and their clients record instead of asking when nothing is to be sent.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, runtime_checkable
from urllib.parse import unquote_plus

import orjson
from pydantic import BaseModel

from fenghuo.alerting.incident.links import TRIAL
from fenghuo.alerting.notify.channels.channel import Channel
from fenghuo.alerting.notify.channels.registry import Channels
from fenghuo.alerting.notify.channels.toolbox import USER_AGENT
from fenghuo.alerting.notify.message import IncidentView, Message, ToldAlert
from fenghuo.alerting.priority.policy import SEVERITIES
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.alerting.telling import ANSWER_PATH
from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.incident import Priority
from fenghuo.model.labels import Labels
from fenghuo.model.language import Language
from fenghuo.model.reading import Reading, Watched
from fenghuo.model.settings_types import MASK, Secret
from fenghuo.net.answer import Answer, Incoming, host_of
from fenghuo.net.http_client import HttpClient

TIMEOUT_S: Final = 30.0
"""Bound of one channel."""
STARTED_BEFORE_MS: Final = 720_000
CONSENT: Final = orjson.dumps(
    {
        "errcode": 0, "code": 0, "ok": True, "success": True, "status": 1, "Code": "OK", "Response": {},
        "access_token": MASK, "issues": [],
    }
)  # fmt: skip
"""An answer in which every platform finds its word for "fine"."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A message of trial. ``labels`` are laid over its own."""

    receiver: str
    labels: Mapping[str, str] = field(default_factory=dict)
    resolved: bool = False
    language: Language | None = None
    """None: that of the configuration."""


@dataclass(frozen=True, slots=True)
class Trial:
    """What became of one channel. ``error`` is empty when all went well; ``said`` is what was, or would be, sent."""

    channel: str
    index: int
    error: str = ""
    remark: str = ""
    said: tuple[str, ...] = ()


@runtime_checkable
class Previewed(Protocol):
    """A channel that does not speak HTTP and says itself what it would send."""

    def preview(self, message: Message) -> str: ...


@dataclass
class Recorder(HttpClient):
    """A client that asks nobody."""

    said: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__(HttpClientSettings(), USER_AGENT)

    async def post(self, url: str, headers: Mapping[str, str], body: bytes, size_bytes_max: int = 65_536) -> Answer:
        self.said.append(f"POST {host_of(url)}\n{_shown(headers, body)}")
        return Answer(200, "OK", "application/json", "", CONSENT)

    @contextlib.asynccontextmanager
    async def stream(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes | None = None
    ) -> AsyncIterator[Incoming]:
        if body is not None:
            self.said.append(f"{method} {host_of(url)}\n{_shown(headers, body)}")

        async def pieces() -> AsyncIterator[bytes]:
            yield CONSENT

        yield Incoming(Answer(200, "OK", "application/json", "", b""), pieces())


class TryOut:
    """Tries out receivers of the configuration that is at work."""

    def __init__(
        self,
        channels: Channels,
        settings: Callable[[], AlertingSettings],
        clock: Clock,
        external_url: Callable[[], str],
    ) -> None:
        self._channels = channels
        self._settings = settings
        self._clock = clock
        self._external_url = external_url

    async def preview(self, wanted: Wanted) -> list[Trial]:
        """What every channel would send. Raises InputError for a receiver that does not exist."""
        receiver, message = wanted.receiver, self._message(wanted)
        settings = self._only(receiver)
        recorder = Recorder()
        made = await asyncio.to_thread(self._channels.build, settings, lambda _: recorder)
        hidden = await asyncio.to_thread(_hidden, settings)
        trials = []
        for index, channel in made.by_receiver[receiver]:
            recorder.said = []
            if isinstance(channel, Previewed):
                recorder.said.append(await asyncio.to_thread(channel.preview, message))
                trial = Trial(channel.kind, index)
            else:
                trial = await _sent(channel, index, message)
            said = tuple(_masked(text, hidden) for text in recorder.said)
            trials.append(Trial(trial.channel, index, trial.error, trial.remark, said))
        return trials

    async def send(self, wanted: Wanted) -> list[Trial]:
        """Send a message of trial through every channel. Raises InputError for a receiver that does not exist."""
        receiver, message = wanted.receiver, self._message(wanted)
        made = await asyncio.to_thread(self._channels.build, self._only(receiver))
        try:
            return list(
                await asyncio.gather(*(_sent(channel, index, message) for index, channel in made.by_receiver[receiver]))
            )
        finally:
            await made.aclose()

    def _only(self, name: str) -> AlertingSettings:
        """The settings with this receiver alone."""
        settings = self._settings()
        found = [receiver for receiver in settings.receivers if receiver.name == name]
        if not found:
            known = ", ".join(sorted(receiver.name for receiver in settings.receivers)) or "none"
            raise InputError(f"there is no receiver {name!r}", place="receiver", remedy=f"known: {known}")
        return settings.model_copy(update={"receivers": found})

    def _message(self, wanted: Wanted) -> Message:
        now_ms = self._clock.now_ms()
        everything = Labels({"alertname": "FenghuoTest", "instance": "test", "severity": "info", **wanted.labels})
        annotations = Labels(
            {
                "summary_zh": "这是一条测试通知，无需处理",
                "summary_en": "This is a test, nothing has to be done",
                "description_zh": "收到它说明此渠道可用。",
                "description_en": "Who reads this can be reached through this channel.",
            }
        )
        alert = ToldAlert(
            everything,
            annotations,
            now_ms - STARTED_BEFORE_MS,
            now_ms if wanted.resolved else None,
            self._external_url(),
            everything.fingerprint(),
            Reading(42.0, Watched("vector(42)", ">", 40.0)),
        )
        group = Labels({"alertname": everything.get("alertname", "")})
        key = f'{{}}:{{alertname="{everything.get("alertname", "")}"}}'
        return Message(
            group_key=key,
            receiver=wanted.receiver,
            group_labels=group,
            alerts=[alert],
            external_url=self._external_url(),
            at_ms=now_ms,
            reason="test",
            incident=IncidentView(
                number=0,
                id="INC-0",
                priority=SEVERITIES.get(everything.get("severity", "").lower(), Priority.P2),
                state="resolved" if wanted.resolved else "open",
                answer_url=f"{self._external_url()}{ANSWER_PATH}{TRIAL}",
            ),
            language=wanted.language,
        )


async def _sent(channel: Channel, index: int, message: Message) -> Trial:
    try:
        async with asyncio.timeout(TIMEOUT_S):
            return Trial(channel.kind, index, remark=await channel.send(message) or "")
    except OperatingError as error:
        remedy = f" ({error.remedy})" if error.remedy else ""
        return Trial(channel.kind, index, f"{error.message}{remedy}")
    except TimeoutError:
        return Trial(channel.kind, index, f"no answer within {TIMEOUT_S:g} s")


def _shown(headers: Mapping[str, str], body: bytes) -> str:
    """A body as people read it."""
    text = body.decode("utf-8", "replace")
    if "form" in headers.get("Content-Type", ""):
        return unquote_plus(text.replace("&", "\n"))
    try:
        return orjson.dumps(orjson.loads(body), option=orjson.OPT_INDENT_2).decode()
    except orjson.JSONDecodeError:
        return text


def _hidden(settings: AlertingSettings) -> list[str]:
    """Every secret that a message may hold, the longest first. Blocking: reads files."""
    return sorted({secret for secret in _secrets(settings) if secret}, key=len, reverse=True)


def _secrets(value: Any) -> Iterator[str]:
    """Every secret in the settings, wherever it stands."""
    match value:
        case Secret():
            yield value.reveal()
        case BaseModel():
            for name in type(value).model_fields:
                yield from _secrets(getattr(value, name))
                file = getattr(value, f"{name}_file", "")
                if file and isinstance(getattr(value, name), Secret):
                    with contextlib.suppress(OSError, UnicodeDecodeError):
                        yield Path(file).read_text().strip()
        case dict():
            for inner in value.values():
                yield from _secrets(inner)
        case list() | tuple():
            for inner in value:
                yield from _secrets(inner)


def _masked(text: str, hidden: list[str]) -> str:
    for secret in hidden:
        text = text.replace(secret, MASK)
    return text
