"""``fenghuo trading``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fenghuo.base.errors import InputError
from fenghuo.cli.trading import trading_app


def run(*words: str) -> tuple[int, str]:
    result = CliRunner().invoke(trading_app, words)
    if isinstance(result.exception, InputError):
        raise result.exception
    return result.exit_code, result.output


def rows(*words: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(run(*words, "--output", "json")[1])
    return found


def test_a_market_in_its_night_session() -> None:
    assert rows("SHFE.au", "--at", "2026-11-21T02:10+08:00") == [
        {
            "market": "SHFE.au",
            "open": True,
            "trading_day": "2026-11-23",
            "closes": "2026-11-21T02:30+08:00",
            "opens": "2026-11-23T09:00+08:00",
            "holidays_known": True,
        }
    ]


def test_the_exit_code_says_whether_what_was_named_is_open() -> None:
    assert run("SSE", "--at", "2026-11-20T10:00+08:00")[0] == 0
    assert run("SSE", "CFFEX.T", "--at", "2026-11-20T15:10+08:00")[0] == 1
    assert run("--at", "2026-11-21T12:00+08:00")[0] == 0


def test_the_sessions_over_a_holiday() -> None:
    (row,) = rows("SHFE.rb", "--at", "2026-09-30T14:00+08:00", "--days", "9")
    assert [(each["opens"], each["trading_day"], each["night"]) for each in row["sessions"]] == [
        ("2026-09-30T13:30+08:00", "2026-09-30", False),
        ("2026-10-08T09:00+08:00", "2026-10-08", False),
        ("2026-10-08T10:30+08:00", "2026-10-08", False),
        ("2026-10-08T13:30+08:00", "2026-10-08", False),
        ("2026-10-08T21:00+08:00", "2026-10-09", True),
        ("2026-10-09T09:00+08:00", "2026-10-09", False),
        ("2026-10-09T10:30+08:00", "2026-10-09", False),
        ("2026-10-09T13:30+08:00", "2026-10-09", False),
    ]
    assert (
        "2026-10-08T21:00+08:00 – 2026-10-08T23:00+08:00  for 2026-10-09  night"
        in run("SHFE.rb", "--at", "2026-09-30T14:00+08:00", "--days", "9")[1]
    )


def test_a_year_that_is_not_known_is_said() -> None:
    code, text = run("SSE", "--at", "2031-10-01T10:00+08:00")
    assert code == 0
    assert "holidays of 2031 are not known" in text


def test_exchanges_of_a_configuration(tmp_path: Path) -> None:
    config = tmp_path / "fenghuo.yml"
    config.write_text("trading: {hours: {noon: ['12:00-13:00']}, exchanges: {OTC: {day: noon}}}\n")
    assert rows("OTC", "--at", "2026-11-20T12:30+08:00", "--config", str(config))[0]["open"]
    config.write_text("trading: {exchanges: {OTC: {day: noon}}}\n")
    with pytest.raises(InputError, match="unknown hours 'noon'"):
        run("OTC", "--config", str(config))


@pytest.mark.parametrize(
    ("words", "message"), [(["SHFE.xx"], "unknown market"), (["--at", "yesterday"], "is not a moment")]
)
def test_wrong_use(words: list[str], message: str) -> None:
    with pytest.raises(InputError, match=message):
        run(*words)
