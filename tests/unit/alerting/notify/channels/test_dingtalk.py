"""DingTalk's robot: signature, body, mentions, and what its errcodes mean."""

from __future__ import annotations

import base64
import hashlib
import hmac
from typing import Any

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.dingtalk.channel import BODY_BYTES_MAX
from fenghuo.alerting.notify.texts import Language
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
    assert body["msgtype"] == "markdown"
    assert body["markdown"]["title"] == "🔴 严重 critical 告警 firing 1 · HighCPUUsage"
    text = body["markdown"]["text"]
    for words in (
        "CPU 超过 80% CPU over 80 %",
        "位置 Where: instance=web-1",
        "开始 Since: 2023-11-14 22:01:20 UTC (12m 0s)",
        "当前值 Value: 93.1%",
        "说明 What it means: Requests slow down.",
        "[处理手册 Runbook](https://wiki/cpu)",
        "[查看指标 Graph](http://fenghuo/graph?g0.expr=x)",
        "✅ 已恢复 resolved",
        "恢复 Until: 2023-11-14 22:13:19 UTC (11m 59s)",
        "(http://fenghuo)",
    ):
        assert words in text, f"{words!r} is not in\n{text}"


@pytest.mark.parametrize(
    ("language", "words", "absent"),
    [(Language.CHINESE, "CPU 超过 80%", "CPU over"), (Language.ENGLISH, "CPU over 80 %", "超过")],
)
async def test_languages(language: Language, words: str, absent: str) -> None:
    entry = "dingtalk_configs: [{{url: '{}'}}]"
    async with serving() as server, channel_of(entry.format(server.url), language=language) as channel:
        server.answer = answering(FINE)
        await channel.send(message())
    text = server.json()["markdown"]["text"]
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
    text = server.json()["markdown"]["text"]
    assert len(text.encode()) <= BODY_BYTES_MAX
    assert text.endswith("…")


async def test_a_template_that_fails_still_sends_and_names_the_fault() -> None:
    entry = "dingtalk_configs: [{{url: '{}', message: '{{{{ index .Alerts 7 }}}}'}}]"
    async with serving() as server, channel_of(entry.format(server.url)) as channel:
        server.answer = answering(FINE)
        await channel.send(message())
    text = server.json()["markdown"]["text"]
    assert "模板出错" in text
    assert "index out of range: 7" in text
    assert "instance = web-1" in text
