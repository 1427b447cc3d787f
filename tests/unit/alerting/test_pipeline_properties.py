"""Whatever happens to the pipeline, what it promises holds: alerts that come, go and come back, silences, inhibitions,
answers, channels that fail in every way and recover, stops, kills between any two steps, and reloads.

A model knows what fires, what mutes it and who works on it. What was heard is checked after every deed against the
last thing that was heard; once nothing has been disturbed for a while, everybody has to know how things stand, and to
have been reminded. What the service holds is checked also between two reports, which would put back what it lost.

Broken code that an assertion here catches, tried one at a time:

- decisions: what is new is no news; an end is told though nothing was told to fire, or twice; repetitions too early or
  never; what is answered is repeated; the end of a snooze is not seen, or nobody is reminded of it;
- notices: what was sent is not kept, in memory or in the database; a failure or a claim counts as sent; no failover,
  or the failover is not told of the end;
- state: alerts, silences or incidents are not saved, or not restored;
- groups: a silenced alert leaves its group, an inhibited one the book; what is over is forgotten untold; a reload loses
  groups, or what is over in them.
"""

from __future__ import annotations

import asyncio
import math
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from fenghuo.alerting.incident import machine
from fenghuo.alerting.incident.machine import Step
from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.parts import AlertView
from fenghuo.alerting.service import Alerting
from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import OperatingError
from fenghuo.model.alert import Alert
from fenghuo.model.incident import Actor, Incident
from fenghuo.model.matcher import MatchOp
from fenghuo.model.silence import Condition, Silence
from fenghuo.state import open_state
from unit.alerting.bench import START_MS, Bench, FakeChannel, Told, settings_of

WAIT_S, INTERVAL_S, REPEAT_S = 10, 60, 240
ROUND_S = 30
"""How often rules report."""
VALID_S = 240
SETTLED_S = 3 * INTERVAL_S + ROUND_S
"""So long after the last disturbance everybody knows: an attempt that hangs is given up after one interval, and two
flushes are enough for a receiver and the one that stands in for it."""

ROUTE = """
route: {receiver: team, group_by: [alertname], group_wait: 10s, group_interval: 60s, repeat_interval: 4m}
inhibit_rules: [{source_matchers: [alertname=Host], target_matchers: [alertname=Service], equal: [instance]}]
"""
CONFIGS = {
    "plain": "receivers: [{name: team, webhook_configs: [{url: 'http://a'}]}]",
    "two": "receivers: [{name: team, webhook_configs: [{url: 'http://a'}, {url: 'http://b'}]}]",
    "failover": """
receivers:
- {name: team, failover: backup, failover_after: 20s, webhook_configs: [{url: 'http://a'}]}
- {name: backup, webhook_configs: [{url: 'http://c'}]}
""",
}
MEMBERS = {"plain": [("team", 0)], "two": [("team", 0), ("team", 1)], "failover": [("team", 0), ("backup", 0)]}
"""Who is told by each configuration: receivers and the positions of their channels."""
FAILURES: dict[str, ChannelError | None] = {
    "final": ChannelError("HTTP 404", retryable=False),
    "passing": ChannelError("HTTP 503", retryable=True),
    "throttled": ChannelError("HTTP 429", retryable=True, retry_after_s=20),
    "hangs": None,
    "slow": None,
    "fault": None,
}
SNOOZES_S = (100, 400)
"""One that ends before the next repetition would be due, and one that ends after."""
ZHANG = Actor("zhang", "panel")
Name = tuple[str, str]
"""``alertname`` and ``instance``."""
names = st.tuples(st.sampled_from(["Host", "Service", "Disk"]), st.sampled_from("ab"))
groups = st.sampled_from(["Host", "Service", "Disk"])


@dataclass
class Answer:
    """Somebody works on a group's incident."""

    at_ms: int
    until_ms: float
    """The end of the snooze; never for what is acknowledged."""
    firing: set[Name]
    """What the incident was about and has fired ever since: without any of it the incident may be over."""


@dataclass
class Model:
    """What is really so."""

    fires: dict[Name, float] = field(default_factory=dict)
    """Since when."""
    over: dict[Name, tuple[float, float]] = field(default_factory=dict)
    """Begin and end of what is over; rules report it twice more."""
    muted_since_begin: set[Name] = field(default_factory=set)
    """What was muted at some time since it began, if only when it was over: that it is over may be told to nobody."""
    answers: dict[str, Answer] = field(default_factory=dict)
    """The last answer of each group, for as long as it is sure that it holds."""
    quiet_until_ms: dict[str, float] = field(default_factory=dict)
    """The same, for as long as it may hold: nobody has to be reminded before."""
    silences: dict[str, str] = field(default_factory=dict)
    broken: dict[str, str] = field(default_factory=dict)
    """Receivers and how they fail."""
    config: str = "plain"
    disturbed_s: float = 0.0

    def note_muted(self) -> None:
        self.muted_since_begin |= {name for name in (*self.fires, *self.over) if self.mutes(name)}

    def mutes(self, name: Name) -> bool:
        return name[0] in self.silences or (name[0] == "Service" and ("Host", name[1]) in self.fires)


class Pipeline(RuleBasedStateMachine):
    """One server's life, several processes long."""

    @initialize(config=st.sampled_from(sorted(CONFIGS)))
    def begin(self, config: str) -> None:
        self.runner = asyncio.Runner()
        self.open = open_state("sqlite://")
        self.bench = Bench(ManualClock(START_MS), self.open.__enter__())
        self.bench.behave = self.behave
        self.model = Model(config=config)
        self.checked = 0
        self.last: dict[tuple[str, str, int], Told] = {}
        self.heard: dict[tuple[str, int], dict[Name, str]] = {}
        self.killed: set[tuple[str, str, int]] = set()
        """Channels of groups that may hear once more what they were told when the process was killed."""
        self.service = self.run(self.started())

    def run(self, work: Any) -> Any:
        return self.runner.run(work)

    # --- what happens

    @rule(name=names)
    def fire(self, name: Name) -> None:
        if name not in self.model.fires:
            self.model.fires[name] = self.bench.now_s
            self.model.over.pop(name, None)
            self.disturb()
            self.run(self.report())

    @precondition(lambda self: self.model.fires)
    @rule(data=st.data())
    def end(self, data: st.DataObject) -> None:
        self.finish(data.draw(st.sampled_from(sorted(self.model.fires))))

    def finish(self, name: Name) -> None:
        if answer := self.model.answers.get(name[0]):
            answer.firing.discard(name)
            if not answer.firing:
                del self.model.answers[name[0]]
        self.model.over[name] = (self.model.fires.pop(name), self.bench.now_s)
        self.disturb()
        self.run(self.report())

    @rule(seconds=st.sampled_from([1, 5, 11, 30, 61, 90]))
    def wait(self, seconds: int) -> None:
        self.run(self.let_pass(seconds))

    @rule(intervals=st.sampled_from([4, 9]))
    def calm(self, intervals: int) -> None:
        self.run(self.let_pass(intervals * INTERVAL_S))

    @rule(group=groups)
    def silence(self, group: str) -> None:
        if group in self.model.silences:
            return self.unsilence(group)
        now_ms = self.bench.clock.now_ms()
        condition = Condition("alertname", group, MatchOp.EQUAL)
        wanted = Silence("", (condition,), now_ms, now_ms + 10**9, "zhang", "work")
        self.model.silences[group] = self.run(self.service.silence(wanted))
        self.disturb()
        return None

    def unsilence(self, group: str) -> None:
        self.run(self.service.expire_silence(self.model.silences.pop(group)))
        self.disturb()

    @precondition(lambda self: self.service.incidents.live())
    @rule(data=st.data(), snooze_s=st.sampled_from([None, *SNOOZES_S]))
    def answer(self, data: st.DataObject, snooze_s: int | None) -> None:
        self.answer_incident(data.draw(st.sampled_from(self.service.incidents.live())), snooze_s)

    def answer_incident(self, incident: Incident, snooze_s: int | None) -> None:
        group, at_ms = incident.labels["alertname"], self.bench.clock.now_ms()

        def act(now: Incident, at_ms: int) -> Step:
            if snooze_s is None:
                return machine.acknowledge(now, ZHANG, at_ms)
            return machine.snooze(now, ZHANG, at_ms, snooze_s * 1000)

        self.run(self.service.incidents.act(incident.number, act))
        until_ms = math.inf if snooze_s is None else at_ms + snooze_s * 1000
        about = {name_of(alert) for alert in self.service.firing() if alert.labels.fingerprint() in incident.firing}
        self.model.quiet_until_ms[group] = until_ms
        self.model.answers.pop(group, None)
        if about:
            self.model.answers[group] = Answer(at_ms, until_ms, about)

    @rule(receiver=st.sampled_from(["team", "team", "backup"]), how=st.sampled_from(sorted(FAILURES)))
    def break_(self, receiver: str, how: str) -> None:
        self.model.broken[receiver] = how
        self.disturb()

    @precondition(lambda self: self.model.broken)
    @rule()
    def mend(self) -> None:
        self.model.broken.clear()
        self.disturb()

    @rule(name=names, how=st.sampled_from(sorted(FAILURES)), seconds=st.sampled_from([30, 90, 240]), ends=st.booleans())
    def trouble(self, name: Name, how: str, seconds: int, *, ends: bool) -> None:
        """Something begins to fire while a channel fails, which then recovers; and perhaps it ends."""
        self.break_("team", how)
        self.fire(name)
        self.wait(seconds)
        self.mend()
        self.wait(INTERVAL_S + 1)
        if ends:
            self.finish(name)
            self.wait(SETTLED_S + 1)

    @rule(name=names, how=st.sampled_from(sorted(FAILURES)))
    def fail_over(self, name: Name, how: str) -> None:
        """Something begins to fire that only the one who stands in can hear of."""
        self.mend()
        self.reload("failover")
        self.break_("team", how)
        self.fire(name)
        self.wait(SETTLED_S + 1)

    @rule(name=names, how=st.sampled_from(sorted(FAILURES)), then=st.sampled_from(["", "reload", "restart"]))
    def end_while_failing(self, name: Name, how: str, then: str) -> None:
        """Something ends while a channel fails, which recovers when rules speak of it no more."""
        self.mend()
        self.fire(name)
        self.wait(SETTLED_S + 1)
        self.break_("team", how)
        self.finish(name)
        self.wait(2 * INTERVAL_S)
        if then == "reload":
            self.reload(self.model.config)
        elif then == "restart":
            self.restart()
        self.mend()
        self.wait(SETTLED_S + 1)

    @rule(name=names, other=names, snooze_s=st.sampled_from([None, SNOOZES_S[0]]), restart=st.booleans())
    def answer_early(self, name: Name, other: Name, snooze_s: int | None, *, restart: bool) -> None:
        """Somebody answers soon after the first notice, perhaps something joins it, and all is quiet for long."""
        self.mend()
        if name[0] in self.model.silences:
            self.unsilence(name[0])
        if name in self.model.fires:
            self.finish(name)
            self.wait(INTERVAL_S + 1)
        self.fire(name)
        self.wait(INTERVAL_S + 1)
        for incident in self.service.incidents.live():
            if incident.labels["alertname"] == name[0]:
                self.answer_incident(incident, snooze_s)
        self.fire(other)
        if restart:
            self.restart()
        self.wait(SETTLED_S + REPEAT_S)

    @rule(name=names, config=st.sampled_from(sorted(CONFIGS)))
    def reload_while_telling(self, name: Name, config: str) -> None:
        self.break_("team", "slow")
        self.fire(name)
        self.wait(WAIT_S + 5)
        self.reload(config)
        self.wait(INTERVAL_S + 1)

    @rule(config=st.sampled_from(sorted(CONFIGS)))
    def reload(self, config: str) -> None:
        self.model.config = config
        self.run(self.service.apply(settings_of(ROUTE + CONFIGS[config])))
        self.run(self.no_alert_is_lost())
        self.disturb()
        self.run(self.let_pass(0))

    @rule()
    def restart(self) -> None:
        known = self.incidents_about_what_fires()
        self.run(self.service.__aexit__(None, None, None))
        self.service = self.run(self.started())
        self.run(self.no_alert_is_lost())
        assert known <= self.incidents_about_what_fires(), "an incident is lost"
        self.disturb()
        self.run(self.let_pass(0))

    @rule(name=names, steps=st.integers(0, 12))
    def kill_while_telling(self, name: Name, steps: int) -> None:
        self.mend()
        self.fire(name)
        self.kill(steps, None)
        self.wait(SETTLED_S + 1)

    @rule(steps=st.integers(0, 12), start_steps=st.one_of(st.none(), st.integers(0, 6)))
    def kill(self, steps: int, start_steps: int | None) -> None:
        """Kill the process before the step of that number from now, and perhaps the next while it starts."""
        self.bench.life.steps_left = steps
        for _ in range(6):
            self.run(self.let_pass(15))
            if self.bench.life.killed:
                break
        self.note_kill()
        self.run(self.bench.kill(self.service))
        if start_steps is not None:
            self.run(self.started(start_steps))
            self.note_kill()
        self.service = self.run(self.started())
        self.disturb()
        self.run(self.let_pass(0))

    # --- how it is done

    async def started(self, steps: int | None = None) -> Alerting:
        """A process that runs; with ``steps`` one that was killed before the step of that number."""
        service = self.bench.service(ROUTE + CONFIGS[self.model.config])
        self.bench.life.steps_left = steps
        try:
            await service.__aenter__()
        except OperatingError:
            assert self.bench.life.killed
            return service
        if steps is not None:
            await self.bench.until(self.bench.now_s + 1)
            await self.bench.kill(service)
        return service

    async def behave(self, channel: FakeChannel) -> None:
        how = self.model.broken.get(channel.receiver, "")
        if how == "hangs":
            await self.bench.clock.sleep(10**6)
        elif how == "slow":
            await self.bench.clock.sleep(15)
        elif how == "fault":
            raise ZeroDivisionError
        elif how and (error := FAILURES[how]) is not None:
            raise error

    async def report(self) -> None:
        """As rules report: what fires, and for a while what is over."""
        bench, model = self.bench, self.model
        alerts = [
            bench.alert(name, starts_s=starts_s, ends_s=bench.now_s + VALID_S, instance=instance)
            for (name, instance), starts_s in model.fires.items()
        ]
        alerts += [
            bench.alert(name, starts_s=starts_s, ends_s=ends_s, instance=instance)
            for (name, instance), (starts_s, ends_s) in model.over.items()
            if bench.now_s - ends_s < 2 * ROUND_S
        ]
        self.service.intake.put(alerts)
        await bench.until(bench.now_s)

    async def let_pass(self, seconds: float) -> None:
        end_s = self.bench.now_s + seconds
        while True:
            await self.report()
            self.model.note_muted()
            await self.check()
            if self.bench.now_s >= end_s:
                return
            await self.bench.until(min(end_s, self.bench.now_s + ROUND_S))
            await self.check()

    def disturb(self) -> None:
        model = self.model
        model.disturbed_s = self.bench.now_s
        model.muted_since_begin = {name for name in model.muted_since_begin if name in {*model.fires, *model.over}}
        model.note_muted()

    def note_kill(self) -> None:
        self.listen()
        self.killed |= set(self.last)

    # --- what is promised

    async def check(self) -> None:
        self.listen()
        if self.bench.life.killed:
            return
        await self.no_alert_is_lost()
        if self.bench.now_s - self.model.disturbed_s >= SETTLED_S:
            self.everybody_knows()
            self.everybody_is_reminded()

    def listen(self) -> None:
        """Hear what is new, and whether it should have been said."""
        for told in self.bench.told[self.checked :]:
            message = told.message
            if message.group_labels.get("alertname") == "FenghuoChannelFailing":
                continue
            channel = (message.group_key, told.receiver, told.index)
            if not self.is_due(self.last.get(channel), told):
                assert channel in self.killed, f"said for nothing: {shown(told)}"
            # Every kill may lead to one copy, and to no more.
            self.killed.discard(channel)
            if message.reason == "repeat":
                assert message.incident is not None
                assert message.incident.state not in ("acknowledged", "snoozed"), shown(told)
                # What was decided before the answer may still be on its way.
                answer = self.model.answers.get(message.group_labels["alertname"])
                assert answer is None or not answer.at_ms < message.at_ms < answer.until_ms, shown(told)
            self.last[channel] = told
            known = self.heard.setdefault((told.receiver, told.index), {})
            for alert in message.alerts:
                known[alert.labels["alertname"], alert.labels["instance"]] = alert.status
        self.checked = len(self.bench.told)

    def is_due(self, before: Told | None, told: Told) -> bool:
        firing, resolved = firing_of(told), resolved_of(told)
        if before is None:
            return bool(firing) and not self.was_stood_in_for(told)
        match told.message.reason:
            case "first":
                return False
            case "new_alerts" | "new_since_answered":
                return not firing <= firing_of(before) and not self.was_stood_in_for(told)
            case "all_resolved":
                return bool(firing_of(before))
            case "some_resolved":
                return firing <= firing_of(before) and not resolved <= resolved_of(before)
            case "repeat":
                since_ms = told.message.at_ms - before.message.at_ms
                return since_ms > REPEAT_S * 1000 or self.reminds(before, told)
        raise AssertionError(told.message.reason)

    def reminds(self, before: Told, told: Told) -> bool:
        """A snooze that ended, or an incident that was opened again, is a reason to remind earlier."""
        view = told.message.incident
        assert view is not None
        incident = self.run_sync_incident(view.number)
        return before.message.at_ms < incident.remind_ms

    def run_sync_incident(self, number: int) -> Incident:
        known = [each for each in self.service.incidents.live() if each.number == number]
        found = known[0] if known else self.bench.state.incidents.get(number)
        assert found is not None
        return found

    def was_stood_in_for(self, told: Told) -> bool:
        """Whether the one who stands in for this receiver was told the same before and need not be reminded yet."""
        if told.receiver != "team" or self.model.config != "failover":
            return False
        stand_in = self.last.get((told.message.group_key, "backup", 0))
        if stand_in is None or not firing_of(told) <= firing_of(stand_in):
            return False
        return 0 < told.message.at_ms - stand_in.message.at_ms <= REPEAT_S * 1000 and not self.reminds(stand_in, told)

    async def no_alert_is_lost(self) -> None:
        """Silenced and inhibited alerts are there and in their groups, and shown as such; and so are the silences."""
        expected = {name: self.model.mutes(name) for name in self.model.fires}
        assert suppressed(await self.service.alerts()) == expected
        grouped = [view for group in await self.service.groups() for view in group.alerts]
        assert suppressed(grouped) == expected
        known = {silence.id for silence in self.service.silences.all()}
        assert set(self.model.silences.values()) <= known, "a silence is lost"

    def incidents_about_what_fires(self) -> set[int]:
        fires = {alert.labels.fingerprint() for alert in self.service.firing()}
        return {incident.number for incident in self.service.incidents.live() if incident.firing & fires}

    def everybody_knows(self) -> None:
        model, current, works = self.model, MEMBERS[self.model.config], self.works()
        for name in model.fires:
            if model.mutes(name):
                continue
            knows = [each for each in current if self.heard.get(each, {}).get(name) == "firing"]
            if model.config == "failover":
                assert knows or not works, f"{name} fires and nobody knows"
            else:
                assert set(works) <= set(knows), f"{name} fires; {set(works) - set(knows)} does not know"
        for name in model.over:
            if name not in model.muted_since_begin and not self.group_is_silenced(name):
                still = [each for each in works if self.heard.get(each, {}).get(name) == "firing"]
                assert not still, f"{name} is over and {still} was not told"

    def everybody_is_reminded(self) -> None:
        """What fires and nobody works on is said again and again; what was snoozed, when the snooze is over."""
        model, now_ms = self.model, self.bench.clock.now_ms()
        for group in {name[0] for name in model.fires if not model.mutes(name)}:
            until_ms = model.quiet_until_ms.get(group, 0)
            if now_ms < until_ms + 2 * INTERVAL_S * 1000:
                continue
            since_ms: float = now_ms - (REPEAT_S + 2 * INTERVAL_S) * 1000
            if group in model.answers:
                since_ms = max(since_ms, until_ms)
            told_ms = {each: self.last_told_ms(group, each) for each in self.works()}
            if model.config == "failover" and told_ms:
                told_ms = {("team", 0): max(self.last_told_ms(group, each) for each in MEMBERS["failover"])}
            late = [each for each, at_ms in told_ms.items() if at_ms < since_ms]
            assert not late, f"{group} fires on and {late} was not reminded"
        for group in [group for group in model.quiet_until_ms if all(name[0] != group for name in model.fires)]:
            del model.quiet_until_ms[group]

    def last_told_ms(self, group: str, member: tuple[str, int]) -> int:
        heard = [told.message for told in self.last.values() if (told.receiver, told.index) == member]
        return max((message.at_ms for message in heard if message.group_labels["alertname"] == group), default=0)

    def works(self) -> list[tuple[str, int]]:
        return [each for each in MEMBERS[self.model.config] if self.model.broken.get(each[0], "slow") == "slow"]

    def group_is_silenced(self, name: Name) -> bool:
        return name[0] in self.model.silences

    def teardown(self) -> None:
        if not hasattr(self, "service"):
            return
        try:
            self.model.broken.clear()
            for group in list(self.model.silences):
                self.unsilence(group)
            self.disturb()
            self.run(self.let_pass(SETTLED_S + INTERVAL_S))
        finally:
            self.run(self.service.__aexit__(None, None, None))
            self.open.__exit__(None, None, None)
            self.runner.close()


def name_of(alert: Alert) -> Name:
    return alert.name, alert.labels.get("instance", "")


def suppressed(views: Iterable[AlertView]) -> dict[Name, bool]:
    return {name_of(view.alert): view.suppressed for view in views if view.alert.name != "FenghuoChannelFailing"}


def firing_of(told: Told) -> frozenset[int]:
    return frozenset(alert.fingerprint for alert in told.message.firing)


def resolved_of(told: Told) -> frozenset[int]:
    return frozenset(alert.fingerprint for alert in told.message.resolved)


def shown(told: Told) -> str:
    words: Iterator[str] = (f"{alert.labels['instance']} {alert.status}" for alert in told.message.alerts)
    message = told.message
    return f"{message.reason} to {told.receiver}/{told.index} at {told.at_s:g} s: {message.group_key} {list(words)}"


EXPLORES = os.environ.get("FENGHUO_EXPLORE") == "1"
TestPipeline = Pipeline.TestCase
# Shortening a failure takes minutes; who does not look for failures wants to see the assertion.
TestPipeline.settings = settings(
    max_examples=200 if EXPLORES else 12,
    stateful_step_count=25,
    deadline=None,
    phases=tuple(Phase) if EXPLORES else (Phase.explicit, Phase.generate),
    report_multiple_bugs=EXPLORES,
)
