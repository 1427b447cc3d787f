"""WeCom: robots and applications, mentions, limits, and what its errcodes mean."""

from __future__ import annotations

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.channel import ChannelError
from unit.alerting.notify.channels.support import channel_of, message, told
from unit.alerting.notify.channels.test_services import FAULT, sent

pytestmark = pytest.mark.anyio

FINE = {"errcode": 0, "errmsg": "ok"}
APPLICATION = "wecom_configs: [{api_url: URL, corp_id: c, secret: s, agent_id: '1000002', to_user: zhang|li}]"


async def test_a_robot_gets_markdown() -> None:
    server = await sent("wecom_configs: [{api_url: URL, key: k, mentioned_users: [li]}]", said=FINE)
    (request, _), body = server.requests[0], server.json()
    assert request.path_qs == "/webhook/send?key=k"
    text = body["markdown"]["content"]
    assert text.startswith("### 🔴 严重 critical · HighCPUUsage · web-1")
    for words in ("CPU 超过 80% CPU over 80 %", "> 当前值 Value:", "[处理手册 Runbook](https://wiki/cpu)", "<@li>"):
        assert words in text


async def test_mobiles_are_called_by_a_short_text_beside_it() -> None:
    entry = "wecom_configs: [{url: URL/x, mentioned_mobiles: ['13800138000', '{{ .CommonLabels.nobody }}']}]"
    server = await sent(entry, said=FINE)
    assert [server.json(0)["msgtype"], server.json(1)["msgtype"]] == ["markdown", "text"]
    assert server.json(1)["text"]["mentioned_mobile_list"] == ["13800138000"]


async def test_an_application_tells_members_with_a_token() -> None:
    def answer(request: web.Request, body: bytes) -> web.Response:
        return web.json_response(FINE | {"access_token": "tok", "expires_in": 7200})

    server = await sent(APPLICATION, answer=answer)
    assert [request.path_qs for request, _ in server.requests] == [
        "/gettoken?corpid=c&corpsecret=s",
        "/message/send?access_token=tok",
    ]
    body = server.json()
    assert (body["touser"], body["agentid"], body["msgtype"]) == ("zhang|li", 1000002, "markdown")


async def test_long_messages_are_cut() -> None:
    server = await sent("wecom_configs: [{url: URL/x}]", message(*(told(job=f"长{i}") for i in range(50))), said=FINE)
    assert 3000 < len(server.json()["markdown"]["content"].encode()) <= 4096


@pytest.mark.parametrize(
    ("code", "retryable", "wait_s"), [(45009, True, 60.0), (-1, True, None), (93000, False, None), (40058, False, None)]
)
async def test_refusals(code: int, retryable: bool, wait_s: float | None) -> None:
    with pytest.raises(ChannelError) as caught:
        await sent("wecom_configs: [{url: URL/x}]", said={"errcode": code, "errmsg": "no"})
    assert (caught.value.retryable, caught.value.retry_after_s) == (retryable, wait_s)


async def test_a_wrong_secret_names_the_remedy() -> None:
    with pytest.raises(ChannelError) as caught:
        await sent(APPLICATION, said={"errcode": 40001, "errmsg": "invalid credential"})
    assert "secret" in caught.value.remedy


async def test_a_template_that_fails_still_sends() -> None:
    server = await sent(f"wecom_configs: [{{url: URL/x, message: '{FAULT}'}}]", said=FINE)
    assert "instance = web-1" in server.json()["markdown"]["content"]


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ("{}", "needs key"),
        ("{key: k, corp_id: c}", "a robot has no corp_id"),
        ("{corp_id: c, secret: s}", "agent_id"),
        ("{corp_id: c, secret: s, agent_id: 1}", "to_user"),
    ],
)
async def test_settings_that_cannot_be(entry: str, words: str) -> None:
    with pytest.raises(AssertionError, match=words):
        async with channel_of(f"wecom_configs: [{entry}]"):
            raise RuntimeError
