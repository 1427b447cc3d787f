"""The discovery of a job: static, file and HTTP sources together, on a manual clock and a real server."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from aiohttp import web
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.discovery.file import FileDiscovery
from fenghuo.metrics.collect.discovery.groups import TargetGroup
from fenghuo.metrics.collect.discovery.job import JobDiscovery
from fenghuo.metrics.collect.discovery.metrics import DiscoveryMetrics
from fenghuo.metrics.collect.settings import JobSettings

pytestmark = pytest.mark.anyio


class Server:
    """Answers with what the test says, and remembers who asked."""

    def __init__(self) -> None:
        self.body = b"[]"
        self.status = 200
        self.content_type = "application/json"
        self.requests: list[dict[str, str]] = []
        self.url = ""

    async def answer(self, request: web.Request) -> web.Response:
        self.requests.append(dict(request.headers))
        return web.Response(body=self.body, status=self.status, headers={"Content-Type": self.content_type})


@pytest.fixture
async def server() -> AsyncIterator[Server]:
    made = Server()
    app = web.Application()
    app.router.add_get("/targets", made.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    host, port = runner.addresses[0][:2]
    made.url = f"http://{host}:{port}/targets"
    yield made
    await runner.cleanup()


Follow = Callable[..., JobDiscovery]


class Watch:
    """What a job's discovery handed over."""

    def __init__(self) -> None:
        self.calls: list[tuple[TargetGroup, ...]] = []

    def __call__(self, groups: tuple[TargetGroup, ...]) -> None:
        self.calls.append(groups)

    def addresses(self) -> list[str]:
        return [target["__address__"] for group in self.calls[-1] for target in group.targets]


@pytest.fixture
def watch() -> Watch:
    return Watch()


@pytest.fixture
def follow(clock: ManualClock, registry: CollectorRegistry, watch: Watch) -> Follow:
    metrics, guard = DiscoveryMetrics(registry), Guard(registry)

    def make(**settings: object) -> JobDiscovery:
        job = JobSettings.model_validate({"job_name": "j", **settings})
        return JobDiscovery(job, watch, clock=clock, guard=guard, metrics=metrics, user_agent="Fenghuo/test")

    return make


async def until(condition: Callable[[], bool], turn: Callable[[], Awaitable[None]] | None = None) -> None:
    """Give real sockets and threads the moments they need."""
    async with asyncio.timeout(10):
        while not condition():
            if turn is not None:
                await turn()
            await asyncio.sleep(0.001)


async def test_static_groups_are_handed_over_once_on_entering(follow: Follow, watch: Watch) -> None:
    async with follow(static_configs=[{"targets": ["a", "b"], "labels": {"x": "y"}}, {"targets": ["c"]}]):
        assert watch.addresses() == ["a", "b", "c"]
        assert [group.source for group in watch.calls[0]] == ["0", "1"]
    assert len(watch.calls) == 1


async def test_a_job_without_any_source_has_no_groups(follow: Follow, watch: Watch) -> None:
    async with follow():
        assert watch.calls == [()]


async def test_files_are_known_on_entering_and_followed(
    follow: Follow, watch: Watch, clock: ManualClock, tmp_path: Path, registry: CollectorRegistry
) -> None:
    file = tmp_path / "a.yml"
    file.write_text("- targets: [a]")
    async with follow(file_sd_configs=[{"files": [str(file)]}], static_configs=[{"targets": ["s"]}]) as discovery:
        assert watch.addresses() == ["s", "a"]
        file.write_text("- targets: [b]")
        os.utime(file, ns=(1, 1))
        await clock.advance(5)
        await until(lambda: len(watch.calls) == 2)
        assert watch.addresses() == ["s", "b"]
        file.write_text("nonsense: [")
        await clock.advance(5)
        await until(lambda: bool(discovery.problems))
        assert watch.addresses() == ["s", "b"]
        assert registry.get_sample_value("fenghuo_discovery_target_groups", {"job": "j"}) == 2
    assert registry.get_sample_value("fenghuo_discovery_target_groups", {"job": "j"}) is None
    failed = {"system": "file", "outcome": "failed"}
    assert (registry.get_sample_value("fenghuo_discovery_refreshes_total", failed) or 0) >= 1


async def test_a_file_whose_time_stands_still_is_read_at_the_refresh_interval(
    follow: Follow, watch: Watch, clock: ManualClock, tmp_path: Path
) -> None:
    file = tmp_path / "a.json"

    def write(text: str) -> None:
        file.write_text(text)
        os.utime(file, ns=(1, 1))

    write('[{"targets":["a"]}]')
    async with follow(file_sd_configs=[{"files": [str(file)], "refresh_interval": "1m"}]):
        write('[{"targets":["b"]}]')
        await until(lambda: len(watch.calls) == 2, lambda: clock.advance(5))
        assert watch.addresses() == ["b"]
        assert clock.monotonic_s() >= 60


async def test_http_answers_are_followed(follow: Follow, watch: Watch, clock: ManualClock, server: Server) -> None:
    server.body = b'[{"targets": ["a"], "labels": {"dc": "1"}}]'
    async with follow(http_sd_configs=[{"url": server.url, "refresh_interval": "30s"}]):
        assert watch.calls == [()]
        await until(lambda: len(watch.calls) == 2)
        (group,) = watch.calls[-1]
        assert group.source == f"{server.url}:0"
        assert dict(group.labels) == {"dc": "1", "__meta_url": server.url}
        server.body = b"[]"
        await until(lambda: len(watch.calls) == 3, lambda: clock.advance(30))
        assert watch.calls[-1] == ()
    asked = server.requests[0]
    assert asked["Accept"] == "application/json"
    assert asked["User-Agent"] == "Fenghuo/test"
    assert asked["X-Prometheus-Refresh-Interval-Seconds"] == "30"


@pytest.mark.parametrize(
    ("status", "content_type", "body", "part"),
    [
        (500, "application/json", b"[]", "HTTP status 500"),
        (200, "text/html", b"[]", "unsupported content type 'text/html'"),
        (200, "application/json", b"{", "not valid JSON"),
        (200, "application/json; charset=utf-8", b"[null]", "empty or null section"),
        (404, "application/json", b"[]", "HTTP status 404"),
    ],
)
async def test_a_failing_server_keeps_the_last_good_targets(
    follow: Follow,
    watch: Watch,
    clock: ManualClock,
    server: Server,
    status: int,
    content_type: str,
    body: bytes,
    part: str,
) -> None:
    server.body = b'[{"targets": ["a"]}]'
    async with follow(http_sd_configs=[{"url": server.url}]) as discovery:
        await until(lambda: len(watch.calls) == 2)
        server.status, server.content_type, server.body = status, content_type, body
        await until(lambda: bool(discovery.problems), lambda: clock.advance(60))
        assert part in discovery.problems[0]
        assert watch.addresses() == ["a"]
        server.status, server.content_type, server.body = 200, "application/json", b'[{"targets": ["b"]}]'
        await until(lambda: not discovery.problems, lambda: clock.advance(60))
        assert watch.addresses() == ["b"]


async def test_a_server_that_cannot_be_reached_holds_nothing_up(
    follow: Follow, watch: Watch, clock: ManualClock
) -> None:
    settings = {"url": "http://127.0.0.1:1/targets"}
    async with follow(http_sd_configs=[settings], static_configs=[{"targets": ["s"]}]) as discovery:
        assert watch.addresses() == ["s"]
        await until(lambda: bool(discovery.problems))
        assert "cannot connect" in discovery.problems[0]


async def test_a_source_that_falls_over_at_the_start_leaves_the_others_their_targets_and_is_run_again(
    follow: Follow, watch: Watch, clock: ManualClock, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "targets.yml"
    file.write_text("- targets: [late:1]\n")
    real, falls = FileDiscovery.start, [True]

    async def start(self: FileDiscovery) -> None:
        if falls.pop() if falls else False:
            raise ZeroDivisionError
        await real(self)

    monkeypatch.setattr(FileDiscovery, "start", start)
    job = follow(
        static_configs=[{"targets": ["static:1"]}],
        file_sd_configs=[{"files": [str(file)], "refresh_interval": "10s"}],
    )
    async with job:
        assert watch.addresses() == ["static:1"]
        for _ in range(100):
            await clock.advance(10)
            await asyncio.sleep(0.001)
            if len(watch.calls) > 1:
                break
        assert watch.addresses() == ["static:1", "late:1"]
