"""Fitting a message into what a platform takes: whole alerts first, and a line that says how many are left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeAlias

from fenghuo.alerting.notify.cutting import Limit
from fenghuo.alerting.notify.message import FIRING, ToldAlert

Say: TypeAlias = Callable[[Sequence[ToldAlert]], str]
"""The text about these of a message's alerts."""
FEW: Final = 100
"""So many alerts are put into words when the template gives up on all of them: more fit no chat."""


@dataclass(frozen=True, slots=True)
class Chosen:
    """The alerts that a text may be about, and how many others the message has."""

    alerts: Sequence[ToldAlert]
    beyond: int = 0

    def few(self) -> Chosen:
        """The first :data:`FEW`, what fires before what is over."""
        ordered = firing_first(self.alerts)
        return Chosen(ordered[:FEW], self.beyond + len(ordered[FEW:]))


def firing_first(alerts: Sequence[ToldAlert]) -> list[ToldAlert]:
    """The order in which alerts are told."""
    return sorted(alerts, key=lambda alert: alert.status != FIRING)


def fit(say: Say, chosen: Chosen, limit: Limit, note: Callable[[int], str]) -> str:
    """What ``say`` says of as many alerts as fit, what fires first; of one alert, cut, when none does.

    ``note(n)`` is the line that says that ``n`` alerts are left out, in the text's markup.
    """
    text = say(chosen.alerts)
    if not chosen.beyond and limit.holds(text):
        return text
    ordered = firing_first(chosen.alerts)
    all_of_them = len(ordered) + chosen.beyond

    def of(count: int) -> str:
        return f"{say(ordered[:count]).rstrip()}\n\n{note(all_of_them - count)}"

    fits = _most(lambda count: limit.holds(of(count)), len(ordered) if chosen.beyond else len(ordered) - 1)
    if fits:
        return of(fits)
    if all_of_them == 1:
        return limit.cut(text)
    last = "\n\n" + note(all_of_them - 1)
    shortened = limit.less(last).cut(say(ordered[:1]))
    return limit.cut(shortened + last) if shortened else limit.cut(say(ordered[:1]))


def _most(holds: Callable[[int], bool], most: int) -> int:
    """The largest number up to ``most`` for which ``holds`` is true, asked for few; 0 when it is for none."""
    fits, too_many = 0, 1
    while too_many <= most and holds(too_many):
        fits, too_many = too_many, 2 * too_many
    too_many = min(too_many, most + 1)
    while too_many - fits > 1:
        middle = (fits + too_many) // 2
        fits, too_many = (middle, too_many) if holds(middle) else (fits, middle)
    return fits
