"""Three textbook strategies. Each sees the last prices of one contract and says how many lots it wants to hold."""

from __future__ import annotations

import statistics
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

Target = Callable[[list[float], int], int]


def moving_average_cross(prices: list[float], held: int) -> int:
    """Long while the fast average is above the slow one, short while it is below."""
    if len(prices) < 60:
        return held
    fast, slow = statistics.fmean(prices[-12:]), statistics.fmean(prices[-60:])
    return 2 if fast > slow else -2


def mean_reversion(prices: list[float], held: int) -> int:
    """Against a move of two standard deviations, until the price is back at its mean."""
    if len(prices) < 60:
        return held
    mean, deviation = statistics.fmean(prices[-60:]), statistics.pstdev(prices[-60:])
    if deviation == 0:
        return held
    score = (prices[-1] - mean) / deviation
    if abs(score) > 2:
        return -1 if score > 0 else 1
    return 0 if held * score >= 0 else held


def breakout(prices: list[float], held: int) -> int:
    """With a price that leaves the range of the last two minutes (Donchian's channel)."""
    if len(prices) < 120:
        return held
    high, low = max(prices[-120:-1]), min(prices[-120:-1])
    if prices[-1] > high:
        return 1
    if prices[-1] < low:
        return -1
    return held


@dataclass
class Strategy:
    """A strategy at work on one contract."""

    name: str
    symbol: str
    target: Target
    active: bool = True
    prices: deque[float] = field(default_factory=lambda: deque(maxlen=240))

    def wanted(self, price: float, held: int) -> int:
        """The lots it wants to hold after seeing ``price``."""
        self.prices.append(price)
        return self.target(list(self.prices), held) if self.active else held


def default_strategies() -> list[Strategy]:
    return [
        Strategy("ma_cross_rb", "rb2705", moving_average_cross),
        Strategy("ma_cross_m", "m2705", moving_average_cross),
        Strategy("mean_reversion_au", "au2706", mean_reversion),
        Strategy("mean_reversion_ta", "TA705", mean_reversion),
        Strategy("breakout_if", "IF2612", breakout),
    ]
