"""A scraper over the real store, and real HTTP servers for it to scrape."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from pathlib import Path

import numpy as np
from aiohttp import web
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import SystemClock
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.scrape.service import Scraper
from fenghuo.metrics.collect.scrape.status import ActiveTarget, Health
from fenghuo.metrics.collect.settings import GlobalSettings, JobSettings
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.metrics.store.store import Store
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import ABSENT_NAN_BITS, STALE_NAN_BITS
from fenghuo.model.selection import DenseBlock

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
TEXT = "text/plain; version=0.0.4"


def job(name: str, address: str, **keys: object) -> JobSettings:
    """A job of one target, scraped five times a second."""
    given = {
        "job_name": name,
        "static_configs": [{"targets": [address]}],
        "scrape_interval": "200ms",
        "scrape_timeout": "150ms",
        **keys,
    }
    return JobSettings.model_validate(given).under(GlobalSettings())


class Lab:
    """A running scraper, its store and its registry."""

    def __init__(self, scraper: Scraper, store: Store, registry: CollectorRegistry) -> None:
        self.scraper = scraper
        self.store = store
        self.registry = registry

    def target(self, name: str) -> ActiveTarget:
        (found,) = [active for active in self.scraper.targets().active if active.scrape_pool == name]
        return found

    async def seen(self, *names: str, after_ms: int = 0) -> None:
        """Wait until every named job was scraped (after that time)."""

        def scraped() -> set[str]:
            active = self.scraper.targets().active
            return {target.scrape_pool for target in active if (target.last_scrape_ms or -1) > after_ms}

        await self.until(lambda: scraped().issuperset(names))

    async def until(self, met: Callable[[], bool], timeout_s: float = 20.0) -> None:
        async with asyncio.timeout(timeout_s):
            while not met():
                await asyncio.sleep(0.01)

    async def down(self, name: str) -> str:
        """Wait for the first scrape of the job, which is to fail; returns the error shown."""
        await self.seen(name)
        assert self.target(name).health is Health.DOWN
        assert self.values("up", job=name)[-1] == 0.0
        return self.target(name).last_error

    def values(self, name: str, **labels: str) -> list[float | str]:
        """Every stored value of the one series with that name and labels; ``"stale"`` for a marker."""
        matchers = [Matcher(key, MatchOp.EQUAL, value) for key, value in {"__name__": name, **labels}.items()]
        selection = self.store.select(matchers, 0, 1 << 60)
        assert selection.labels.size <= 1, list(selection.labels.rows())
        found: list[float | str] = []
        for block in selection.blocks:
            values = block.values[0] if isinstance(block, DenseBlock) else block.values
            for bits, value in zip(values.view(np.int64).tolist(), values.tolist(), strict=True):
                if bits != ABSENT_NAN_BITS:
                    found.append("stale" if bits == STALE_NAN_BITS else value)
        return found


@contextlib.asynccontextmanager
async def laboratory(directory: Path) -> AsyncIterator[Lab]:
    """A scraper and a fresh store in ``directory``."""
    clock, registry = SystemClock(), CollectorRegistry()
    store = Store.open(directory, StoreSettings(), clock, registry)
    try:
        async with Scraper(store, clock, registry, Guard(registry)) as scraper:
            yield Lab(scraper, store, registry)
    finally:
        store.close()


@contextlib.asynccontextmanager
async def site(handlers: Mapping[str, Handler]) -> AsyncIterator[str]:
    """An HTTP server with a handler per path; gives its address."""
    app = web.Application()
    for path, handler in handlers.items():
        app.router.add_get(path, _plain(handler))
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        host, port = runner.addresses[0][:2]
        yield f"{host}:{port}"
    finally:
        await runner.cleanup()


def _plain(handler: Handler) -> Handler:
    """``handler`` as the coroutine function that aiohttp wants, whatever kind of callable it is."""

    async def handle(request: web.Request) -> web.StreamResponse:
        return await handler(request)

    return handle


def says(body: str | bytes, content_type: str | None = TEXT, status: int = 200, **headers: str) -> Handler:
    """A handler that always gives the same answer."""
    data = body.encode() if isinstance(body, str) else body
    sent = {**headers, **({"Content-Type": content_type} if content_type is not None else {})}

    async def handle(request: web.Request) -> web.Response:
        return web.Response(body=data, status=status, headers=sent)

    return handle
