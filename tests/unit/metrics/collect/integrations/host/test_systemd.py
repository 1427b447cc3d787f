"""Units and their states."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.collect.integrations.host.collector import Collector, Host
from fenghuo.metrics.collect.integrations.host.systemd import SystemdCollector

MakeHost = Callable[..., Host]
Collected = Callable[[Collector], dict[str, float]]

SHOWN = """\
Type=notify
Id=nginx.service
LoadState=loaded
ActiveState=failed

Id=logrotate.timer
LoadState=loaded
ActiveState=active

Id=gone.service
LoadState=not-found
ActiveState=inactive
Type=simple

Id=-.mount
LoadState=loaded
ActiveState=active
"""
RUNNING = {"run/systemd/system/.keep": ""}


def test_each_loaded_unit_is_in_one_of_five_states(make_host: MakeHost, collected: Collected) -> None:
    found = collected(SystemdCollector(make_host(RUNNING), lambda: SHOWN))
    assert {series for series, value in found.items() if value and "unit_state" in series} == {
        'node_systemd_unit_state{name="nginx.service", state="failed", type="notify"}',
        'node_systemd_unit_state{name="logrotate.timer", state="active", type=""}',
    }
    assert sum("unit_state" in series for series in found) == 10
    assert found['node_systemd_units{state="failed"}'] == 1
    assert found['node_systemd_units{state="active"}'] == 2


@pytest.mark.anyio
async def test_systemctl_is_asked_again_after_the_interval_only(
    make_host: MakeHost, collected: Collected, clock: ManualClock
) -> None:
    asked: list[int] = []

    def run() -> str:
        asked.append(clock.now_ms())
        return SHOWN

    collector = SystemdCollector(make_host(RUNNING), run)
    for seconds in (0, 59, 1, 30):
        await clock.advance(seconds)
        collected(collector)
    assert len(asked) == 2


@pytest.mark.parametrize("files", [{}, RUNNING])
def test_without_systemd_or_switched_off_there_is_nothing(
    make_host: MakeHost, collected: Collected, files: dict[str, str]
) -> None:
    collector = SystemdCollector(make_host(files, systemd=not files), lambda: SHOWN)
    with pytest.raises(FileNotFoundError):
        collected(collector)
