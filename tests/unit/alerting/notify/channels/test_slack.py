"""Slack: the attachment, webhooks and bots, and its two ways to refuse."""

from __future__ import annotations

from typing import Any

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.channel import Addressable, ChannelError
from fenghuo.alerting.notify.message import IncidentView
from unit.alerting.notify.channels.support import Answer, Server, channel_of, message, serving, told

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


BOT = "slack_configs: [{{app_token: xoxb-1, app_url: '{}/chat.postMessage', channel: '#ops', send_resolved: true{}}}]"


def bot(*refused: str) -> Answer:
    """Slack's API: numbers its messages, and refuses ``chat.update`` for these reasons, one after the other."""
    reasons = list(refused)

    def answer(request: web.Request, body: bytes) -> web.Response:
        if request.path.endswith("chat.update") and reasons:
            return web.json_response({"ok": False, "error": reasons.pop(0)})
        return web.json_response({"ok": True, "channel": "C1", "ts": f"{len(body)}.1"})

    return answer


def asked(server: Server) -> list[str]:
    return [request.path.rpartition("/")[2] for request, _ in server.requests]


async def test_a_group_has_one_message_that_changes() -> None:
    async with serving() as server, channel_of(BOT.format(server.url, ", update_message: true")) as channel:
        server.answer = bot()
        await channel.send(message())
        first = f"{len(server.requests[0][1])}.1"
        await channel.send(message(told(), told(instance="web-2")))
        await channel.send(message(told(resolved=True)))
        await channel.send(message())
    assert asked(server) == ["chat.postMessage", "chat.update", "chat.update", "chat.postMessage"]
    for changed in (server.json(1), server.json(2)):
        assert (changed["channel"], changed["ts"]) == ("C1", first)
    assert server.json(2)["attachments"][0]["color"] == "good"
    assert server.requests[1][0].headers["Authorization"] == "Bearer xoxb-1"


async def test_groups_have_messages_of_their_own_and_without_the_setting_none_changes() -> None:
    async with serving() as server, channel_of(BOT.format(server.url, ", update_message: true")) as channel:
        server.answer = bot()
        await channel.send(message())
        await channel.send(message(group_key="another"))
    assert asked(server) == ["chat.postMessage", "chat.postMessage"]
    async with serving() as server, channel_of(BOT.format(server.url, "")) as channel:
        server.answer = bot()
        await channel.send(message())
        await channel.send(message())
    assert asked(server) == ["chat.postMessage", "chat.postMessage"]


async def test_what_cannot_be_changed_is_said_anew_and_what_may_pass_is_tried_again() -> None:
    async with serving() as server, channel_of(BOT.format(server.url, ", update_message: true")) as channel:
        server.answer = bot("message_not_found", "ratelimited")
        await channel.send(message())
        await channel.send(message())
        assert asked(server)[1:] == ["chat.update", "chat.postMessage"]
        with pytest.raises(ChannelError, match="ratelimited") as caught:
            await channel.send(message())
        assert caught.value.retryable


async def test_a_bot_tells_one_person_anew_each_time_and_leaves_the_groups_message_alone() -> None:
    async with serving() as server, channel_of(BOT.format(server.url, ", update_message: true")) as channel:
        server.answer = bot()
        await channel.send(message())
        assert isinstance(channel, Addressable)
        zhang = channel.addressed("U0ZHANG")
        await zhang.send(message())
        await zhang.send(message())
        await channel.send(message())
    assert asked(server) == ["chat.postMessage", "chat.postMessage", "chat.postMessage", "chat.update"]
    assert [server.json(number)["channel"] for number in range(4)] == ["#ops", "U0ZHANG", "U0ZHANG", "C1"]


async def test_a_webhook_has_its_one_place() -> None:
    async with serving() as server, channel_of(f"slack_configs: [{{api_url: '{server.url}'}}]") as channel:
        assert not isinstance(channel, Addressable)


async def test_buttons_below_our_text_and_not_below_anothers() -> None:
    view = IncidentView(12, "INC-12", "P1", "open", "http://fenghuo/a/tok")
    shown = {}
    for more in ("", ", text: mine", ", buttons: false", ", actions: [{type: button, text: Go, url: 'http://x'}]"):
        async with serving() as server, channel_of(f"slack_configs: [{{api_url: '{server.url}'{more}}}]") as channel:
            await channel.send(message(incident=view))
        (attachment,) = server.json()["attachments"]
        shown[more] = [action["url"] for action in attachment.get("actions", ())]
        assert ("/a/tok" in attachment["text"]) is (more not in ("", ", text: mine"))
    assert list(shown.values()) == [
        ["http://fenghuo/a/tok?do=acknowledge", "http://fenghuo/a/tok?do=snooze30", "http://fenghuo/incidents/12"],
        [],
        [],
        ["http://x"],
    ]


async def test_a_label_calls_nobody() -> None:
    async with serving() as server, channel_of(f"slack_configs: [{{api_url: '{server.url}'}}]") as channel:
        await channel.send(message(told(job="<!channel> & more")))
    assert "job=&lt;!channel&gt; &amp; more" in server.json()["attachments"][0]["text"]
