"""Finding the state of alerts again after a restart, from the series ``ALERTS_FOR_STATE``.

Each sample of it says since when an alert has been active (Unix seconds). What was firing when the program went
down fires again as soon as its expression still holds; what was pending does not get the time for which nobody
watched credited, and with a long ``for`` it gets at least a grace period, so that a restart does not raise it on
old news. The formulas are Prometheus'; unlike it, alerts with a short ``for`` are found again too, so that a
restart in the middle of an alert is no second alert to whoever is told.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import is_absent, is_stale
from fenghuo.model.selection import DenseBlock, RaggedBlock, Selection
from fenghuo.rules.plan import RulePlan
from fenghuo.rules.ports import Store

STATE_METRIC = "ALERTS_FOR_STATE"
OUTAGE_TOLERANCE_MS = 3_600_000
"""Older state is not trusted. Prometheus' ``--rules.alert.for-outage-tolerance``."""
FOR_GRACE_MS = 600_000
"""What a pending alert with a longer ``for`` is given. Prometheus' ``--rules.alert.for-grace-period``."""


@dataclass(frozen=True, slots=True)
class SavedState:
    """What was last written of an alert."""

    seen_ms: int
    active_at_ms: int

    def active_since(self, remaining_ms: int, hold_ms: int, now_ms: int) -> tuple[int, bool]:
        """Since when the alert counts as active if it is restored at ``now_ms``, and whether it was firing.

        ``remaining_ms`` is what it lacked of ``hold_ms`` when it was last seen.
        """
        if remaining_ms <= 0:
            return self.active_at_ms, True
        if remaining_ms < FOR_GRACE_MS <= hold_ms:
            return now_ms + FOR_GRACE_MS - hold_ms, False
        return self.active_at_ms + now_ms - self.seen_ms, False


def saved_states(store: Store, rule: RulePlan, now_ms: int) -> dict[Labels, SavedState]:
    """The state of the alerts of one rule that were active when they were last seen, by their labels."""
    matchers = [Matcher(METRIC_NAME, MatchOp.EQUAL, STATE_METRIC), Matcher("alertname", MatchOp.EQUAL, rule.name)]
    matchers += [Matcher(name, MatchOp.EQUAL, value) for name, value in rule.labels.pairs if "{{" not in value]
    selection = store.select(matchers, now_ms - OUTAGE_TOLERANCE_MS, now_ms)
    return {labels.without([METRIC_NAME]): state for labels, state in _last_samples(selection)}


def _last_samples(selection: Selection) -> list[tuple[Labels, SavedState]]:
    found: list[tuple[Labels, SavedState]] = []
    for block in selection.blocks:
        for at, row in enumerate(block.series.tolist()):
            last = _last_dense(block, at) if isinstance(block, DenseBlock) else _last_ragged(block, at)
            if last is not None:
                found.append((selection.labels.row(row), last))
    return found


def _last_dense(block: DenseBlock, at: int) -> SavedState | None:
    present = np.flatnonzero(~is_absent(block.values[at]))
    if not len(present):
        return None
    last = int(present[-1])
    return _state(int(block.times_ms[last]), block.values[at, last : last + 1])


def _last_ragged(block: RaggedBlock, at: int) -> SavedState | None:
    end = int(block.offsets[at + 1])
    if end == int(block.offsets[at]):
        return None
    return _state(int(block.times_ms[end - 1]), block.values[end - 1 : end])


def _state(seen_ms: int, value: np.ndarray[tuple[int], np.dtype[np.float64]]) -> SavedState | None:
    if is_stale(value)[0] or not np.isfinite(value[0]):
        return None
    return SavedState(seen_ms, round(float(value[0]) * 1000))
