"""What to do with a body of a given layout: worked out once, used for every body laid out alike.

A :class:`Plan` says, for each sample of the layout, to which row of the store's cohort it goes, or that it is
dropped. It depends on nothing that changes from scrape to scrape, so a scrape with a plan is: take the values,
append. Stored labels are not kept: rows stand for them, and a plan for a layout that changed a little works out
only what is new.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np

from fenghuo.metrics.collect.scrape.labelling import LabelRules
from fenghuo.metrics.collect.scrape.outcome import Failure, Reason
from fenghuo.model.labels import Labels
from fenghuo.model.sample import REFUSED, Bools, Ints
from fenghuo.wire.exposition import Layout, Parsed

Register: TypeAlias = Callable[[Sequence[Labels]], Ints]
"""The cohort's ``rows``."""

NO_ROWS: Final = np.empty(0, np.int64)
_DROPPED: Final = -1
_PENDING: Final = -2
"""Row ``_PENDING - k`` is to be the row of the ``k``-th series that the store does not know yet."""


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """The stored side of a layout."""

    layout: Layout
    rules: LabelRules
    timed: Bools | None = None
    """bool[n]: samples whose own timestamp is honoured; None when there are none."""
    rows: Ints = field(default_factory=lambda: NO_ROWS)
    """int64[k]: the cohort's rows, distinct, of the samples that get the scrape's timestamp."""
    index: Ints | None = None
    """int64[k]: where in the layout these samples stand; None when they are all of it, in order."""
    timed_index: Ints = field(default_factory=lambda: NO_ROWS)
    """int64[m]: where the samples stand that keep a timestamp of their own."""
    timed_labels: list[Labels] = field(default_factory=list)
    """Parallel to ``timed_index``: stored labels; one series may stand here several times."""
    placed: Mapping[Labels, int] = field(default_factory=dict)
    """The row of each exposed label set without a timestamp; -1 when it is dropped."""
    scraped: int = 0
    kept: int = 0
    duplicates: int = 0
    """Samples left out because their series stands further up in the body: the first one counts."""
    refused: int = 0
    """Samples left out because a limit of the store stood against their series."""
    registered: int = 0
    """Series that were handed to the store to get a row."""
    failure: Failure | None = None
    """Set when a bad line, labels or the number of samples fail the scrape; the counts go up to where it failed."""

    def serves(self, layout: Layout, timed: Bools | None) -> bool:
        """Whether this is the plan for such a body."""
        if layout is not self.layout:
            return False
        if timed is None or self.timed is None:
            return timed is self.timed
        return bool(np.array_equal(timed, self.timed))

    def exposed(self) -> list[Labels]:
        """The exposed label sets that are stored, in the order of the body."""
        offender = 1 if self.failure is not None and self.failure.reason is Reason.LABELS else 0
        seen = self.layout.series[: self.scraped - offender]
        return [labels for labels in seen if self.placed.get(labels) != _DROPPED]

    def stored(self) -> dict[Labels, int]:
        """The stored labels of the cohort's rows, worked out anew."""
        found: dict[Labels, int] = {}
        for exposed, row in self.placed.items():
            labels = self.rules.stored(exposed) if row >= 0 else None
            if labels is not None:
                found[labels] = row
        return found


def make_plan(
    parsed: Parsed,
    timed: Bools | None,
    rules: LabelRules,
    sample_limit: int,
    register: Register,
    last: Plan | None = None,
) -> Plan:
    """Work out the plan of a body's layout; a body with a bad line gets one that fails for it.

    ``timed`` bool[n] marks samples with a timestamp to honour; ``sample_limit`` 0 is none; ``last`` is a plan made
    by the same ``rules``. Series are registered only when the scrape is going to be stored. Raises what
    ``register`` raises.
    """
    draft = _Draft(rules, last.placed if last is not None else {})
    failure = Failure(Reason.PARSE, parsed.problem) if parsed.problem is not None else None
    for index, exposed in enumerate(parsed.layout.series):
        problem = draft.add(index, exposed, is_timed=timed is not None and bool(timed[index]))
        if problem is not None:
            failure = Failure(Reason.LABELS, problem)
            break
    admitted = len(set(draft.rows)) + len(draft.timed_labels)
    if failure is None and sample_limit and admitted > sample_limit:
        failure = Failure(Reason.SAMPLE_LIMIT, f"sample_limit exceeded (samples: {admitted}, limit: {sample_limit})")
    return draft.plan(parsed.layout, timed, register, failure)


class _Draft:
    """A plan in the making."""

    def __init__(self, rules: LabelRules, known: Mapping[Labels, int]) -> None:
        self.rows: list[int] = []
        self.timed_labels: list[Labels] = []
        self._rules = rules
        self._known = known
        self._scraped = 0
        self._index: list[int] = []
        self._timed_index: list[int] = []
        self._placed: dict[Labels, int] = {}
        self._pending: dict[Labels, int] = {}

    def add(self, index: int, exposed: Labels, *, is_timed: bool) -> str | None:
        """Take in one sample; returns why it fails the scrape, if it does."""
        self._scraped += 1
        row = None if is_timed else self._placed.get(exposed, self._known.get(exposed))
        if row is None:
            labels = self._rules.stored(exposed)
            problem = self._rules.problem(labels) if labels is not None else None
            if problem is not None:
                return problem
            if is_timed and labels is not None:
                self._timed_index.append(index)
                self.timed_labels.append(labels)
                return None
            row = _DROPPED if labels is None else self._pending.setdefault(labels, _PENDING - len(self._pending))
        self._placed[exposed] = row
        if row != _DROPPED:
            self._index.append(index)
            self.rows.append(row)
        return None

    def plan(self, layout: Layout, timed: Bools | None, register: Register, failure: Failure | None) -> Plan:
        rows = np.array(self.rows, np.int64)
        kept = len(self.rows) + len(self.timed_labels)
        if failure is not None:
            placed = {exposed: row for exposed, row in self._placed.items() if row >= _DROPPED}
            return Plan(layout, self._rules, timed, placed=placed, scraped=self._scraped, kept=kept, failure=failure)
        if self._pending:
            fresh = register(list(self._pending))
            pending = rows <= _PENDING
            rows[pending] = fresh[_PENDING - rows[pending]]
            for exposed, row in self._placed.items():
                if row <= _PENDING:
                    self._placed[exposed] = int(fresh[_PENDING - row])
        index, given = np.array(self._index, np.int64), rows != REFUSED
        if not given.all():
            rows, index = rows[given], index[given]
            self._placed = {exposed: row for exposed, row in self._placed.items() if row != REFUSED}
        first = np.sort(np.unique(rows, return_index=True)[1])
        index = index[first]
        return Plan(
            layout,
            self._rules,
            timed,
            rows=rows[first],
            index=None if index.size == len(layout.series) else index,
            timed_index=np.array(self._timed_index, np.int64),
            timed_labels=self.timed_labels,
            placed=self._placed,
            scraped=self._scraped,
            kept=kept,
            duplicates=rows.size - first.size,
            refused=int(np.count_nonzero(~given)),
            registered=len(self._pending),
        )
