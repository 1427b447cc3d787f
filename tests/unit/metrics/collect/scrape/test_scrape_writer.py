"""What one target's scrapes leave in the store."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.metrics.collect.scrape.labelling import LabelLimits, LabelRules
from fenghuo.metrics.collect.scrape.outcome import Failure, Outcome, Read, Reason
from fenghuo.metrics.collect.scrape.writer import TargetWriter, WriteRules
from fenghuo.model.labels import Labels
from unit.metrics.collect.scrape.support import STALE, MemorySink, Value, body

UNREACHABLE = Failure(Reason.CONNECTION, "connection refused")
OPENMETRICS = "application/openmetrics-text"


class Target:
    """A writer with its sink; each scrape is one second after the last."""

    def __init__(self, **rules: object) -> None:
        labels = rules.pop("labels", LabelRules())
        assert isinstance(labels, LabelRules)
        self.sink = MemorySink()
        self.clock = ManualClock()
        self.writer = TargetWriter("t", WriteRules(labels=labels, **rules), self.sink, self.clock)  # type: ignore[arg-type]
        self.time_ms = 0

    def scrape(self, read: str | Read | Failure) -> Outcome:
        self.time_ms += 1000
        given = body(read) if isinstance(read, str) else read
        return self.writer.write(self.time_ms, self.clock.monotonic_s(), given)

    def stored(self) -> dict[str, Value]:
        """What the last scrape wrote, save the report."""
        return {
            name: value
            for name, value in self.sink.at(self.time_ms).items()
            if not name.startswith("scrape_") and name.partition("{")[0] != "up"
        }

    def report(self) -> list[Value]:
        return self.sink.last(
            "up", "scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "scrape_series_added"
        )


def drop(*names: str) -> LabelRules:
    return LabelRules(relabel=lambda labels: None if labels["__name__"] in names else Labels(labels))


def rename(names: Mapping[str, str]) -> LabelRules:
    return LabelRules(
        relabel=lambda labels: Labels({**labels, "__name__": names.get(labels["__name__"], labels["__name__"])})
    )


def test_a_scrape_is_stored_with_its_report() -> None:
    target = Target(labels=LabelRules(Labels({"job": "j"})))
    outcome = target.scrape("a 1\nb 2\n")

    assert target.sink.at(1000) == {
        'a{job="j"}': 1.0,
        'b{job="j"}': 2.0,
        'up{job="j"}': 1.0,
        'scrape_duration_seconds{job="j"}': 0.0,
        'scrape_samples_scraped{job="j"}': 2.0,
        'scrape_samples_post_metric_relabeling{job="j"}': 2.0,
        'scrape_series_added{job="j"}': 2.0,
    }
    assert (outcome.failure, outcome.scraped, outcome.accepted) == (None, 2, 7)


def test_the_second_body_of_a_layout_adds_nothing_and_takes_the_fast_path() -> None:
    target = Target()
    assert not target.scrape("a 1\nb 2\n").layout_reused
    outcome = target.scrape("a 3\nb 4\n")

    assert outcome.layout_reused
    assert target.stored() == {"a": 3.0, "b": 4.0}
    assert target.report() == [1.0, 2.0, 2.0, 0.0]


def test_a_series_that_is_gone_is_marked_once() -> None:
    target = Target()
    target.scrape("a 1\nb 2\n")
    target.scrape("a 1\n")
    assert target.stored() == {"a": 1.0, "b": STALE}
    target.scrape("a 1\n")
    assert target.stored() == {"a": 1.0}


def test_a_series_that_returns_counts_as_added() -> None:
    target = Target()
    target.scrape("a 1\nb 2\n")
    target.scrape("a 1\n")
    target.scrape("a 1\nb 2\n")

    assert target.report() == [1.0, 2.0, 2.0, 1.0]


def test_a_failed_scrape_marks_everything_and_the_next_good_one_adds_nothing() -> None:
    target = Target()
    target.scrape("a 1\n")
    outcome = target.scrape(UNREACHABLE)
    assert target.stored() == {"a": STALE}
    assert target.report() == [0.0, 0.0, 0.0, 0.0]
    assert outcome.failure == UNREACHABLE
    target.scrape(UNREACHABLE)
    assert target.stored() == {}
    target.scrape("a 1\n")
    assert target.report() == [1.0, 1.0, 1.0, 0.0]


def test_an_empty_body_is_up_and_ends_every_series() -> None:
    target = Target()
    target.scrape("a 1\n")
    target.scrape("")

    assert target.stored() == {"a": STALE}
    assert target.report() == [1.0, 0.0, 0.0, 0.0]


def test_a_bad_line_fails_the_whole_scrape() -> None:
    target = Target()
    target.scrape("a 1\nb 2\n")
    outcome = target.scrape("c 1\na 3\nb {{{\nd 1\n")

    assert outcome.failure is not None
    assert outcome.failure.reason is Reason.PARSE
    assert outcome.failure.message.startswith("line 3: ")
    assert target.stored() == {"a": STALE, "b": STALE}
    assert target.report() == [0.0, 2.0, 2.0, 1.0]


def test_of_a_duplicate_series_the_first_counts() -> None:
    target = Target()
    outcome = target.scrape("a 1\na 2\nb 3\n")

    assert target.stored() == {"a": 1.0, "b": 3.0}
    assert target.report() == [1.0, 3.0, 3.0, 2.0]
    assert outcome.rejected == {"duplicate_series": 1}


def test_series_made_equal_by_relabelling_are_duplicates_too() -> None:
    target = Target(labels=rename({"b": "a"}))
    outcome = target.scrape("a 1\nb 2\n")

    assert target.stored() == {"a": 1.0}
    assert outcome.rejected == {"duplicate_series": 1}
    target.scrape("b 5\n")
    assert target.stored() == {"a": 5.0}


def test_dropped_samples_are_scraped_but_not_kept() -> None:
    target = Target(labels=drop("b"))
    target.scrape("a 1\nb 2\nc 3\n")
    assert target.stored() == {"a": 1.0, "c": 3.0}
    target.scrape("a 4\nb 5\nc 6\n")
    assert target.stored() == {"a": 4.0, "c": 6.0}
    assert target.report() == [1.0, 3.0, 2.0, 0.0]


def test_over_the_sample_limit_nothing_is_stored() -> None:
    target = Target(labels=drop("x"), sample_limit=2)
    target.scrape("a 1\nb 2\nx 3\n")
    assert target.report() == [1.0, 3.0, 2.0, 2.0]
    outcome = target.scrape("c 0\na 1\nb 2\nx 3\n")

    assert outcome.failure == Failure(Reason.SAMPLE_LIMIT, "sample_limit exceeded (samples: 3, limit: 2)")
    assert target.stored() == {"a": STALE, "b": STALE}
    assert target.report() == [0.0, 4.0, 3.0, 1.0]


def test_a_label_limit_stops_the_count_at_the_offender() -> None:
    target = Target(labels=LabelRules(limits=LabelLimits(count=2)))
    outcome = target.scrape('a 1\nb{x="1",y="2"} 2\nc 3\n')

    assert outcome.failure is not None
    assert outcome.failure.reason is Reason.LABELS
    assert target.report() == [0.0, 2.0, 1.0, 1.0]
    assert target.stored() == {}


def test_timestamps_are_honoured_and_get_no_markers() -> None:
    target = Target()
    target.scrape("a 1 500\nb 2\n")
    assert target.sink.samples["a"] == [(500, 1.0)]
    assert target.stored() == {"b": 2.0}
    target.scrape("b 2\n")
    assert target.stored() == {"b": 2.0}
    assert target.sink.samples["a"] == [(500, 1.0)]


def test_one_series_may_come_with_several_timestamps() -> None:
    target = Target()
    outcome = target.scrape("a 1 400\na 2 500\n")

    assert target.sink.samples["a"] == [(400, 1.0), (500, 2.0)]
    assert outcome.rejected == {}


def test_timestamps_that_are_tracked_get_markers() -> None:
    target = Target(track_timestamps_staleness=True)
    target.scrape("a 1 500\nb 2\n")
    target.scrape("b 2\n")

    assert target.stored() == {"a": STALE, "b": 2.0}


def test_timestamps_that_are_not_honoured_are_ignored() -> None:
    target = Target(honor_timestamps=False)
    target.scrape("a 1 500\n")

    assert target.sink.samples["a"] == [(1000, 1.0)]


def test_a_body_that_exposes_up_itself_is_believed() -> None:
    target = Target(labels=LabelRules(honor_labels=True))
    target.scrape("up 0\na 1\n")
    assert target.sink.last("up", "a") == [0.0, 1.0]
    target.scrape("a 1\n")
    assert target.sink.last("up", "a") == [1.0, 1.0]


def test_exemplars_are_handed_on_when_they_are_new() -> None:
    target = Target()
    text = '# TYPE a counter\na_total 1 # {id="x"} 0.5\n# EOF\n'
    target.scrape(body(text, OPENMETRICS))
    target.scrape(body(text, OPENMETRICS))
    target.scrape(body(text.replace('"x"', '"y"'), OPENMETRICS))

    assert [(series, exemplar.labels["id"], exemplar.time_ms) for series, exemplar in target.sink.exemplars] == [
        ("a_total", "x", 1000),
        ("a_total", "y", 3000),
    ]


def test_a_store_that_cannot_write_fails_the_scrape_and_nothing_is_forgotten() -> None:
    target = Target()
    target.scrape("a 1\nb 2\n")
    target.sink.full = True
    outcome = target.scrape("a 1\n")
    assert outcome.failure == Failure(Reason.STORE, "no space left on device")
    assert target.stored() == {}
    target.sink.full = False
    target.scrape("a 1\nc 1\n")
    assert target.stored() == {"a": 1.0, "b": STALE, "c": 1.0}
    assert target.report() == [1.0, 2.0, 2.0, 1.0]


def test_other_rules_mark_what_they_no_longer_keep() -> None:
    target = Target()
    target.scrape("a 1\nb 2\n")
    target.writer.change(WriteRules(labels=drop("b")))
    target.scrape("a 1\nb 2\n")

    assert target.stored() == {"a": 1.0, "b": STALE}


def test_the_end_marks_series_and_report() -> None:
    target = Target()
    target.scrape("a 1\n")
    assert target.writer.end(1500) is None

    assert target.sink.last("a", "up", "scrape_series_added") == [STALE, STALE, STALE]


def test_the_end_spares_what_somebody_else_writes() -> None:
    target = Target()
    target.scrape("a 1\nb 1\n")
    target.writer.end(1500, frozenset({Labels({"__name__": "a"}), Labels({"__name__": "up"})}))

    assert target.sink.last("a", "b", "up") == [1.0, STALE, 1.0]


def test_a_target_that_was_never_scraped_leaves_no_markers() -> None:
    target = Target()
    target.writer.end(1500)

    assert target.sink.samples == {}


def test_extra_metrics_tell_timeout_limit_and_size() -> None:
    target = Target(extra_metrics=True, sample_limit=7, timeout_s=2.5)
    target.scrape("a 1\n")
    extra = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")
    assert target.sink.last(*extra) == [2.5, 7.0, 4.0]
    target.scrape(Failure(Reason.BODY_SIZE, "too large"))
    assert target.sink.last(*extra) == [2.5, 7.0, -1.0]
    target.scrape(UNREACHABLE)
    assert target.sink.last(*extra) == [2.5, 7.0, 0.0]


def test_metadata_is_that_of_the_last_readable_body() -> None:
    target = Target()
    assert target.writer.metadata == {}
    target.scrape("# HELP a What it is.\n# TYPE a gauge\na 1\n")
    target.scrape("}{\n")

    assert target.writer.metadata["a"].help == "What it is."


@pytest.mark.parametrize("timed", [False, True])
def test_a_layout_that_changes_keeps_its_series(timed: bool) -> None:
    """Rows found for one layout serve the next, with and without timestamps in between."""
    target = Target()
    target.scrape("a 1\nb 2\n")
    target.scrape(f"c 9\nb 4{' 1500' if timed else ''}\na 3\n")

    assert target.sink.last("a", "b", "c")[::2] == [3.0, 9.0]
    assert target.sink.samples["b"][1] == ((1500, 4.0) if timed else (2000, 4.0))


def test_a_target_that_was_silent_for_hours_goes_on_with_other_rows() -> None:
    target = Target()
    target.scrape("a 1\nb 2\n")
    target.scrape(UNREACHABLE)
    target.sink.cohorts["t"].release()
    outcome = target.scrape("a 3\nb 4\n")
    assert (outcome.failure, outcome.accepted, outcome.added) == (None, 7, 0)
    assert target.stored() == {"a": 3.0, "b": 4.0}
    target.scrape("a 5\n")
    assert target.stored() == {"a": 5.0, "b": STALE}


def test_a_target_whose_rows_are_released_while_it_stands_gets_no_markers_for_them() -> None:
    target = Target()
    target.scrape("a 1\nb 2\n")
    target.sink.cohorts["t"].release()
    assert target.scrape("a 3\n").failure is None
    assert target.stored() == {"a": 3.0}
    target.sink.cohorts["t"].release()
    assert target.writer.end(target.time_ms + 1000) is None
    assert target.sink.at(target.time_ms + 1000) == {}


def test_what_a_limit_of_the_store_refuses_is_left_out_until_there_is_room() -> None:
    target = Target()
    cohort = target.sink.cohort("t")
    cohort.refused = {"b", "c"}
    for value in (1.0, 2.0):
        outcome = target.scrape(f"a {value}\nb 1\nc 1\n")
        assert (outcome.failure, outcome.rejected) == (None, {"limit": 2})
        assert outcome.complaint == "2 samples refused by a limit of the store; /health says which"
        assert target.stored() == {"a": value}
        assert target.report()[:2] == [1.0, 3.0]
    cohort.refused = {"c"}
    target.time_ms += 60_000
    assert target.scrape("a 3\nb 1\nc 1\n").rejected == {"limit": 1}
    assert target.stored() == {"a": 3.0, "b": 1.0}
    assert target.scrape("b 1\nc 1\n").rejected == {"limit": 1}
    assert target.stored() == {"a": STALE, "b": 1.0}
