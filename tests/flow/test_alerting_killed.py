"""A real process, a real HTTP receiver, and SIGKILL at any moment: who has to know, knows."""

from __future__ import annotations

import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from accept.receiver import Receiver

PROCESS = Path(__file__).with_name("alerting_process.py")


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


@pytest.mark.slow
@pytest.mark.timeout(300)
def test_killed_at_any_moment(tmp_path: Path, receiver: Receiver, start: Callable[[str, str], Process]) -> None:
    """Every alert is told at least once, and at most one copy more for each kill."""
    draw = random.Random(7)
    url = f"sqlite:///{tmp_path / 'state.db'}"
    rounds = 4
    for number in range(rounds):
        process = start(url, receiver.url)
        process.say(f"fire Down{number}")
        time.sleep(draw.uniform(0.0, 0.25))  # Around group_wait, when the notice is on its way.
        process.kill()
        # The rule reports again, as it would; then the alert must get through.
        process = start(url, receiver.url)
        process.say(f"fire Down{number}")
        wait_for(receiver, f"Down{number}", "firing")
        process.kill()
    counts = Counter({f"Down{number}": len(words(receiver, f"Down{number}")) for number in range(rounds)})
    assert all(1 <= count <= 3 for count in counts.values()), counts
