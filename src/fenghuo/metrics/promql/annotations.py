"""Warnings and infos that go with an answer, in Prometheus' words, each with its place in the query."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.promql.numbers import format_general
from fenghuo.metrics.promql.syntax.ast import Binary, Node
from fenghuo.metrics.promql.syntax.lexer import place
from fenghuo.model.labels import quote
from fenghuo.model.sample import Floats

COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")
_MONOTONICITY_URL = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile"


@dataclass(frozen=True, slots=True)
class ForcedMonotonicity:
    """Buckets whose counts fell from one to the next: bounds, the largest fall, how often, first and last time."""

    lowest: float
    highest: float
    most: float
    count: int
    first_ms: int
    last_ms: int

    def joined(self, other: ForcedMonotonicity) -> ForcedMonotonicity:
        return ForcedMonotonicity(
            min(self.lowest, other.lowest),
            max(self.highest, other.highest),
            max(self.most, other.most),
            self.count + other.count,
            min(self.first_ms, other.first_ms),
            max(self.last_ms, other.last_ms),
        )

    def __str__(self) -> str:
        start, end = (_utc(time_ms) for time_ms in (self.first_ms, self.last_ms))
        return (
            f", from buckets {format_general(self.lowest)} to {format_general(self.highest)}, with a max diff of "
            f"{self.most:.2g}, over {self.count} samples from {start} to {end}"
        )


def _utc(time_ms: int) -> str:
    """A moment as RFC 3339 in whole seconds."""
    return f"{np.datetime64(time_ms // 1000, 's')}Z"


class Annotations:
    """Collects them for one query; the same text is kept once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._warnings: dict[str, int] = {}
        self._infos: dict[str, int] = {}
        self._forced: dict[str, ForcedMonotonicity] = {}

    def warn(self, message: str, node: Node) -> None:
        self._warnings[message] = node.start

    def inform(self, message: str, node: Node) -> None:
        self._infos[message] = node.start

    @property
    def warnings(self) -> list[str]:
        return [f"PromQL warning: {text} ({place(self._text, at)})" for text, at in self._warnings.items()]

    @property
    def infos(self) -> list[str]:
        return [
            f"PromQL info: {text}{self._forced.get(text, '')} ({place(self._text, at)})"
            for text, at in self._infos.items()
        ]

    def check_quantiles(self, phi: Floats, node: Node) -> None:
        """Warn of quantiles outside [0, 1]. ``phi``: float64[S]."""
        for wrong in np.unique(phi[~((phi >= 0) & (phi <= 1))]).tolist():
            self.warn(f"quantile value should be between 0 and 1, got {format_general(wrong)}", node)

    def check_counters(self, names: list[str], node: Node) -> None:
        """Inform of metrics that do not look like counters, by name."""
        for name in names:
            if name and not name.endswith(COUNTER_SUFFIXES):
                suffixes = "/".join(COUNTER_SUFFIXES)
                self.inform(f"metric might not be a counter, name does not end in {suffixes}: {quote(name)}", node)

    def start_overlap(self, names: list[str], node: Node) -> None:
        """Warn of samples that count from before the sample before them, by the names of their metrics."""
        for name in names:
            self.warn(
                f"sample has start time that overlaps with previous sample timestamp for metric {quote(name)}", node
            )

    def incompatible_floats(self, node: Binary) -> None:
        """Inform of floats on both sides of an operator that wants histograms."""
        text = f'incompatible sample types encountered for binary operator "{node.op}": float {node.op} float'
        self.inform(text, node)

    def bad_bucket(self, label: str, metric: str, node: Node) -> None:
        text = f'bucket label "le" is missing or has a malformed value of {quote(label)}'
        self.warn(text + _for_metric(metric), node)

    def forced_monotonicity(self, metric: str, forced: ForcedMonotonicity, node: Node) -> None:
        text = f"input to histogram_quantile needed to be fixed for monotonicity (see {_MONOTONICITY_URL})"
        text += _for_metric(metric)
        self._forced[text] = forced.joined(self._forced[text]) if text in self._forced else forced
        self.inform(text, node)


def _for_metric(name: str) -> str:
    return f" for metric name {quote(name)}" if name else ""
