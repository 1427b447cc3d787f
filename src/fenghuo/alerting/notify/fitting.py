"""Fitting a message into what a platform takes: whole alerts first, and a line that says how many are left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

from fenghuo.alerting.notify.cutting import Limit
from fenghuo.alerting.notify.message import FIRING, ToldAlert

Say: TypeAlias = Callable[[Sequence[ToldAlert]], str]
"""The text about these of a message's alerts."""


def fit(say: Say, alerts: Sequence[ToldAlert], limit: Limit, note: Callable[[int], str]) -> str:
    """What ``say`` says of as many alerts as fit, what fires first; of one alert, cut, when none does.

    ``note(n)`` is the line that says that ``n`` alerts are left out, in the text's markup.
    """
    text = say(alerts)
    if limit.holds(text):
        return text
    ordered = sorted(alerts, key=lambda alert: alert.status != FIRING)

    def of(count: int) -> str:
        return say(ordered[:count]).rstrip() + "\n\n" + note(len(ordered) - count)

    fits, too_many = 0, 1
    while too_many < len(ordered) and limit.holds(of(too_many)):
        fits, too_many = too_many, 2 * too_many
    too_many = min(too_many, len(ordered))
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        fits, too_many = (middle, too_many) if limit.holds(of(middle)) else (fits, middle)
    if fits:
        return of(fits)
    if len(ordered) < 2:
        return limit.cut(text)
    last = "\n\n" + note(len(ordered) - 1)
    shortened = limit.less(last).cut(say(ordered[:1]))
    return limit.cut(shortened + last) if shortened else limit.cut(say(ordered[:1]))
