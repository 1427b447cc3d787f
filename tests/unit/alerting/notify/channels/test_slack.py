"""Slack: the attachment, webhooks and bots, and its two ways to refuse."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.channel import ChannelError
from unit.alerting.notify.channels.support import channel_of, message, serving, told

pytestmark = pytest.mark.anyio


async def test_the_default_attachment() -> None:
    entry = "slack_configs: [{{api_url: '{}', channel: '#ops', send_resolved: true}}]"
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        await channel.send(message())
        await channel.send(message(told(resolved=True)))
    firing, resolved = server.json(0), server.json(1)
    assert (firing["channel"], firing["username"]) == ("#ops", "Fenghuo")
    (attachment,) = firing["attachments"]
    assert attachment["color"] == "danger"
    assert attachment["title"] == "🔴 严重 critical · HighCPUUsage · web-1"
    assert attachment["title_link"] == "http://fenghuo/#/alerts?receiver=team"
    assert attachment["fallback"] == (
        "[FIRING:1] HighCPUUsage (web-1 critical) | http://fenghuo/#/alerts?receiver=team"
    )
    assert "CPU over 80 %" in attachment["text"]
    assert "<https://wiki/cpu|处理手册 Runbook>" in attachment["text"]
    assert resolved["attachments"][0]["color"] == "good"
    assert "[RESOLVED] HighCPUUsage" in resolved["attachments"][0]["fallback"]


async def test_fields_actions_and_own_templates() -> None:
    entry = """slack_configs:
    - api_url: '{}'
      title: '{{{{ .CommonLabels.alertname | toUpper }}}}'
      short_fields: true
      fields: [{{title: Sev, value: '{{{{ .CommonLabels.severity }}}}'}}, {{title: T, value: v, short: false}}]
      actions: [{{type: button, text: Open, url: '{{{{ .ExternalURL }}}}', confirm: {{text: Sure?}}}}]
      link_names: true"""
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        await channel.send(message())
    body = server.json()
    (attachment,) = body["attachments"]
    assert attachment["title"] == "HIGHCPUUSAGE"
    assert attachment["fields"] == [
        {"title": "Sev", "value": "critical", "short": True},
        {"title": "T", "value": "v", "short": False},
    ]
    assert attachment["actions"] == [
        {"type": "button", "text": "Open", "url": "http://fenghuo", "confirm": {"text": "Sure?"}}
    ]
    assert body["link_names"] is True


async def test_a_bots_token_goes_into_the_header() -> None:
    top = "global: {{slack_app_token: xoxb-1, slack_app_url: '{}'}}"
    async with serving() as server, channel_of("slack_configs: [{channel: ops}]", top.format(server.url)) as channel:
        server.answer = lambda request, body: web.json_response({"ok": True})
        await channel.send(message())
    assert server.requests[0][0].headers["Authorization"] == "Bearer xoxb-1"


@pytest.mark.parametrize(
    ("answer", "retryable", "words"),
    [
        (lambda: web.json_response({"ok": False, "error": "channel_not_found"}), False, "channel_not_found"),
        (lambda: web.json_response({"ok": False, "error": "ratelimited"}), True, "ratelimited"),
        (lambda: web.Response(text="no_service"), False, "no_service"),
        (lambda: web.Response(status=404, text="channel_is_archived"), False, "channel_is_archived"),
        (lambda: web.Response(status=500), True, "HTTP 500"),
        (lambda: web.Response(text="{", content_type="application/json"), True, "not the JSON"),
    ],
)
async def test_refusals(answer: Any, retryable: bool, words: str) -> None:
    async with serving() as server, channel_of(f"slack_configs: [{{api_url: '{server.url}'}}]") as channel:
        server.answer = lambda request, body: answer()
        with pytest.raises(ChannelError) as caught:
            await channel.send(message())
    assert caught.value.retryable is retryable
    assert words in str(caught.value)


async def test_a_template_that_fails_still_sends() -> None:
    entry = "slack_configs: [{{api_url: '{}', text: '{{{{ template \"nowhere\" . }}}}'}}]"
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        await channel.send(message())
    (attachment,) = server.json()["attachments"]
    assert "nowhere" in attachment["text"]
    assert "instance = web-1" in attachment["text"]
    assert attachment["title"] == "[FIRING:1] HighCPUUsage"
