"""Fenghuo on another engine: what is scraped goes there, and what people and rules ask is answered there."""

from __future__ import annotations

import gzip
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

from accept.engines import INSTALLED, KINDS, Engine
from accept.exposition import Exposition
from accept.processes import StartProcess
from accept.server import Server, StartServer

pytestmark = [
    pytest.mark.accept,
    pytest.mark.slow,
    pytest.mark.skipif(not INSTALLED, reason="Debian's prometheus and victoria-metrics are not installed"),
]

RULES = """
groups:
  - name: there
    interval: 1s
    rules:
      - {record: "job:level:sum", expr: "sum by (job) (level)"}
      - alert: TooHigh
        expr: level > 5
        annotations: {summary: 'there are {{ query "count(level)" | first | value }}'}
"""
CONFIG = """
packs: []
integrations: {{host: null}}
global: {{scrape_interval: 1s, scrape_timeout: 1s, external_labels: {{site: north}}}}
scrape_configs:
  - {{job_name: app, static_configs: [{{targets: ["{target}"]}}]}}
rule_files: [rules.yml]
remote: {{url: "{url}", timeout: 5s}}
remote_write:
  - {{url: "{url}/api/v1/write", queue_config: {{batch_send_deadline: 300ms, max_backoff: 500ms}}}}
"""


def until(check: Callable[[], Any], what: str, timeout_s: float = 40.0) -> Any:
    """The first true result of ``check``."""
    deadline_s = time.monotonic() + timeout_s
    while not (found := check()):
        assert time.monotonic() < deadline_s, what
        time.sleep(0.2)
    return found


def start_on(engine: Engine, tmp_path: Path, start_server: StartServer, target: Exposition) -> Server:
    (tmp_path / "rules.yml").write_text(RULES)
    return start_server(tmp_path / "data", CONFIG.format(target=target.address, url=engine.url))


def answer(server: Server, path: str, **params: Any) -> Any:
    got = server.client.get(f"/api/v1/{path}", params=params)
    assert got.status_code == 200, got.text
    return got.json()["data"]


def alerts(server: Server) -> list[dict[str, Any]]:
    return server.client.get("/api/v1/alerts").json()["data"]["alerts"]


@pytest.mark.parametrize("kind", KINDS)
def test_rules_and_people_are_answered_by_the_engine(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess, kind: str
) -> None:
    engine = Engine(kind, tmp_path / kind, start_process).start()
    with Exposition("level 7") as target:
        server = start_on(engine, tmp_path, start_server, target)
        until(lambda: server.query("level"), f"nothing arrives: {server.output}")
        (series,) = server.query("level")
        assert series["metric"]["site"] == "north"  # Only what went through the engine has it.

        now_s = time.time()
        window = {"start": now_s - 60, "end": now_s + 60}
        assert answer(server, "query_range", query="level", step=1, **window)["resultType"] == "matrix"
        assert answer(server, "series", **{"match[]": "level"}, **window) == [series["metric"]]
        assert "site" in answer(server, "labels", **window)
        assert "app" in answer(server, "label/job/values", **window)
        assert isinstance(answer(server, "metadata"), dict)
        posted = server.client.post("/api/v1/query", data={"query": "level"})
        assert posted.json()["data"]["result"][0]["value"][1] == "7"

        (alert,) = until(lambda: alerts(server), f"no alert: {server.output}")
        assert (alert["labels"]["alertname"], alert["labels"]["site"], alert["state"]) == ("TooHigh", "north", "firing")
        assert alert["annotations"]["summary"] == "there are 1"
        until(lambda: server.query("job:level:sum == 7"), "what a rule records does not arrive")
        until(lambda: server.query('ALERTS{alertname="TooHigh"}'), "the alert's own series does not arrive")
        assert server.client.get("/health").json()["checks"]["remote"]["status"] == "healthy"


def test_what_the_engine_refuses_is_said_in_its_words_and_gzip_passes_through(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess
) -> None:
    engine = Engine("prometheus", tmp_path / "prometheus", start_process).start()
    with Exposition("level 7") as target:
        server = start_on(engine, tmp_path, start_server, target)
        refused = server.client.get("/api/v1/query", params={"query": "sum("})
        theirs = engine.get("/api/v1/query", {"query": "sum("})
        assert (refused.status_code, refused.json()) == (theirs.status_code, theirs.json())
        assert httpx.get(f"{server.url}/api/v1/query", params={"query": "1"}).status_code == 401

        with server.client.stream(
            "GET", "/api/v1/label/__name__/values", headers={"Accept-Encoding": "gzip"}
        ) as squeezed:
            raw = b"".join(squeezed.iter_raw())
        plain = server.client.get("/api/v1/label/__name__/values", headers={"Accept-Encoding": "identity"})
        assert squeezed.headers.get("Content-Encoding") == "gzip"
        assert set(json.loads(gzip.decompress(raw))["data"]) <= set(plain.json()["data"])


@pytest.mark.parametrize("kind", KINDS)
def test_an_engine_that_is_away_is_said_everywhere_and_comes_back_by_itself(
    tmp_path: Path, start_server: StartServer, start_process: StartProcess, kind: str
) -> None:
    engine = Engine(kind, tmp_path / kind, start_process).start()
    with Exposition("level 7") as target:
        server = start_on(engine, tmp_path, start_server, target)
        until(lambda: alerts(server), f"no alert: {server.output}")
        engine.stop()

        lost = server.client.get("/api/v1/query", params={"query": "level"})
        assert lost.status_code == 503
        assert lost.json()["errorType"] == "unavailable"
        assert f"the remote engine at {engine.url} cannot be asked" in lost.json()["error"]
        health = server.client.get("/health")
        assert health.status_code == 503
        assert engine.url in health.json()["checks"]["remote"]["message"]

        def rules() -> list[dict[str, Any]]:
            groups = server.client.get("/api/v1/rules").json()["data"]["groups"]
            return [rule for group in groups for rule in group["rules"]]

        until(lambda: all(engine.url in rule.get("lastError", "") for rule in rules()), "rules say nothing of it")
        assert alerts(server)  # What fires goes on while nobody can say otherwise.

        engine.start()
        until(lambda: all(rule["health"] == "ok" for rule in rules()), "rules do not recover")
        until(lambda: server.query("level"), "queries do not recover")
        assert server.client.get("/health").json()["checks"]["remote"]["status"] == "healthy"
