"""From the labels that a target exposes to the labels that are stored: target labels, relabelling, limits.

Pure functions over values.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final, TypeAlias

from fenghuo.model.labels import (
    EMPTY,
    METRIC_NAME,
    Labels,
    is_legacy_label_name,
    is_legacy_metric_name,
    quote,
)

EXPORTED: Final = "exported_"
"""Prometheus' prefix for an exposed label that gives way to a label of the target."""

Relabel: TypeAlias = Callable[[Mapping[str, str]], Labels | None]
"""Metric relabelling; None drops the sample."""


@dataclass(frozen=True, slots=True)
class LabelLimits:
    """Bounds on the labels of a stored series, ``__name__`` included; 0 is no bound. Lengths are in bytes."""

    count: int = 0
    name_bytes: int = 0
    value_bytes: int = 0


@dataclass(frozen=True, slots=True)
class LabelRules:
    """How the samples of one target get their stored labels."""

    target: Labels = EMPTY
    honor_labels: bool = False
    relabel: Relabel | None = None
    limits: LabelLimits | None = None
    legacy_names: bool = False
    """Whether names outside the classic character set are refused (``metric_name_validation_scheme: legacy``)."""

    def stored(self, exposed: Labels) -> Labels | None:
        """The labels to store a sample under, or None when relabelling drops it."""
        labels = with_target_labels(exposed, self.target, honor_labels=self.honor_labels)
        if self.relabel is None:
            return labels
        kept = self.relabel(labels)
        return kept or None

    def problem(self, stored: Labels) -> str | None:
        """Why these labels fail the scrape; None when they are fine."""
        if METRIC_NAME not in stored:
            return f"a sample has no metric name after relabelling: {_short(str(stored))}"
        if self.legacy_names and not _all_legacy(stored):
            return f"invalid metric name or label names: {_short(str(stored))}"
        return limit_problem(stored, self.limits) if self.limits is not None else None


def with_target_labels(exposed: Labels, target: Labels, *, honor_labels: bool) -> Labels:
    """``exposed`` with the target's labels put on.

    Where both have a label, ``honor_labels`` lets the exposed one stand; otherwise the target's wins and the
    exposed one moves to ``exported_<name>``, with the prefix repeated until the name is free.
    """
    own = dict(exposed.pairs)
    clashes = [name for name, _ in target.pairs if name in own]
    if not clashes:
        pairs = tuple(sorted(exposed.pairs + target.pairs))
        return Labels.of_sorted(pairs)
    if honor_labels:
        return Labels({**target, **exposed})
    merged = {**exposed, **target}
    for name in sorted(clashes, key=len):
        moved = EXPORTED + name
        while merged.get(moved):
            moved = EXPORTED + moved
        merged[moved] = exposed[name]
    return Labels(merged)


def report_labels(name: str, target: Labels) -> Labels:
    """The labels of a sample about the scrape itself, such as ``up``."""
    return Labels({**target, METRIC_NAME: name})


def limit_problem(labels: Labels, limits: LabelLimits) -> str | None:
    """Which bound the labels break, in Prometheus' words; None when they keep them all."""
    metric = labels.metric_name[:50]
    if limits.count and len(labels) > limits.count:
        return f"label_limit exceeded (metric: {metric}, number of labels: {len(labels)}, limit: {limits.count})"
    for name, value in labels.pairs:
        if limits.name_bytes and len(name.encode()) > limits.name_bytes:
            return (
                f"label_name_length_limit exceeded (metric: {metric}, label name: {name[:50]}, "
                f"length: {len(name.encode())}, limit: {limits.name_bytes})"
            )
        if limits.value_bytes and len(value.encode()) > limits.value_bytes:
            return (
                f"label_value_length_limit exceeded (metric: {metric}, label name: {name[:50]}, "
                f"value: {quote(value[:50])}, length: {len(value.encode())}, limit: {limits.value_bytes})"
            )
    return None


def _all_legacy(labels: Labels) -> bool:
    return is_legacy_metric_name(labels.metric_name) and all(is_legacy_label_name(name) for name in labels)


def _short(text: str) -> str:
    return text if len(text) <= 200 else text[:200] + "…"
