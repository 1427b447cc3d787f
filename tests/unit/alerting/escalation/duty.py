"""People, a schedule, and channels that can tell one person, around the bench of alerting."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from fenghuo.alerting.escalation.settings import EscalationsSettings
from fenghuo.alerting.notify.channels.channel import Channel
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.oncall.service import OnCall
from fenghuo.alerting.oncall.settings import OnCallSettings
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.alerting.service import Alerting
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.base.document import Settings, load_yaml, validate
from fenghuo.model.incident import EventKind
from unit.alerting.bench import Bench, settings_of

ROUTES = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s, repeat_interval: 8h}
receivers: [{name: team}, {name: robot}, {name: phones}]
"""
PEOPLE = """
people:
  zhang: {name: 张伟, language: zh, contacts: [{kind: sms, to: '1'}, {kind: voice, to: '1'}]}
  li: {contacts: [{kind: email, to: li@x, via: phones}]}
  wang:
    contacts: [{kind: sms, to: '3'}]
    quiet_hours: [{times: [{start_time: '00:00', end_time: '24:00'}]}]
  mute: {}
schedules:
  primary: {layers: [{people: [li], start: 2020-01-01}]}
  empty: {layers: [{people: [li], start: 2099-01-01}]}
"""
POLICIES = """
escalations:
  night:
    steps:
    - targets: ['person:zhang']
    - {after: 10m, targets: ['schedule:primary', 'receiver:robot']}
    repeat: 1
"""
TABLE = "{P1: {escalation: night}}"


def read(model: type[Settings], text: str) -> Any:
    """Settings of one section; fails the test when they are refused."""
    found, problems = validate(model, load_yaml(text, "fenghuo.yml"))
    assert found is not None, [str(problem) for problem in problems]
    return found


@dataclass(frozen=True)
class Phone:
    """A channel that writes down whom it tells."""

    duty: Duty
    receiver: str
    kind: str
    to: str = ""
    send_resolved: bool = False

    async def send(self, message: Message) -> None:
        if self.duty.behave is not None:
            await self.duty.behave(self)
        self.duty.calls.append((self.duty.bench.now_s, f"{self.kind} {self.to or self.receiver}", message))

    def addressed(self, to: str) -> Phone:
        return replace(self, to=to)


@dataclass
class PhoneBook:
    """The channels of one configuration."""

    by_receiver: Mapping[str, list[tuple[int, Channel]]]

    async def aclose(self) -> None:
        """Nothing is open."""


@dataclass
class Duty:
    """A service with people behind it."""

    bench: Bench
    calls: list[tuple[float, str, Message]] = field(default_factory=list)
    """When, who, what; the route's own notices are left out by :meth:`told`."""
    behave: Callable[[Phone], Any] | None = None
    wrap: Callable[[Phone], Channel] = lambda phone: phone
    """What stands before a channel that can tell people."""

    def build(self, settings: AlertingSettings) -> PhoneBook:
        kinds = {"team": ["webhook"], "robot": ["webhook"], "phones": ["sms", "voice", "email"]}
        return PhoneBook(
            {
                each.name: [(0, self.wrap(Phone(self, each.name, kind))) for kind in kinds[each.name]]
                for each in settings.receivers
            }
        )

    def service(
        self,
        policies: str = POLICIES,
        table: str = TABLE,
        people: str = PEOPLE,
        routes: str = ROUTES,
        drain_s: float = 0.0,
    ) -> Alerting:
        """A service as a fresh process would make it."""
        oncall = OnCall(self.bench.state.overrides, self.bench.clock, read(OnCallSettings, people))
        parts = self.bench.parts(channels=self, oncall=oncall, drain_s=drain_s, link_secret=b"x" * 32)
        return Alerting(
            parts, settings_of(routes), None, read(PrioritiesSettings, table), read(EscalationsSettings, policies)
        )

    async def fire(self, alerting: Alerting, name: str = "Down", severity: str = "critical", **labels: str) -> None:
        """Report an alert that fires for days."""
        alerting.intake.put([self.bench.alert(name, ends_s=500_000, severity=severity, **labels)])
        await self.bench.until(self.bench.now_s + 10)

    async def end(self, alerting: Alerting, name: str = "Down", severity: str = "critical") -> None:
        now_s = self.bench.now_s
        alerting.intake.put([self.bench.alert(name, starts_s=0, ends_s=now_s, severity=severity)])
        await self.bench.until(now_s + 60)

    def told(self) -> list[tuple[float, str]]:
        """When and who, of everything but the route's own notices."""
        return [(at_s, who) for at_s, who, message in self.calls if message.reason in ("escalation", "assigned")]

    def said(self, *kinds: EventKind, number: int = 1) -> list[tuple[float, str]]:
        """When and what, of the lines of a time line."""
        return [
            ((line.at_ms - self.bench.ms(0)) / 1000, line.text)
            for line in self.bench.state.incidents.timeline(number)
            if line.kind in kinds
        ]
