"""A scraper, its store and remotes, and an HTTP server that receives what they send and answers as it is told."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from aiohttp import web
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import SystemClock
from fenghuo.base.guard import Guard
from fenghuo.metrics.forward.service import Forwarding, forwarding
from fenghuo.metrics.forward.settings import RemoteWriteSettings
from fenghuo.model.sample import Metadata
from flow.scraping import Lab, laboratory


@dataclass(frozen=True)
class Got:
    """One request as it came."""

    method: str
    headers: Mapping[str, str]
    body: bytes
    at_s: float


Answering = Callable[[int, Got], Awaitable[web.Response] | web.Response]
"""What the n-th request, from 0, is answered."""


@dataclass
class Inbox:
    """Receives at ``/<name>``; what has no entry in ``answers`` is answered 204."""

    answers: dict[str, Answering] = field(default_factory=dict)
    got: dict[str, list[Got]] = field(default_factory=dict)
    base: str = ""

    async def take(self, request: web.Request) -> web.StreamResponse:
        name = request.path.strip("/")
        got = Got(request.method, dict(request.headers), await request.read(), time.monotonic())
        kept = self.got.setdefault(name, [])
        kept.append(got)
        if name not in self.answers:
            return web.Response(status=204)
        answer = self.answers[name](len(kept) - 1, got)
        return answer if isinstance(answer, web.Response) else await answer


@contextlib.asynccontextmanager
async def receiving(inbox: Inbox) -> AsyncIterator[Inbox]:
    app = web.Application(client_max_size=1 << 30)
    app.router.add_route("*", "/{name:.*}", inbox.take)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    try:
        listener = web.TCPSite(runner, "127.0.0.1", 0)
        await listener.start()
        host, port = runner.addresses[0][:2]
        inbox.base = f"http://{host}:{port}"
        yield inbox
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def sending(directory: Path, remotes: Sequence[RemoteWriteSettings]) -> AsyncIterator[tuple[Lab, Forwarding]]:
    """A scraper without jobs, whose store is forwarded to ``remotes``."""
    async with laboratory(directory / "store") as lab:

        async def metadata() -> Mapping[str, Sequence[Metadata]]:
            return lab.scraper.metadata()

        registry = CollectorRegistry()
        forward = forwarding(
            lab.store.tail(), directory / "forward", SystemClock(), registry, Guard(registry), metadata
        )
        async with forward:
            await forward.apply(remotes)
            yield lab, forward


async def until(met: Callable[[], bool], timeout_s: float = 30.0) -> None:
    async with asyncio.timeout(timeout_s):
        while not met():
            await asyncio.sleep(0.05)
