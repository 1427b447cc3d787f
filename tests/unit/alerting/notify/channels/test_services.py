"""The kinds that differ in little but the words of their API: what each posts, where, and when it is refused."""

from __future__ import annotations

import hashlib
from typing import Any
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.registry import SENDERS
from fenghuo.alerting.notify.channels.services import pagerduty, send_paging
from fenghuo.alerting.notify.channels.services.kind import ServiceSettings
from fenghuo.alerting.notify.message import IncidentView
from fenghuo.alerting.receivers import Receiver
from fenghuo.base.late_model import EntriesOf
from unit.alerting.notify.channels.support import Server, channel_of, message, serving, told

pytestmark = pytest.mark.anyio

KEY = hashlib.sha256(message().group_key.encode()).hexdigest()
FAULT = '{{ template "nowhere" . }}'


def test_every_kind_that_loads_sends() -> None:
    for name, field in Receiver.model_fields.items():
        late = [mark for mark in field.metadata if isinstance(mark, EntriesOf)]
        for mark in late:
            model: Any = mark.model()
            if issubclass(model, ServiceSettings):
                assert name == f"{model.kind}_configs"
                assert SENDERS[model.kind].get().send is not None


async def sent(entry: str, *messages: Any, top: str = "", said: Any = None, answer: Any = None) -> Server:
    """What the service was sent; ``URL`` in the settings is its address."""
    async with serving() as server:
        base = server.url.removesuffix("/hook")
        server.answer = answer or (lambda request, body: web.json_response(said if said is not None else {}))
        async with channel_of(entry.replace("URL", base), top.replace("URL", base)) as channel:
            for one in messages or [message()]:
                await channel.send(one)
    return server


async def test_discord() -> None:
    server = await sent(
        "discord_configs: [{webhook_url: 'URL/d', username: bot}]", message(), message(told(resolved=True))
    )
    body, over = server.json(0), server.json(1)
    (embed,) = body["embeds"]
    assert (body["username"], body["content"]) == ("bot", "")
    assert embed["title"] == "🔴 严重 critical · HighCPUUsage · web-1"
    assert "**CPU 超过 80% CPU over 80 %**" in embed["description"]
    assert [embed["color"], over["embeds"][0]["color"]] == [0x992D22, 0x2ECC71]
    assert server.requests[0][0].path == "/d"


async def test_discord_cuts_to_the_platforms_limits() -> None:
    long = "'{{ .CommonLabels.long }}'"
    entry = f"discord_configs: [{{webhook_url: 'URL/d', title: {long}, message: {long}}}]"
    server = await sent(entry, message(told(long="长" * 5000)))
    (embed,) = server.json()["embeds"]
    assert (len(embed["title"]), len(embed["description"])) == (256, 4096)


async def test_teams() -> None:
    server = await sent("msteams_configs: [{webhook_url: 'URL/t'}]")
    body = server.json()
    assert (body["@type"], body["themeColor"]) == ("MessageCard", "8C1A1A")
    assert "HighCPUUsage" in body["title"]
    assert "Requests slow down." in body["text"]


async def test_teams_workflow() -> None:
    server = await sent("msteamsv2_configs: [{webhook_url: 'URL/t'}]", message(told(resolved=True)))
    (attachment,) = server.json()["attachments"]
    heading, text = attachment["content"]["body"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    assert (heading["color"], heading["wrap"], text["wrap"]) == ("Good", True, True)
    assert "已恢复 resolved" in heading["text"]


async def test_rocketchat() -> None:
    entry = """rocketchat_configs: [{api_url: URL, token: t, token_id: u, channel: '#ops', short_fields: true,
      fields: [{title: S, value: '{{ .CommonLabels.severity }}'}], actions: [{text: Open, url: http://x}]}]"""
    server = await sent(entry, said={"success": True})
    request, body = server.requests[0][0], server.json()
    assert request.path == "/api/v1/chat.postMessage"
    assert (request.headers["X-Auth-Token"], request.headers["X-User-Id"]) == ("t", "u")
    (attachment,) = body["attachments"]
    assert attachment["fields"] == [{"title": "S", "value": "critical", "short": True}]
    assert attachment["actions"] == [{"type": "button", "text": "Open", "url": "http://x"}]
    with pytest.raises(ChannelError, match="invalid-channel"):
        await sent(entry, said={"success": False, "error": "invalid-channel"})


async def test_mattermost() -> None:
    entry = """mattermost_configs: [{webhook_url: 'URL/m', channel: ops, props: {card: '{{ .Status }}'},
      priority: {priority: Important, requested_ack: true, persistent_notifications: true}}]"""
    body = (await sent(entry)).json()
    assert (body["username"], body["channel"], body["props"]) == ("Fenghuo", "ops", {"card": "firing"})
    assert body["priority"] == {"priority": "important", "requested_ack": True}
    (attachment,) = body["attachments"]
    assert attachment["color"] == "danger"
    assert "HighCPUUsage" in attachment["fallback"]
    assert "Requests slow down." in attachment["text"]


async def test_webex() -> None:
    entry = "webex_configs: [{api_url: 'URL/w', room_id: r1, http_config: {authorization: {credentials: tok}}}]"
    server = await sent(entry)
    assert server.requests[0][0].headers["Authorization"] == "Bearer tok"
    body = server.json()
    assert body["roomId"] == "r1"
    assert body["markdown"].startswith("### 🔴")


async def test_telegram() -> None:
    entry = "telegram_configs: [{api_url: URL, bot_token: '1:a', chat_id: -7, message_thread_id: 3}]"
    server = await sent(entry, message(told(job="<b>")), said={"ok": True})
    assert server.requests[0][0].path == "/bot1:a/sendMessage"
    body = server.json()
    assert (body["chat_id"], body["parse_mode"], body["message_thread_id"]) == ("-7", "HTML", 3)
    assert "job=&lt;b&gt;" in body["text"]
    assert '<a href="https://wiki/cpu">处理手册 Runbook</a>' in body["text"]


VIEW = IncidentView(12, "INC-12", "P1", "open", "http://fenghuo.example/a/tok")


async def test_telegrams_buttons_lead_to_the_answer() -> None:
    entry = "telegram_configs: [{api_url: URL, bot_token: '1:a', chat_id: 7MORE}]"

    async def told_with(more: str, url: str = "http://fenghuo.example") -> Any:
        there = message(incident=VIEW, external_url=url)
        return (await sent(entry.replace("MORE", more), there, said={"ok": True})).json()

    body = await told_with("")
    assert [row[0]["url"] for row in body["reply_markup"]["inline_keyboard"]] == [
        "http://fenghuo.example/a/tok?do=acknowledge",
        "http://fenghuo.example/a/tok?do=snooze30",
        "http://fenghuo.example/incidents/12",
    ]
    assert "/a/tok" not in body["text"]
    for plain in (
        await told_with(", buttons: false"),
        await told_with("", "http://fenghuo:9470"),  # Telegram refuses buttons to hosts without a dot.
    ):
        assert "reply_markup" not in plain
        assert '<a href="http://fenghuo.example/a/tok?do=acknowledge">确认 Acknowledge INC-12</a>' in plain["text"]
    assert "reply_markup" not in await told_with(", message: mine")


async def test_teams_opens_pages() -> None:
    newer = (await sent("msteamsv2_configs: [{webhook_url: URL}]", message(incident=VIEW))).json()
    content = newer["attachments"][0]["content"]
    assert next((action["type"], action["url"]) for action in content["actions"]) == (
        "Action.OpenUrl",
        "http://fenghuo.example/a/tok?do=acknowledge",
    )
    older = (await sent("msteams_configs: [{webhook_url: URL}]", message(incident=VIEW))).json()
    assert older["potentialAction"][1]["targets"] == [
        {"os": "default", "uri": "http://fenghuo.example/a/tok?do=snooze30"}
    ]
    own = (await sent("msteamsv2_configs: [{webhook_url: URL, text: mine}]", message(incident=VIEW))).json()
    assert "actions" not in own["attachments"][0]["content"]


async def test_telegram_without_html_escapes_nothing() -> None:
    entry = "telegram_configs: [{api_url: URL, bot_token: '1:a', chat_id: 7, parse_mode: MarkdownV2}]"
    body = (await sent(entry, said={"ok": True})).json()
    assert "parse_mode" not in body, "our own text is not escaped for Markdown, so it goes as plain text"
    assert "Requests slow down." in body["text"]


async def test_a_telegram_template_that_fails_goes_out_plain() -> None:
    entry = f"telegram_configs: [{{api_url: URL, bot_token: '1:a', chat_id: 7, message: '{FAULT}'}}]"
    body = (await sent(entry, message(told(job="<b>")), said={"ok": True})).json()
    assert "parse_mode" not in body
    assert "job = <b>" in body["text"]
    assert "nowhere" in body["text"]


async def test_telegram_refuses_with_200() -> None:
    entry = "telegram_configs: [{api_url: URL, bot_token: '1:a', chat_id: 7}]"
    with pytest.raises(ChannelError, match="chat not found") as caught:
        await sent(entry, said={"ok": False, "description": "chat not found"})
    assert not caught.value.retryable


async def test_wechat_fetches_its_token_once() -> None:
    entry = "wechat_configs: [{api_url: 'URL/cgi-bin/', corp_id: c, api_secret: s, to_user: '@all', agent_id: '1'}]"

    def answer(request: web.Request, body: bytes) -> web.Response:
        return web.json_response({"errcode": 0, "access_token": "tok", "expires_in": 7200})

    server = await sent(entry, message(), message(), answer=answer)
    asked = [(request.method, request.path_qs) for request, _ in server.requests]
    post = ("POST", "/cgi-bin/message/send?access_token=tok")
    assert asked == [("GET", "/cgi-bin/gettoken?corpid=c&corpsecret=s"), post, post]
    body = server.json()
    assert (body["touser"], body["agentid"], body["msgtype"]) == ("@all", "1", "text")
    assert "Requests slow down." in body["text"]["content"]


async def test_a_stale_wechat_token_is_fetched_anew() -> None:
    entry = "wechat_configs: [{api_url: URL, corp_id: c, api_secret: s, agent_id: '1'}]"
    codes = iter([0, 42001, 0, 0])

    def answer(request: web.Request, body: bytes) -> web.Response:
        return web.json_response({"errcode": next(codes), "errmsg": "x", "access_token": "tok"})

    async with serving() as server:
        server.answer = answer
        base = server.url.removesuffix("/hook")
        async with channel_of(entry.replace("URL", base)) as channel:
            with pytest.raises(ChannelError, match="42001") as caught:
                await channel.send(message())
            await channel.send(message())
    assert caught.value.retryable
    assert [request.method for request, _ in server.requests] == ["GET", "POST", "GET", "POST"]


async def test_incidentio() -> None:
    entry = "incidentio_configs: [{url: 'URL/i', alert_source_token: tok, metadata: {team: '{{ .Receiver }}'}}]"
    server = await sent(entry)
    body = server.json()
    assert server.requests[0][0].headers["Authorization"] == "Bearer tok"
    assert (body["version"], body["metadata"], len(body["alerts"])) == ("1", {"team": "team"}, 1)


async def test_opsgenie_opens_updates_and_closes() -> None:
    entry = """opsgenie_configs: [{api_url: URL, api_key: k, update_alerts: true, tags: 'a,b', priority: P1,
      details: {x: '{{ .Status }}'}, responders: [{name: 'x,y', type: teams}, {name: z, type: user}]}]"""
    server = await sent(entry, message(), message(told(resolved=True)))
    asked = [(request.method, request.path_qs) for request, _ in server.requests]
    assert asked == [
        ("POST", "/v2/alerts"),
        ("PUT", f"/v2/alerts/{KEY}/message?identifierType=alias"),
        ("PUT", f"/v2/alerts/{KEY}/description?identifierType=alias"),
        ("POST", f"/v2/alerts/{KEY}/close?identifierType=alias"),
    ]
    body = server.json(0)
    assert server.requests[0][0].headers["Authorization"] == "GenieKey k"
    assert (body["alias"], body["tags"], body["priority"]) == (KEY, ["a", "b"], "P1")
    assert body["details"]["x"] == "firing"
    assert body["details"]["alertname"] == "HighCPUUsage"
    assert body["responders"] == [
        {"name": "x", "type": "team"}, {"name": "y", "type": "team"}, {"name": "z", "type": "user"},
    ]  # fmt: skip
    assert server.json(3) == {"source": "http://fenghuo/#/alerts?receiver=team"}


async def test_pagerduty() -> None:
    entry = """pagerduty_configs: [{url: URL/v2/enqueue, routing_key: k, severity: '{{ .CommonLabels.severity }}',
      class: c, details: {n: '{{ .Alerts | len }}'}, links: [{href: 'http://{{ .Receiver }}', text: t}, {href: ''}]}]"""
    server = await sent(entry, message(), message(told(resolved=True)))
    body = server.json(0)
    assert (body["routing_key"], body["event_action"], body["dedup_key"]) == ("k", "trigger", KEY)
    payload = body["payload"]
    assert payload["summary"] == "[FIRING:1] HighCPUUsage (web-1 critical)"
    assert (payload["severity"], payload["class"], payload["source"]) == ("critical", "c", "Fenghuo")
    details = payload["custom_details"]
    assert (details["n"], details["num_firing"]) == (1, 1)
    assert details["firing"][0]["labels"]["instance"] == "web-1"
    assert body["links"] == [{"href": "http://team", "text": "t"}]
    assert server.json(1)["event_action"] == "resolve"


async def test_pagerduty_leaves_details_out_that_are_too_large() -> None:
    alerts = [told(instance=f"web-{number}", long="x" * 10_000) for number in range(60)]
    body = (await sent("pagerduty_configs: [{url: URL/v2, routing_key: k}]", message(*alerts))).json()
    assert list(body["payload"]["custom_details"]) == ["error"]


async def test_the_first_api_of_pagerduty_throttles_with_403(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server, channel_of("pagerduty_configs: [{service_key: k}]") as channel:
        monkeypatch.setattr(pagerduty, "V1_URL", server.url)
        await channel.send(message())
        server.answer = lambda request, body: web.Response(status=403)
        with pytest.raises(ChannelError) as caught:
            await channel.send(message())
    body = server.json(0)
    assert (body["service_key"], body["event_type"], body["incident_key"]) == ("k", "trigger", KEY)
    assert caught.value.retryable


async def test_pushover(monkeypatch: pytest.MonkeyPatch) -> None:
    async with serving() as server:
        monkeypatch.setattr(send_paging, "PUSHOVER_URL", server.url)
        server.answer = lambda request, body: web.json_response({"status": 1})
        async with channel_of("pushover_configs: [{user_key: u, token: t, html: true}]") as channel:
            await channel.send(message(told(job="a<b")))
    form = {name: values[0] for name, values in parse_qs(server.requests[0][1].decode()).items()}
    assert (form["user"], form["token"], form["priority"], form["html"]) == ("u", "t", "2", "1")
    assert (form["retry"], form["expire"]) == ("60", "3600")
    assert "job=a&lt;b" in form["message"]


async def test_victorops() -> None:
    entry = (
        "victorops_configs: [{api_url: URL/alert, api_key: k, routing_key: 'a/b', custom_fields: {x: '{{ .Status }}'}}]"
    )
    server = await sent(entry, message(), message(told(resolved=True)))
    assert server.requests[0][0].rel_url.raw_path == "/alert/k/a%2Fb"
    body = server.json(0)
    assert (body["message_type"], body["entity_id"], body["x"]) == ("CRITICAL", KEY, "firing")
    assert server.json(1)["message_type"] == "RECOVERY"


@pytest.mark.parametrize(("status", "retryable"), [(500, True), (429, True), (400, False), (404, False)])
async def test_statuses(status: int, retryable: bool) -> None:
    with pytest.raises(ChannelError) as caught:
        await sent(
            "discord_configs: [{webhook_url: 'URL/d'}]",
            answer=lambda request, body: web.Response(status=status, headers={"Retry-After": "7"}),
        )
    assert (caught.value.retryable, caught.value.retry_after_s) == (retryable, 7.0)


@pytest.mark.parametrize(
    "entry",
    [
        "discord_configs: [{webhook_url: 'URL/d', message: 'BAD'}]",
        "msteamsv2_configs: [{webhook_url: 'URL/d', text: 'BAD'}]",
        "mattermost_configs: [{webhook_url: 'URL/d', text: 'BAD'}]",
        "opsgenie_configs: [{api_url: URL, api_key: k, description: 'BAD'}]",
        "victorops_configs: [{api_url: URL, api_key: k, routing_key: r, state_message: 'BAD'}]",
        "pagerduty_configs: [{url: URL/v2, routing_key: k, client: 'BAD'}]",
    ],
)
async def test_a_template_that_fails_still_sends(entry: str) -> None:
    server = await sent(entry.replace("BAD", FAULT))
    text = server.requests[0][1].decode()
    assert "nowhere" in text
    assert "instance = web-1" in text


async def test_secrets_come_from_global_files(tmp_path: Any) -> None:
    (tmp_path / "key").write_text("from-file\n")
    top = f"global: {{opsgenie_api_url: URL, opsgenie_api_key_file: {tmp_path}/key}}"
    server = await sent("opsgenie_configs: [{}]", top=top)
    assert server.requests[0][0].headers["Authorization"] == "GenieKey from-file"
