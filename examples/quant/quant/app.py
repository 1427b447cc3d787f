"""The HTTP API of the platform."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

from fastapi import FastAPI, HTTPException, WebSocket, WebSocketDisconnect
from pydantic import BaseModel, Field

from fenghuo.sdk import Check, Health, instrument
from quant import metrics
from quant.gateway import OrderStatus, Side
from quant.platform import Platform

QUOTE_AGE_MAX_S = 10.0

platform = Platform()


@contextlib.asynccontextmanager
async def lifespan(app: FastAPI) -> AsyncIterator[None]:
    trading = asyncio.create_task(platform.run())
    yield
    trading.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await trading


app = FastAPI(title="quant-platform", lifespan=lifespan)


class OrderRequest(BaseModel):
    symbol: str
    side: Side
    lots: int = Field(gt=0, le=100)


@app.get("/api/v1/market/{symbol}")
async def quote(symbol: str) -> dict[str, Any]:
    """The last quote of a contract."""
    if symbol not in platform.gateway.quotes:
        raise HTTPException(404, f"no quote for {symbol}")
    return asdict(platform.gateway.quotes[symbol])


@app.get("/api/v1/orders")
async def orders(limit: int = 50) -> list[dict[str, Any]]:
    """The latest orders, newest first."""
    latest = list(platform.gateway.orders)[-limit:]
    return [asdict(order) for order in reversed(latest)]


@app.post("/api/v1/orders", status_code=201)
async def place_order(request: OrderRequest) -> dict[str, Any]:
    """Send an order by hand. 422 when the broker refuses it, 503 while the link is down."""
    order = platform.place(request.symbol, request.side, request.lots)
    await asyncio.sleep(order.latency_s)
    if not platform.gateway.connected:
        raise HTTPException(503, order.reason)
    if order.status is OrderStatus.REJECTED:
        raise HTTPException(422, order.reason)
    return asdict(order)


@app.get("/api/v1/positions")
async def positions() -> list[dict[str, Any]]:
    return [
        {"strategy": name, **asdict(position)}
        for name, book in platform.books.items()
        for position in book.positions.values()
        if position.lots
    ]


@app.get("/api/v1/portfolio")
async def portfolio() -> dict[str, float]:
    return {"equity": platform.equity, "drawdown": platform.drawdown.current, "worst": platform.drawdown.worst}


@app.get("/api/v1/strategies")
async def strategies() -> list[dict[str, Any]]:
    return [
        {"name": strategy.name, "symbol": strategy.symbol, "active": strategy.active, "lots": platform.held(strategy)}
        for strategy in platform.strategies
    ]


@app.post("/api/v1/strategies/{name}/{action}")
async def switch_strategy(name: str, action: str) -> dict[str, Any]:
    """``start`` or ``stop`` a strategy; stopping keeps its position."""
    strategy = next((each for each in platform.strategies if each.name == name), None)
    if strategy is None or action not in ("start", "stop"):
        raise HTTPException(404, f"no strategy {name} or action {action}")
    strategy.active = action == "start"
    return {"name": name, "active": strategy.active}


@app.post("/api/v1/ctp/{action}")
async def switch_link(action: str) -> dict[str, bool]:
    """``disconnect`` cuts the link to the broker, ``connect`` restores it."""
    if action not in ("connect", "disconnect"):
        raise HTTPException(404, f"no action {action}")
    if action == "connect":
        platform.connect()
    else:
        platform.disconnect()
    return {"connected": platform.gateway.connected}


@app.websocket("/ws/quotes")
async def quotes(socket: WebSocket) -> None:
    """All quotes, once a second."""
    await socket.accept()
    with metrics.ACTIVE_CONNECTIONS.track_inprogress(), contextlib.suppress(WebSocketDisconnect):
        while True:
            await socket.send_json([asdict(each) for each in platform.gateway.quotes.values()])
            await asyncio.sleep(1)


def ctp_link() -> bool:
    return platform.gateway.connected


def quotes_are_fresh() -> bool:
    return time.time() - platform.gateway.last_quote_at < QUOTE_AGE_MAX_S


instrument(app, health=Health({"ctp": ctp_link, "market_data": Check(quotes_are_fresh, critical=False)}))
