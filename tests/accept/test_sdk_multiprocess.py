"""An instrumented Flask application under gunicorn with several workers: one ``/metrics`` for all of them."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import httpx
import pytest

from accept.processes import StartProcess, free_port, wait_for

pytestmark = pytest.mark.accept

APPLICATION = """
import os
from flask import Flask
from prometheus_client import Counter
from fenghuo.sdk import forget_worker, instrument

app = Flask("shop")
ORDERS = Counter("shop_orders", "Orders.")

@app.get("/orders/<int:number>")
def order(number):
    ORDERS.inc()
    return str(os.getpid())

instrument(app)
"""

GUNICORN = "from fenghuo.sdk import forget_worker as child_exit\n"


def test_metrics_of_all_workers_are_summed(tmp_path: Path, start_process: StartProcess) -> None:
    (tmp_path / "shop.py").write_text(APPLICATION)
    (tmp_path / "gunicorn.conf.py").write_text(GUNICORN)
    (tmp_path / "metrics").mkdir()
    port = free_port()
    server = start_process(
        [sys.executable, "-m", "gunicorn", "--workers=2", f"--bind=127.0.0.1:{port}", "shop:app"],
        env={**os.environ, "PROMETHEUS_MULTIPROC_DIR": str(tmp_path / "metrics")},
        cwd=tmp_path,
    )
    base = f"http://127.0.0.1:{port}"
    wait_for(f"{base}/health/live", server)

    workers = {httpx.get(f"{base}/orders/{number}").text for number in range(40)}
    text = httpx.get(f"{base}/metrics").text

    assert len(workers) == 2
    assert "shop_orders_total 40.0" in text
    assert 'http_requests_total{endpoint="/orders/<int:number>",method="GET",status="200"} 40.0' in text
    assert "http_requests_in_flight 0.0" in text
