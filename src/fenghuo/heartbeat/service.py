"""Heartbeats as the running program knows them: what is waited for, what was heard, and who is told.

A sign of life is kept in the database before it is acknowledged; when the database refuses, it holds in memory and is
saved with the next round. Alerts are judged once a round, and firing ones are reported again every minute, as rules do.
"""

from __future__ import annotations

import asyncio
import json
import logging
import threading
from collections.abc import Awaitable, Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Any, Final, Protocol, Self

from prometheus_client import CollectorRegistry, Counter

from fenghuo.base import limits
from fenghuo.base.clock import Clock, WatchedClock
from fenghuo.base.document import Document, nearest, validate
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.base.guard import Guard
from fenghuo.heartbeat import timing
from fenghuo.heartbeat.alerts import alert_of
from fenghuo.heartbeat.series import HeartbeatSeries
from fenghuo.heartbeat.settings import HeartbeatSettings, HeartbeatsSettings, check_name
from fenghuo.heartbeat.timing import Signal, Trouble
from fenghuo.model.alert import Alert
from fenghuo.model.heartbeat import MadeHeartbeat, Pulse
from fenghuo.model.labels import Labels

log = logging.getLogger(__name__)

HEARTBEATS = limits.declare(
    "heartbeats", 10_000, limits.Policy.REJECT, "Heartbeats that are waited for; no more can be made."
)
TEXT = limits.declare(
    "heartbeat_text_bytes", 4_096, limits.Policy.DROP_OLDEST, "What a job sends along with a signal; its end is kept."
)
ROUND_S: Final = 5.0
REPORTED_AGAIN_MS: Final = 60_000


class HeartbeatStore(Protocol):
    """Where heartbeats survive the process. Raises OperatingError when the database refuses."""

    def made(self) -> list[MadeHeartbeat]: ...
    def pulses(self) -> list[Pulse]: ...
    def make(self, made: MadeHeartbeat) -> None: ...
    def save(self, pulses: Sequence[Pulse]) -> None: ...
    def remove(self, name: str) -> None: ...
    def forget_pulses(self, names: Collection[str]) -> None: ...


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """One heartbeat as it is now."""

    settings: HeartbeatSettings
    pulse: Pulse
    due_ms: int
    troubles: Mapping[Trouble, int]
    """What is wrong, the worst first, each with since when."""
    status: str
    made_by: str
    """Empty: the configuration."""

    @property
    def well(self) -> bool:
        return not self.troubles


@dataclass(slots=True)
class _Watched:
    settings: HeartbeatSettings
    pulse: Pulse
    made_by: str
    due_ms: int = 0


class Heartbeats:
    """``async with Heartbeats(…) as heartbeats``. Methods that are not async may block and are thread-safe."""

    def __init__(
        self, store: HeartbeatStore, report: Callable[[Sequence[Alert]], object], clock: Clock,
        registry: CollectorRegistry, guard: Guard, settings: HeartbeatsSettings,
        offload: Callable[..., Awaitable[Any]] = asyncio.to_thread,
    ) -> None:  # fmt: skip
        """``report`` takes alerts, and returns at once; ``offload`` runs what blocks."""
        self._offload = offload
        self._store = store
        self._report = report
        self._clock = clock
        self._guard = guard
        self._settings = settings
        self._lock = threading.Lock()
        self._saving = threading.Lock()
        self._changing = threading.Lock()
        self._made: dict[str, tuple[MadeHeartbeat, HeartbeatSettings]] = {}
        self._pulses: dict[str, Pulse] = {}
        self._watched: dict[str, _Watched] = {}
        self._unsaved: dict[str, Pulse] = {}
        self._told: dict[Labels, Alert] = {}
        self._told_ms = 0
        self._running_since_ms = 0
        self._watched_clock = WatchedClock(clock)
        self._watched_clock.followers.append(self._clock_was_set)
        self._tasks: asyncio.TaskGroup | None = None
        self._rounds: asyncio.Task[None] | None = None
        self._signals = Counter("fenghuo_heartbeat_signals", "Signals of jobs, by kind.", ["kind"], registry=registry)
        for signal in Signal:
            self._signals.labels(signal.value)
        registry.register(HeartbeatSeries(self.all))

    async def __aenter__(self) -> Self:
        await self._offload(self._load)
        self._tasks = await asyncio.TaskGroup().__aenter__()
        self._rounds = self._tasks.create_task(self._go_round(), name="heartbeats")
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._tasks is not None
        assert self._rounds is not None
        self._rounds.cancel()
        await self._tasks.__aexit__(None, None, None)
        await self._offload(self._save)

    async def apply(self, settings: HeartbeatsSettings) -> None:
        """Go on with other settings. What was heard of those that stay is kept."""
        self._settings = settings
        await self._offload(self._arrange)

    def all(self) -> list[Heartbeat]:
        """Every heartbeat as it is now, by name."""
        now_ms = self._clock.now_ms()
        with self._lock:
            return [_view(self._watched[name], now_ms) for name in sorted(self._watched)]

    def knows(self, name: str) -> bool:
        return name in self._watched

    def hear(self, name: str, signal: Signal, text: bytes = b"", exit_code: int | None = None) -> None:
        """Take a signal. Raises InputError for a heartbeat that is not known."""
        if len(text) > TEXT.default:
            TEXT.hit()
            text = text[-TEXT.default :]
        said = text.decode("utf-8", "replace").replace("\0", "").strip()
        with self._lock:
            watched, now_ms = self._of(name), self._now_ms()
            watched.pulse = timing.after(watched.pulse, signal, now_ms, said, exit_code)
            self._note(watched)
        self._signals.labels(signal.value).inc()
        self._save()

    def make(self, name: str, given: Mapping[str, Any], by: str) -> Heartbeat:
        """Wait for one more, or for one that was made so before by other settings; ``given`` is in the words of the
        configuration. Raises InputError for what cannot be, OperatingError when it cannot be kept."""
        try:
            check_name(name)
        except ValueError as error:
            raise InputError(str(error)) from error
        settings = _settings_of(name, given)
        made = MadeHeartbeat(name, json.dumps(given, ensure_ascii=False), by, self._clock.now_ms())
        with self._changing:
            if name in self._settings.heartbeats:
                raise InputError(f"{name} stands in the configuration", remedy="change it there")
            if name not in self._watched and len(self._watched) >= HEARTBEATS.default:
                HEARTBEATS.hit()
                raise InputError(f"there are {HEARTBEATS.default} heartbeats already", remedy="remove some")
            self._store.make(made)
            self._made[name] = (made, settings)
        self._arrange()
        with self._lock:
            return _view(self._of(name), self._clock.now_ms())

    def remove(self, name: str) -> None:
        """Wait for it no more. Raises InputError for one of the configuration and one that is not known."""
        with self._changing:
            with self._lock:
                self._of(name)
            if name not in self._made:
                raise InputError(f"{name} stands in the configuration", remedy="remove it there")
            with self._saving:
                self._store.remove(name)
                with self._lock:
                    del self._made[name]
                    self._pulses.pop(name, None)
                    self._unsaved.pop(name, None)
        self._arrange()

    def _of(self, name: str) -> _Watched:
        found = self._watched.get(name)
        if found is None:
            raise InputError(f"unknown heartbeat {name!r}", remedy=nearest(name, self._watched))
        return found

    def _load(self) -> None:
        self._running_since_ms = self._clock.now_ms()
        for made in self._store.made():
            try:
                self._made[made.name] = (made, _settings_of(made.name, json.loads(made.definition)))
            except InputError as error:  # An older program took what this one refuses.
                log.error("the heartbeat %s is not waited for: %s", made.name, error)
        self._pulses = {pulse.name: pulse for pulse in self._store.pulses()}
        known = self._made.keys() | self._settings.heartbeats.keys()
        self._store.forget_pulses([name for name in self._pulses if name not in known])
        self._arrange()

    def _arrange(self) -> None:
        """Watch what the settings and people say; what the settings say comes first."""
        with self._lock:
            now_ms = self._now_ms()
            wanted = {name: (settings, made.made_by) for name, (made, settings) in self._made.items()}
            wanted |= {name: (settings, "") for name, settings in self._settings.heartbeats.items()}
            watched = {}
            for name, (settings, by) in wanted.items():
                pulse = self._pulses.get(name)
                watched[name] = one = _Watched(settings, pulse or Pulse(name, now_ms), by)
                if pulse is None:
                    self._note(one)
                one.due_ms = timing.due(settings, one.pulse, self._running_since_ms)
            self._watched = watched
        self._save()

    def _note(self, watched: _Watched) -> None:
        """Take a changed pulse over. Under the lock."""
        pulse = watched.pulse
        self._pulses[pulse.name] = self._unsaved[pulse.name] = pulse
        watched.due_ms = timing.due(watched.settings, pulse, self._running_since_ms)

    def _save(self) -> None:
        """Save what has changed. What the database refuses is saved next time."""
        with self._saving:
            with self._lock:
                pulses = list(self._unsaved.values())
            if not pulses:
                return
            try:
                self._store.save(pulses)
            except OperatingError as error:
                log.error("what was heard of %d heartbeats would not survive a restart: %s", len(pulses), error)
                return
            with self._lock:
                for pulse in pulses:
                    if self._unsaved.get(pulse.name) is pulse:
                        del self._unsaved[pulse.name]

    async def _go_round(self) -> None:
        while True:
            if self._watched or self._told:
                await self._guard.run("heartbeats", lambda: self._offload(self._round))
            await self._clock.sleep(ROUND_S)

    def _round(self) -> None:
        """Judge all, save, tell."""
        with self._lock:
            now_ms = self._now_ms()
            for watched in self._watched.values():
                judged = timing.judged(watched.settings, watched.pulse, watched.due_ms, now_ms)
                if judged is not watched.pulse:
                    watched.pulse = judged
                    self._note(watched)
            firing = {alert.labels: alert for alert in self._firing(now_ms)}
        over = [replace(alert, ends_at_ms=now_ms) for labels, alert in self._told.items() if labels not in firing]
        again = now_ms - self._told_ms >= REPORTED_AGAIN_MS
        new = [alert for labels, alert in firing.items() if again or labels not in self._told]
        if over or new:
            self._report([*over, *new])
        if again or not self._told:
            self._told_ms = now_ms
        self._told = firing
        self._save()

    def _now_ms(self) -> int:
        """The time, for what is kept of it. Under the lock: where the clock was set, pulses change."""
        return self._watched_clock.now_ms()

    def _clock_was_set(self, by_ms: int, now_ms: int) -> None:
        """A clock that was set ahead: the machine may have slept, and heard nothing. One that was set back lets nothing
        be waited for longer."""
        self._running_since_ms = now_ms if by_ms > 0 else self._running_since_ms + by_ms
        self._told_ms = 0
        for watched in self._watched.values():
            watched.pulse = timing.moved(watched.pulse, min(by_ms, 0))
            self._note(watched)

    def _firing(self, now_ms: int) -> Iterator[Alert]:
        for watched in self._watched.values():
            found = timing.troubles(watched.settings, watched.pulse, now_ms)
            for trouble, since_ms in found.items():
                yield alert_of(watched.settings, watched.pulse, trouble, since_ms)


def _view(watched: _Watched, now_ms: int) -> Heartbeat:
    found = timing.troubles(watched.settings, watched.pulse, now_ms)
    status = timing.status(watched.pulse, found, watched.due_ms, now_ms)
    return Heartbeat(watched.settings, watched.pulse, watched.due_ms, found, status, watched.made_by)


def _settings_of(name: str, given: Mapping[str, Any]) -> HeartbeatSettings:
    """Raises InputError with everything that is wrong."""
    settings, problems = validate(HeartbeatSettings, Document(f"heartbeat {name}", dict(given)))
    if settings is None:
        raise InputError("; ".join(str(problem) for problem in problems))
    return settings
