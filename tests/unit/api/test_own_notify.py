"""Previews and messages of trial over HTTP: what they say, what is refused, and that no secret leaves."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from fenghuo.alerting.notify.channels.registry import Channels
from fenghuo.alerting.notify.tryout import TryOut
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.api.own.app import own_api
from fenghuo.api.own.notify import LABELS_MAX, notify_router
from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml, validate
from unit.alerting.notify.channels.support import AT_MS, Server, serving

pytestmark = pytest.mark.anyio


@pytest.fixture
async def chat() -> AsyncIterator[Server]:
    async with serving() as server:
        yield server


@pytest.fixture
async def client(chat: Server) -> AsyncIterator[httpx.AsyncClient]:
    text = f"""route: {{receiver: duty}}
receivers:
- name: duty
  webhook_configs: [{{url: '{chat.url}/hushhush'}}]
  telegram_configs: [{{api_url: '{chat.url}', bot_token: hushhush, chat_id: 7}}]
- name: quiet
"""
    settings, problems = validate(AlertingSettings, load_yaml(text, "am.yml"))
    assert settings is not None, problems
    clock = ManualClock(AT_MS)
    tryout = TryOut(Channels(clock), lambda: settings, clock, lambda: "http://fenghuo.example")
    app = own_api([notify_router(tryout)], "1")
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://fenghuo") as found:
        yield found


async def ask(client: httpx.AsyncClient, what: str, status: int = 200, **wanted: Any) -> Any:
    answer = await client.post(f"/notify/{what}", json=wanted)
    assert answer.status_code == status, answer.text
    return answer.json()


async def test_a_preview_sends_nothing_and_hides_secrets(client: httpx.AsyncClient, chat: Server) -> None:
    hook, telegram = await ask(client, "preview", receiver="duty", labels={"severity": "p0"}, language="en")
    assert chat.requests == []
    assert (hook["channel"], hook["index"], hook["error"]) == ("webhook", 0, "")
    assert "🔴 P0 emergency" in telegram["said"][0]
    assert "http://fenghuo.example/a/trial?do=acknowledge" in telegram["said"][0]
    assert "hushhush" not in str([hook, telegram])


async def test_a_trial_is_sent_and_says_which_channel_failed(client: httpx.AsyncClient, chat: Server) -> None:
    hook, telegram = await ask(client, "test", receiver="duty", resolved=True, language="zh")
    assert (hook["error"], hook["said"]) == ("", [])
    assert "Telegram answered something else than its JSON" in telegram["error"]
    (alert,) = chat.json(0)["alerts"]
    assert (alert["status"], alert["labels"]["alertname"]) == ("resolved", "FenghuoTest")
    assert "已恢复" in chat.json(1)["text"]
    assert len(chat.requests) == 2


async def test_a_receiver_without_channels_says_nothing(client: httpx.AsyncClient) -> None:
    assert await ask(client, "preview", receiver="quiet") == []


async def test_what_is_refused_says_what_there_is(client: httpx.AsyncClient) -> None:
    for what in ("preview", "test"):
        answer = await ask(client, what, 400, receiver="nobody")
        assert "nobody" in answer["error"]["message"]
        assert "duty, quiet" in answer["error"]["remedy"]
        assert "language" in str(await ask(client, what, 422, receiver="duty", language="fr"))
        assert "receiver" in str(await ask(client, what, 422))
        many = {f"l{number}": "x" for number in range(LABELS_MAX + 1)}
        assert "labels" in str(await ask(client, what, 422, receiver="duty", labels=many))
