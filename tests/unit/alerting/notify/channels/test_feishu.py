"""Feishu's robot: signature, card, mentions, and what its codes mean."""

from __future__ import annotations

import base64
import hashlib
import hmac

import pytest

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.feishu.channel import BODY_BYTES_MAX
from fenghuo.alerting.notify.message import IncidentView
from unit.alerting.notify.channels.support import AT_MS, message, told
from unit.alerting.notify.channels.test_services import FAULT, sent

pytestmark = pytest.mark.anyio

FINE = {"code": 0, "msg": "success"}


async def test_the_request_is_signed_as_the_platform_checks_it() -> None:
    body = (await sent("feishu_configs: [{url: URL/x, secret: abc}]", said=FINE)).json()
    assert body["timestamp"] == str(AT_MS // 1000)
    wanted = hmac.new(f"{AT_MS // 1000}\nabc".encode(), b"", hashlib.sha256).digest()
    assert base64.b64decode(body["sign"]) == wanted


async def test_the_card_says_what_a_tired_person_needs() -> None:
    entry = "feishu_configs: [{url: URL/x, at_users: [ou_1], at_all: true}]"
    server = await sent(entry, message(), message(told(resolved=True)), said=FINE)
    card, over = server.json(0)["card"], server.json(1)["card"]
    assert "sign" not in server.json(0)
    assert (card["header"]["template"], over["header"]["template"]) == ("red", "green")
    assert card["header"]["title"]["content"] == "🔴 严重 critical · HighCPUUsage · web-1"
    text = card["elements"][0]["content"]
    for words in ("位置 Where: instance=web-1", "当前值 Value: **93.1%**", "(https://wiki/cpu)", '<at id="ou_1"></at>'):
        assert words in text
    assert text.endswith("<at id=all></at>")
    assert [one["url"] for one in card["elements"][1]["actions"]] == ["http://fenghuo/alerts"]


async def test_buttons_of_a_card_open_pages() -> None:
    view = IncidentView(12, "INC-12", "P2", "open", "http://fenghuo/a/tok")
    server = await sent("feishu_configs: [{url: URL/x}]", message(incident=view), said=FINE)
    card = server.json()["card"]
    assert card["header"]["template"] == "yellow", "the colour is the incident's"
    shown = [(one["text"]["content"], one["type"], one["url"]) for one in card["elements"][1]["actions"]]
    assert shown == [
        ("确认 Acknowledge INC-12", "primary", "http://fenghuo/a/tok?do=acknowledge"),
        ("推迟 30 分钟 Snooze 30 min", "default", "http://fenghuo/a/tok?do=snooze30"),
        ("打开烽火 Open Fenghuo", "default", "http://fenghuo/incidents/12"),
    ]
    assert "/a/tok" not in card["elements"][0]["content"]


async def test_a_label_mentions_nobody() -> None:
    server = await sent("feishu_configs: [{url: URL/x}]", message(told(job="<at id=all></at>")), said=FINE)
    assert "job=&#60;at id=all&#62;" in server.json()["card"]["elements"][0]["content"]


async def test_long_messages_are_cut() -> None:
    server = await sent(
        "feishu_configs: [{url: URL/x}]", message(*(told(job=f'长"{i}') for i in range(300))), said=FINE
    )
    assert 15_000 < len(server.requests[0][1]) <= BODY_BYTES_MAX


@pytest.mark.parametrize(("code", "retryable"), [(9499, True), (11232, True), (19021, False), (19024, False)])
async def test_refusals(code: int, retryable: bool) -> None:
    with pytest.raises(ChannelError, match=str(code)) as caught:
        await sent("feishu_configs: [{url: URL/x}]", said={"code": code, "msg": "no"})
    assert caught.value.retryable is retryable
    assert bool(caught.value.remedy) is not retryable


async def test_a_template_that_fails_still_sends() -> None:
    server = await sent(f"feishu_configs: [{{url: URL/x, message: '{FAULT}'}}]", said=FINE)
    assert "instance = web-1" in server.json()["card"]["elements"][0]["content"]
