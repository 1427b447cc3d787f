"""A real process, a real HTTP receiver, and SIGKILL at any moment: who has to know, knows."""

from __future__ import annotations

import contextlib
import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

import pytest

from accept.receiver import Receiver

PROCESS = Path(__file__).with_name("alerting_process.py")
CRASHES = int(os.environ.get("FENGHUO_CRASHES", "10"))
SEED = int(os.environ.get("FENGHUO_SEED", "7"))


class Process:
    """One life of the process."""

    def __init__(self, state_url: str, webhook_url: str) -> None:
        self._popen = subprocess.Popen(
            [sys.executable, str(PROCESS), state_url, webhook_url],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._popen.stdout is not None
        assert self._popen.stdout.readline() == "ready\n"

    def say(self, line: str) -> None:
        assert self._popen.stdin is not None
        assert self._popen.stdout is not None
        self._popen.stdin.write(f"{line}\n")
        self._popen.stdin.flush()
        assert self._popen.stdout.readline() == "ok\n"

    def kill(self) -> None:
        """SIGKILL; a second time is no harm."""
        self._popen.kill()
        self._popen.wait()
        for stream in (self._popen.stdin, self._popen.stdout):
            assert stream is not None
            stream.close()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as started:
        yield started


@pytest.fixture
def start() -> Iterator[Callable[[str, str], Process]]:
    """Starts processes, and sees to it that none outlives the test."""
    started: list[Process] = []

    def begin(state_url: str, webhook_url: str) -> Process:
        started.append(Process(state_url, webhook_url))
        return started[-1]

    yield begin
    for process in started:
        process.kill()


def words(receiver: Receiver, name: str) -> list[str]:
    """What was said about an alert, in order."""
    return [
        alert["status"]
        for notice in list(receiver.notices)
        for alert in notice["alerts"]
        if alert["labels"]["alertname"] == name
    ]


def wait_for(receiver: Receiver, name: str, last: str) -> None:
    deadline_s = time.monotonic() + 20
    while not (said := words(receiver, name)) or said[-1] != last:
        assert time.monotonic() < deadline_s, f"{name}: {last} wanted, got {said}"
        time.sleep(0.02)


@pytest.mark.slow
def test_killed_between_firing_and_resolving(
    tmp_path: Path, receiver: Receiver, start: Callable[[str, str], Process]
) -> None:
    """One notice that it fires, one that it is over."""
    url = f"sqlite:///{tmp_path / 'state.db'}"
    first = start(url, receiver.url)
    first.say("fire Down")
    wait_for(receiver, "Down", "firing")
    time.sleep(0.3)  # Past the mark, as in the field: a process lives longer than its last notice takes.
    first.kill()
    second = start(url, receiver.url)
    second.say("fire Down")
    time.sleep(1)
    second.say("end Down")
    wait_for(receiver, "Down", "resolved")
    time.sleep(1)
    second.kill()
    assert words(receiver, "Down") == ["firing", "resolved"]


class Moment(StrEnum):
    """When a process is killed."""

    ANY = "at any moment around the claim and the send"
    CLAIMED = "after the claim, while the receiver refuses"
    ARRIVED = "after the notice arrived, before it is answered"
    ANSWERED = "just after it is answered, before or after the mark"


@dataclass
class Killer:
    """Kills a process while it tells of one alert."""

    draw: random.Random
    moment: Moment = Moment.ANY
    armed: Process | None = None
    arrived: threading.Event = field(default_factory=threading.Event)

    def answer(self, number: int) -> int:
        """Called by the receiver for each request that has arrived."""
        if self.armed is not None and self.moment is Moment.ARRIVED:
            self.armed.kill()
        self.arrived.set()
        return 503 if self.armed is not None and self.moment is Moment.CLAIMED else 200

    def arm(self, process: Process, moment: Moment) -> None:
        self.arrived.clear()
        self.armed, self.moment = process, moment

    def strike(self) -> None:
        """Return when the process is dead."""
        assert self.armed is not None
        match self.moment:
            case Moment.ANY:
                time.sleep(self.draw.uniform(0.0, 0.3))
            case Moment.CLAIMED | Moment.ARRIVED:
                assert self.arrived.wait(20)
            case Moment.ANSWERED:
                assert self.arrived.wait(20)
                time.sleep(self.draw.uniform(0.0, 0.02))
        self.armed.kill()
        self.armed = None


def settle(state_file: Path) -> None:
    """Return when no notice has been in flight for three intervals of the groups."""
    quiet_since_s = time.monotonic()
    with contextlib.closing(sqlite3.connect(state_file, timeout=20)) as database:
        while time.monotonic() < quiet_since_s + 0.6:
            if database.execute("SELECT 1 FROM notices WHERE state = 'claimed'").fetchall():
                quiet_since_s = time.monotonic()
            time.sleep(0.02)


@pytest.mark.slow
@pytest.mark.timeout(60 + 20 * CRASHES)
def test_killed_between_claim_send_and_mark(tmp_path: Path, start: Callable[[str, str], Process]) -> None:
    """Everything is told at least once, and at most once more when the process is killed while it is being told."""
    print(f"FENGHUO_SEED={SEED} FENGHUO_CRASHES={CRASHES}")
    draw = random.Random(SEED)
    killer = Killer(draw)
    state_file = tmp_path / "state.db"
    url = f"sqlite:///{state_file}"
    copies: Counter[tuple[Moment, str, int]] = Counter()
    with Receiver(killer.answer) as receiver:
        process = start(url, receiver.url)
        for number in range(CRASHES):
            name, moment = f"Down{number}", draw.choice(list(Moment))
            victim = draw.choice(["firing", "resolved"])
            if victim == "resolved":
                process.say(f"fire {name}")
                wait_for(receiver, name, "firing")
                settle(state_file)  # It is the other notice that is in flight.
            killer.arm(process, moment)
            process.say(f"{'fire' if victim == 'firing' else 'end'} {name}")
            killer.strike()
            process = start(url, receiver.url)
            # What reports alerts reports them again.
            process.say(f"{'fire' if victim == 'firing' else 'end'} {name}")
            wait_for(receiver, name, victim)
            settle(state_file)
            if victim == "firing":
                process.say(f"end {name}")
                wait_for(receiver, name, "resolved")
                settle(state_file)
            copies[moment, victim, words(receiver, name).count(victim)] += 1
        for number in range(CRASHES):
            said = words(receiver, f"Down{number}")
            assert said == sorted(said), "nobody hears that it is over and then that it fires"
            assert sorted(Counter(said).items()) in (
                [("firing", 1), ("resolved", 1)],
                [("firing", 2), ("resolved", 1)],
                [("firing", 1), ("resolved", 2)],
            ), (number, said)
        process.kill()
    for (moment, victim, count), times in sorted(copies.items()):
        print(f"{times} × {victim} killed {moment}: {count} copies")
    assert all(count == 1 for moment, _, count in copies if moment is Moment.CLAIMED), "nothing had been sent"
    assert all(count == 2 for moment, _, count in copies if moment is Moment.ARRIVED), "whether it arrived is unknown"
