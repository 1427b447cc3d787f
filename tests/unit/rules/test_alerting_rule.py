"""The life of an alert, one evaluation after another."""

from __future__ import annotations

import datetime as dt

import pytest

from fenghuo.base.errors import InputError
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.reading import Reading, Watched
from fenghuo.rules.alerting_rule import AlertingRule
from fenghuo.rules.plan import RulePlan
from fenghuo.rules.restore import SavedState
from fenghuo.rules.views import AlertState
from fenghuo.trading import built_in_markets

from .conftest import Bench

MINUTE = 60_000
DOWN = [({"__name__": "up", "instance": "a"}, 0.0)]


def rule(
    labels: dict[str, str] | None = None, annotations: dict[str, str] | None = None, hold: int = 0, keep: int = 0
) -> AlertingRule:
    plan = RulePlan("Down", "up == 0", True, Labels(labels or {}), Labels(annotations or {}), hold, keep)
    return AlertingRule(plan, Labels({"region": "cn"}), "http://f:9470")


def run(alerting: AlertingRule, bench: Bench, answer: list[tuple[dict[str, str], float]], at: int) -> list[str]:
    """Evaluate; the states of the active alerts."""
    bench.answers["up == 0"] = answer
    alerting.evaluate(bench.query, at, 0)
    return [alert.state.value for alert in alerting.active_views()]


def test_waits_fires_and_ends(bench: Bench) -> None:
    alerting = rule(hold=2 * MINUTE)
    assert run(alerting, bench, DOWN, 0) == ["pending"]
    assert alerting.take_due(0, MINUTE) == []
    assert run(alerting, bench, DOWN, MINUTE) == ["pending"]
    assert run(alerting, bench, DOWN, 2 * MINUTE) == ["firing"]
    (told,) = alerting.take_due(2 * MINUTE, MINUTE)
    assert (told.starts_at_ms, told.ends_at_ms) == (2 * MINUTE, 6 * MINUTE)
    assert run(alerting, bench, [], 3 * MINUTE) == []
    (ended,) = alerting.take_due(3 * MINUTE, MINUTE)
    assert (ended.starts_at_ms, ended.ends_at_ms) == (2 * MINUTE, 3 * MINUTE)


def test_a_clock_that_was_set_back_keeps_nothing_waiting(bench: Bench) -> None:
    alerting, hour = rule(hold=2 * MINUTE), 60 * MINUTE
    assert run(alerting, bench, DOWN, hour) == ["pending"]
    assert run(alerting, bench, DOWN, hour + MINUTE) == ["pending"]
    assert run(alerting, bench, DOWN, 0) == ["pending"]
    assert run(alerting, bench, DOWN, MINUTE) == ["firing"]
    (told,) = alerting.take_due(MINUTE, MINUTE)
    assert (told.starts_at_ms, told.ends_at_ms) == (MINUTE, 5 * MINUTE)
    run(alerting, bench, DOWN, hour)
    assert len(alerting.take_due(hour, MINUTE)) == 1
    run(alerting, bench, DOWN, MINUTE)
    assert alerting.take_due(MINUTE, MINUTE) == [], "it was told a moment ago"
    run(alerting, bench, DOWN, 3 * MINUTE)
    (again,) = alerting.take_due(3 * MINUTE, MINUTE)
    assert again.starts_at_ms <= MINUTE, "nothing begins in the future"
    assert again.ends_at_ms == 7 * MINUTE
    run(alerting, bench, [], 4 * MINUTE)
    (ended,) = alerting.take_due(4 * MINUTE, MINUTE)
    assert ended.ends_at_ms == 4 * MINUTE


def test_a_pending_alert_that_goes_is_forgotten_and_never_told(bench: Bench) -> None:
    alerting = rule(hold=2 * MINUTE)
    run(alerting, bench, DOWN, 0)
    assert run(alerting, bench, [], MINUTE) == []
    assert run(alerting, bench, DOWN, 2 * MINUTE) == ["pending"]
    assert run(alerting, bench, DOWN, 3 * MINUTE) == ["pending"]
    assert alerting.take_due(3 * MINUTE, MINUTE) == []


def test_what_is_told_carries_the_value_and_what_it_was_held_against(bench: Bench) -> None:
    asked: list[str] = []

    def watch(expr: str) -> Watched:
        asked.append(expr)
        return Watched("up", "==", 0.0)

    plan = RulePlan("Down", "up == 0", True, EMPTY, EMPTY, 0, 0)
    alerting = AlertingRule(plan, EMPTY, "http://f:9470", watch=watch)
    assert asked == [], "rules that tell nothing cost nothing"
    for at in (0, 2 * MINUTE):
        run(alerting, bench, DOWN, at)
        (told,) = alerting.take_due(at, MINUTE)
        assert told.reading == Reading(0.0, Watched("up", "==", 0.0))
    assert asked == ["up == 0"]


def test_a_value_that_means_nothing_is_not_told(bench: Bench) -> None:
    plan = RulePlan("Gone", "up == 0", True, EMPTY, EMPTY, 0, 0)
    alerting = AlertingRule(plan, EMPTY, "http://f:9470", watch=lambda expr: None)
    run(alerting, bench, DOWN, 0)
    (told,) = alerting.take_due(0, MINUTE)
    assert told.reading is None


def test_told_again_after_the_resend_delay_only(bench: Bench) -> None:
    alerting = rule()
    told = []
    for at in range(0, 200_000, 15_000):
        run(alerting, bench, DOWN, at)
        told += [at for _ in alerting.take_due(at, 15_000)]
    assert told == [0, 75_000, 150_000]


def test_an_end_is_told_again_for_fifteen_minutes(bench: Bench) -> None:
    alerting = rule()
    run(alerting, bench, DOWN, 0)
    alerting.take_due(0, MINUTE)
    told = []
    for at in range(MINUTE, 25 * MINUTE, MINUTE):
        run(alerting, bench, [], at)
        told += [(at // MINUTE, alert.ends_at_ms) for alert in alerting.take_due(at, MINUTE)]
    assert [at for at, _ in told] == [1, 3, 5, 7, 9, 11, 13, 15]
    assert {end for _, end in told} == {MINUTE}


def test_keep_firing_for_bridges_a_gap(bench: Bench) -> None:
    alerting = rule(keep=3 * MINUTE)
    run(alerting, bench, DOWN, 0)
    assert run(alerting, bench, [], MINUTE) == ["firing"]
    assert alerting.active_views()[0].keep_firing_since_ms == MINUTE
    assert run(alerting, bench, DOWN, 2 * MINUTE) == ["firing"]
    assert alerting.active_views()[0].keep_firing_since_ms is None
    states = [run(alerting, bench, [], at * MINUTE) for at in (3, 4, 5, 6)]
    assert states == [["firing"], ["firing"], ["firing"], []]


def test_an_alert_that_comes_back_starts_anew(bench: Bench) -> None:
    alerting = rule()
    run(alerting, bench, DOWN, 0)
    alerting.take_due(0, MINUTE)
    run(alerting, bench, [], MINUTE)
    run(alerting, bench, DOWN, 2 * MINUTE)
    (told,) = alerting.take_due(2 * MINUTE, MINUTE)
    assert told.starts_at_ms == 2 * MINUTE


def test_labels_and_annotations_are_templates(bench: Bench) -> None:
    alerting = rule(
        labels={"severity": "{{ if lt $value 1.0 }}critical{{ else }}info{{ end }}", "instance": ""},
        annotations={
            "summary": "{{ $labels.instance }} in {{ $externalLabels.region }} is {{ $value | humanize }}",
            "link": "{{ $externalURL }} {{ query `x` | first | value }}",
            "broken": "{{ $labels.instance.nothing }}",
        },
    )
    bench.answers["x"] = [({}, 1.5)]
    run(alerting, bench, DOWN, 0)
    (told,) = alerting.take_due(0, MINUTE)
    assert told.labels == Labels({"alertname": "Down", "instance": "a", "region": "cn", "severity": "critical"})
    assert told.annotations["summary"] == "a in cn is 0"
    assert told.annotations["link"] == "http://f:9470 1.5"
    assert told.annotations["broken"].startswith("<error expanding template: __alert_Down:1:")
    assert told.generator_url == "http://f:9470/graph?g0.expr=up+%3D%3D+0&g0.tab=1"


def test_a_label_that_follows_the_value_makes_another_alert(bench: Bench) -> None:
    alerting = rule(labels={"team": "{{ $labels.instance }}s", "level": "{{ $value }}"})
    seen = []
    for at, value in enumerate((0.0, 0.0, 1.0)):
        run(alerting, bench, [({"__name__": "up", "instance": "a"}, value)], at * MINUTE)
        seen.append([(alert.labels["team"], alert.labels["level"]) for alert in alerting.active_views()])
    assert seen == [[("as", "0")], [("as", "0")], [("as", "1")]]


def test_the_labels_of_an_alert_are_those_of_its_own_series_at_every_evaluation(bench: Bench) -> None:
    alerting = rule(labels={"team": "{{ $labels.instance }}s"})
    seen = []
    for at, names in enumerate(("ab", "b", "cb")):
        run(alerting, bench, [({"__name__": "up", "instance": name}, 0.0) for name in names], at * MINUTE)
        seen.append(sorted(str(alert.labels) for alert in alerting.active_views()))
    both = {name: f'{{alertname="Down", instance="{name}", team="{name}s"}}' for name in "abc"}
    assert seen == [[both["a"], both["b"]], [both["b"]], [both["b"], both["c"]]]


def test_samples_say_what_is_active_and_since_when(bench: Bench) -> None:
    alerting = rule(hold=MINUTE)
    bench.answers["up == 0"] = DOWN
    assert {str(labels): value for labels, value in alerting.evaluate(bench.query, 5000, 0).items()} == {
        'ALERTS{alertname="Down", alertstate="pending", instance="a"}': 1.0,
        'ALERTS_FOR_STATE{alertname="Down", instance="a"}': 5.0,
    }


def test_a_query_that_fails_changes_nothing(bench: Bench) -> None:
    alerting = rule()
    run(alerting, bench, DOWN, 0)
    bench.answers.clear()
    with pytest.raises(InputError, match="no such series"):
        alerting.evaluate(bench.query, MINUTE, 0)
    assert [alert.state for alert in alerting.active_views()] == [AlertState.FIRING]


def test_two_elements_that_become_one_alert_are_an_error(bench: Bench) -> None:
    alerting = rule(labels={"instance": "same"})
    bench.answers["up == 0"] = [({"instance": "a"}, 0.0), ({"instance": "b"}, 0.0)]
    with pytest.raises(InputError, match="same labels"):
        alerting.evaluate(bench.query, 0, 0)


def test_over_the_limit_all_are_forgotten(bench: Bench) -> None:
    alerting = rule()
    bench.answers["up == 0"] = [({"instance": "a"}, 0.0), ({"instance": "b"}, 0.0)]
    with pytest.raises(InputError, match="exceeded limit of 1 with 2 alerts"):
        alerting.evaluate(bench.query, 0, 1)
    assert alerting.active_views() == ()


HOUR = 60 * MINUTE


@pytest.mark.parametrize(
    ("hold", "seen", "active_at", "now", "want_active_at", "want_firing"),
    [
        # It was firing: it goes on from where it was, whatever its `for`.
        (0, 10 * MINUTE, 5 * MINUTE, 12 * MINUTE, 5 * MINUTE, True),
        (5 * MINUTE, 10 * MINUTE, 5 * MINUTE, 12 * MINUTE, 5 * MINUTE, True),
        (HOUR, 90 * MINUTE, 0, 100 * MINUTE, 0, True),
        # It was pending: the time that nobody watched does not count.
        (5 * MINUTE, 10 * MINUTE, 8 * MINUTE, 12 * MINUTE, 10 * MINUTE, False),
        (HOUR, 30 * MINUTE, 0, 50 * MINUTE, 20 * MINUTE, False),
        # With a long `for` and little left, it gets the grace period of ten minutes.
        (HOUR, 55 * MINUTE, 0, 58 * MINUTE, 8 * MINUTE, False),
    ],
)
def test_restoring(
    bench: Bench, hold: int, seen: int, active_at: int, now: int, want_active_at: int, want_firing: bool
) -> None:
    alerting = rule(hold=hold)
    alerting.restore_from({Labels({"alertname": "Down", "instance": "a"}): SavedState(seen, active_at)})
    assert run(alerting, bench, DOWN, now) == ["firing" if want_firing else "pending"]
    assert alerting.active_views()[0].active_at_ms == want_active_at
    assert [told.starts_at_ms for told in alerting.take_due(now, MINUTE)] == ([active_at + hold] if want_firing else [])


def test_an_alert_without_saved_state_starts_now(bench: Bench) -> None:
    alerting = rule(hold=5 * MINUTE)
    alerting.restore_from({EMPTY: SavedState(0, 0)})
    run(alerting, bench, DOWN, HOUR)
    assert alerting.active_views()[0].active_at_ms == HOUR


def beijing(text: str) -> int:
    return round(dt.datetime.fromisoformat(f"{text}+08:00").timestamp() * 1000)


def in_session(market: str, hold: int = 0) -> AlertingRule:
    plan = RulePlan("Down", "up == 0", True, EMPTY, EMPTY, hold, 0, market)
    return AlertingRule(plan, EMPTY, "http://f:9470", built_in_markets().market)


@pytest.mark.parametrize(
    ("market", "active", "fires"),
    [
        ("SHFE.rb", "2026-11-20T09:00", "2026-11-20T09:30"),
        ("SHFE.rb", "2026-11-20T10:05", "2026-11-20T10:50"),  # The break from 10:15 to 10:30 does not count.
        ("SHFE.rb", "2026-11-20T11:10", "2026-11-20T13:40"),  # Nor does lunch,
        ("SHFE.rb", "2026-11-20T14:50", "2026-11-20T21:20"),  # nor the time up to Friday's night session,
        ("SHFE.rb", "2026-11-20T22:50", "2026-11-23T09:20"),  # nor a weekend,
        ("SHFE.rb", "2026-09-30T14:50", "2026-10-08T09:20"),  # nor a holiday, on whose eve there is no night session.
        ("SSE", "2026-11-20T14:50", "2026-11-23T09:50"),
    ],
)
def test_for_does_not_count_the_time_in_which_the_market_is_closed(
    bench: Bench, market: str, active: str, fires: str
) -> None:
    alerting = in_session(market, hold=30 * MINUTE)
    at = beijing(active)
    while run(alerting, bench, DOWN, at) != ["firing"]:
        at += MINUTE
    assert at == beijing(fires)


def test_while_the_market_is_closed_nothing_is_asked_and_nothing_begins_or_ends(bench: Bench) -> None:
    alerting = in_session("SSE")
    assert run(alerting, bench, DOWN, beijing("2026-11-20T08:00")) == []
    assert bench.asked == []
    assert run(alerting, bench, DOWN, beijing("2026-11-20T11:29")) == ["firing"]
    closed = beijing("2026-11-20T12:00")
    assert run(alerting, bench, [], closed) == ["firing"]
    (told,) = alerting.take_due(closed, MINUTE)
    assert told.ends_at_ms == closed + 4 * MINUTE
    assert run(alerting, bench, [], beijing("2026-11-20T13:00")) == []


def test_a_restart_while_the_market_is_closed_keeps_what_was(bench: Bench) -> None:
    alerting = in_session("SSE", hold=30 * MINUTE)
    seen = beijing("2026-11-20T12:00")
    since = {"a": beijing("2026-11-20T10:30"), "b": beijing("2026-11-20T11:15")}
    alerting.restore_from(
        {Labels({"alertname": "Down", "instance": name}): SavedState(seen, at) for name, at in since.items()}
    )
    assert run(alerting, bench, [], seen + MINUTE) == ["firing", "pending"]
    alerting.end_restoring(seen + 2 * MINUTE)
    assert next(alert.active_at_ms for alert in alerting.active_views()) == since["a"]
    assert run(alerting, bench, [], beijing("2026-11-20T13:00")) == []
