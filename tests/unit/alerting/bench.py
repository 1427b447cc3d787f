"""A whole alerting service on a manual clock, with channels that only write down what they are told."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry

from fenghuo.alerting.notify.backoff import Backoff
from fenghuo.alerting.notify.channels.channel import Channel
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.oncall.service import OnCall
from fenghuo.alerting.parts import AlertingParts
from fenghuo.alerting.service import Alerting
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml, validate
from fenghuo.base.errors import OperatingError
from fenghuo.base.guard import Guard
from fenghuo.model.alert import Alert
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.state import State

START_MS = 1_700_000_000_000


def settings_of(text: str) -> AlertingSettings:
    """The settings in ``text``; fails the test when they are refused."""
    settings, problems = validate(AlertingSettings, load_yaml(text, "alertmanager.yml"))
    assert settings is not None, [str(problem) for problem in problems]
    return settings


@dataclass
class Told:
    """One message that arrived."""

    at_s: float
    receiver: str
    index: int
    message: Message

    @property
    def names(self) -> list[str]:
        """``name firing`` or ``name resolved`` of every alert."""
        return [f"{alert.labels.get('alertname', '')} {alert.status}" for alert in self.message.alerts]


@dataclass
class Life:
    """One process as the outside sees it: killed, it reaches neither the database nor anybody any more.

    A step is a call of the database or an attempt to send; what happens between two of them nobody can see.
    """

    steps_left: int | None = None
    """So many steps are taken, and the process is killed before the next; None to live."""
    killed: bool = False

    def step(self) -> None:
        """Raises OperatingError from the end on."""
        if self.steps_left is not None:
            self.killed = self.killed or self.steps_left == 0
            self.steps_left -= 1
        self.check()

    def check(self) -> None:
        """Raises OperatingError after the end."""
        if self.killed:
            raise OperatingError("the process was killed", retryable=False)

    async def offload(self, work: Callable[..., Any], *args: Any) -> Any:
        """Blocking calls, right here: a manual clock cannot wait for threads."""
        self.step()
        return work(*args)


@dataclass
class FakeChannel:
    """Writes down what it is told, after whatever ``behave`` does first."""

    bench: Bench
    life: Life
    receiver: str
    index: int
    send_resolved: bool
    kind: str = "webhook"

    async def send(self, message: Message) -> None:
        self.life.step()
        self.bench.tries += 1
        if self.bench.behave is not None:
            await self.bench.behave(self)
            self.life.check()
        self.bench.told.append(Told(self.bench.now_s, self.receiver, self.index, message))


@dataclass
class FakeChannels:
    """The channels of one configuration."""

    by_receiver: Mapping[str, list[tuple[int, Channel]]]
    closed: bool = False

    async def aclose(self) -> None:
        self.closed = True


async def inline(work: Callable[..., Any], *args: Any) -> Any:
    """Blocking calls, right here: a manual clock cannot wait for threads."""
    return work(*args)


@dataclass
class Bench:
    """Time, state and channels around the service. Time is counted in seconds from the start."""

    clock: ManualClock
    state: State
    told: list[Told] = field(default_factory=list)
    tries: int = 0
    built: list[FakeChannels] = field(default_factory=list)
    """The channels of every configuration, the newest last."""
    behave: Callable[[FakeChannel], Any] | None = None
    external_url: str = "http://fenghuo"
    life: Life = field(default_factory=Life)
    """Of the process that was begun last."""
    registry: CollectorRegistry = field(default_factory=CollectorRegistry)

    @property
    def now_s(self) -> float:
        return (self.clock.now_ms() - START_MS) / 1000

    def build(self, settings: AlertingSettings) -> FakeChannels:
        made = FakeChannels(
            {
                receiver.name: [
                    (index, FakeChannel(self, self.life, receiver.name, index, channel.send_resolved))
                    for index, channel in receiver.channels()
                ]
                for receiver in settings.receivers
            }
        )
        self.built.append(made)
        return made

    def parts(self, **changes: Any) -> AlertingParts:
        """What a fresh process would hand to the service."""
        self.registry = CollectorRegistry()
        self.life = Life()
        parts: dict[str, Any] = {
            "alerts": self.state.alerts,
            "log": self.state.notifications,
            "silences": self.state.silences,
            "incidents": self.state.incidents,
            "channels": self,
            "clock": self.clock,
            "registry": self.registry,
            "guard": Guard(self.registry),
            "oncall": OnCall(self.state.overrides, self.clock),
            "escalations": self.state.escalations,
            "external_url": lambda: self.external_url,
            "offload": self.life.offload,
            "drain_s": 0.05,
            "backoff": lambda: Backoff(draw=lambda: 0.5),
        }
        return AlertingParts(**(parts | changes))

    def settings(self, text: str) -> AlertingSettings:
        return settings_of(text)

    def service(self, text: str, **changes: Any) -> Alerting:
        """A service as a fresh process would make it."""
        return Alerting(self.parts(**changes), settings_of(text))

    async def kill(self, service: Alerting) -> None:
        """End a process as SIGKILL does: nothing that would tidy up is seen outside."""
        self.life.killed = True
        await service.__aexit__(None, None, None)

    async def until(self, at_s: float) -> None:
        """Let time pass to ``at_s`` seconds after the start."""
        await self.clock.advance(at_s - self.now_s)

    def alert(
        self,
        name: str,
        *,
        starts_s: float | None = None,
        ends_s: float | None = None,
        annotations: Labels = EMPTY,
        **labels: str,
    ) -> Alert:
        return Alert(
            Labels({"alertname": name, **labels}),
            self.ms(self.now_s if starts_s is None else starts_s),
            None if ends_s is None else self.ms(ends_s),
            annotations,
        )

    def firing(self, name: str, **labels: str) -> Alert:
        """As a rule group sends it: over four minutes from now, unless it is heard of again."""
        return self.alert(name, ends_s=self.now_s + 240, **labels)

    @staticmethod
    def ms(at_s: float) -> int:
        return START_MS + round(at_s * 1000)

    def said(self) -> list[tuple[float, list[str]]]:
        """When and what, of every message."""
        return [(told.at_s, told.names) for told in self.told]

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)
