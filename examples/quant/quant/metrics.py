"""What the platform tells Prometheus, under the names that trading teams use in their rules and dashboards."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

TRADE_ORDERS = Counter("trade_orders", "Orders sent, by outcome.", ["symbol", "side", "status"])
ORDER_LATENCY = Histogram(
    "trade_order_latency_seconds",
    "Time from sending an order to the broker's answer.",
    ["symbol"],
    buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25),
)
CTP_CONNECTED = Gauge("ctp_connected", "Whether the link to the CTP front stands.", ["gateway"])
CTP_DISCONNECTS = Counter("ctp_disconnects", "Times the link to the CTP front was lost.", ["gateway"])
LAST_TICK = Gauge("market_last_tick_timestamp_seconds", "When the last quote arrived.")
LAST_PRICE = Gauge("market_last_price", "Last traded price.", ["symbol", "exchange"])
STRATEGY = Gauge("strategy_performance", "Performance of a strategy.", ["strategy_name", "metric_type"])
POSITION = Gauge("position_lots", "Net position.", ["strategy_name", "symbol"])
PORTFOLIO_VALUE = Gauge("portfolio_value_total", "Equity of the account in CNY.")
MARGIN_RATIO = Gauge("portfolio_margin_ratio", "Margin in use as a share of equity.")
DRAWDOWN = Gauge("portfolio_drawdown_ratio", "Fall from the highest equity, as a negative share of it.")
ACTIVE_CONNECTIONS = Gauge("websocket_connections_active", "Open WebSocket connections.")
