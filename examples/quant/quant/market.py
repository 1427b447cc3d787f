"""Prices of a handful of futures contracts.

Log returns share a market factor and have a volatility that clusters, the GARCH(1,1) recursion of Bollerslev
(1986): ``variance = omega + alpha * return² + beta * variance``. A pull towards the opening price keeps a demo
that runs for weeks in a believable range.
"""

from __future__ import annotations

import math
import random
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Contract:
    """A futures contract: its tick size, the units one lot stands for, and the fee for a lot."""

    symbol: str
    exchange: str
    open_price: float
    tick_size: float
    multiplier: int
    fee: float
    beta: float


CONTRACTS = (
    Contract("rb2705", "SHFE", 3180.0, 1.0, 10, 3.2, 0.9),
    Contract("au2706", "SHFE", 912.4, 0.02, 1000, 10.0, 0.3),
    Contract("IF2612", "CFFEX", 4386.0, 0.2, 300, 30.0, 1.3),
    Contract("m2705", "DCE", 2874.0, 1.0, 10, 1.5, 0.6),
    Contract("TA705", "CZCE", 4672.0, 2.0, 5, 3.0, 0.8),
)

OMEGA, ALPHA, BETA = 2e-9, 0.08, 0.90
"""Long-run deviation of one step: sqrt(omega / (1 - alpha - beta)), about 0.03 %."""
PULL = 2e-4


@dataclass
class Quote:
    """The best bid and offer and the last price, as an exchange publishes them."""

    symbol: str
    last: float
    bid: float
    ask: float
    volume: int


@dataclass
class _State:
    log_price: float
    variance: float
    volume: int = 0


@dataclass
class Market:
    """A market that moves one step at a time. The same seed gives the same prices."""

    seed: int = 20261121
    contracts: tuple[Contract, ...] = CONTRACTS
    _random: random.Random = field(init=False)
    _states: dict[str, _State] = field(init=False)

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)
        calm = OMEGA / (1 - ALPHA - BETA)
        self._states = {contract.symbol: _State(math.log(contract.open_price), calm) for contract in self.contracts}

    def step(self) -> list[Quote]:
        """Let a step pass and return the new quotes."""
        factor = self._random.gauss(0, 1)
        return [self._moved(contract, factor) for contract in self.contracts]

    def _moved(self, contract: Contract, factor: float) -> Quote:
        state = self._states[contract.symbol]
        shared = contract.beta / math.hypot(contract.beta, 1)
        shock = shared * factor + math.sqrt(1 - shared**2) * self._random.gauss(0, 1)
        change = math.sqrt(state.variance) * shock
        change -= PULL * (state.log_price - math.log(contract.open_price))
        state.log_price += change
        state.variance = OMEGA + ALPHA * change**2 + BETA * state.variance
        state.volume += 1 + int(self._random.expovariate(1) * 40 * (1 + abs(shock)))
        last = _on_tick(math.exp(state.log_price), contract.tick_size)
        bid, ask = (_on_tick(last + step, contract.tick_size) for step in (-contract.tick_size, contract.tick_size))
        return Quote(contract.symbol, last, bid, ask, state.volume)


def _on_tick(price: float, tick_size: float) -> float:
    """``price`` on the exchange's grid, free of binary dust."""
    return round(round(price / tick_size) * tick_size, 6)
