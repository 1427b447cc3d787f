"""The HTTP API beside a real Prometheus that scrapes the same target: a data source of Grafana sees no difference."""

from __future__ import annotations

import shutil
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.processes import StartProcess, free_port, wait_for
from accept.server import start

pytestmark = pytest.mark.accept

EXPOSITION = b"""# HELP shop_orders_total Orders taken.
# TYPE shop_orders_total counter
shop_orders_total{side="buy"} 3
shop_orders_total{side="sell"} 4.5
# HELP shop_stock Items left.
# TYPE shop_stock gauge
shop_stock{item="tea \\"green\\"",note="\xe4\xb8\xad\\n"} NaN
shop_stock{item="coffee"} +Inf
shop_stock{item="salt"} 1e-9
# TYPE shop_latency_seconds histogram
shop_latency_seconds_bucket{le="0.1"} 1
shop_latency_seconds_bucket{le="1.5"} 5
shop_latency_seconds_bucket{le="+Inf"} 6
shop_latency_seconds_sum 4.2
shop_latency_seconds_count 6
"""

RULES = """
groups:
  - name: shop
    interval: 1s
    rules:
      - record: side:shop_orders:sum
        expr: sum(shop_orders_total)by(side)
        labels: {kind: recorded}
      - alert: ManyOrders
        expr: shop_orders_total > 4
        keep_firing_for: 5m
        labels: {severity: warning}
        annotations: {summary: '{{ $labels.side }} has {{ $value }}'}
      - alert: NoOrders
        expr: shop_orders_total == 0
        for: 1h
"""

CONFIG = """
global: {{scrape_interval: 1s, scrape_timeout: 1s, evaluation_interval: 1s}}
rule_files: [{rules}]
scrape_configs:
  - job_name: shop
    static_configs: [{{targets: ['127.0.0.1:{port}'], labels: {{team: sales}}}}]
"""


@dataclass
class Pair:
    """The two servers, each behind a client."""

    ours: httpx.Client
    theirs: httpx.Client

    def get(self, path: str, **params: Any) -> tuple[httpx.Response, httpx.Response]:
        return self.ours.get(path, params=params), self.theirs.get(path, params=params)

    def post(self, path: str, **params: Any) -> tuple[httpx.Response, httpx.Response]:
        return self.ours.post(path, data=params), self.theirs.post(path, data=params)


class Target(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(EXPOSITION)

    def log_message(self, *args: Any) -> None:
        """Scrapes are not worth a line."""


@pytest.fixture
def pair(tmp_path: Path, start_process: StartProcess) -> Iterator[Pair]:
    if shutil.which("prometheus") is None:
        pytest.skip("Debian's package prometheus is not installed")
    target = ThreadingHTTPServer(("127.0.0.1", 0), Target)
    threading.Thread(target=target.serve_forever, args=(0.05,), daemon=True).start()
    (tmp_path / "rules.yml").write_text(RULES)
    config = CONFIG.format(port=target.server_port, rules=tmp_path / "rules.yml")
    (tmp_path / "prometheus.yml").write_text(config)
    url = f"http://127.0.0.1:{free_port()}"
    prometheus = start_process(
        [
            "prometheus",
            f"--config.file={tmp_path / 'prometheus.yml'}",
            f"--storage.tsdb.path={tmp_path / 'prometheus'}",
            f"--web.listen-address={url.removeprefix('http://')}",
        ]
    )
    wait_for(f"{url}/-/ready", prometheus, status=200)
    ours = start(start_process, tmp_path / "data", config + "packs: []\nintegrations: {host: null}\n")
    with httpx.Client(base_url=url, timeout=20) as theirs:
        for client in (ours.client, theirs):
            wait_until(client, 'count_over_time(shop_stock{item="salt"}[1m]) > 2')
            wait_until(client, 'ALERTS{alertname="ManyOrders"}')
        yield Pair(ours.client, theirs)
    ours.client.close()
    target.shutdown()
    target.server_close()


def wait_until(client: httpx.Client, expression: str) -> None:
    deadline_s = time.monotonic() + 30
    while not client.get("/api/v1/query", params={"query": expression}).json()["data"]["result"]:
        assert time.monotonic() < deadline_s, f"{client.base_url}: {expression} stays empty"
        time.sleep(0.2)


def shape(value: Any) -> Any:
    """The structure of an answer: keys and types, and of a list the structure of its first element."""
    if isinstance(value, dict):
        return {key: shape(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [shape(value[0])] if value else []
    return "number" if isinstance(value, int | float) and not isinstance(value, bool) else type(value).__name__


def unordered(answer: Any) -> Any:
    """The answer with the elements of a vector sorted: only sorting functions promise an order."""
    if answer["data"]["resultType"] == "vector":
        answer["data"]["result"].sort(key=lambda element: sorted(element["metric"].items()))
    return answer


def by_text(answer: Any) -> Any:
    """The answer with its list sorted: of series no order is promised."""
    return {**answer, "data": sorted(answer["data"], key=str)}


INSTANT = [
    "shop_stock",
    "shop_orders_total",
    "sum(shop_orders_total)",
    "shop_orders_total > bool 4",
    "histogram_quantile(0.9, shop_latency_seconds_bucket)",
    "topk(1, shop_orders_total)",
    "1 + 1",
    "1e21 + 0.1",
    "-1 / 0",
    '"text"',
    "absent(nothing)",
    "label_replace(shop_orders_total, 'dst', '$1', 'side', '(.).*')",
    "nothing",
]

FORMATTED = [
    "sum(rate(x[300s]offset 1h))by(job)>bool 1e3",
    "histogram_quantile(0.9,sum by(le,job)(rate(http_request_duration_seconds_bucket{job='web',code!~'5..'}[5m]))) > "
    "on(job) group_left() max by(job)(http_request_duration_limit_seconds)",
    "-max_over_time(deriv(rate(distance_covered_total[5s])[30s:5s])[10m:]@end())",
]

TWICE = 'shop_orders_total + on() (shop_orders_total{side="sell"} or shop_orders_total{side="buy"})'
"""In this order old Prometheus names the two duplicates in the order into which new Prometheus sorts them."""

BAD = [
    ("/api/v1/format_query", {"query": "rate("}),
    ("/api/v1/query", {"query": "rate("}),
    ("/api/v1/query", {"query": "1", "time": "yesterday"}),
    ("/api/v1/query", {"query": "1", "timeout": "soon"}),
    ("/api/v1/query_range", {"query": "1", "start": "1", "end": "0", "step": "1"}),
    ("/api/v1/query_range", {"query": "1", "start": "0", "end": "1", "step": "0"}),
    ("/api/v1/query_range", {"query": "1", "start": "0", "end": "11001", "step": "1"}),
    ("/api/v1/query_range", {"query": "1", "end": "1", "step": "1"}),
    ("/api/v1/query", {"query": TWICE}),
    ("/api/v1/series", {}),
    ("/api/v1/series", {"match[]": "{"}),
    ("/api/v1/series", {"match[]": '{x=""}'}),
    ("/api/v1/labels", {"start": "2", "end": "1"}),
    ("/api/v1/query_exemplars", {"query": "rate(", "start": "0", "end": "1"}),
    ("/api/v1/metadata", {"limit": "x"}),
    ("/api/v1/rules", {"type": "other"}),
]


def test_answers_are_alike(pair: Pair) -> None:
    moment = time.time() - 1
    mine = {"team": "sales", "job": "shop"}

    for expression in INSTANT:
        ours, theirs = pair.post("/api/v1/query", query=expression, time=moment)
        assert unordered(ours.json()) == unordered(theirs.json()), expression
    ours, theirs = pair.get(
        "/api/v1/query_range", query="shop_orders_total * 2", start=int(moment), end=int(moment) + 1, step="500ms"
    )
    assert ours.json() == theirs.json()
    ours, theirs = pair.get("/api/v1/query", query='count_over_time(shop_stock{item="salt"}[1m])')
    assert shape(ours.json()) == shape(theirs.json())
    ours, theirs = pair.get("/api/v1/query", query='shop_stock{item="salt"}[3s]')
    assert shape(ours.json()) == shape(theirs.json())

    for expression in FORMATTED:
        ours, theirs = pair.post("/api/v1/format_query", query=expression)
        assert ours.json() == theirs.json(), expression

    match = {"match[]": '{job="shop", __name__=~"shop_.*"}'}
    for path in ("/api/v1/label/__name__/values", "/api/v1/label/side/values", "/api/v1/label/none/values"):
        ours, theirs = pair.get(path, **match)
        assert ours.json() == theirs.json(), path
    for path in ("/api/v1/labels", "/api/v1/series"):
        ours, theirs = pair.post(path, **match)
        assert by_text(ours.json()) == by_text(theirs.json()), path
    assert mine.items() <= pair.ours.get("/api/v1/series", params=match).json()["data"][0].items()

    ours, theirs = pair.get("/api/v1/metadata", metric="shop_orders_total")
    assert ours.json()["data"] == theirs.json()["data"]
    ours, theirs = pair.get("/api/v1/targets/metadata", match_target='{job="shop"}', metric="shop_stock")
    assert shape(ours.json()) == shape(theirs.json())
    ours, theirs = pair.get("/api/v1/query_exemplars", query="shop_orders_total", start=0, end=moment)
    assert ours.json() == theirs.json() == {"status": "success", "data": []}


def test_the_views_of_targets_rules_and_status_have_the_same_shape(pair: Pair) -> None:
    ours, theirs = (answer.json()["data"] for answer in pair.get("/api/v1/targets", state="active"))
    target = next(each for each in ours["activeTargets"] if each["labels"]["job"] == "shop")
    assert target.keys() == theirs["activeTargets"][0].keys()
    assert target["labels"] == theirs["activeTargets"][0]["labels"]
    assert target["scrapeUrl"] == theirs["activeTargets"][0]["scrapeUrl"]

    ours, theirs = (answer.json()["data"]["groups"] for answer in pair.get("/api/v1/rules"))
    assert [group["name"] for group in ours] == ["shop"]
    assert ours[0].keys() == theirs[0].keys()
    volatile = {"evaluationTime", "lastEvaluation", "alerts"}
    for rule, other in zip(ours[0]["rules"], theirs[0]["rules"], strict=True):
        # Prometheus 3 added keepFiringFor; the one beside us is older when it does not know it.
        assert rule.keys() - other.keys() <= {"keepFiringFor"}
        assert {key: rule[key] for key in other.keys() - volatile} == {
            key: other[key] for key in other.keys() - volatile
        }
    ours, theirs = (answer.json()["data"]["alerts"] for answer in pair.get("/api/v1/alerts"))
    assert {key: value for key, value in ours[0].items() if key != "activeAt"} == {
        key: value for key, value in theirs[0].items() if key != "activeAt"
    }

    for name in ("buildinfo", "runtimeinfo", "tsdb", "config"):
        ours, theirs = (answer.json()["data"] for answer in pair.get(f"/api/v1/status/{name}"))
        assert theirs.keys() <= ours.keys(), name
    assert pair.ours.get("/api/v1/status/buildinfo").json()["data"]["version"].startswith("3.")
    ours, theirs = pair.get("/api/v1/alertmanagers")
    assert shape(ours.json()) == shape(theirs.json())


@pytest.mark.parametrize("chunk", range(3))
def test_refusals_are_alike(pair: Pair, chunk: int) -> None:
    differing = []
    for path, params in BAD[chunk::3]:
        ours, theirs = pair.get(path, **params)
        if (ours.status_code, ours.json()) != (theirs.status_code, theirs.json()):
            differing.append((path, params, ours.text, theirs.text))

    assert differing == []
