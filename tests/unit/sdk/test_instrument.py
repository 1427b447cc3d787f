"""What an application gets from ``instrument``: metrics with templates as endpoints, and health paths."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterable
from typing import Any

import httpx
import pytest
from fastapi import APIRouter, FastAPI
from flask import Flask
from prometheus_client import CollectorRegistry, Counter, Gauge
from starlette.applications import Starlette
from starlette.responses import PlainTextResponse, StreamingResponse
from starlette.routing import Mount, Route
from werkzeug.test import Client

from fenghuo.sdk import Check, Health, guard, instrument
from fenghuo.sdk.asgi import AsgiMiddleware
from fenghuo.sdk.http_metrics import ENDPOINTS_MAX, HttpMetrics, http_metrics

pytestmark = pytest.mark.anyio


def fastapi_app() -> FastAPI:
    app = FastAPI()
    trading = APIRouter(prefix="/api")

    @trading.get("/orders/{order_id}")
    async def order(order_id: str) -> dict[str, str]:
        return {"id": order_id}

    @app.post("/fail")
    async def fail() -> None:
        raise RuntimeError("the application's own fault")

    @app.get("/stream")
    async def stream() -> StreamingResponse:
        async def parts() -> Any:
            for _ in range(3):
                yield b"x"

        return StreamingResponse(parts())

    inner = FastAPI()

    @inner.get("/items/{item}")
    async def item(item: int) -> int:
        return item

    app.include_router(trading)
    app.mount("/tenants/{tenant}", inner)
    return app


def asgi_client(app: Any) -> httpx.AsyncClient:
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    return httpx.AsyncClient(transport=transport, base_url="http://app")


def counted(registry: CollectorRegistry) -> dict[tuple[str, str, str], float]:
    return {
        (sample.labels["method"], sample.labels["endpoint"], sample.labels["status"]): sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == "http_requests_total"
    }


@pytest.mark.parametrize(
    ("method", "path", "endpoint", "status"),
    [
        ("GET", "/api/orders/42", "/api/orders/{order_id}", "200"),
        ("GET", "/tenants/acme/items/7", "/tenants/{tenant}/items/{item}", "200"),
        ("GET", "/tenants/acme/nothing", "/tenants/{tenant}", "404"),
        ("GET", "/api/orders/42/secrets", "unmatched", "404"),
        ("DELETE", "/api/orders/42", "/api/orders/{order_id}", "405"),
        ("POST", "/fail", "/fail", "500"),
        ("GET", "/stream", "/stream", "200"),
        ("BREW", "/stream", "/stream", "405"),
    ],
)
async def test_fastapi_requests_are_counted_by_template(
    registry: CollectorRegistry, method: str, path: str, endpoint: str, status: str
) -> None:
    app = instrument(fastapi_app(), registry=registry)

    async with asgi_client(app) as client:
        await client.request(method, path)

    shown = method if method != "BREW" else "OTHER"
    assert counted(registry) == {(shown, endpoint, status): 1.0}
    assert registry.get_sample_value("http_requests_in_flight") == 0.0
    labels = {"method": shown, "endpoint": endpoint}
    assert registry.get_sample_value("http_request_duration_seconds_count", labels) == 1.0


async def test_starlette_routes_added_later_are_known(registry: CollectorRegistry) -> None:
    app = instrument(
        Starlette(routes=[Mount("/v1", routes=[Route("/a/{b}", lambda r: PlainTextResponse(""))])]), registry=registry
    )
    app.router.routes.append(Route("/late/{x:int}", lambda r: PlainTextResponse("")))

    async with asgi_client(app) as client:
        await client.get("/v1/a/1")
        await client.get("/late/5")

    assert set(counted(registry)) == {("GET", "/v1/a/{b}", "200"), ("GET", "/late/{x}", "200")}


async def test_metrics_stand_beside_the_applications_own(registry: CollectorRegistry) -> None:
    Counter("trade_orders", "Orders.", ["side"], registry=registry).labels("buy").inc(3)
    app = instrument(fastapi_app(), registry=registry)

    async with asgi_client(app) as client:
        await client.get("/api/orders/1")
        answer = await client.get("/metrics")

    assert answer.headers["content-type"].startswith("text/plain; version=")
    assert 'trade_orders_total{side="buy"} 3.0' in answer.text
    assert 'http_requests_total{endpoint="/api/orders/{order_id}",method="GET",status="200"} 1.0' in answer.text


async def test_a_metric_that_the_application_registered_is_left_to_it(registry: CollectorRegistry) -> None:
    own = Counter("http_requests_total", "Mine.", ["method", "endpoint", "status"], registry=registry)
    own.labels("GET", "mine", "200").inc()
    app = instrument(fastapi_app(), registry=registry)

    async with asgi_client(app) as client:
        await client.get("/api/orders/1")

    assert counted(registry) == {("GET", "mine", "200"): 1.0}
    assert registry.get_sample_value("http_requests_in_flight") == 0.0


async def test_a_route_that_the_application_has_is_left_to_it(registry: CollectorRegistry) -> None:
    app = FastAPI()

    @app.get("/metrics")
    async def mine() -> str:
        return "mine"

    instrument(app, registry=registry)

    async with asgi_client(app) as client:
        assert (await client.get("/metrics")).json() == "mine"
        assert (await client.get("/health/live")).json() == {"status": "healthy"}


async def test_instrumenting_twice_counts_once(registry: CollectorRegistry) -> None:
    app = instrument(instrument(fastapi_app(), registry=registry), registry=registry)

    async with asgi_client(app) as client:
        await client.get("/api/orders/1")

    assert list(counted(registry).values()) == [1.0]


async def test_health_names_every_check_and_a_critical_failure_is_503(registry: CollectorRegistry) -> None:
    async def redis() -> bool:
        await asyncio.sleep(0)
        return False

    def database() -> None:
        raise ConnectionError("refused")

    health = Health({"cache": Check(redis, critical=False), "self": lambda: True})
    app = instrument(fastapi_app(), registry=registry, health=health)

    async with asgi_client(app) as client:
        degraded = await client.get("/health")
        health.add("database", database)
        failed = await client.get("/health")
        ready = await client.get("/health/ready")
        live = await client.get("/health/live")

    assert (degraded.status_code, degraded.json()["status"]) == (200, "degraded")
    assert {name: check["status"] for name, check in failed.json()["checks"].items()} == {
        "cache": "degraded",
        "database": "unhealthy",
        "self": "healthy",
    }
    assert failed.json()["checks"]["database"]["message"] == "ConnectionError: refused"
    assert (failed.status_code, ready.status_code, live.status_code) == (503, 503, 200)


def test_a_check_that_hangs_is_told_and_not_piled_up() -> None:

    release = threading.Event()
    calls: list[int] = []

    def hang() -> None:
        calls.append(1)
        release.wait(20)

    health = Health({"slow": Check(hang, timeout_s=0.05)})

    first, second = health.run(), health.run()
    release.set()

    assert first["slow"].message == "no answer within 0.05 s"
    assert second["slow"].status == "unhealthy"
    assert len(calls) == 1


async def test_checks_that_hang_take_none_of_the_hosts_threads(registry: CollectorRegistry) -> None:
    release = threading.Event()
    health = Health({"slow": Check(lambda: release.wait(20), timeout_s=0.3)})
    app = instrument(fastapi_app(), registry=registry, health=health)

    async with asgi_client(app) as client:
        asking = [asyncio.create_task(client.get("/health")) for _ in range(40)]
        await asyncio.sleep(0.05)
        own = {thread.name for thread in threading.enumerate() if thread.name.startswith("asyncio_")}
        release.set()
        await asyncio.gather(*asking)

    assert own == set()


def test_flask_requests_are_counted_by_rule(registry: CollectorRegistry) -> None:
    app = Flask("shop")

    @app.get("/products/<int:number>")
    def product(number: int) -> str:
        return str(number)

    @app.get("/fail")
    def fail() -> str:
        raise RuntimeError("the application's own fault")

    instrument(app, registry=registry, health={"db": lambda: True})
    client = app.test_client()

    client.get("/products/5").close()
    client.get("/nothing/here").close()
    client.get("/fail").close()

    assert counted(registry) == {
        ("GET", "/products/<int:number>", "200"): 1.0,
        ("GET", "unmatched", "404"): 1.0,
        ("GET", "/fail", "500"): 1.0,
    }
    assert b"http_requests_total" in client.get("/metrics").data
    assert client.get("/health").json["checks"]["db"]["status"] == "healthy"
    assert registry.get_sample_value("http_requests_in_flight") == 0.0


def test_any_wsgi_callable_can_be_wrapped(registry: CollectorRegistry) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("418 I'm a teapot", [])
        return [b"short and stout"]

    wrapped = instrument(app, registry=registry, endpoint_of=lambda environ: "/tea")
    answer = Client(wrapped).get("/anything")
    answer.close()

    assert answer.status_code == 418
    assert counted(registry) == {("GET", "/tea", "418"): 1.0}


async def test_any_asgi_callable_can_be_wrapped(registry: CollectorRegistry) -> None:
    async def app(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 204, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    wrapped = instrument(app, registry=registry)
    async with asgi_client(wrapped) as client:
        await client.get("/raw/path/123")

    assert isinstance(wrapped, AsgiMiddleware)
    assert counted(registry) == {("GET", "app", "204"): 1.0}


async def test_a_fault_of_ours_never_reaches_the_application(
    registry: CollectorRegistry, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(scope: Any) -> str:
        raise KeyError("a bug of the SDK")

    guard._reported.clear()
    app = instrument(fastapi_app(), registry=registry, endpoint_of=broken)
    async with asgi_client(app) as client:
        answer = await client.get("/api/orders/1")

    assert answer.json() == {"id": "1"}
    assert "the application is not affected" in caplog.text
    # The request still counts, and nothing stays in flight for ever.
    assert counted(registry) == {("GET", "unmatched", "200"): 1.0}
    assert registry.get_sample_value("http_requests_in_flight") == 0


def test_a_wsgi_request_whose_endpoint_cannot_be_found_still_counts(registry: CollectorRegistry) -> None:
    def app(environ: dict[str, Any], start_response: Any) -> Iterable[bytes]:
        start_response("200 OK", [])
        return [b""]

    def broken(environ: Any) -> str:
        raise KeyError("a bug of the SDK")

    Client(instrument(app, registry=registry, endpoint_of=broken)).get("/").close()

    assert counted(registry) == {("GET", "unmatched", "200"): 1.0}
    assert registry.get_sample_value("http_requests_in_flight") == 0


def test_endpoints_are_bounded(registry: CollectorRegistry) -> None:
    metrics = HttpMetrics(registry)
    for number in range(ENDPOINTS_MAX + 5):
        metrics.started()
        metrics.ended("GET", f"/generated/{number}", 200, 0.1)

    assert len(counted(registry)) == ENDPOINTS_MAX + 1
    assert counted(registry)["GET", "other", "200"] == 5.0


def test_one_registry_has_one_set_of_metrics(registry: CollectorRegistry) -> None:
    assert http_metrics(registry) is http_metrics(registry)


def test_a_gauge_of_the_same_name_does_not_break_instrumenting(registry: CollectorRegistry) -> None:
    Gauge("http_requests_in_flight", "Mine.", registry=registry).set(9)
    metrics = HttpMetrics(registry)
    metrics.started()
    metrics.ended("GET", "/", 200, 0.1)

    assert registry.get_sample_value("http_requests_in_flight") == 9.0
