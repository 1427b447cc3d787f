"""Visitors: people who look at quotes and positions, and now and then send an order by hand.

``python -m quant.traffic http://127.0.0.1:8000`` runs until it is stopped.
"""

from __future__ import annotations

import contextlib
import json
import random
import sys
import time
import urllib.error
import urllib.request

from quant.market import CONTRACTS

PAGES = ("/api/v1/positions", "/api/v1/portfolio", "/api/v1/strategies", "/api/v1/orders?limit=20")
PAUSE_S = 0.25


def visit(base_url: str, dice: random.Random) -> None:
    """One request, of a kind and for a contract drawn by ``dice``."""
    kind = dice.random()
    if kind < 0.5:
        _send(f"{base_url}/api/v1/market/{dice.choice(CONTRACTS).symbol}")
    elif kind < 0.9:
        _send(base_url + dice.choice(PAGES))
    elif kind < 0.98:
        order = {"symbol": dice.choice(CONTRACTS).symbol, "side": dice.choice(("buy", "sell")), "lots": 1}
        _send(f"{base_url}/api/v1/orders", json.dumps(order).encode())
    else:
        _send(f"{base_url}/api/v1/market/nosuch")


def _send(url: str, body: bytes | None = None) -> None:
    request = urllib.request.Request(url, body, {"Content-Type": "application/json"})  # noqa: S310 - http to loopback
    # Refusals are part of the traffic: the platform counts them.
    with contextlib.suppress(urllib.error.URLError, ConnectionError, TimeoutError):
        urllib.request.urlopen(request, timeout=5).close()  # noqa: S310 - as above


def main() -> None:
    dice = random.Random()
    while True:
        visit(sys.argv[1], dice)
        time.sleep(dice.expovariate(1 / PAUSE_S))


if __name__ == "__main__":
    main()
