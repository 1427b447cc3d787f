"""Texts and calls: signatures against the vendors' published examples, requests, and what answers mean."""

from __future__ import annotations

import json
from urllib.parse import parse_qs, unquote_plus

import pytest
from aiohttp import web

from fenghuo.alerting.notify.channels.channel import Addressable, ChannelError
from fenghuo.alerting.notify.channels.sms.signing import aliyun_headers, aliyun_query, tencent_authorization
from fenghuo.alerting.notify.message import IncidentView
from unit.alerting.notify.channels.support import AT_MS, channel_of, message, serving, told
from unit.alerting.notify.channels.test_services import sent

ALIYUN = (
    "{provider: aliyun, api_url: URL, access_key: AK, secret: SK, sign_name: 烽火, template: SMS_1, to: ['13800138000']"
)
TENCENT = "{provider: tencent, api_url: URL, access_key: AK, secret: SK, app_id: '14', sign_name: s, template: '7'"
TWILIO = "{provider: twilio, api_url: URL, access_key: AC1, secret: tok, from: '+1555', to: ['+44123', '13800138000']}"


def test_aliyuns_published_example() -> None:
    """The fixed parameters of "V3 request structure and signature"."""
    query = aliyun_query({"RegionId": "cn-shanghai", "ImageId": "win2019_1809_x64_dtc_zh-cn_40G_alibase_20230811.vhd"})
    headers = aliyun_headers(
        "YourAccessKeyId",
        "YourAccessKeySecret",
        "ecs.cn-shanghai.aliyuncs.com",
        "RunInstances",
        "2014-05-26",
        query,
        "3156853299f313e23d1673dc12e1703d",
        1_698_315_752_000,  # 2023-10-26T10:22:32Z
    )
    assert headers["Authorization"].endswith(
        "Signature=06563a9e1b43f5dfe96b81484da74bceab24a1d853912eee15083a6f0f3283c0"
    )


def test_tencents_published_example() -> None:
    """DescribeInstances of "Signature method v3"."""
    body = b'{"Limit": 1, "Filters": [{"Values": ["\\u672a\\u547d\\u540d"], "Name": "instance-name"}]}'
    signed = tencent_authorization(
        "AKIDz8krbsJ5yKBZQpn74WFkmLPx3EXAMPLE",
        "Gu5t9xGARNpq86cd98joQYCN3EXAMPLE",
        "cvm",
        "cvm.tencentcloudapi.com",
        "application/json; charset=utf-8",
        body,
        1_551_113_065_000,
    )
    assert signed.endswith("Signature=72e494ea809ad7a8c8f7a4507b9bddcbaa8e581f516e8da2f66e2c5a96525168")


@pytest.mark.anyio
async def test_a_text_through_aliyun() -> None:
    server = await sent(f"sms_configs: [{ALIYUN}}}]", said={"Code": "OK"})
    request, body = server.requests[0]
    query = dict(request.query)
    params = json.loads(query.pop("TemplateParam"))
    assert query == {"PhoneNumbers": "13800138000", "SignName": "烽火", "TemplateCode": "SMS_1"}
    assert params == {"content": "HighCPUUsage web-1"}
    headers = request.headers
    wanted = aliyun_headers(
        "AK", "SK", headers["Host"], "SendSms", "2017-05-25", request.rel_url.raw_query_string,
        headers["x-acs-signature-nonce"], AT_MS,
    )  # fmt: skip
    assert headers["Authorization"] == wanted["Authorization"], "what arrives is what was signed"
    assert body == b""


@pytest.mark.anyio
async def test_a_call_through_aliyun() -> None:
    server = await sent(f"voice_configs: [{ALIYUN}}}]", said={"Code": "OK"})
    request = server.requests[0][0]
    assert request.headers["x-acs-action"] == "SingleCallByTts"
    assert (request.query["CalledNumber"], request.query["TtsCode"]) == ("13800138000", "SMS_1")


@pytest.mark.anyio
async def test_a_text_and_a_call_through_tencent() -> None:
    entry = TENCENT + ", to: ['13800138000'], params: {a: x, b: '{{ .Status }}'}}"
    server = await sent(f"sms_configs: [{entry}]", said={"Response": {"SendStatusSet": [{"Code": "Ok"}]}})
    request, body = server.requests[0]
    assert json.loads(body) == {
        "PhoneNumberSet": ["+8613800138000"], "SmsSdkAppId": "14", "SignName": "s", "TemplateId": "7",
        "TemplateParamSet": ["x", "firing"],
    }  # fmt: skip
    headers = request.headers
    assert headers["X-TC-Timestamp"] == str(AT_MS // 1000)
    assert headers["Authorization"] == tencent_authorization(
        "AK", "SK", "sms", headers["Host"], headers["Content-Type"], body, AT_MS
    )
    voice = await sent(f"voice_configs: [{entry}]", said={"Response": {}})
    assert voice.requests[0][0].headers["X-TC-Action"] == "SendTtsVoice"
    assert voice.json()["CalledNumber"] == "+8613800138000"


@pytest.mark.anyio
async def test_a_text_and_a_call_through_twilio() -> None:
    server = await sent(f"sms_configs: [{TWILIO}]")
    request, body = server.requests[0]
    form = {name: values[0] for name, values in parse_qs(body.decode()).items()}
    assert request.path == "/2010-04-01/Accounts/AC1/Messages.json"
    assert request.headers["Authorization"] == "Basic QUMxOnRvaw=="
    assert (form["To"], form["From"]) == ("+44123", "+1555")
    assert "CPU 超过 80% CPU over 80 % (当前值 Value 93.1%)" in form["Body"]
    assert parse_qs(server.requests[1][1].decode())["To"] == ["+8613800138000"]
    voice = await sent(f"voice_configs: [{TWILIO}]", message(told(instance="<&>")))
    twiml = parse_qs(voice.requests[0][1].decode())["Twiml"][0]
    assert "&lt;&amp;&gt;" in twiml
    assert twiml.count("<Say") == 2


@pytest.mark.anyio
async def test_a_text_has_the_link_to_answer_and_a_voice_reads_words() -> None:
    view = IncidentView(12, "INC-12", "P0", "open", "http://fenghuo/a/tok")
    text = parse_qs((await sent(f"sms_configs: [{TWILIO}]", message(incident=view))).requests[0][1].decode())["Body"][0]
    assert text.startswith("🔴 P0 紧急 emergency · HighCPUUsage · web-1 · INC-12\n")
    assert text.endswith("\nhttp://fenghuo/a/tok")
    call = (await sent(f"voice_configs: [{TWILIO}]", message(incident=view))).requests[0][1].decode()
    assert ">烽火告警 Fenghuo alert, P0, 紧急 emergency. HighCPUUsage, web-1. CPU 超过" in parse_qs(call)["Twiml"][0]
    template = await sent(f"sms_configs: [{ALIYUN}}}]", message(incident=view), said={"Code": "OK"})
    assert "P0 HighCPUUsage web-1" in unquote_plus(template.requests[0][0].query_string)


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("entry", "said", "retryable"),
    [
        (ALIYUN + "}", {"Code": "isv.BUSINESS_LIMIT_CONTROL", "Message": "m"}, True),
        (ALIYUN + "}", {"Code": "isv.MOBILE_NUMBER_ILLEGAL", "Message": "m"}, False),
        (TENCENT + ", to: ['1']}", {"Response": {"Error": {"Code": "AuthFailure", "Message": "m"}}}, False),
        (TENCENT + ", to: ['1']}", {"Response": {"SendStatusSet": [{"Code": "LimitExceeded.X"}]}}, True),
    ],
)
async def test_refusals(entry: str, said: object, retryable: bool) -> None:
    with pytest.raises(ChannelError) as caught:
        await sent(f"sms_configs: [{entry}]", said=said)
    assert caught.value.retryable is retryable


@pytest.mark.anyio
async def test_one_person_alone() -> None:
    async with serving() as server:
        entry = f"sms_configs: [{TWILIO}]".replace("URL", server.url.removesuffix("/hook"))
        async with channel_of(entry) as channel:
            server.answer = lambda request, body: web.json_response({})
            assert isinstance(channel, Addressable)
            await channel.addressed("+49170").send(message())
    assert [parse_qs(body.decode())["To"] for _, body in server.requests] == [["+49170"]]


@pytest.mark.anyio
async def test_who_cannot_be_reached_keeps_nobody_from_being_told() -> None:
    async with serving() as server:
        entry = f"sms_configs: [{TWILIO}]".replace("URL", server.url.removesuffix("/hook"))
        server.answer = lambda request, body: web.json_response({}, status=400 if b"%2B44123" in body else 201)
        async with channel_of(entry) as channel:
            remark = await channel.send(message())
    assert len(server.requests) == 2
    assert remark is not None
    assert "HTTP 400" in remark


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("entry", "to", "words"),
    [
        ("dingtalk_configs: [{url: URL, at_mobiles: ['111'], at_all: true}]", "139", '"atMobiles":["139"]'),
        ("wecom_configs: [{url: URL, mentioned_users: [zhang]}]", "139", '"mentioned_mobile_list":["139"]'),
        ("wecom_configs: [{url: URL, mentioned_users: [zhang]}]", "wang", "<@wang>"),
        ("feishu_configs: [{url: URL, at_all: true}]", "ou_9", r"<at id=\"ou_9\"></at>"),
        ("telegram_configs: [{api_url: URL, bot_token: t, chat_id: 7}]", "-99", '"chat_id":"-99"'),
    ],
)
async def test_robots_call_the_one_who_is_addressed(entry: str, to: str, words: str) -> None:
    async with serving() as server, channel_of(entry.replace("URL", server.url)) as channel:
        server.answer = lambda request, body: web.json_response({"errcode": 0, "code": 0, "ok": True})
        assert isinstance(channel, Addressable)
        await channel.addressed(to).send(message())
    said = b"".join(body for _, body in server.requests).decode()
    assert words in said
    assert "zhang" not in said
    assert "111" not in said
    assert "id=all" not in said
