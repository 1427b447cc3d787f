"""Warnings and infos that go with an answer, in Prometheus' words, each with its place in the query."""

from __future__ import annotations

import numpy as np

from fenghuo.metrics.promql.numbers import format_general
from fenghuo.metrics.promql.syntax.ast import Node
from fenghuo.metrics.promql.syntax.lexer import place
from fenghuo.model.labels import quote
from fenghuo.model.sample import Floats

COUNTER_SUFFIXES = ("_total", "_sum", "_count", "_bucket")
_MONOTONICITY_URL = "https://prometheus.io/docs/prometheus/latest/querying/functions/#histogram_quantile"


class Annotations:
    """Collects them for one query; the same text is kept once."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._warnings: dict[str, int] = {}
        self._infos: dict[str, int] = {}

    def warn(self, message: str, node: Node) -> None:
        self._warnings[message] = node.start

    def inform(self, message: str, node: Node) -> None:
        self._infos[message] = node.start

    @property
    def warnings(self) -> list[str]:
        return [f"PromQL warning: {text} ({place(self._text, at)})" for text, at in self._warnings.items()]

    @property
    def infos(self) -> list[str]:
        return [f"PromQL info: {text} ({place(self._text, at)})" for text, at in self._infos.items()]

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

    def bad_bucket(self, label: str, metric: str, node: Node) -> None:
        text = f'bucket label "le" is missing or has a malformed value of {quote(label)}'
        self.warn(text + _for_metric(metric), node)

    def forced_monotonicity(self, metric: str, node: Node) -> None:
        text = f"input to histogram_quantile needed to be fixed for monotonicity (see {_MONOTONICITY_URL})"
        self.inform(text + _for_metric(metric), node)


def _for_metric(name: str) -> str:
    return f" for metric name {quote(name)}" if name else ""
