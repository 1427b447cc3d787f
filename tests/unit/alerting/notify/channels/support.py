"""Real servers on the loopback, and messages to send to them."""

from __future__ import annotations

import contextlib
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

from aiohttp import web

from fenghuo.alerting.notify.channels.channel import Channel
from fenghuo.alerting.notify.channels.registry import Channels
from fenghuo.alerting.notify.message import Message, ToldAlert
from fenghuo.alerting.notify.plots import PlotSource
from fenghuo.alerting.notify.texts import TextOptions
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml, validate
from fenghuo.model.labels import Labels
from fenghuo.model.language import Language
from fenghuo.model.reading import Reading

AT_MS = 1_700_000_000_000
Answer = Callable[[web.Request, bytes], web.Response | Awaitable[web.Response]]


@dataclass
class Server:
    """An HTTP server that keeps what it is sent. ``answer`` may be replaced at any time."""

    url: str = ""
    requests: list[tuple[web.Request, bytes]] = field(default_factory=list)
    answer: Answer = field(default=lambda request, body: web.Response(text="ok"))

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.read()
        self.requests.append((request, body))
        said = self.answer(request, body)
        return said if isinstance(said, web.Response) else await said

    def json(self, index: int = -1) -> Any:
        return json.loads(self.requests[index][1])


@contextlib.asynccontextmanager
async def serving() -> AsyncIterator[Server]:
    server = Server()
    app = web.Application(client_max_size=64 << 20)
    app.router.add_route("*", "/{path:.*}", server.handle)
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=0.1)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    server.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    try:
        yield server
    finally:
        await runner.cleanup()


@contextlib.asynccontextmanager
async def channel_of(
    entry: str,
    top: str = "",
    language: Language = Language.BOTH,
    clock: ManualClock | None = None,
    plots: PlotSource | None = None,
) -> AsyncIterator[Channel]:
    """The one channel of a receiver whose YAML is ``entry``; ``top`` stands beside ``receivers``."""
    text = f"route: {{receiver: team}}\n{top}\nreceivers:\n- name: team\n  {entry}\n"
    settings, problems = validate(AlertingSettings, load_yaml(text, "am.yml"))
    assert settings is not None, [str(problem) for problem in problems]
    made = Channels(clock or ManualClock(AT_MS), lambda: TextOptions(language), plots=plots).build(settings)
    try:
        yield made.by_receiver["team"][0][1]
    finally:
        await made.aclose()


def told(
    name: str = "HighCPUUsage",
    *,
    resolved: bool = False,
    annotations: dict[str, str] | None = None,
    reading: Reading | None = None,
    **labels: str,
) -> ToldAlert:
    everything = Labels({"alertname": name, "instance": "web-1", "severity": "critical", **labels})
    said = {
        "summary": "CPU over 80 %",
        "summary_zh": "CPU 超过 80%",
        "value": "93.1%",
        "description": "Requests slow down.",
        "runbook_url": "https://wiki/cpu",
    }
    return ToldAlert(
        everything,
        Labels(said if annotations is None else annotations),
        AT_MS - 720_000,
        AT_MS - 1_000 if resolved else None,
        "http://fenghuo/graph?g0.expr=x",
        everything.fingerprint(),
        reading,
    )


def message(*alerts: ToldAlert, **changes: Any) -> Message:
    fields: dict[str, Any] = {
        "group_key": '{}:{alertname="HighCPUUsage"}',
        "receiver": "team",
        "group_labels": Labels({"alertname": "HighCPUUsage"}),
        "alerts": list(alerts) or [told()],
        "external_url": "http://fenghuo",
        "at_ms": AT_MS,
    }
    return Message(**(fields | changes))
