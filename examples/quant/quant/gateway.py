"""The link to CTP, the counter that Chinese futures brokers run: quotes in, orders out.

The exchange behind it is simulated, the ways it fails are the real ones: the link drops, a front refuses an order,
an answer takes its time.
"""

from __future__ import annotations

import random
import time
from collections import deque
from dataclasses import dataclass, field
from enum import StrEnum

from quant.market import Contract, Quote

REFUSAL_RATE = 0.01
ORDERS_KEPT = 500


class Side(StrEnum):
    BUY = "buy"
    SELL = "sell"


class OrderStatus(StrEnum):
    FILLED = "filled"
    REJECTED = "rejected"


@dataclass(frozen=True)
class Order:
    """An order and what became of it."""

    number: int
    symbol: str
    side: Side
    lots: int
    price: float
    status: OrderStatus
    strategy: str
    reason: str
    latency_s: float
    placed_at: float


@dataclass
class Gateway:
    """One trading session with the broker."""

    contracts: dict[str, Contract]
    seed: int = 7
    connected: bool = True
    disconnects: int = 0
    orders: deque[Order] = field(default_factory=lambda: deque(maxlen=ORDERS_KEPT))
    quotes: dict[str, Quote] = field(default_factory=dict)
    last_quote_at: float = 0.0
    _number: int = 0

    def __post_init__(self) -> None:
        self._random = random.Random(self.seed)

    def connect(self) -> None:
        self.connected = True

    def disconnect(self) -> None:
        if self.connected:
            self.disconnects += 1
        self.connected = False

    def publish(self, quotes: list[Quote]) -> None:
        """New quotes from the exchange; they do not arrive while the link is down."""
        if self.connected:
            self.quotes = {quote.symbol: quote for quote in quotes}
            self.last_quote_at = time.time()

    def place(self, symbol: str, side: Side, lots: int, strategy: str) -> Order:
        """Send an order at the market; it is filled at the other side of the book, or refused."""
        self._number += 1
        quote = self.quotes.get(symbol)
        reason = self._refusal(symbol, quote)
        price = 0.0 if quote is None else quote.ask if side is Side.BUY else quote.bid
        order = Order(
            number=self._number,
            symbol=symbol,
            side=side,
            lots=lots,
            price=price,
            status=OrderStatus.REJECTED if reason else OrderStatus.FILLED,
            strategy=strategy,
            reason=reason,
            # Round trips to a broker's front are a few milliseconds with a long tail.
            latency_s=self._random.lognormvariate(-5.5, 0.6),
            placed_at=time.time(),
        )
        self.orders.append(order)
        return order

    def _refusal(self, symbol: str, quote: Quote | None) -> str:
        if symbol not in self.contracts:
            return "CTP:16 合约不存在 (no such instrument)"
        if not self.connected:
            return "CTP:-1 网络连接失败 (link is down)"
        if quote is None:
            return "CTP:26 当前状态禁止此项操作 (no quote yet)"
        if self._random.random() < REFUSAL_RATE:
            return "CTP:42 结算结果未确认或流控 (flow control)"
        return ""
