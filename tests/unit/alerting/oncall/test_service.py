"""Overrides and swaps: what people may change, and that it survives a restart."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator
from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from fenghuo.alerting.oncall.service import OVERRIDES, OnCall
from fenghuo.alerting.oncall.settings import OnCallSettings
from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import InputError
from fenghuo.state import State, open_state

SETTINGS = OnCallSettings.model_validate(
    {
        "people": {"zhang": {}, "li": {}, "wang": {}},
        "schedules": {
            "primary": {"layers": [{"people": ["zhang", "li"], "rotation": "weekly", "start": "2026-11-16"}]}
        },
    }
)


def at(text: str) -> int:
    return round(dt.datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Asia/Shanghai")).timestamp() * 1000)


@pytest.fixture
def state() -> Iterator[State]:
    with open_state("sqlite://") as opened:
        yield opened


@pytest.fixture
def duty(state: State) -> OnCall:
    return OnCall(state.overrides, ManualClock(at("2026-11-18T12:00")), SETTINGS)


def test_an_override_holds_and_survives(duty: OnCall, state: State) -> None:
    made = duty.override("primary", "wang", at("2026-11-19T00:00"), at("2026-11-20T00:00"), "li")
    for service in (duty, OnCall(state.overrides, ManualClock(at("2026-11-19T12:00")), SETTINGS)):
        assert service.who("primary", at("2026-11-18T23:59")) == "zhang"
        assert service.who("primary", at("2026-11-19T00:00")) == "wang"
        assert service.overrides() == [made]
    duty.cancel(made.id)
    assert duty.who("primary", at("2026-11-19T00:00")) == "zhang"
    with pytest.raises(InputError, match="no override"):
        duty.cancel(made.id)


def test_a_swap_exchanges_two_whole_shifts(duty: OnCall) -> None:
    duty.swap("primary", at("2026-11-20T00:00"), at("2026-11-25T00:00"), "zhang")
    assert [
        (shift.start_ms, shift.person)
        for shift in duty.shifts("primary", at("2026-11-17T00:00"), at("2026-12-08T00:00"))
    ] == [
        (at("2026-11-17T00:00"), "li"),
        (at("2026-11-23T10:00"), "zhang"),
        (at("2026-11-30T10:00"), "zhang"),
        (at("2026-12-07T10:00"), "li"),
    ]


def test_an_override_of_long_ago_is_forgotten_at_a_start(duty: OnCall, state: State) -> None:
    duty.override("primary", "wang", at("2026-11-19T00:00"), at("2026-11-20T00:00"), "li")
    OnCall(state.overrides, ManualClock(at("2028-01-01T00:00")), SETTINGS)
    assert state.overrides.load() == []


@pytest.mark.parametrize(
    ("schedule", "person", "start", "end", "message"),
    [
        ("primry", "wang", "2026-11-19T00:00", "2026-11-20T00:00", "did you mean 'primary'"),
        ("primary", "wnag", "2026-11-19T00:00", "2026-11-20T00:00", "did you mean 'wang'"),
        ("primary", "wang", "2026-11-19T00:00", "2026-11-19T00:00", "ends after it begins"),
        ("primary", "wang", "2026-11-17T00:00", "2026-11-18T00:00", "over already"),
    ],
)
def test_what_cannot_be(duty: OnCall, schedule: str, person: str, start: str, end: str, message: str) -> None:
    with pytest.raises(InputError) as refused:
        duty.override(schedule, person, at(start), at(end), "li")
    assert message in f"{refused.value} {refused.value.remedy}"


def test_a_swap_with_oneself_and_with_nobody(duty: OnCall) -> None:
    with pytest.raises(InputError, match="has both shifts"):
        duty.swap("primary", at("2026-11-20T00:00"), at("2026-12-01T00:00"), "zhang")
    with pytest.raises(InputError, match="nobody is on call"):
        duty.swap("primary", at("2026-11-01T00:00"), at("2026-11-20T00:00"), "zhang")


def test_overrides_have_a_limit(duty: OnCall, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fenghuo.alerting.oncall.service.OVERRIDES", replace(OVERRIDES, default=1))
    span = (at("2026-11-19T00:00"), at("2026-11-20T00:00"))
    duty.override("primary", "wang", *span, "li")
    with pytest.raises(InputError, match="overrides already"):
        duty.override("primary", "wang", *span, "li")
