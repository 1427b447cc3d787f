"""What exporters say, as arrays, and a past made of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from beside.asking import RefusedError
from beside.data import Floats
from fenghuo.model.labels import Labels
from fenghuo.wire.exposition import Parsed, parse_text


@dataclass(frozen=True)
class Exported:
    """Some scrapes of one target: its series without the target's own labels, and their values."""

    series: list[dict[str, str]]
    values: Floats
    """float64[series, scrapes]."""

    def of(self, job: str, instance: str) -> list[dict[str, str]]:
        """The series as a scrape of that target stores them."""
        return [labels | {"job": job, "instance": instance} for labels in self.series]


def exported(bodies: Sequence[bytes]) -> Exported:
    """What the bodies have in common; series that come or go meanwhile are left out."""
    scrapes: list[dict[Labels, float]] = []
    parsed: Parsed | None = None
    for body in bodies:
        parsed = parse_text(body, "text/plain", parsed)
        if parsed.problem is not None:
            raise RefusedError(f"an exporter's answer cannot be read: {parsed.problem}")
        scrapes.append(dict(zip(parsed.layout.series, parsed.values.tolist(), strict=True)))
    kept = [labels for labels in scrapes[0] if all(labels in scrape for scrape in scrapes)]
    return Exported([dict(labels) for labels in kept], np.array([[s[labels] for s in scrapes] for labels in kept]))
