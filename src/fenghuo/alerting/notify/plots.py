"""What a picture of an alert shows: what its rule watches, over the last hour, and the threshold."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import tzinfo
from typing import Final, TypeAlias

from fenghuo.alerting.notify.message import Message, ToldAlert
from fenghuo.base import limits
from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.model.reading import Watched
from fenghuo.model.sample import Floats, Ints

SHOWN_MS: Final = 3_600_000
STEP_MS: Final = 15_000
LINES: Final = limits.declare(
    "plot_lines_drawn", 6, limits.Policy.REJECT, "Lines of one plot in a mail; further series are not drawn."
)
PLOTS: Final = limits.declare(
    "plots_drawn", 3, limits.Policy.REJECT, "Plots of one mail; further rules are told without one."
)


@dataclass(frozen=True, slots=True)
class Line:
    """One series: int64[n] ms, strictly increasing, and float64[n], which may hold NaN."""

    labels: Labels
    times_ms: Ints
    values: Floats


PlotSource: TypeAlias = Callable[[str, int, int, int], Sequence[Line]]
"""``source(expr, start_ms, end_ms, step_ms)``, both ends inclusive. Blocking, within seconds.

Raises InputError for what cannot be asked and OperatingError when there is no answer.
"""


@dataclass(frozen=True, slots=True)
class Figure:
    """One picture. ``lines`` has at least one line."""

    title: str
    subtitle: str
    watched: Watched
    lines: Sequence[Line]
    start_ms: int
    end_ms: int
    zone: tzinfo


@dataclass(frozen=True, slots=True)
class _Rule:
    name: str
    watched: Watched
    alerts: Sequence[ToldAlert]


def figures(message: Message, source: PlotSource, subtitle: str, zone: tzinfo) -> list[Figure]:
    """A figure for each rule of the message, those without a line left out. Blocking; raises what ``source`` raises."""
    end_ms = message.at_ms // STEP_MS * STEP_MS
    start_ms = end_ms - SHOWN_MS
    rules = _rules(message)
    PLOTS.hit(max(len(rules) - PLOTS.default, 0))
    found = []
    for rule in rules[: PLOTS.default]:
        lines = _of_alerts(source(rule.watched.expr, start_ms, end_ms, STEP_MS), rule.alerts)
        if lines:
            found.append(Figure(rule.name, subtitle, rule.watched, lines, start_ms, end_ms, zone))
    return found


def _rules(message: Message) -> list[_Rule]:
    """The rules of the message's alerts: those that fire, or all of them when everything is over."""
    by_rule: dict[tuple[str, Watched], list[ToldAlert]] = {}
    for alert in message.firing or message.alerts:
        if alert.reading is not None:
            by_rule.setdefault((alert.labels.get("alertname", ""), alert.reading.watched), []).append(alert)
    return [_Rule(name, watched, alerts) for (name, watched), alerts in by_rule.items()]


def _of_alerts(lines: Sequence[Line], alerts: Sequence[ToldAlert]) -> list[Line]:
    """The lines of series that raised one of ``alerts``; all of them when labels were changed on the way."""
    known = [set(alert.labels.pairs) for alert in alerts]
    own = [line for line in lines if any(_identity(line) <= labels for labels in known)] or list(lines)
    LINES.hit(max(len(own) - LINES.default, 0))
    return own[: LINES.default]


def _identity(line: Line) -> set[tuple[str, str]]:
    return {pair for pair in line.labels.pairs if pair[0] != METRIC_NAME}
