"""What a rule read when it raised an alert: the number, and the number that it was held against."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Watched:
    """What a rule's expression watches: ``expr`` ``comparison`` ``threshold``, as in ``node_load1`` ``>`` ``4``.

    Without a number that it is compared with, ``comparison`` is empty and ``threshold`` None.
    """

    expr: str
    """PromQL whose value is compared, and may be drawn."""
    comparison: str = ""
    threshold: float | None = None


@dataclass(frozen=True, slots=True)
class Reading:
    """The value that an alert was last seen with. It travels beside the alert, and is no part of its identity."""

    value: float
    watched: Watched

    def to_json(self) -> str:
        """May hold ``NaN`` and ``Infinity``, which :meth:`of_json` reads."""
        watched = self.watched
        return json.dumps([self.value, watched.expr, watched.comparison, watched.threshold], separators=(",", ":"))

    @staticmethod
    def of_json(text: str) -> Reading:
        value, expr, comparison, threshold = json.loads(text)
        return Reading(value, Watched(expr, comparison, threshold))
