"""The samples about the scrape itself: ``up`` and its companions."""

from __future__ import annotations

import numpy as np

from fenghuo.metrics.collect.scrape.labelling import report_labels
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Floats

REPORT_NAMES = (
    "up",
    "scrape_duration_seconds",
    "scrape_samples_scraped",
    "scrape_samples_post_metric_relabeling",
    "scrape_series_added",
)
EXTRA_NAMES = ("scrape_timeout_seconds", "scrape_sample_limit", "scrape_body_size_bytes")
"""Reported when ``extra_scrape_metrics`` is on."""


def report_series(target: Labels, *, extra: bool) -> list[Labels]:
    """The label sets of the report samples of a target, in the order of :func:`report_values`."""
    names = REPORT_NAMES + EXTRA_NAMES if extra else REPORT_NAMES
    return [report_labels(name, target) for name in names]


def report_values(
    *,
    up: bool,
    duration_s: float,
    counts: tuple[int, int, int],
    extra: tuple[float, int, int] | None,
) -> Floats:
    """Their values. ``counts``: samples scraped, kept, series added; ``extra``: timeout in seconds, sample limit,
    body size in bytes."""
    return np.array([float(up), duration_s, *counts, *(extra or ())], dtype=np.float64)
