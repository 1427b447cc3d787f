"""The real node_exporter, scraped by the real Prometheus and by us: the same samples under the same labels."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import httpx
import pytest

from accept.processes import StartProcess, free_port, wait_for
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher, MatchOp
from flow.scraping import Lab, job, laboratory

pytestmark = [
    pytest.mark.anyio,
    pytest.mark.accept,
    pytest.mark.slow,
    pytest.mark.skipif(
        not shutil.which("prometheus") or not shutil.which("prometheus-node-exporter"),
        reason="Debian's prometheus and prometheus-node-exporter are not installed",
    ),
]

CONFIGURATION = """
global: {{scrape_interval: 1s, scrape_timeout: 1s}}
scrape_configs:
  - job_name: node
    static_configs: [{{targets: ["{address}"]}}]
    metric_relabel_configs:
      - {{source_labels: [__name__], regex: "go_gc_.*", action: drop}}
      - {{source_labels: [mode], regex: "(i).*", target_label: initial, replacement: "$1"}}
"""
RELABEL = [
    {"source_labels": ["__name__"], "regex": "go_gc_.*", "action": "drop"},
    {"source_labels": ["mode"], "regex": "(i).*", "target_label": "initial", "replacement": "$1"},
]
COUNTS = ("scrape_samples_scraped", "scrape_samples_post_metric_relabeling", "up")


async def their_series(base: str) -> set[Labels]:
    async with httpx.AsyncClient(base_url=base) as client:
        answer = await client.get("/api/v1/query", params={"query": '{job="node"}'})
    return {Labels(each["metric"]) for each in answer.json()["data"]["result"]}


async def their_counts(base: str) -> dict[str, float]:
    found = {}
    async with httpx.AsyncClient(base_url=base) as client:
        for name in COUNTS:
            result = (await client.get("/api/v1/query", params={"query": name})).json()["data"]["result"]
            found[name] = float(result[0]["value"][1]) if result else -1.0
    return found


def our_counts(lab: Lab) -> dict[str, float]:
    return {name: float(lab.values(name, job="node")[-1]) for name in COUNTS}


async def test_counts_and_series_are_those_of_prometheus(start_process: StartProcess, tmp_path: Path) -> None:
    exporter, prometheus = f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}"
    started = start_process(["prometheus-node-exporter", f"--web.listen-address={exporter}"])
    wait_for(f"http://{exporter}/metrics", started)
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text(CONFIGURATION.format(address=exporter))
    theirs = start_process(
        [
            "prometheus",
            f"--config.file={configuration}",
            f"--storage.tsdb.path={tmp_path / 'tsdb'}",
            f"--web.listen-address={prometheus}",
        ]
    )
    wait_for(f"http://{prometheus}/-/ready", theirs, status=200)
    async with laboratory(tmp_path / "store") as lab:
        settings = {"scrape_interval": "1s", "scrape_timeout": "1s", "metric_relabel_configs": RELABEL}
        await lab.scraper.apply([job("node", exporter, **settings)])
        await lab.seen("node")

        # A host's series come and go: the counts are to agree at some moment, not at every one.
        async with asyncio.timeout(60):
            while (ours := our_counts(lab)) != (told := await their_counts(f"http://{prometheus}")):
                await asyncio.sleep(0.3)
        print(f"\nPrometheus: {told}\nFenghuo:    {ours}")
        assert ours["up"] == 1.0
        assert ours["scrape_samples_scraped"] > ours["scrape_samples_post_metric_relabeling"] > 300

        async with asyncio.timeout(60):
            while different := our_series(lab) ^ await their_series(f"http://{prometheus}"):
                await asyncio.sleep(0.3)
        assert different == set()


def our_series(lab: Lab) -> set[Labels]:
    """The series that the last scrape wrote."""
    last_ms = lab.target("node").last_scrape_ms or 0
    selection = lab.store.select([Matcher("job", MatchOp.EQUAL, "node")], last_ms, last_ms)
    return set(selection.labels.rows())
