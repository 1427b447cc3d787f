"""How many requests are in flight at the same time: as many as help.

A far receiver takes more when it is sent several requests at once; one on the same machine does not, and one that
joins series into targets does worse. So the number is doubled while that makes sending faster, and halved otherwise.
"""

from __future__ import annotations

from typing import Final

_WORTH: Final = 1.2
"""Twice the requests must carry this much more to be kept."""
_LOOK_ROUNDS: Final = 3
"""So many rounds are looked at together: one alone says little on a busy machine."""
_HOLD_ROUNDS: Final = 50
"""Rounds until more is tried again where it did not help."""


class Lanes:
    """Finds the number, between two bounds, from how fast rounds went through."""

    def __init__(self, count_min: int, count_max: int) -> None:
        self.count = count_min
        self._min = count_min
        self._max = count_max
        self._rate_of_half = 0.0
        """Samples a second with half as many lanes; 0 while that is not known."""
        self._hold = 0
        self._rounds: list[tuple[int, float]] = []
        """Samples and seconds of the rounds since the last change."""

    def went(self, count: int, samples: int, seconds: float, *, full: bool) -> None:
        """A round of so many samples in ``count`` lanes took so long; ``full`` says that more was waiting behind it."""
        if count != self.count:  # It was read before the number changed.
            return
        if not full:
            self._set(self.count // 2, 0.0, hold=0)
        elif self._hold:
            self._hold -= 1
        else:
            self._rounds.append((samples, seconds))
            if len(self._rounds) == _LOOK_ROUNDS:
                self._judge()

    def _judge(self) -> None:
        rate = sum(samples for samples, _ in self._rounds) / max(sum(seconds for _, seconds in self._rounds), 1e-6)
        if rate >= _WORTH * self._rate_of_half:
            self._set(2 * self.count, rate, hold=_HOLD_ROUNDS if self.count == self._max else 0)
        else:
            self._set(self.count // 2, 0.0, hold=_HOLD_ROUNDS)

    def _set(self, count: int, rate_of_half: float, *, hold: int) -> None:
        self.count = min(max(count, self._min), self._max)
        self._rate_of_half, self._hold, self._rounds = rate_of_half, hold, []
