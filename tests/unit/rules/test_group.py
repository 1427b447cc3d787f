"""One group over several evaluations: what it writes, tells, restores and shows."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.guard import Guard
from fenghuo.model.labels import EMPTY, Labels
from fenghuo.rules import RuleHealth
from fenghuo.rules.group import Group
from fenghuo.rules.metrics import RuleMetrics
from fenghuo.rules.plan import GroupPlan, RulePlan

from .conftest import STALE, Bench

MINUTE = 60_000


def record(name: str, expr: str, **labels: str) -> RulePlan:
    return RulePlan(name, expr, False, Labels(labels), EMPTY, 0, 0)


def alert(name: str, expr: str, hold_ms: int = 0) -> RulePlan:
    return RulePlan(name, expr, True, EMPTY, EMPTY, hold_ms, 0)


class Maker:
    def __init__(self, bench: Bench, registry: CollectorRegistry) -> None:
        self.bench = bench
        self.registry = registry
        self._metrics = RuleMetrics(registry)
        self._guard = Guard(registry)

    def __call__(self, *rules: RulePlan, restore: bool = False, offset_ms: int = 0, limit: int = 0) -> Group:
        plan = GroupPlan("f.yml", "g", MINUTE, offset_ms, limit, rules, EMPTY, "http://f")
        self._metrics.started(plan.key, len(rules), MINUTE)
        return Group(plan, self.bench.ports, self._metrics, self._guard, restore=restore)

    def metric(self, name: str) -> float | None:
        return self.registry.get_sample_value(f"fenghuo_rule_{name}", {"group": "f.yml;g"})


@pytest.fixture
def make(bench: Bench, registry: CollectorRegistry) -> Maker:
    return Maker(bench, registry)


def test_records_under_another_name_and_marks_what_ends(make: Maker, bench: Bench) -> None:
    group = make(record("job:up:sum", "sum by (job)(up)", team="ops"))
    bench.answers["sum by (job)(up)"] = [({"job": "a"}, 1.0), ({"job": "b"}, 2.0)]
    group.evaluate(1000)
    bench.answers["sum by (job)(up)"] = [({"job": "b"}, 3.0)]
    group.evaluate(2000)
    group.evaluate(3000)
    assert bench.store.of('job:up:sum{job="a", team="ops"}') == {1000: 1.0, 2000: STALE}
    assert bench.store.of('job:up:sum{job="b", team="ops"}') == {1000: 2.0, 2000: 3.0, 3000: 3.0}


def test_a_change_of_state_ends_the_older_series(make: Maker, bench: Bench) -> None:
    group = make(alert("A", "x", hold_ms=1000))
    bench.answers["x"] = [({}, 1.0)]
    for time_ms in (1000, 2000, 3000):
        group.evaluate(time_ms)
    assert bench.store.of('ALERTS{alertname="A", alertstate="pending"}') == {1000: 1.0, 2000: STALE}
    assert bench.store.of('ALERTS{alertname="A", alertstate="firing"}') == {2000: 1.0, 3000: 1.0}
    assert bench.store.of('ALERTS_FOR_STATE{alertname="A"}') == {1000: 1.0, 2000: 1.0, 3000: 1.0}


def test_the_query_offset_moves_questions_and_answers(make: Maker, bench: Bench) -> None:
    group = make(record("r", "x"), alert("A", "x"), offset_ms=5000)
    bench.answers["x"] = [({}, 1.0)]
    group.evaluate(60_000)
    assert bench.asked == [("x", 55_000), ("x", 55_000)]
    assert bench.store.of("r") == {55_000: 1.0}
    assert bench.sent[0].starts_at_ms == 60_000


def test_one_rule_fails_alone(make: Maker, bench: Bench) -> None:
    group = make(record("bad", "missing"), record("two", "two"), record("good", "x"))
    bench.answers |= {"x": [({}, 1.0)], "two": [({"__name__": "a"}, 1.0), ({"__name__": "b"}, 1.0)]}
    group.evaluate(1000)
    assert [rule.health for rule in group.view.rules] == [RuleHealth.ERROR, RuleHealth.ERROR, RuleHealth.OK]
    assert "no such series" in group.view.rules[0].last_error
    assert "same labels" in group.view.rules[1].last_error
    assert bench.store.of("good") == {1000: 1.0}
    assert (make.metric("evaluations_total"), make.metric("evaluation_failures_total")) == (3.0, 2.0)
    bench.answers["missing"] = []
    group.evaluate(2000)
    assert (group.view.rules[0].health, group.view.rules[0].last_error) == (RuleHealth.OK, "")


def test_an_unforeseen_fault_is_that_rules_alone(make: Maker, bench: Bench) -> None:
    group = make(record("bad", "x"), record("good", "y"))
    bench.answers |= {"x": [({}, "not a number")], "y": [({}, 1.0)]}  # type: ignore[dict-item]
    group.evaluate(1000)
    assert [rule.health for rule in group.view.rules] == [RuleHealth.ERROR, RuleHealth.OK]


def test_a_full_disk_does_not_keep_an_alert_from_being_told(make: Maker, bench: Bench) -> None:
    group = make(alert("A", "x"))
    bench.answers["x"] = [({}, 1.0)]
    bench.store.broken = True
    group.evaluate(1000)
    assert [told.name for told in bench.sent] == ["A"]
    assert "disk full" in group.view.rules[0].last_error
    bench.store.broken = False
    group.evaluate(2000)
    assert bench.store.of('ALERTS{alertname="A", alertstate="firing"}') == {2000: 1.0}


def test_a_failure_that_lasts_is_logged_once_and_so_is_its_end(
    make: Maker, bench: Bench, caplog: pytest.LogCaptureFixture
) -> None:
    group = make(alert("A", "x"))
    bench.answers["x"] = [({}, 1.0)]
    for time_ms in range(0, 6000, 1000):
        bench.store.broken = 1000 <= time_ms < 4000
        with caplog.at_level("INFO"):
            group.evaluate(time_ms)
    assert [record.levelname for record in caplog.records] == ["WARNING", "INFO"]
    assert "rule A of group" in caplog.text
    assert "disk full" in caplog.text
    assert "works again" in caplog.text


def test_a_pipeline_that_refuses_is_offered_the_alert_again(make: Maker, bench: Bench) -> None:
    group = make(alert("A", "x"))
    bench.answers["x"] = [({}, 1.0)]
    bench.notify_fails = True
    group.evaluate(0)
    assert group.view.rules[0].health is RuleHealth.ERROR
    bench.notify_fails = False
    group.evaluate(MINUTE)
    group.evaluate(2 * MINUTE)
    assert [told.name for told in bench.sent] == ["A"]


def test_samples_that_the_store_refuses_are_a_failure_of_the_rule(make: Maker, bench: Bench) -> None:
    group = make(record("r", "x"), record("r", "y"))
    bench.answers |= {"x": [({}, 1.0)], "y": [({}, 2.0)]}
    group.evaluate(1000)
    assert group.view.rules[1].last_error == "samples rejected by the store: 1 duplicate_timestamp"
    assert make.metric("samples_rejected_total") == 1.0


def test_the_limit_counts_series(make: Maker, bench: Bench) -> None:
    group = make(record("r", "x"), limit=1)
    bench.answers["x"] = [({"a": "1"}, 1.0), ({"a": "2"}, 1.0)]
    group.evaluate(1000)
    assert group.view.rules[0].last_error == "exceeded limit of 1 with 2 series"


def test_firing_goes_on_after_a_restart(make: Maker, bench: Bench) -> None:
    bench.answers["x"] = [({}, 1.0)]
    before = make(alert("A", "x", hold_ms=MINUTE))
    for at in (0, 1, 2):
        before.evaluate(at * MINUTE)
    bench.take_sent()
    after = make(alert("A", "x", hold_ms=MINUTE), restore=True)
    after.evaluate(4 * MINUTE)
    assert [(told.starts_at_ms, told.ends_at_ms) for told in bench.sent] == [(MINUTE, 8 * MINUTE)]


def test_state_is_restored_in_the_second_evaluation_too_but_not_later(make: Maker, bench: Bench) -> None:
    def restarted(absent_rounds: int) -> list[str]:
        group = make(alert("A", "x", hold_ms=5 * MINUTE), restore=True)
        for at in range(absent_rounds + 1):
            bench.answers["x"] = [({}, 1.0)] if at == absent_rounds else []
            group.evaluate((10 + at) * MINUTE)
        return [found.state.value for found in group.view.rules[0].alerts]

    bench.store.samples[Labels({"__name__": "ALERTS_FOR_STATE", "alertname": "A"})] = {8 * MINUTE: 60.0}
    assert restarted(absent_rounds=1) == ["firing"]
    bench.store.samples = {Labels({"__name__": "ALERTS_FOR_STATE", "alertname": "A"}): {8 * MINUTE: 60.0}}
    assert restarted(absent_rounds=2) == ["pending"]


def test_state_that_ended_or_is_old_is_not_restored(make: Maker, bench: Bench) -> None:
    series = Labels({"__name__": "ALERTS_FOR_STATE", "alertname": "A"})
    for samples in ({8 * MINUTE: 60.0, 9 * MINUTE: STALE}, {-60 * MINUTE: 0.0}):
        bench.store.samples = {series: dict(samples)}
        bench.answers["x"] = [({}, 1.0)]
        group = make(alert("A", "x", hold_ms=5 * MINUTE), restore=True)
        group.evaluate(10 * MINUTE)
        assert [found.state.value for found in group.view.rules[0].alerts] == ["pending"]


def test_a_reload_keeps_what_is_the_same_and_ends_what_is_gone(make: Maker, bench: Bench) -> None:
    bench.answers |= {"x": [({}, 1.0)], "y": [({}, 2.0)]}
    before = make(record("gone", "y"), alert("A", "x", hold_ms=MINUTE), record("kept", "y"))
    before.evaluate(0)
    after = make(record("kept", "x"), alert("A", "x", hold_ms=MINUTE))
    after.adopt(before)
    assert after.view.rules[1].alerts[0].active_at_ms == 0
    after.evaluate(MINUTE)
    assert bench.store.of("gone") == {0: 2.0, MINUTE: STALE}
    assert bench.store.of("kept") == {0: 2.0, MINUTE: 1.0}
    assert after.view.rules[1].alerts[0].state.value == "firing"


def test_rules_see_what_those_before_them_wrote(make: Maker, bench: Bench) -> None:
    """The second query runs after the first result is in the store."""
    seen: list[int] = []
    group = make(record("first", "x"), record("second", "y"))
    bench.answers |= {"x": [({}, 1.0)], "y": [({}, 1.0)]}
    ask = bench.query

    def query(expr: str, time_ms: int) -> list[tuple[Labels, float]]:
        seen.append(len(bench.store.of("first")))
        return ask(expr, time_ms)

    bench.query = query  # type: ignore[method-assign]
    group = make(record("first", "x"), record("second", "y"))
    group.evaluate(1000)
    assert seen == [0, 1]


def test_views_show_the_last_evaluation(make: Maker, bench: Bench) -> None:
    group = make(record("r", "x"), alert("A", "x"))
    assert [rule.health for rule in group.view.rules] == [RuleHealth.UNKNOWN, RuleHealth.UNKNOWN]
    assert group.view.last_evaluation_ms is None
    bench.answers["x"] = [({}, 1.0)]
    group.evaluate(1000)
    assert group.view.last_evaluation_ms == bench.clock.now_ms()
    assert [rule.is_alert for rule in group.view.rules] == [False, True]
    assert group.view.rules[1].alert_state == "firing"
    assert make.metric("group_last_evaluation_samples") == 3.0
