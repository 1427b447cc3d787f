"""Answers against expectations, as lines that people can compare. Pure functions."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from fenghuo.model.labels import Labels
from fenghuo.rules.testing.report import Mismatch

Sample = tuple[Labels, float]
FiringAlert = tuple[Labels, Labels]
"""The labels of an alert, and its annotations."""


def same_value(wanted: float, got: float, *, fuzzy: bool) -> bool:
    """Equality of floating point numbers, NaN equal to NaN; ``fuzzy`` takes the two next to it as well."""
    if math.isnan(wanted) or math.isnan(got):
        return math.isnan(wanted) and math.isnan(got)
    return wanted == got or (fuzzy and got in (math.nextafter(wanted, -math.inf), math.nextafter(wanted, math.inf)))


def compare_samples(
    line: int, expr: str, wanted: Sequence[Sample], got: Sequence[Sample], *, fuzzy: bool
) -> Mismatch | None:
    """What is wrong with the value of an expression, whatever the order of its elements; None when nothing is."""
    wanted, got = sorted(wanted, key=lambda sample: sample[0]), sorted(got, key=lambda sample: sample[0])
    if len(wanted) == len(got) and all(
        one[0] == other[0] and same_value(one[1], other[1], fuzzy=fuzzy) for one, other in zip(wanted, got, strict=True)
    ):
        return None
    return Mismatch(line, expr, "another value was expected", _sample_lines(wanted), _sample_lines(got))


def _sample_lines(samples: Iterable[Sample]) -> tuple[str, ...]:
    return tuple(f"{labels} {value!r}" for labels, value in samples)


def compare_alerts(
    line: int, alertname: str, wanted: Sequence[FiringAlert], got: Sequence[FiringAlert]
) -> Mismatch | None:
    """What is wrong with the alerts that fire, whatever their order; None when nothing is."""
    wanted, got = sorted(wanted), sorted(got)
    if wanted == got:
        return None
    if len(wanted) != len(got):
        reason = f"{_alerts(len(wanted))} expected to fire, {len(got)} {'does' if len(got) == 1 else 'do'}"
    elif [labels for labels, _ in wanted] != [labels for labels, _ in got]:
        reason = "alerts with other labels were expected"
    else:
        reason = "other annotations were expected"
    return Mismatch(line, f"alert {alertname}", reason, _alert_lines(wanted), _alert_lines(got))


def _alerts(count: int) -> str:
    return "1 alert is" if count == 1 else f"{count} alerts are"


def _alert_lines(alerts: Iterable[FiringAlert]) -> tuple[str, ...]:
    lines: list[str] = []
    for labels, texts in alerts:
        lines.append(str(labels))
        lines += [f"  {name}: {text}" for name, text in texts.pairs]
    return tuple(lines)
