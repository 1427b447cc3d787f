"""DingTalk's robot: signature, body, mentions, and what its errcodes mean."""

from __future__ import annotations

import base64
import hashlib
import hmac
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.dingtalk.channel import BODY_BYTES_MAX
from fenghuo.alerting.notify.message import IncidentView
from fenghuo.model.language import Language
from unit.alerting.notify.channels.support import AT_MS, channel_of, message, serving, told

pytestmark = pytest.mark.anyio

FINE = {"errcode": 0, "errmsg": "ok"}


def answering(said: Any) -> Any:
    return lambda request, body: web.json_response(said)


async def test_the_request_is_signed_as_the_platform_checks_it() -> None:
    entry = "dingtalk_configs: [{{url: '{}?access_token=tok', secret: SECabc}}]"
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        server.answer = answering(FINE)
        await channel.send(message())
    query = server.requests[0][0].query
    assert (query["access_token"], query["timestamp"]) == ("tok", str(AT_MS))
    signed = hmac.new(b"SECabc", f"{AT_MS}\nSECabc".encode(), hashlib.sha256).digest()
    assert query["sign"] == base64.b64encode(signed).decode()


async def test_the_default_message_says_what_a_tired_person_needs() -> None:
    async with serving() as server, channel_of(f"dingtalk_configs: [{{url: '{server.url}'}}]") as channel:
        server.answer = answering(FINE)
        await channel.send(message(told(), told(resolved=True, instance="web-2")))
    body = server.json()
    assert body["msgtype"] == "actionCard"
    assert body["actionCard"]["title"] == "🔴 严重 critical · HighCPUUsage"
    text = body["actionCard"]["text"]
    for words in (
        "CPU 超过 80% CPU over 80 %",
        "位置 Where: instance=web-1",
        "开始 Since: 2023-11-14 22:01:20 UTC (持续 for 12m)",
        "当前值 Value: 93.1%",
        "说明 What it means: Requests slow down.",
        "[处理手册 Runbook](https://wiki/cpu)",
        "[查看指标 Graph](http://fenghuo/graph?g0.expr=x)",
        "✅ 已恢复 resolved",
        "最后值 Last value: 93.1%",
        "(持续 for 11m)",
        "恢复 Until: 2023-11-14 22:13:19 UTC",
        "Fenghuo",
    ):
        assert words in text, f"{words!r} is not in\n{text}"
    assert body["actionCard"]["btns"] == [{"title": "打开烽火 Open Fenghuo", "actionURL": "http://fenghuo/alerts"}]


async def test_buttons_lead_to_the_page_that_answers() -> None:
    view = IncidentView(12, "INC-12", "P1", "open", "http://fenghuo/a/tok")
    async with serving() as server, channel_of(f"dingtalk_configs: [{{url: '{server.url}'}}]") as channel:
        server.answer = answering(FINE)
        await channel.send(message(incident=view))
        await channel.send(message(told(resolved=True), incident=view))
        await channel.send(message(incident=replace(view, state="acknowledged", acknowledged_by="zhang")))
    first, over, seen = (server.json(index)["actionCard"] for index in range(3))
    assert first["btns"] == [
        {"title": "确认 Acknowledge INC-12", "actionURL": "http://fenghuo/a/tok?do=acknowledge"},
        {"title": "推迟 30 分钟 Snooze 30 min", "actionURL": "http://fenghuo/a/tok?do=snooze30"},
        {"title": "打开烽火 Open Fenghuo", "actionURL": "http://fenghuo/incidents/12"},
    ]
    assert "/a/tok" not in first["text"], "the buttons are enough"
    assert [button["actionURL"] for button in over["btns"]] == ["http://fenghuo/incidents/12"]
    assert len(seen["btns"]) == 2
    assert "已确认 acknowledged: zhang" in seen["text"]


@pytest.mark.parametrize("more", ["at_all: true", "at_mobiles: [13800000000]", "buttons: false"])
async def test_what_mentions_somebody_is_markdown_with_links(more: str) -> None:
    view = IncidentView(12, "INC-12", "P1", "open", "http://fenghuo/a/tok")
    async with serving() as server, channel_of(f"dingtalk_configs: [{{url: '{server.url}', {more}}}]") as channel:
        server.answer = answering(FINE)
        await channel.send(message(incident=view))
    text = server.json()["markdown"]["text"]
    assert "[确认 Acknowledge INC-12](http://fenghuo/a/tok?do=acknowledge) · [推迟" in text


@pytest.mark.parametrize(
    ("language", "words", "absent"),
    [(Language.CHINESE, "CPU 超过 80%", "CPU over"), (Language.ENGLISH, "CPU over 80 %", "超过")],
)
async def test_languages(language: Language, words: str, absent: str) -> None:
    entry = "dingtalk_configs: [{{url: '{}'}}]"
    async with serving() as server, channel_of(entry.format(server.url), language=language) as channel:
        server.answer = answering(FINE)
        await channel.send(message())
    text = server.json()["actionCard"]["text"]
    assert words in text
    assert absent not in text


async def test_mentions_ring_because_the_text_holds_them() -> None:
    entry = (
        "dingtalk_configs: [{{url: '{}', at_mobiles: [13800000000, '{{{{ .CommonLabels.phone }}}}'], at_all: true}}]"
    )
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        server.answer = answering(FINE)
        await channel.send(message(told(phone="13900000000")))
    body = server.json()
    assert body["at"] == {"atMobiles": ["13800000000", "13900000000"], "isAtAll": True}
    assert body["markdown"]["text"].endswith("@13800000000 @13900000000")


@pytest.mark.parametrize(
    ("said", "retryable", "words"),
    [
        ({"errcode": 310000, "errmsg": "sign not match"}, False, "check secret"),
        ({"errcode": 310000, "errmsg": "keywords not in content"}, False, "keywords"),
        ({"errcode": 310000, "errmsg": "invalid timestamp"}, False, "set this machine's clock"),
        ({"errcode": 300005, "errmsg": "token is not exist"}, False, "access_token"),
        ({"errcode": 130101, "errmsg": "send too fast, exceed 20 times per minute"}, True, "too fast"),
        ({"errcode": 410100, "errmsg": "发送速度太快而限流"}, True, "410100"),
        ({"errcode": -1, "errmsg": "系统繁忙"}, True, "errcode -1"),
        (["what"], True, "something else"),
    ],
)
async def test_refusals_behind_http_200(said: Any, retryable: bool, words: str) -> None:
    async with serving() as server, channel_of(f"dingtalk_configs: [{{url: '{server.url}'}}]") as channel:
        server.answer = answering(said)
        with pytest.raises(ChannelError) as caught:
            await channel.send(message())
    assert caught.value.retryable is retryable
    assert words in str(caught.value)


async def test_throttling_is_given_a_minute() -> None:
    async with serving() as server, channel_of(f"dingtalk_configs: [{{url: '{server.url}'}}]") as channel:
        server.answer = answering({"errcode": 130101, "errmsg": "send too fast"})
        with pytest.raises(ChannelError) as caught:
            await channel.send(message())
    assert caught.value.retry_after_s == 60


async def test_long_messages_are_cut_to_what_the_platform_takes() -> None:
    many = [told(instance=f"机器-{i}") for i in range(500)]
    async with serving() as server, channel_of(f"dingtalk_configs: [{{url: '{server.url}'}}]") as channel:
        server.answer = answering(FINE)
        await channel.send(message(*many))
    assert len(server.requests[0][1]) <= BODY_BYTES_MAX
    text = server.json()["actionCard"]["text"]
    told_of = text.count("#### ")
    assert 40 < told_of < 500
    assert text.endswith(
        f"另有 {500 - told_of} 条告警未列出 {500 - told_of} more alerts are not listed: [全部 all](http://fenghuo/alerts)"
    )
    assert "500 条告警" in text, "the title counts them all"


async def test_a_template_that_fails_still_sends_and_names_the_fault() -> None:
    entry = "dingtalk_configs: [{{url: '{}', message: '{{{{ index .Alerts 7 }}}}'}}]"
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        server.answer = answering(FINE)
        await channel.send(message())
    text = server.json()["actionCard"]["text"]
    assert "模板出错" in text
    assert "index out of range: 7" in text
    assert "instance = web-1" in text
