"""Scraping over HTTP into the real store: what is sent, what is kept, what a reload leaves alone."""

from __future__ import annotations

import base64
import gzip
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from aiohttp import web

from fenghuo import __version__
from fenghuo.metrics.collect.scrape.status import Health
from fenghuo.model.matcher import Matcher, MatchOp
from flow.scraping import TEXT, Handler, Lab, job, laboratory, says, site

pytestmark = pytest.mark.anyio


@pytest.fixture
async def lab(tmp_path: Path) -> AsyncIterator[Lab]:
    async with laboratory(tmp_path / "store") as lab:
        yield lab


class Recorder:
    """Answers with one sample and remembers what it was asked."""

    def __init__(self, answer: Handler | None = None) -> None:
        self.requests: list[web.Request] = []
        self._answer = answer or says("a 1\n")

    async def __call__(self, request: web.Request) -> web.StreamResponse:
        self.requests.append(request)
        return await self._answer(request)

    @property
    def headers(self) -> Mapping[str, str]:
        return self.requests[-1].headers


async def test_a_request_says_what_prometheus_says(lab: Lab) -> None:
    recorder = Recorder()
    async with site({"/custom": recorder}) as address:
        params = {"module": ["a b", "c"], "target": ["x&y"]}
        await lab.scraper.apply([job("web", address, metrics_path="/custom", params=params)])
        await lab.seen("web")

    assert recorder.requests[-1].query.getall("module") == ["a b", "c"]
    assert recorder.requests[-1].query["target"] == "x&y"
    headers = recorder.headers
    assert headers["Accept"].startswith("application/openmetrics-text;version=1.0.0;escaping=allow-utf-8;q=0.6,")
    assert headers["Accept-Encoding"] == "gzip"
    assert headers["X-Prometheus-Scrape-Timeout-Seconds"] == "0.15"
    assert headers["User-Agent"] == f"Fenghuo/{__version__}"
    assert "Authorization" not in headers


@pytest.mark.parametrize(
    ("keys", "authorization"),
    [
        (
            {"basic_auth": {"username": "烽火", "password": "p:w"}},
            "Basic " + base64.b64encode("烽火:p:w".encode()).decode(),
        ),
        ({"authorization": {"credentials": "token"}}, "Bearer token"),
        ({"authorization": {"type": "Custom", "credentials": "token"}}, "Custom token"),
        ({"bearer_token": "old"}, "Bearer old"),
    ],
)
async def test_credentials_are_sent(keys: dict[str, object], authorization: str, lab: Lab) -> None:
    recorder = Recorder()
    async with site({"/metrics": recorder}) as address:
        await lab.scraper.apply([job("web", address, **keys)])
        await lab.seen("web")

    assert recorder.headers["Authorization"] == authorization


async def test_a_rotated_token_is_picked_up(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "token"
    file.write_text("one\n")
    recorder = Recorder()
    async with site({"/metrics": recorder}) as address:
        await lab.scraper.apply([job("web", address, authorization={"credentials_file": str(file)})])
        await lab.seen("web")
        assert recorder.headers["Authorization"] == "Bearer one"
        file.write_text("two\n")
        await lab.until(lambda: recorder.headers["Authorization"] == "Bearer two")


async def test_credentials_do_not_follow_a_redirect_to_another_host(lab: Lab) -> None:
    recorder = Recorder()
    async with site({"/metrics": recorder}) as elsewhere:

        async def send_away(request: web.Request) -> web.Response:
            raise web.HTTPFound(f"http://{elsewhere}/metrics")

        async with site({"/metrics": send_away}) as address:
            await lab.scraper.apply([job("web", address, basic_auth={"username": "u", "password": "p"})])
            await lab.seen("web")

    assert lab.target("web").health is Health.UP
    assert "Authorization" not in recorder.headers


async def test_a_connection_serves_many_scrapes(lab: Lab) -> None:
    peers: list[object] = []

    async def note(request: web.Request) -> web.StreamResponse:
        assert request.transport is not None
        peers.append(request.transport.get_extra_info("peername"))
        return web.Response(text="a 1\n")

    async with site({"/metrics": note}) as address:
        await lab.scraper.apply([job("web", address)])
        await lab.until(lambda: len(peers) >= 3)

    assert len(set(peers)) == 1


async def test_gzip_openmetrics_and_exemplars_arrive(lab: Lab) -> None:
    text = '# TYPE a counter\n# HELP a Things.\na_total{b="c"} 7 # {trace_id="t1"} 0.5\n# EOF\n'
    packed = gzip.compress(text[:20].encode()) + gzip.compress(text[20:].encode())
    answer = says(packed, "application/openmetrics-text; version=1.0.0", 200, **{"Content-Encoding": "gzip"})
    async with site({"/metrics": answer}) as address:
        await lab.scraper.apply([job("web", address)])
        await lab.seen("web")

        assert lab.values("a_total", job="web", instance=address, b="c")[0] == 7.0
        assert lab.scraper.metadata()["a"][0].help == "Things."
        ((series, (exemplar,)),) = lab.store.exemplars([[Matcher("__name__", MatchOp.EQUAL, "a_total")]], 0, 1 << 60)
        assert (series.metric_name, exemplar.labels["trace_id"]) == ("a_total", "t1")


async def test_a_fallback_protocol_reads_what_has_no_type(lab: Lab) -> None:
    async with site({"/metrics": says("a 1\n", "application/octet-stream")}) as address:
        await lab.scraper.apply([job("web", address, fallback_scrape_protocol="PrometheusText0.0.4")])
        await lab.seen("web")

    assert lab.target("web").health is Health.UP


async def test_metric_relabelling_renames_and_drops(lab: Lab) -> None:
    rules = [
        {"source_labels": ["__name__"], "regex": "noise_.*", "action": "drop"},
        {"source_labels": ["path"], "regex": "/api/(.*)", "target_label": "endpoint", "replacement": "$1"},
        {"regex": "path", "action": "labeldrop"},
    ]
    async with site({"/metrics": says('a{path="/api/x"} 1\nnoise_b 2\n')}) as address:
        await lab.scraper.apply([job("web", address, metric_relabel_configs=rules)])
        await lab.seen("web")

    assert lab.values("a", endpoint="x", path="")[0] == 1.0
    assert lab.values("noise_b") == []
    assert lab.values("scrape_samples_scraped")[0] == 2.0
    assert lab.values("scrape_samples_post_metric_relabeling")[0] == 1.0


async def test_a_reload_leaves_what_did_not_change_unbroken(lab: Lab) -> None:
    first, second = Recorder(), Recorder()
    async with site({"/metrics": first}) as one, site({"/metrics": second}) as two:
        rules = {"metric_relabel_configs": [{"regex": "unwanted", "action": "labeldrop"}]}
        jobs = [job("one", one, **rules), job("two", two)]
        await lab.scraper.apply(jobs)
        await lab.seen("one", "two")
        for number in range(10):
            await lab.scraper.apply([job("one", one, **rules), job("two", two, params={"reload": [str(number)]})])
            seen = len(second.requests)
            await lab.until(lambda seen=seen: len(second.requests) > seen)  # type: ignore[misc]

        assert len({id(request.transport) for request in first.requests if request.transport}) <= 1
        assert second.requests[-1].query["reload"] == "9"
        assert "stale" not in lab.values("a", job="one")
        assert lab.target("one").health is Health.UP


async def test_a_file_of_targets_is_followed(lab: Lab, tmp_path: Path) -> None:
    file = tmp_path / "targets.yml"
    async with site({"/metrics": says("a 1\n")}) as address:
        file.write_text(f"- targets: [{address}]\n  labels: {{env: test}}\n")
        files = [{"files": [str(file)]}]
        await lab.scraper.apply([job("web", "unused:1", static_configs=[], file_sd_configs=files)])
        await lab.seen("web")

        assert lab.target("web").labels["env"] == "test"
        assert lab.values("a", env="test")[0] == 1.0
        assert lab.scraper.discovery_problems() == {}


async def test_the_labels_of_the_target_win_unless_the_job_honours_others(lab: Lab) -> None:
    async with site({"/metrics": says('a{job="theirs"} 1\n', TEXT)}) as address:
        await lab.scraper.apply([job("ours", address), job("trusting", address, honor_labels=True)])
        await lab.seen("ours", "trusting")

    assert lab.values("a", job="ours", exported_job="theirs")[0] == 1.0
    assert lab.values("a", job="theirs", exported_job="")[0] == 1.0


async def test_a_target_that_moved_loses_only_what_it_left_behind(lab: Lab) -> None:
    """The same labels at another address: markers go to the series that are not written there."""
    async with site({"/metrics": says("a 1\nb 1\n")}) as one, site({"/metrics": says("a 2\n")}) as two:

        def at(address: str) -> list[object]:
            return [{"targets": [address], "labels": {"instance": "db"}}]

        await lab.scraper.apply([job("web", one, static_configs=at(one))])
        await lab.seen("web")
        await lab.scraper.apply([job("web", two, static_configs=at(two))])
        await lab.until(lambda: "stale" in lab.values("b"))

        values = lab.values("a", instance="db")
        assert values[0] == 1.0
        assert values[-1] == 2.0
        assert "stale" not in values
        assert lab.values("b", instance="db")[-1] == "stale"
        assert "stale" not in lab.values("up")
