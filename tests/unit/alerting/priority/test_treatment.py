"""What the table says of an alert at a moment: told, kept, or counted as less urgent."""

from __future__ import annotations

import datetime as dt
from zoneinfo import ZoneInfo

import pytest

from fenghuo.alerting.priority.policy import Priorities
from fenghuo.alerting.priority.settings import PrioritiesSettings
from fenghuo.base.document import load_yaml, validate
from fenghuo.model.incident import Priority
from fenghuo.model.labels import EMPTY, Labels

SHANGHAI = ZoneInfo("Asia/Shanghai")
NIGHTS = """
  quiet_hours:
    - times: [{start_time: '22:00', end_time: '24:00'}, {start_time: '00:00', end_time: '08:00'}]
"""


def table(text: str) -> Priorities:
    found, problems = validate(PrioritiesSettings, load_yaml(text, "fenghuo.yml"))
    assert found is not None, [str(problem) for problem in problems]
    return Priorities(found)


def ms(moment: str) -> int:
    return round(dt.datetime.fromisoformat(moment).replace(tzinfo=SHANGHAI).timestamp() * 1000)


def shown(at_ms: int | None) -> str | None:
    return None if at_ms is None else dt.datetime.fromtimestamp(at_ms / 1000, SHANGHAI).strftime("%m-%d %H:%M")


def look(own: Priorities, moment: str, **labels: str) -> tuple[str, bool, tuple[str, ...], str | None]:
    found = own.at(Labels({"alertname": "Down", **labels}), ms(moment))
    return found.priority.value, found.held, found.why, shown(found.until_ms)


def test_without_rules_everything_is_told() -> None:
    assert look(table("{}"), "2026-11-21T03:00", severity="info") == ("P3", False, (), None)


@pytest.mark.parametrize(
    ("moment", "held", "until"),
    [
        ("2026-11-20T21:59", False, None),
        ("2026-11-20T22:00", True, "11-21 08:00"),
        ("2026-11-21T02:10", True, "11-21 08:00"),
        ("2026-11-21T08:00", False, None),
    ],
)
def test_quiet_hours_keep_until_they_end(moment: str, held: bool, until: str | None) -> None:
    own = table(f"P3: {NIGHTS}")
    assert look(own, moment, severity="info") == ("P3", held, ("P3 quiet_hours",) if held else (), until)
    assert look(own, moment, severity="warning") == ("P2", False, (), None)


def test_quiet_hours_are_in_the_zone_of_the_table_or_their_own() -> None:
    times = "times: [{start_time: '22:00', end_time: '24:00'}]"
    own = table(
        f"{{zone: UTC, P3: {{quiet_hours: [{{{times}}}]}}, P2: {{quiet_hours: [{{{times}, location: Asia/Tokyo}}]}}}}"
    )
    assert look(own, "2026-11-21T06:00", severity="info")[3] == "11-21 08:00"
    assert look(own, "2026-11-20T21:00", severity="warning")[3] == "11-20 23:00"


def test_quiet_hours_that_never_end_have_no_end() -> None:
    own = table("P3: {quiet_hours: [{}]}")
    assert look(own, "2026-11-21T06:00", severity="info") == ("P3", True, ("P3 quiet_hours",), None)
    assert own.kept_until(Priority.P3, EMPTY, ms("2026-11-21T06:00")) is None


def test_quiet_hours_follow_the_clocks_of_their_zone() -> None:
    """Berlin's clocks go back on the night to 25 October 2026: 06:00 comes an hour later."""
    own = table("P3: {quiet_hours: [{times: [{start_time: '00:00', end_time: '06:00'}], location: Europe/Berlin}]}")
    begun = dt.datetime(2026, 10, 25, 0, 30, tzinfo=ZoneInfo("Europe/Berlin"))
    found = own.at(Labels({"severity": "info"}), round(begun.timestamp() * 1000))
    assert found.until_ms == round(begun.replace(hour=6, minute=0).timestamp() * 1000)


SESSIONS = """
P1: {out_of_session: {market: SHFE.rb, what: downgrade}}
P2:
  quiet_hours: [{times: [{start_time: '00:00', end_time: '08:00'}]}]
P3: {in_session: {what: hold}}
"""
RB = {"exchange": "SHFE", "product": "rb2701"}


@pytest.mark.parametrize(
    ("moment", "labels", "expected"),
    [
        # The market of the settings, for an alert that names none: closed at noon, open at 14:00.
        (
            "2026-11-20T12:00",
            {"severity": "critical"},
            ("P2", False, ("P1 out_of_session SHFE.rb",), "11-20 13:30"),
        ),
        ("2026-11-20T14:00", {"severity": "critical"}, ("P1", False, (), None)),
        # What it counts as then falls into that priority's quiet hours; Saturday's night has no session.
        (
            "2026-11-21T02:00",
            {"severity": "critical"},
            ("P2", True, ("P1 out_of_session SHFE.rb", "P2 quiet_hours"), "11-21 08:00"),
        ),
        # Labels say which market is the alert's: gold trades until 02:30.
        ("2026-11-21T02:00", {"severity": "critical", "exchange": "SHFE", "product": "au"}, ("P1", False, (), None)),
        # A market of the labels that nobody knows leaves the one of the settings.
        (
            "2026-11-20T12:00",
            {"severity": "critical", "exchange": "NYSE"},
            ("P2", False, ("P1 out_of_session SHFE.rb",), "11-20 13:30"),
        ),
        # Kept while open: until the break of the morning.
        ("2026-11-20T10:00", {"severity": "info", **RB}, ("P3", True, ("P3 in_session SHFE.rb",), "11-20 10:15")),
        # Neither labels nor settings name a market.
        ("2026-11-20T10:00", {"severity": "info"}, ("P3", False, (), None)),
    ],
)
def test_sessions_keep_and_lower(
    moment: str, labels: dict[str, str], expected: tuple[str, bool, tuple[str, ...], str | None]
) -> None:
    own = table(SESSIONS)
    assert look(own, moment, **labels) == expected
    assert look(own, moment, **labels) == expected  # Also once it is remembered.


def test_lower_again_and_again() -> None:
    rule = "{out_of_session: {market: SSE, what: downgrade}}"
    own = table(f"{{P0: {rule}, P1: {rule}, P2: {rule}}}")
    found = look(own, "2026-11-21T12:00", severity="fatal")
    assert found[0] == "P3"
    assert found[2] == tuple(f"P{number} out_of_session SSE" for number in range(3))


def test_of_several_markets_one_open_is_enough() -> None:
    own = table("P1: {out_of_session: {market: [SSE, SHFE.au], what: hold}}")
    assert look(own, "2026-11-20T22:00", severity="critical")[1] is False
    assert look(own, "2026-11-20T12:00", severity="critical")[3] == "11-20 13:00"
    while_open = table("P1: {in_session: {market: [SSE, SHFE.au], what: hold}}")
    assert look(while_open, "2026-11-20T14:00", severity="critical")[3] == "11-20 15:00"


def test_a_hold_may_end_where_a_session_lowers_what_was_kept() -> None:
    """P1 is quiet in the evening, but counts as P2 while gold trades, which is never quiet."""
    own = table(f"P1:\n{NIGHTS}  in_session: {{market: SHFE.au, what: downgrade}}\nP2: {{}}")
    assert look(own, "2026-11-22T22:30", severity="page")[3] == "11-23 08:00"
    evening = "times: [{start_time: '18:00', end_time: '24:00'}]"
    own = table(f"{{P1: {{quiet_hours: [{{{evening}}}], in_session: {{market: SHFE.au, what: downgrade}}}}}}")
    assert look(own, "2026-11-20T18:00", severity="page")[3] == "11-20 21:00"
    assert look(own, "2026-11-20T21:00", severity="page")[:2] == ("P2", False)


def test_holds_that_touch_are_one_wait() -> None:
    """Closed from 15:00, quiet from 20:00 to 21:30: what happens at 19:00 is told when both are over."""
    own = table(
        "{P1: {out_of_session: {market: SHFE.rb, what: hold},"
        " quiet_hours: [{times: [{start_time: '20:00', end_time: '21:30'}]}]}}"
    )
    assert shown(own.kept_until(Priority.P1, EMPTY, ms("2026-11-20T19:00"))) == "11-20 21:30"
    assert own.kept_until(Priority.P1, EMPTY, ms("2026-11-20T14:00")) is None


def test_a_deadline_in_quiet_hours_begins_anew_after_them() -> None:
    own = table(f"P2: {NIGHTS}")
    labels = Labels({"severity": "warning"})
    for since, due in (("20T21:00", "11-20 21:30"), ("20T21:40", "11-21 08:30"), ("21T08:00", "11-21 08:30")):
        assert shown(own.answer_by_ms(own.of(labels), labels, ms(f"2026-11-{since}"))) == due


def test_deadlines_have_defaults_and_settings() -> None:
    own = table("{P1: {ack_within: 7m}}")
    assert [own.ack_within_ms(own.of(Labels({"severity": f"p{number}"}))) // 60_000 for number in range(4)] == [
        5,
        7,
        30,
        60,
    ]


def test_alerts_are_sorted_with_the_next_moment_of_change() -> None:
    own = table(SESSIONS)
    alerts = [Alert(Labels(each)) for each in ({"severity": "info", **RB}, {"severity": "fatal"}, {"severity": "page"})]
    found = own.sort_out(alerts, ms("2026-11-20T10:00"))
    assert (found.told, found.held, shown(found.again_ms)) == (alerts[1:], alerts[:1], "11-20 10:15")
    assert found.because == {"in_session": 1}
    assert not found.released
    later = own.sort_out(alerts, ms("2026-11-20T10:15"))
    assert (later.told, later.released, shown(later.again_ms)) == (alerts, True, "11-20 10:30")


class Alert:
    """Whatever has labels."""

    def __init__(self, labels: Labels) -> None:
        self.labels = labels
