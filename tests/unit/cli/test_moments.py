"""Moments as commands show them: never without the zone."""

from __future__ import annotations

import datetime as dt
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from typer.testing import CliRunner

from fenghuo.cli.main import app
from fenghuo.cli.moments import moment_ms, shown, zone_of

AT = "2027-02-08T02:10+08:00"
CONFIG = """
route: {receiver: duty}
receivers: [{name: duty, webhook_configs: [{url: 'http://duty'}]}]
"""


@pytest.fixture(params=["UTC", "America/St_Johns"])
def here(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The zone of the machine."""
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    time.tzset()


def test_a_moment_is_shown_in_the_zone_that_was_asked_for(here: str) -> None:
    assert shown(moment_ms(AT), zone_of(AT)) == "Mon 02-08 02:10+08:00"
    assert shown(moment_ms("2027-02-08T02:10Z"), zone_of("2027-02-08T02:10Z")) == "Mon 02-08 02:10+00:00"


def test_without_one_it_is_shown_in_that_of_the_machine(here: str) -> None:
    assert zone_of("") is None
    assert zone_of("2027-02-08T02:10") is None
    wanted = "Sun 02-07 18:10+00:00" if here == "UTC" else "Sun 02-07 14:40-03:30"
    assert shown(moment_ms(AT)) == wanted


def test_seconds_come_before_the_zone() -> None:
    east = dt.timezone(dt.timedelta(hours=8))
    assert shown(moment_ms("2027-02-08T02:10:07+08:00"), east, seconds=True) == "Mon 02-08 02:10:07+08:00"


def test_a_route_is_told_in_the_zone_of_its_moment(here: str, tmp_path: Path) -> None:
    (tmp_path / "fenghuo.yml").write_text(CONFIG)
    words = ["alerts", "route", "-l", "severity=critical", "--at", AT, "--config", str(tmp_path / "fenghuo.yml")]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 0, result.output
    assert 'P1 {severity="critical"} from Mon 02-08 02:10+08:00 on' in result.output
    assert "to be answered by Mon 02-08 02:" in result.output
    assert result.output.count("+08:00") == 3
