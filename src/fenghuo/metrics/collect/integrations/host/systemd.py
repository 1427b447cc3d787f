"""States of systemd's units, asked with systemctl."""

from __future__ import annotations

import shutil
import subprocess
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from fenghuo.base.errors import OperatingError
from fenghuo.metrics.collect.integrations.host.collector import Host, excluded
from fenghuo.metrics.collect.integrations.recorder import Recorder

_TIMEOUT_S: Final = 5.0
_STATES: Final = ("activating", "active", "deactivating", "failed", "inactive")
_SHOW: Final = ("show", "--all", "--property=Id,LoadState,ActiveState,Type", "--", "*")


@dataclass(frozen=True, slots=True)
class Unit:
    name: str
    state: str
    type: str
    """A service's type (``simple``, ``notify`` …); empty for other units."""


class SystemdCollector:
    """``node_systemd_unit_state{name,state,type}`` and ``node_systemd_units{state}``; nothing without systemd.

    systemctl takes tens of milliseconds, so its answer is used again for the interval of the settings.
    """

    def __init__(self, host: Host, run: Callable[[], str] | None = None) -> None:
        self._host = host
        self._run = run or _systemctl
        self._units: list[Unit] = []
        self._asked_s: float | None = None

    def collect(self, out: Recorder) -> None:
        settings = self._host.settings
        if not settings.systemd or not (self._host.root / "run/systemd/system").is_dir():
            raise FileNotFoundError("this host is not run by systemd, or systemd is switched off")
        now_s = self._host.clock.monotonic_s()
        if self._asked_s is None or now_s - self._asked_s >= settings.systemd_interval_ms / 1000:
            self._units = list(_units(self._run()))
            self._asked_s = now_s
        states = out.gauge("node_systemd_unit_state", "1 for the state that the unit is in, 0 for the others.")
        for unit in self._units:
            if not excluded(settings.systemd_units_exclude, unit.name):
                for state in _STATES:
                    states.add(float(unit.state == state), name=unit.name, state=state, type=unit.type)
        total = out.gauge("node_systemd_units", "Units by state.")
        counts = Counter(unit.state for unit in self._units)
        for state in _STATES:
            total.add(counts[state], state=state)


def _units(text: str) -> Iterator[Unit]:
    """The loaded units in what ``systemctl show`` prints: lines ``Key=value``, a blank line between two units."""
    for block in text.strip().split("\n\n"):
        said = dict(line.split("=", 1) for line in block.splitlines() if "=" in line)
        if said.get("LoadState") == "loaded":
            name = said["Id"]
            yield Unit(name, said["ActiveState"], said.get("Type", "") if name.endswith(".service") else "")


def _systemctl() -> str:
    program = shutil.which("systemctl")
    if program is None:
        raise FileNotFoundError("there is no systemctl in the search path")
    try:
        done = subprocess.run(  # noqa: S603 - fixed arguments, no shell, nothing that an outsider says.
            [program, *_SHOW], capture_output=True, timeout=_TIMEOUT_S, check=True, text=True, errors="replace"
        )
    except subprocess.TimeoutExpired as error:
        raise OperatingError(f"systemctl did not answer within {_TIMEOUT_S:g} s", retryable=True) from error
    except subprocess.CalledProcessError as error:
        raise OperatingError(f"systemctl failed: {error.stderr.strip()[:200]}", retryable=True) from error
    return done.stdout
