"""The demo: a trading platform, its visitors, the server, and somebody to be told.

The platform and its visitors are processes of their own, as they would be; the receiver listens in this one and
prints what arrives. The story then repeats: all is well, the CTP link breaks, the alert comes, the link is restored,
the all-clear comes.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

import fenghuo
from fenghuo.app.banner import say
from fenghuo.app.options import Address, ServerOptions
from fenghuo.app.server import run_until_stopped
from fenghuo.base.errors import OperatingError

PACKAGE = Path(fenghuo.__file__).parent
START_TIMEOUT_S = 30.0
STORY_PAUSE_S = 300.0


@dataclass(frozen=True, slots=True)
class DemoOptions:
    """``break_after_s`` counts from the moment the platform answers; ``once`` ends after the first all-clear."""

    data_dir: Path
    listen: Address | None
    break_after_s: float
    broken_for_s: float
    once: bool


def example_directory() -> Path:
    """Where the quant example is: inside an installed package, or beside the source tree."""
    for candidate in (PACKAGE / "examples" / "quant", PACKAGE.parents[1] / "examples" / "quant"):
        if (candidate / "fenghuo.yml").is_file():
            return candidate
    raise OperatingError("the quant example is not installed", retryable=False, remedy="reinstall fenghuo[server]")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


async def run_demo(options: DemoOptions) -> None:
    """Run until stopped, or until the story was told ``once``."""
    example = example_directory()
    quant_port, receiver = _free_port(), Receiver()
    platform_url = f"http://127.0.0.1:{quant_port}"
    uvicorn = ["-m", "uvicorn", "--app-dir", str(example), "quant.app:app", "--port", str(quant_port)]
    async with receiver.listening() as receiver_port, _process([*uvicorn, "--log-level", "warning"], example):
        await _until_it_answers(f"{platform_url}/health/live")
        async with _process(["-m", "quant.traffic", platform_url], example):
            server = ServerOptions(
                config=example / "fenghuo.yml",
                data_dir=options.data_dir,
                listen=options.listen,
                environment={**os.environ, "QUANT_PORT": str(quant_port), "RECEIVER_PORT": str(receiver_port)},
            )
            await _serve_and_tell(server, Story(platform_url, receiver, options))


async def _serve_and_tell(server: ServerOptions, story: Story) -> None:
    """Run the server until it is stopped from outside or the story has been told."""
    stop = asyncio.Event()

    async def tell() -> None:
        await story.tell()
        stop.set()

    telling = asyncio.create_task(tell(), name="story")
    try:
        await run_until_stopped(server, story.introduction(), stop)
    finally:
        telling.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await telling


class Receiver:
    """Stands for whatever a team is told through: takes Alertmanager's webhook and prints it."""

    def __init__(self) -> None:
        self.resolved = asyncio.Event()

    @contextlib.asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Answer on a free port, which is yielded."""
        app = web.Application()
        app.router.add_post("/alerts", self._receive)
        runner = web.AppRunner(app, access_log=None)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", 0)
            await site.start()
            yield runner.addresses[0][1]
        finally:
            await runner.cleanup()

    async def _receive(self, request: web.Request) -> web.Response:
        notice: dict[str, Any] = await request.json()
        for alert in notice["alerts"]:
            sign = "🔥" if alert["status"] == "firing" else "✅"
            annotations = alert["annotations"]
            say(f"{sign} {alert['status'].upper()} {alert['labels'].get('alertname', '')} → {notice['receiver']}")
            for key in ("summary_zh", "summary"):
                if key in annotations:
                    say(f"   {annotations[key]}")
        if notice["status"] == "resolved":
            self.resolved.set()
        return web.Response()


@dataclass(frozen=True, slots=True)
class Story:
    """What happens to the platform."""

    platform_url: str
    receiver: Receiver
    options: DemoOptions

    def introduction(self) -> list[str]:
        return [
            f"Trading platform / 交易平台: {self.platform_url}/docs",
            f"In {self.options.break_after_s:g} s it loses its CTP link; watch the alert arrive here.",
            f"{self.options.break_after_s:g} 秒后 CTP 连接会断开，请留意这里收到的告警。",
        ]

    async def tell(self) -> None:
        """All is well, the link breaks, it is restored; again and again unless told ``once``."""
        async with aiohttp.ClientSession() as session:
            await asyncio.sleep(self.options.break_after_s)
            while True:
                self.receiver.resolved.clear()
                await self._switch(session, "disconnect")
                say("✂️  CTP link cut / CTP 连接已断开")
                await asyncio.sleep(self.options.broken_for_s)
                await self._switch(session, "connect")
                say("🔗 CTP link restored / CTP 连接已恢复")
                await self.receiver.resolved.wait()
                if self.options.once:
                    return
                await asyncio.sleep(STORY_PAUSE_S)

    async def _switch(self, session: aiohttp.ClientSession, action: str) -> None:
        async with session.post(f"{self.platform_url}/api/v1/ctp/{action}") as answer:
            answer.raise_for_status()


@contextlib.asynccontextmanager
async def _process(arguments: Sequence[str], directory: Path) -> AsyncIterator[None]:
    """A Python process beside this one, ended with the context."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=directory, env={**os.environ, "PYTHONPATH": str(directory)}
    )
    try:
        yield
    finally:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
        try:
            async with asyncio.timeout(5):
                await process.wait()
        except TimeoutError:
            process.kill()
            await process.wait()


async def _until_it_answers(url: str) -> None:
    deadline_s = time.monotonic() + START_TIMEOUT_S
    async with aiohttp.ClientSession() as session:
        while time.monotonic() < deadline_s:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(url) as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)
    raise OperatingError(f"the trading platform did not answer within {START_TIMEOUT_S:g} s", retryable=True)
