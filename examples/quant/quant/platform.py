"""The platform: market, gateway, books and strategies, one step a second."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field

from quant import metrics
from quant.account import Book, Drawdown
from quant.gateway import Gateway, Order, OrderStatus, Side
from quant.market import Contract, Market
from quant.strategies import Strategy, default_strategies

INITIAL_EQUITY = 5_000_000.0
STEP_S = 1.0
GATEWAY_NAME = "ctp-sim"


@dataclass
class Platform:
    """Everything that trades. :meth:`run` drives it; :meth:`step` is one turn."""

    market: Market = field(default_factory=Market)
    strategies: list[Strategy] = field(default_factory=default_strategies)
    drawdown: Drawdown = field(default_factory=lambda: Drawdown(INITIAL_EQUITY))

    def __post_init__(self) -> None:
        self.contracts: dict[str, Contract] = {contract.symbol: contract for contract in self.market.contracts}
        self.gateway = Gateway(self.contracts)
        self.books = {strategy.name: Book() for strategy in self.strategies} | {"manual": Book()}
        metrics.CTP_DISCONNECTS.labels(GATEWAY_NAME)
        # Strategies need two minutes of history before they trade; nobody wants to watch them wait.
        for _ in range(180):
            for quote in self.market.step():
                for strategy in self.strategies:
                    if strategy.symbol == quote.symbol:
                        strategy.prices.append(quote.last)

    async def run(self) -> None:
        """Trade until cancelled."""
        while True:
            self.step()
            await asyncio.sleep(STEP_S)

    def step(self) -> None:
        """One second of the market: quotes arrive, strategies act, metrics follow."""
        self.gateway.publish(self.market.step())
        if self.gateway.connected:
            for strategy in self.strategies:
                self._trade(strategy)
        self._export()

    def place(self, symbol: str, side: Side, lots: int, strategy: str = "manual") -> Order:
        """Send an order and book what is filled."""
        order = self.gateway.place(symbol, side, lots, strategy)
        known = symbol if symbol in self.contracts else "unknown"
        metrics.TRADE_ORDERS.labels(known, side, order.status).inc()
        metrics.ORDER_LATENCY.labels(known).observe(order.latency_s)
        if order.status is OrderStatus.FILLED:
            signed = lots if side is Side.BUY else -lots
            self.books[strategy].fill(self.contracts[symbol], signed, order.price)
        return order

    def disconnect(self) -> None:
        if self.gateway.connected:
            metrics.CTP_DISCONNECTS.labels(GATEWAY_NAME).inc()
        self.gateway.disconnect()
        self._export()

    def connect(self) -> None:
        self.gateway.connect()
        self._export()

    @property
    def prices(self) -> dict[str, float]:
        return {symbol: quote.last for symbol, quote in self.gateway.quotes.items()}

    @property
    def equity(self) -> float:
        """Initial capital and everything earned or lost since, open positions at the last price."""
        prices = self.prices
        return INITIAL_EQUITY + sum(
            book.realized + book.unrealized(self.contracts, prices) for book in self.books.values()
        )

    def held(self, strategy: Strategy) -> int:
        position = self.books[strategy.name].positions.get(strategy.symbol)
        return position.lots if position else 0

    def _trade(self, strategy: Strategy) -> None:
        held = self.held(strategy)
        change = strategy.wanted(self.gateway.quotes[strategy.symbol].last, held) - held
        if change:
            self.place(strategy.symbol, Side.BUY if change > 0 else Side.SELL, abs(change), strategy.name)

    def _export(self) -> None:
        prices, equity = self.prices, self.equity
        self.drawdown.update(equity)
        metrics.CTP_CONNECTED.labels(GATEWAY_NAME).set(self.gateway.connected)
        metrics.LAST_TICK.set(self.gateway.last_quote_at)
        for symbol, price in prices.items():
            metrics.LAST_PRICE.labels(symbol, self.contracts[symbol].exchange).set(price)
        for strategy in self.strategies:
            book = self.books[strategy.name]
            profit = book.realized + book.unrealized(self.contracts, prices)
            performance = metrics.STRATEGY.labels
            performance(strategy.name, "total_return").set(profit / INITIAL_EQUITY)
            performance(strategy.name, "status").set(strategy.active)
            performance(strategy.name, "position_ratio").set(book.margin(self.contracts, prices) / equity)
            metrics.POSITION.labels(strategy.name, strategy.symbol).set(self.held(strategy))
        margin = sum(book.margin(self.contracts, prices) for book in self.books.values())
        metrics.PORTFOLIO_VALUE.set(equity)
        metrics.MARGIN_RATIO.set(margin / equity)
        metrics.DRAWDOWN.set(self.drawdown.current)
        metrics.STRATEGY.labels("portfolio", "current_drawdown").set(self.drawdown.current)
