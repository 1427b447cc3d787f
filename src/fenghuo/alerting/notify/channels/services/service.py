"""The one way in which all these services are told: templates rendered, requests made, answers judged."""

from __future__ import annotations

import hashlib
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Generic, TypeVar

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.services.kind import ServiceSettings, global_name
from fenghuo.alerting.notify.channels.services.said import Said, Wording
from fenghuo.alerting.notify.channels.toolbox import JSON, JsonPoster, Request, Toolbox, read_secret
from fenghuo.alerting.notify.links import Button
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.model.settings_types import Secret
from fenghuo.net.answer import Answer

S = TypeVar("S", bound=ServiceSettings)


class ServiceChannel(ABC, Generic[S]):
    """One entry of one of these kinds."""

    secrets: ClassVar[tuple[str, ...]] = ()
    """Fields that may stand in a file (``<name>_file``), and fall back to ``global``."""
    defaults: ClassVar[Mapping[str, str]] = {}
    """Templated fields with what they say by default."""
    templated: ClassVar[tuple[str, ...]] = ()
    """The other fields that may hold templates, themselves or anywhere inside."""
    heading: ClassVar[str] = "title"
    main: ClassVar[str] = "message"
    retried: ClassVar[frozenset[int]] = frozenset()
    """Statuses that may pass, beyond 429 and 5xx."""

    def __init__(self, settings: S, globals_: GlobalSettings, http: HttpClientSettings, toolbox: Toolbox) -> None:
        self.settings = settings
        self.globals = globals_
        self.toolbox = toolbox
        self.poster = JsonPoster(toolbox.client(http), toolbox, settings.timeout_ms, self.retried)
        self.wording = Wording(toolbox.texts, self.heading, self.main, self.escape)
        self.wording.add(settings.kind, settings, self.templated, self.defaults)

    @property
    def kind(self) -> str:
        return self.settings.kind

    @property
    def send_resolved(self) -> bool:
        return self.settings.send_resolved

    async def send(self, message: Message) -> str | None:
        secrets = await self.revealed()
        for request in await self.toolbox.offload(self._requests, message, secrets):
            self.judge(await self.poster.ask(request))
        return None

    def _requests(self, message: Message, secrets: Mapping[str, str]) -> list[Request]:
        is_ours = self.main not in self.settings.model_fields_set
        said = self.wording.say(message, has_buttons=bool(self.buttons(message)), is_ours=is_ours)
        return list(self.requests(message, said, secrets))

    def buttons(self, message: Message) -> list[Button]:
        """The links that the platform shows as buttons; none unless a kind says otherwise."""
        return []

    def escape(self, text: str) -> str:
        """Words that stand where the platform expects its markup, and mean nothing there."""
        return text

    @abstractmethod
    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        """What is to be asked, in this order. Called in a worker thread."""

    def judge(self, answer: Answer) -> None:
        """Raise ChannelError when an answer of status 2xx is a refusal all the same."""

    async def revealed(self) -> dict[str, str]:
        """The secrets by name. Raises ChannelError when a file cannot be read."""
        found = {}
        for name in self.secrets:
            given, file = self._placed(self.settings, name)
            if not given and not file:
                given, file = self._placed(self.globals, global_name(self.kind, name))
            found[name] = await read_secret(given, file, f"{name}_file", self.toolbox.offload)
        return found

    def address(self, default: str, name: str = "api_url") -> str:
        """The base of the API, without a slash at its end: the entry's, the global one, or the service's own."""
        own = getattr(self.settings, name) or getattr(self.globals, global_name(self.kind, name), "")
        return str(own or default).rstrip("/")

    @staticmethod
    def _placed(settings: Any, name: str) -> tuple[Secret, str]:
        given = getattr(settings, name, Secret(""))
        return given if isinstance(given, Secret) else Secret(given), getattr(settings, f"{name}_file", "")


def posting(url: str, body: Any, headers: Mapping[str, str] | None = None, method: str = "POST") -> Request:
    """A request with a JSON body."""
    return Request(url, orjson.dumps(body), {**JSON, **(headers or {})}, method)


def said_json(answer: Answer, service: str) -> dict[str, Any]:
    """The object that the service answered. Raises ChannelError when it is something else."""
    try:
        said = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        said = None
    if not isinstance(said, dict):
        shown = answer.body[:200].decode("utf-8", "replace")
        raise ChannelError(f"{service} answered something else than its JSON: {shown!r}", retryable=True)
    return said


def group_hash(message: Message) -> str:
    """The name under which a service knows the group: 64 hexadecimal digits."""
    return hashlib.sha256(message.group_key.encode()).hexdigest()
