"""One target's way into the store: read, label, mark what ended, append. Runs in worker threads.

In: what was fetched (a :data:`Read`), or the failure to fetch it, and the scrape's timestamp. Out: one append to
the target's cohort that holds the samples, staleness markers for series that are gone and the report samples, all
or nothing; samples with timestamps of their own and exemplars go separately. A failure of any kind, a store that
cannot write included, comes back in the :class:`Outcome`; nothing is raised for it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping, Set
from contextlib import ExitStack, suppress
from dataclasses import dataclass

import numpy as np

from fenghuo.base import garbage
from fenghuo.base.clock import Clock
from fenghuo.base.errors import OperatingError
from fenghuo.metrics.collect.scrape.labelling import LabelRules
from fenghuo.metrics.collect.scrape.outcome import Failure, Outcome, Read, Reason, ScrapeError
from fenghuo.metrics.collect.scrape.plan import NO_ROWS, Plan, make_plan
from fenghuo.metrics.collect.scrape.presence import Presence
from fenghuo.metrics.collect.scrape.report import report_series, report_values
from fenghuo.metrics.collect.scrape.sink import SampleSink
from fenghuo.model.labels import Labels
from fenghuo.model.sample import (
    REFUSED,
    STALE_NAN,
    AppendResult,
    Bools,
    Exemplar,
    Floats,
    Ints,
    Metadata,
    RowsReleasedError,
)
from fenghuo.wire.exposition import NO_TIME, Parsed

ASKED_AGAIN_MS = 60_000
"""How long a series that a limit of the store refused is left out before the store is asked again."""
_NO_VALUES = np.empty(0, np.float64)


@dataclass(frozen=True, slots=True)
class WriteRules:
    """What the job's settings say about storing a target's samples."""

    labels: LabelRules
    honor_timestamps: bool = True
    track_timestamps_staleness: bool = False
    sample_limit: int = 0
    timeout_s: float = 10.0
    extra_metrics: bool = False


@dataclass(slots=True)
class _Scrape:
    """One scrape on its way."""

    time_ms: int
    started_s: float
    held: ExitStack
    """Holds the cycle collector while a new layout is taken in."""
    parsed: Parsed | None = None
    plan: Plan | None = None
    failure: Failure | None = None
    added: int = 0
    body_bytes: int = 0
    layout_reused: bool = False


@dataclass(frozen=True, slots=True, eq=False)
class _Steady:
    """What the append of a scrape is that has the plan of the one before: no series came and none is gone."""

    plan: Plan
    rows: Ints
    """The plan's, and behind them those of the report."""
    fresh: Bools
    """Which samples of the report are written: those whose series the body does not have."""


class TargetWriter:
    """Writes the scrapes of one target. One call runs at a time."""

    def __init__(self, key: str, rules: WriteRules, sink: SampleSink, clock: Clock) -> None:
        self._sink = sink
        self._clock = clock
        self._lock = threading.Lock()
        self._cohort = sink.cohort(key)
        self._presence = Presence()
        self._last: Parsed | None = None
        """The last body that could be read."""
        self._exemplars: Mapping[int, Exemplar] = {}
        self._written = False
        self._wanted_rules = rules
        self._adopt(rules)

    def change(self, rules: WriteRules) -> None:
        """Go on under other rules from the next scrape, which marks what they no longer keep. Never waits."""
        self._wanted_rules = rules

    def _adopt(self, rules: WriteRules) -> None:
        self._rules = rules
        self._plan: Plan | None = None
        self._planned_ms = 0
        """The time of the scrape for which the plan was made."""
        self._report = report_series(rules.labels.target, extra=rules.extra_metrics)
        self._report_rows: Ints | None = None
        self._tracked: Ints = NO_ROWS
        self._steady: _Steady | None = None

    @property
    def metadata(self) -> Mapping[str, Metadata]:
        """Of the last body that could be read, by family name."""
        return self._last.layout.metadata if self._last is not None else {}

    def present(self) -> frozenset[Labels]:
        """The stored labels of the series that the last scrape wrote, the report included. May wait for a write."""
        with self._lock:
            return frozenset([*self._presence.labels(), *self._report])

    def write(self, time_ms: int, started_s: float, read: Read | Failure) -> Outcome:
        """Store one scrape. ``started_s`` is when it began, on the clock's monotonic time."""
        with self._lock, ExitStack() as held:
            if self._rules is not self._wanted_rules:
                self._adopt(self._wanted_rules)
            scrape = _Scrape(time_ms, started_s, held)
            if self._last is None:
                held.enter_context(garbage.growing())
            try:
                if isinstance(read, Failure):
                    raise ScrapeError(read.reason, read.message)
                self._read(scrape, read)
            except ScrapeError as error:
                scrape.failure = error.failure
                scrape.body_bytes = -1 if error.failure.reason is Reason.BODY_SIZE else 0
            except OperatingError as error:
                scrape.failure = Failure(Reason.STORE, str(error))
            return self._store(scrape)

    def end(self, time_ms: int, still_written: Set[Labels] = frozenset()) -> Failure | None:
        """Mark everything of this target as ended, save the series that ``still_written`` names."""
        with self._lock:
            if not self._written:
                return None
            ours = {**self._presence.labels(), **dict(zip(self._report, self._reports().tolist(), strict=True))}
            spared = [row for labels, row in ours.items() if labels in still_written]
            rows = np.setdiff1d(np.union1d(self._presence.rows, self._reports()), np.array(spared, np.int64))
            try:
                with suppress(RowsReleasedError):  # After hours without a sample everything has ended long ago.
                    self._cohort.append(time_ms, rows, np.full(rows.size, STALE_NAN))
            except OperatingError as error:
                return Failure(Reason.STORE, str(error))
            self._presence.ended()
            self._written = False
            return None

    def _reports(self) -> Ints:
        if self._report_rows is None:
            self._report_rows = self._cohort.rows(self._report)
        return self._report_rows

    def _read(self, scrape: _Scrape, read: Read) -> None:
        """Parse and plan; a scrape that fails here keeps the counts that it reached."""
        reading = read(self._last)
        parsed = reading.parsed
        scrape.body_bytes = reading.body_bytes
        if parsed.problem is None:
            scrape.layout_reused = self._last is not None and parsed.layout is self._last.layout
            scrape.parsed = self._last = parsed
            if not parsed.layout.series and not reading.body_bytes:
                return  # An empty answer ends every series, yet the target is up; what it had is still known.
        plan = self._planned(scrape, parsed)
        scrape.plan, scrape.failure = plan, plan.failure
        over_limit = plan.failure is not None and plan.failure.reason is Reason.SAMPLE_LIMIT
        limit = self._rules.sample_limit if over_limit else 0
        scrape.added = self._presence.count_new(plan, limit)
        if plan.failure is not None:
            self._presence.note_failed(plan.exposed()[:limit] if limit else plan.exposed())

    def _planned(self, scrape: _Scrape, parsed: Parsed) -> Plan:
        timed: Bools | None = None
        if parsed.times_ms is not None and self._rules.honor_timestamps:
            timed = parsed.times_ms != NO_TIME
            timed = timed if timed.any() else None
        plan, due = self._plan, scrape.time_ms >= self._planned_ms + ASKED_AGAIN_MS
        if plan is not None and plan.serves(parsed.layout, timed) and not (plan.refused and due):
            return plan
        rules = self._rules
        scrape.held.enter_context(garbage.growing())
        plan = make_plan(parsed, timed, rules.labels, rules.sample_limit, self._cohort.rows, self._plan)
        if parsed.problem is None:
            track = plan.timed_labels and rules.track_timestamps_staleness
            tracked = np.unique(self._cohort.rows(plan.timed_labels)) if track else NO_ROWS
            self._tracked = tracked[tracked != REFUSED]
            self._plan, self._planned_ms = plan, scrape.time_ms
            garbage.made(plan.registered)
        return plan

    def _store(self, scrape: _Scrape) -> Outcome:
        results: list[AppendResult] = []
        try:
            if scrape.failure is None and scrape.plan is not None and scrape.parsed is not None:
                results.append(self._append_timed(scrape.plan, scrape.parsed))
                self._append_exemplars(scrape.time_ms, scrape.plan, scrape.parsed)
            results.append(self._append_steady(scrape))
        except OperatingError as error:
            scrape.failure = scrape.failure or Failure(Reason.STORE, str(error))
        return _outcome(scrape, results, self._clock.monotonic_s() - scrape.started_s)

    def _append_steady(self, scrape: _Scrape) -> AppendResult:
        """The append of everything that has the scrape's timestamp: samples, markers, report.

        A target that was silent for hours finds its rows released; it asks for others and begins anew.
        """
        try:
            return self._append_rows(scrape)
        except RowsReleasedError:
            self._presence.ended()
            self._adopt(self._rules)
            if scrape.failure is None and scrape.parsed is not None and scrape.plan is not None:
                scrape.plan = self._planned(scrape, scrape.parsed)
            return self._append_rows(scrape)

    def _append_rows(self, scrape: _Scrape) -> AppendResult:
        report = self._reports()
        rows, values, present = NO_ROWS, _NO_VALUES, NO_ROWS
        plan = scrape.plan if scrape.failure is None else None
        if plan is not None and scrape.parsed is not None:
            rows, values = plan.rows, scrape.parsed.values
            values = values if plan.index is None else values[plan.index]
            if self._steady is not None and self._steady.plan is plan and self._presence.rows is rows:
                values = np.concatenate([values, self._report_values(scrape)[self._steady.fresh]])
                return self._cohort.append(scrape.time_ms, self._steady.rows, values)
            present = np.union1d(rows, self._tracked) if self._tracked.size else rows
        gone = self._presence.gone(present)
        # A body may expose `up` with the target's own labels (honor_labels): it stands before the report, as the
        # first of two does everywhere. A series that ended never silences the report of the same name.
        gone = gone[~np.isin(gone, report)] if gone.size else gone
        fresh = ~np.isin(report, rows)
        told = self._report_values(scrape)[fresh]
        all_rows = np.concatenate([rows, gone, report[fresh]])
        result = self._cohort.append(
            scrape.time_ms, all_rows, np.concatenate([values, np.full(gone.size, STALE_NAN), told])
        )
        self._written = True
        self._steady = None
        if plan is not None:
            self._presence.stored(plan, present)
            if not gone.size and present is rows:
                self._steady = _Steady(plan, all_rows, fresh)
        else:
            self._presence.ended()
        return result

    def _report_values(self, scrape: _Scrape) -> Floats:
        rules = self._rules
        scraped, kept = (scrape.plan.scraped, scrape.plan.kept) if scrape.plan is not None else (0, 0)
        return report_values(
            up=scrape.failure is None,
            duration_s=self._clock.monotonic_s() - scrape.started_s,
            counts=(scraped, kept, scrape.added),
            extra=(rules.timeout_s, rules.sample_limit, scrape.body_bytes) if rules.extra_metrics else None,
        )

    def _append_timed(self, plan: Plan, parsed: Parsed) -> AppendResult:
        if not plan.timed_labels or parsed.times_ms is None:
            return AppendResult()
        index = plan.timed_index
        return self._sink.append_samples(plan.timed_labels, parsed.times_ms[index], parsed.values[index])

    def _append_exemplars(self, time_ms: int, plan: Plan, parsed: Parsed) -> None:
        """Hand on the exemplars that differ from those of the last scrape; an exposition repeats old ones."""
        if not parsed.exemplars:
            return
        last, self._exemplars = self._exemplars, dict(parsed.exemplars)
        fresh: list[tuple[Labels, Exemplar]] = []
        for index, exemplar in parsed.exemplars:
            labels = None if last.get(index) == exemplar else plan.rules.stored(plan.layout.series[index])
            if labels is not None:
                when_ms = time_ms if exemplar.time_ms is None else exemplar.time_ms
                fresh.append((labels, Exemplar(exemplar.labels, exemplar.value, when_ms)))
        if fresh:
            self._sink.append_exemplars(fresh)


def _outcome(scrape: _Scrape, results: list[AppendResult], duration_s: float) -> Outcome:
    rejected: dict[str, int] = {}
    for result in results:
        for reason, count in result.rejected.items():
            rejected[reason] = rejected.get(reason, 0) + count
    scraped, kept = 0, 0
    if scrape.plan is not None:
        scraped, kept = scrape.plan.scraped, scrape.plan.kept
        if scrape.failure is None and scrape.plan.duplicates:
            rejected["duplicate_series"] = scrape.plan.duplicates
        if scrape.failure is None and scrape.plan.refused:
            rejected["limit"] = rejected.get("limit", 0) + scrape.plan.refused
    return Outcome(
        time_ms=scrape.time_ms,
        duration_s=duration_s,
        scraped=scraped,
        kept=kept,
        added=scrape.added,
        body_bytes=scrape.body_bytes,
        failure=scrape.failure,
        accepted=sum(result.accepted for result in results),
        rejected=rejected,
        layout_reused=scrape.layout_reused,
    )
