"""What the store promises at its surface."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import ABSENT_NAN, NAN_BITS, STALE_NAN, STALE_NAN_BITS, Exemplar
from fenghuo.model.selection import DenseBlock, RaggedBlock
from unit.metrics.store.look import bits, equal, everything, look, metric, named

Make = Callable[..., Store]
MINUTE_MS = 60_000
HOUR_MS = 60 * MINUTE_MS


def test_a_scrape_is_found_again(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    rows = target.rows([named("up", job="a"), named("load", job="a")])
    assert target.append(now, rows, np.array([1.0, 0.5])).accepted == 2
    assert target.append(now + 15_000, rows, np.array([0.0, 0.25])).accepted == 2
    assert everything(store) == {
        named("up", job="a"): [(now, bits(1)), (now + 15_000, bits(0))],
        named("load", job="a"): [(now, bits(0.5)), (now + 15_000, bits(0.25))],
    }


def test_the_same_labels_keep_their_row(make: Make) -> None:
    target = make().cohort("t")
    first = target.rows([named("a"), named("b")])
    assert target.rows([named("c"), named("b"), named("a")]).tolist() == [2, first[1], first[0]]


def test_thousands_of_new_series_are_found_again_after_a_restart(make: Make, clock: ManualClock) -> None:
    """They are registered and written to the WAL in several parts."""
    target, now = make().cohort("t"), clock.now_ms()
    series = [named("m", n=str(n)) for n in range(5001)]
    rows = target.rows(series)
    assert rows.tolist() == list(range(5001))
    target.append(now, rows, np.arange(5001.0))
    assert everything(make()) == {labels: [(now, bits(n))] for n, labels in enumerate(series)}


def test_two_handles_of_a_key_are_one_cohort(make: Make, clock: ManualClock) -> None:
    store = make()
    rows = store.cohort("t").rows([named("a")])
    assert store.cohort("t").append(clock.now_ms(), rows, np.array([1.0])).accepted == 1


def test_bounds_of_a_selection_are_inclusive(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    rows = target.rows([named("a")])
    for step in range(5):
        target.append(now + step, rows, np.array([float(step)]))
    assert everything(store, now + 1, now + 3) == {named("a"): [(now + i, bits(i)) for i in (1, 2, 3)]}


def test_rows_not_named_are_absent_and_a_second_call_completes_a_scrape(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    rows = target.rows([named("a"), named("b"), named("c")])
    target.append(now, rows[:1], np.array([1.0]))
    target.append(now, rows[1:2], np.array([2.0]))
    target.append(now + 1, rows[2:], np.array([3.0]))
    assert everything(store) == {
        named("a"): [(now, bits(1))],
        named("b"): [(now, bits(2))],
        named("c"): [(now + 1, bits(3))],
    }


def test_special_values_keep_their_bits_and_absence_does_not_come_in(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    rows = target.rows([named(name) for name in "abcd"])
    target.append(now, rows, np.array([STALE_NAN, np.inf, -0.0, ABSENT_NAN]))
    assert {labels["__name__"]: samples[0][1] for labels, samples in everything(store).items()} == {
        "a": STALE_NAN_BITS,
        "b": bits(np.inf),
        "c": bits(-0.0),
        "d": NAN_BITS,
    }


def test_the_callers_arrays_may_be_used_again(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    rows, values = target.rows([named("a"), named("b")]), np.array([1.0, 2.0])
    target.append(now, rows, values)
    values[:] = 9.0
    rows[:] = rows[::-1].copy()
    target.append(now + 1, rows, values)
    assert everything(store)[named("a")] == [(now, bits(1)), (now + 1, bits(9))]


@pytest.mark.parametrize(
    ("offset_ms", "value", "accepted", "rejected"),
    [
        (1, 5.0, 1, {}),
        (0, 1.0, 1, {}),
        (0, 5.0, 0, {"duplicate_timestamp": 1}),
        (-MINUTE_MS, 5.0, 1, {}),
        (-31 * MINUTE_MS, 5.0, 0, {"too_old": 1}),
        (11 * MINUTE_MS, 5.0, 0, {"too_far_in_future": 1}),
        (-16 * 24 * HOUR_MS, 5.0, 0, {"too_old": 1}),
    ],
)
@pytest.mark.parametrize("way", ["cohort", "samples"])
def test_which_samples_are_taken(
    make: Make, clock: ManualClock, way: str, offset_ms: int, value: float, accepted: int, rejected: dict[str, int]
) -> None:
    store, now = make(), clock.now_ms()
    target, series = store.cohort("t"), [named("a")]
    rows = target.rows(series)
    target.append(now, rows, np.array([1.0]))
    if way == "cohort":
        result = target.append(now + offset_ms, rows, np.array([value]))
    else:
        result = store.append_samples(series, np.array([now + offset_ms]), np.array([value]))
    assert (result.accepted, result.rejected) == (accepted, rejected)
    expected = {now: bits(1)} | ({now + offset_ms: bits(value)} if accepted else {})
    assert everything(store) == {named("a"): sorted(expected.items())}
    assert metric(store, "rejected_samples_total") == sum(rejected.values())


def test_without_a_window_older_samples_are_out_of_order(make: Make, clock: ManualClock) -> None:
    store, now = make(out_of_order_window_ms=0), clock.now_ms()
    target = store.cohort("t")
    rows = target.rows([named("a")])
    target.append(now, rows, np.array([1.0]))
    assert target.append(now - 1, rows, np.array([1.0])).rejected == {"out_of_order": 1}


def test_a_clock_set_back_loses_nothing(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    rows = target.rows([named("a"), named("b")])
    for step in range(3):
        target.append(now + step * 15_000, rows, np.array([1.0, 2.0]))
    clock.step_wall(-5 * 3600)
    back = clock.now_ms()
    for step in range(3):
        assert target.append(back + step * 15_000, rows, np.array([3.0, 4.0])).accepted == 2
    times = [back, back + 15_000, back + 30_000, now, now + 15_000, now + 30_000]
    whole = everything(store)
    assert [time for time, _ in whole[named("a")]] == times
    assert everything(make()) == whole


def test_a_late_duplicate_is_compared_with_what_is_stored(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    rows = target.rows([named("a")])
    for step in range(3):
        target.append(now + step, rows, np.array([float(step)]))
    again = store.append_samples([named("a")] * 2, np.array([now, now + 1]), np.array([0.0, 7.0]))
    assert (again.accepted, again.rejected) == (1, {"duplicate_timestamp": 1})
    assert everything(store)[named("a")] == [(now + step, bits(step)) for step in range(3)]


def test_late_duplicates_are_found_whatever_the_order_in_which_series_joined(make: Make, clock: ManualClock) -> None:
    """The last scrape of ``z`` has only what ``x`` does not, so its series stand in an order of their own."""
    store, now = make(), clock.now_ms()
    series = [named("m", id=str(number)) for number in range(12)]
    x, z = store.cohort("x"), store.cohort("z")
    z.append(now - MINUTE_MS, z.rows(series), np.full(12, 2.5))
    x.append(now, x.rows(series[:8]), np.ones(8))
    z.append(now, z.rows(series), np.full(12, 7.0))
    late = x.append(now - MINUTE_MS, x.rows(series), np.zeros(12))
    assert (late.accepted, late.rejected) == (0, {"duplicate_timestamp": 12})


def test_a_batch_may_hold_a_series_many_times_in_any_order(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    series = [named("a"), named("b"), named("a"), named("a"), named("a")]
    result = store.append_samples(series, np.array([now + 2, now, now, now, now]), np.array([3.0, 2.0, 1.0, 1.0, 8.0]))
    assert (result.accepted, result.rejected) == (4, {"duplicate_timestamp": 1})
    assert everything(store) == {named("a"): [(now, bits(1)), (now + 2, bits(3))], named("b"): [(now, bits(2))]}


def test_a_series_through_several_ways_is_one_row(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    for number, key in enumerate(("one", "two")):
        target = store.cohort(key)
        target.append(now + number, target.rows([named("a"), named(key)]), np.array([float(number), 0.0]))
    store.append_samples([named("a")], np.array([now + 2]), np.array([2.0]))
    assert everything(store)[named("a")] == [(now + number, bits(number)) for number in range(3)]
    assert store.series([equal(name_="a")], now, now + 9) == [named("a")]


def test_a_row_can_be_in_a_scrape_that_is_partly_late(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    store.append_samples([named("a")], np.array([now + 5]), np.array([5.0]))
    target = store.cohort("t")
    rows = target.rows([named("a"), named("b")])
    assert target.append(now, rows, np.array([1.0, 2.0])).accepted == 2
    expected = {named("a"): [(now, bits(1)), (now + 5, bits(5))], named("b"): [(now, bits(2))]}
    assert everything(store) == expected
    assert everything(make()) == expected


@pytest.mark.parametrize(
    ("matcher", "found"),
    [
        (Matcher("job", MatchOp.EQUAL, "a"), "a1 a2"),
        (Matcher("job", MatchOp.NOT_EQUAL, "a"), "b1 none"),
        (Matcher("job", MatchOp.EQUAL, ""), "none"),
        (Matcher("job", MatchOp.NOT_EQUAL, ""), "a1 a2 b1"),
        (Matcher("job", MatchOp.REGEX, "a|b"), "a1 a2 b1"),
        (Matcher("job", MatchOp.REGEX, "a?"), "a1 a2 none"),
        (Matcher("job", MatchOp.NOT_REGEX, "a.*"), "b1 none"),
        (Matcher("nowhere", MatchOp.EQUAL, ""), "a1 a2 b1 none"),
        (Matcher("nowhere", MatchOp.EQUAL, "x"), ""),
        (Matcher("__name__", MatchOp.EQUAL, "m2"), "b1 none"),
        (Matcher("__name__", MatchOp.NOT_EQUAL, "m2"), "a1 a2"),
        (Matcher("__name__", MatchOp.REGEX, "m[12]"), "a1 a2 b1 none"),
        (Matcher("__name__", MatchOp.EQUAL, "m3"), ""),
    ],
)
def test_matchers(make: Make, clock: ManualClock, matcher: Matcher, found: str) -> None:
    store, now = make(), clock.now_ms()
    series = [
        named("m1", job="a", id="a1"),
        named("m1", job="a", id="a2"),
        named("m2", job="b", id="b1"),
        named("m2", id="none"),
    ]
    target = store.cohort("t")
    target.append(now, target.rows(series), np.zeros(4))
    for _ in range(2):  # The second time the judgement is remembered.
        got = {labels["id"] for labels in look(store.select([matcher], now, now))}
        assert got == set(found.split())
    new = named("m1", job="aa", id="new")
    target.append(now + 1, target.rows([new]), np.zeros(1))
    got = {labels["id"] for labels in look(store.select([matcher], now + 1, now + 1))}
    assert got == ({"new"} if matcher.matches_labels(new) else set())


def test_lists_of_series_and_labels_keep_to_the_time_range(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    target.append(now, target.rows([named("old", job="a")]), np.zeros(1))
    target.append(now + MINUTE_MS, target.rows([named("new", job="b", zone="x")]), np.zeros(1))
    assert store.series([], now, now) == [named("old", job="a")]
    assert store.label_names([], now, now) == ["__name__", "job"]
    assert store.label_values("job", [], now, now + MINUTE_MS) == ["a", "b"]
    assert store.label_values("job", [equal(name_="new"), equal(name_="none")], now, now + MINUTE_MS) == ["b"]
    assert store.label_values("nowhere", [], now, now) == []
    assert store.series([equal(job="a"), equal(name_="old")], now, now) == [named("old", job="a")]


def test_small_cohorts_that_paused_or_missed_a_scrape(make: Make, clock: ManualClock) -> None:
    """Their pages are read together: some have no sample between the times, one is short, one series is absent once."""
    store, now = make(), clock.now_ms()
    wanted = {}
    for number in range(60):
        cohort, series = store.cohort(f"t{number}"), [named("up", t=str(number)), named("load", t=str(number))]
        rows = cohort.rows(series)
        times = [now, now + 60_000] if number % 3 else [now, now + 15_000, now + 30_000, now + 45_000, now + 60_000]
        for time_ms in [each for each in times if number != 6 or each != now + 30_000]:
            present = rows[:1] if number == 9 and time_ms == now + 30_000 else rows
            cohort.append(time_ms, present, np.full(len(present), time_ms - now + number / 8))
        wanted[series[1]] = {
            each: each - now + number / 8
            for each in times
            if (number, each) not in {(6, now + 30_000), (9, now + 30_000)}
        }

    def found(start_ms: int, end_ms: int) -> dict[Labels, list[tuple[int, int]]]:
        return look(store.select(equal(name_="load"), start_ms, end_ms))

    def kept(start_ms: int, end_ms: int) -> dict[Labels, list[tuple[int, int]]]:
        within = {
            labels: [(t, bits(v)) for t, v in own.items() if start_ms <= t <= end_ms] for labels, own in wanted.items()
        }
        return {labels: own for labels, own in within.items() if own}

    for start_ms, end_ms in ((now + 10_000, now + 50_000), (now + 20_000, now + 25_000), (now, now + 60_000)):
        assert found(start_ms, end_ms) == kept(start_ms, end_ms)


def test_many_series_of_a_cohort_come_dense_and_small_cohorts_ragged(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    for number in range(60):
        target = store.cohort(f"t{number}")
        size = 40 if number < 2 else 2
        rows = target.rows([named("m", cohort=str(number), id=str(i)) for i in range(size)])
        for step in range(300):
            target.append(now - (300 - step) * 1000, rows, np.arange(size) + step)
    selection = store.select(equal(name_="m"), now - 200_000, now)
    kinds = [type(block) for block in selection.blocks]
    assert kinds == [DenseBlock, DenseBlock, RaggedBlock]
    found = look(selection)
    assert len(found) == 2 * 40 + 58 * 2
    for labels, samples in found.items():
        first = int(labels["id"])
        assert samples == [(now - (300 - step) * 1000, bits(first + step)) for step in range(100, 300)]


def test_selections_share_the_stores_dictionaries(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    target.append(now, target.rows([named("a", job="x"), named("b", job="x")]), np.zeros(2))
    one, two = (store.select(equal(name_=name), now, now).labels.columns["job"] for name in "ab")
    assert one.dictionary is two.dictionary
    assert one.codes.tolist() == two.codes.tolist()


def test_an_empty_answer(make: Make) -> None:
    store = make()
    selection = store.select(equal(name_="nothing"), 0, 1)
    assert (selection.labels.size, selection.blocks) == (0, ())
    assert store.statistics().head_series == 0
    assert store.statistics().head_first_ms is None


def test_statistics_count_the_head(make: Make, clock: ManualClock) -> None:
    store, now = make(), clock.now_ms()
    target = store.cohort("t")
    target.append(now, target.rows([named("a", job="x"), named("a", job="y"), named("b", job="x")]), np.zeros(3))
    found = store.statistics()
    assert (found.head_series, found.head_first_ms, found.head_last_ms) == (3, now, now)
    assert found.series_by_metric == [("a", 2), ("b", 1)]
    assert ("job=x", 2) in found.series_by_label_pair
    assert found.values_by_label == [("__name__", 2), ("job", 2)]


def test_exemplars_are_kept_in_order_and_survive(make: Make, clock: ManualClock) -> None:
    store, now = make(max_exemplars=2), clock.now_ms()
    trace = [Exemplar(Labels({"trace_id": str(i)}), float(i), now + i) for i in range(3)]
    store.append_exemplars([(named("a"), trace[0]), (named("a"), trace[1]), (named("b"), trace[2])])
    store.append_exemplars([(named("a"), trace[0])])
    expected = [(named("a"), [trace[1]]), (named("b"), [trace[2]])]
    assert store.exemplars([equal(name_="a"), equal(name_="b")], now, now + 9) == expected
    assert make(max_exemplars=2).exemplars([equal(name_="a"), equal(name_="b")], now, now + 9) == expected


def test_an_exemplar_without_time_is_of_now(make: Make, clock: ManualClock) -> None:
    store = make()
    store.append_exemplars([(named("a"), Exemplar(Labels(), np.nan))])
    ((_, found),) = store.exemplars([equal(name_="a")], 0, 1 << 60)
    assert found[0].time_ms == clock.now_ms()


def test_a_closed_store_says_so(make: Make, clock: ManualClock) -> None:
    store = make()
    target = store.cohort("t")
    rows = target.rows([named("a")])
    store.close()
    with pytest.raises(OperatingError, match="closed"):
        target.append(clock.now_ms(), rows, np.zeros(1))
    with pytest.raises(OperatingError, match="closed"):
        everything(store)


def test_labels_that_are_not_text_are_refused_at_once(make: Make) -> None:
    with pytest.raises(InputError, match="UTF-8"):
        make().cohort("t").rows([named("a", bad="\ud800")])


def test_a_directory_that_cannot_be_made(tmp_path: Path, clock: ManualClock, registry: object) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(OperatingError, match="cannot use"):
        Store.open(tmp_path / "file" / "store", StoreSettings(), clock, registry)  # type: ignore[arg-type]


def test_threads_append_and_read_at_once(make: Make, clock: ManualClock) -> None:
    """Every answer is a prefix of what was appended, whole scrape by whole scrape."""
    store, now = make(), clock.now_ms()
    faults: list[str] = []

    def write(number: int) -> None:
        target = store.cohort(str(number))
        rows = target.rows([named("m", cohort=str(number), id=str(i)) for i in range(40)])
        for step in range(200):
            target.append(now + step, rows, np.full(40, float(step)))

    def read() -> None:
        while any(writer.is_alive() for writer in writers):
            found = look(store.select(equal(name_="m"), now, now + 1000))
            whole = [(now + step, bits(step)) for step in range(200)]
            faults.extend(str(samples[-3:]) for samples in found.values() if samples != whole[: len(samples)])

    writers = [threading.Thread(target=write, args=(number,)) for number in range(3)]
    reader = threading.Thread(target=read)
    for thread in (*writers, reader):
        thread.start()
    for thread in (*writers, reader):
        thread.join()
    assert not faults
    assert len(everything(store)) == 120
