"""Parameters are read as Prometheus reads them."""

from __future__ import annotations

import pytest
from starlette.requests import Request

from fenghuo.api.params import FORM_FIELDS, ParameterError, Params, parse_seconds_ms, parse_time_ms, read_params
from fenghuo.base.errors import InputError


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0", 0),
        ("1435781451.781", 1_435_781_451_781),
        ("1.5e9", 1_500_000_000_000),
        ("-1", -1000),
        ("2015-07-01T20:10:51.781Z", 1_435_781_451_781),
        ("2015-07-01T22:10:51+02:00", 1_435_781_451_000),
    ],
)
def test_times(text: str, expected: int) -> None:
    assert parse_time_ms(text) == expected


@pytest.mark.parametrize("text", ["", "now", "NaN", "Inf", "1e30", "2015-07-01", "2015-07-01T20:10:51"])
def test_what_is_no_time(text: str) -> None:
    with pytest.raises(InputError, match="to a valid timestamp"):
        parse_time_ms(text)


@pytest.mark.parametrize(("text", "expected"), [("15", 15_000), ("0.5", 500), ("1h30m", 5_400_000), ("15s", 15_000)])
def test_durations(text: str, expected: int) -> None:
    assert parse_seconds_ms(text) == expected


@pytest.mark.parametrize("text", ["", "5 m", "NaN", "1m1h"])
def test_what_is_no_duration(text: str) -> None:
    with pytest.raises(InputError, match="to a valid duration"):
        parse_seconds_ms(text)


def test_a_bad_parameter_is_named() -> None:
    with pytest.raises(ParameterError) as caught:
        Params([("time", "yesterday")]).time_ms("time", 0)

    assert caught.value.message == (
        'invalid parameter "time": Invalid time value for \'time\': cannot parse "yesterday" to a valid timestamp'
    )


def test_a_required_time_is_missed() -> None:
    with pytest.raises(ParameterError, match='invalid parameter "start"'):
        Params([]).time_ms("start", None)


@pytest.mark.parametrize("text", ["-1", "x", "1.5", "+-5", "9" * 5000, "５"])
def test_a_limit_is_a_count(text: str) -> None:
    with pytest.raises(ParameterError, match='invalid parameter "limit"'):
        Params([("limit", text)]).limit()


async def post(body: bytes) -> Params:
    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": body, "more_body": False}

    kind = (b"content-type", b"application/x-www-form-urlencoded")
    scope = {"type": "http", "method": "POST", "path": "/", "query_string": b"query=url", "headers": [kind]}
    return await read_params(Request(scope, receive))


@pytest.mark.anyio
async def test_a_form_goes_before_the_url() -> None:
    assert (await post(b"query=form&match[]=a&match[]=")).pairs == [
        ("query", "form"), ("match[]", "a"), ("match[]", ""), ("query", "url"),
    ]  # fmt: skip


@pytest.mark.anyio
async def test_a_form_of_nothing_but_separators_is_refused_unsplit() -> None:
    with pytest.raises(ParameterError, match="more than 10000 parameters"):
        await post(b"&" * FORM_FIELDS.default)
