"""The account: positions, profit and loss, drawdown."""

from __future__ import annotations

from dataclasses import dataclass, field

from quant.market import Contract

MARGIN_RATE = 0.12


@dataclass
class Position:
    """A net position of one strategy in one contract. ``lots`` is negative for a short one."""

    symbol: str
    lots: int = 0
    average_price: float = 0.0


@dataclass
class Book:
    """What one strategy holds and has earned, fees taken off."""

    positions: dict[str, Position] = field(default_factory=dict)
    realized: float = 0.0

    def fill(self, contract: Contract, lots: int, price: float) -> None:
        """Book a trade of ``lots`` (negative: sold) at ``price``."""
        position = self.positions.setdefault(contract.symbol, Position(contract.symbol))
        self.realized -= abs(lots) * contract.fee
        closing = min(abs(lots), abs(position.lots)) if position.lots * lots < 0 else 0
        if closing:
            direction = 1 if position.lots > 0 else -1
            self.realized += closing * direction * (price - position.average_price) * contract.multiplier
        opening = abs(lots) - closing
        held = position.lots + lots
        if opening and closing:
            position.average_price = price
        elif opening:
            total = abs(position.lots) * position.average_price + opening * price
            position.average_price = total / abs(held)
        position.lots = held

    def unrealized(self, contracts: dict[str, Contract], prices: dict[str, float]) -> float:
        """Profit of the open positions at ``prices``."""
        return sum(
            position.lots * (prices[symbol] - position.average_price) * contracts[symbol].multiplier
            for symbol, position in self.positions.items()
            if position.lots
        )

    def margin(self, contracts: dict[str, Contract], prices: dict[str, float]) -> float:
        """Money that the exchange holds for the open positions."""
        return sum(
            abs(position.lots) * prices[symbol] * contracts[symbol].multiplier * MARGIN_RATE
            for symbol, position in self.positions.items()
        )


@dataclass
class Drawdown:
    """How far equity has fallen from its highest point, as a negative fraction."""

    peak: float
    current: float = 0.0
    worst: float = 0.0

    def update(self, equity: float) -> None:
        self.peak = max(self.peak, equity)
        self.current = equity / self.peak - 1
        self.worst = min(self.worst, self.current)
