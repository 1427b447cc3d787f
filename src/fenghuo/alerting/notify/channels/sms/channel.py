"""Texts and calls: the requests of each provider, and what their answers mean."""

from __future__ import annotations

import base64
import copy
import secrets as random_source
from collections.abc import Iterable, Mapping
from typing import Any, Final, Self
from urllib.parse import quote, urlencode, urlsplit
from xml.sax.saxutils import escape

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.services.said import Said
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, said_json
from fenghuo.alerting.notify.channels.sms.settings import Provider, SmsSettings, VoiceSettings
from fenghuo.alerting.notify.channels.sms.signing import aliyun_headers, aliyun_query, tencent_authorization
from fenghuo.alerting.notify.channels.toolbox import Request
from fenghuo.alerting.notify.cutting import Limit, line
from fenghuo.alerting.notify.message import Message
from fenghuo.net.answer import Answer

TWILIO_URL: Final = "https://api.twilio.com"
TWILIO: Final = Limit(1600)
"""Twilio refuses longer texts."""
TENCENT_TYPE: Final = "application/json; charset=utf-8"
CHINA: Final = "+86"
MAY_PASS: Final = ("limit", "throttl", "unavailable", "internal", "busy", "frequency")
"""Words in the codes of refusals that may pass."""


class SmsChannel(ServiceChannel[SmsSettings]):
    """One text to each number."""

    secrets = ("secret",)
    heading = ""
    templated = ("to", "params", "message")
    person = ""
    """The one number to be told, instead of those of the settings."""

    def addressed(self, to: str) -> Self:
        """The same for one number alone."""
        other = copy.copy(self)
        other.person = to
        return other

    async def send(self, message: Message) -> str | None:
        """Who cannot be reached keeps nobody else from being told, and is remarked; it fails when nobody could be."""
        revealed = await self.revealed()
        failures: list[ChannelError] = []
        wanted = await self.toolbox.offload(self._requests, message, revealed)
        for request in wanted:
            try:
                self.judge(await self.poster.ask(request))
            except ChannelError as error:
                failures.append(error)
        if len(failures) == len(wanted):
            raise failures[0]
        return "; ".join(str(error) for error in failures) or None

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        numbers = [self.person] if self.person else [number.strip() for number in said["to"] if number.strip()]
        if not numbers:
            raise ChannelError("there is no number to tell", retryable=False)
        params = {name: self._param(value) for name, value in said["params"].items()}
        for number in numbers:
            match self.settings.provider:
                case Provider.ALIYUN:
                    yield self._aliyun(secrets["secret"], *self.of_aliyun(number, params))
                case Provider.TENCENT:
                    yield self._tencent(secrets["secret"], *self.of_tencent(_abroad(number), list(params.values())))
                case Provider.TWILIO:
                    yield self._twilio(secrets["secret"], _abroad(number), said.fitted(TWILIO))

    def _param(self, text: str) -> str:
        return line(self.settings.param_chars_max).cut(" ".join(text.split()))

    def of_aliyun(self, number: str, params: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
        """Host, action and parameters."""
        settings = self.settings
        wanted = {"PhoneNumbers": number, "SignName": settings.sign_name, "TemplateCode": settings.template}
        return "dysmsapi.aliyuncs.com", "SendSms", wanted | {"TemplateParam": orjson.dumps(params).decode()}

    def of_tencent(self, number: str, params: list[str]) -> tuple[str, str, str, dict[str, Any]]:
        """Service, action, version and body."""
        settings = self.settings
        body = {"PhoneNumberSet": [number], "SmsSdkAppId": settings.app_id, "SignName": settings.sign_name}
        return "sms", "SendSms", "2021-01-11", body | {"TemplateId": settings.template, "TemplateParamSet": params}

    def of_twilio(self, text: str) -> tuple[str, dict[str, str]]:
        """The last part of the path, and the form besides the two numbers."""
        return "Messages.json", {"Body": text}

    def _aliyun(self, secret: str, host: str, action: str, params: Mapping[str, str]) -> Request:
        base = self.address(f"https://{host}")
        query = aliyun_query(params)
        headers = aliyun_headers(
            self.settings.access_key,
            secret,
            urlsplit(base).netloc,
            action,
            "2017-05-25",
            query,
            random_source.token_hex(16),
            self.toolbox.clock.now_ms(),
        )
        return Request(f"{base}/?{query}", b"", headers)

    def _tencent(self, secret: str, service: str, action: str, version: str, body: Mapping[str, Any]) -> Request:
        base = self.address(f"https://{service}.tencentcloudapi.com")
        data, at_ms, host = orjson.dumps(body), self.toolbox.clock.now_ms(), urlsplit(base).netloc
        signed = tencent_authorization(self.settings.access_key, secret, service, host, TENCENT_TYPE, data, at_ms)
        headers = {
            "Authorization": signed,
            "Content-Type": TENCENT_TYPE,
            "Host": host,
            "X-TC-Action": action,
            "X-TC-Version": version,
            "X-TC-Timestamp": str(at_ms // 1000),
            "X-TC-Region": self.settings.region,
        }
        return Request(f"{base}/", data, headers)

    def _twilio(self, secret: str, number: str, text: str) -> Request:
        account = self.settings.access_key
        path, form = self.of_twilio(text)
        url = f"{self.address(TWILIO_URL)}/2010-04-01/Accounts/{quote(account, safe='')}/{path}"
        pair = base64.b64encode(f"{account}:{secret}".encode()).decode()
        headers = {"Authorization": f"Basic {pair}", "Content-Type": "application/x-www-form-urlencoded"}
        return Request(url, urlencode({"To": number, "From": self.settings.from_, **form}).encode(), headers)

    def judge(self, answer: Answer) -> None:
        said = said_json(answer, self.settings.provider.title())
        match self.settings.provider:
            case Provider.ALIYUN:
                _refuse("Aliyun", str(said.get("Code", "OK")), str(said.get("Message", "")))
            case Provider.TENCENT:
                inner = said.get("Response", {})
                error = inner.get("Error", {})
                _refuse("Tencent Cloud", str(error.get("Code", "Ok")), str(error.get("Message", "")))
                for one in inner.get("SendStatusSet", []):
                    _refuse("Tencent Cloud", str(one.get("Code", "Ok")), str(one.get("Message", "")))


class VoiceChannel(SmsChannel):
    """One call to each number."""

    settings: VoiceSettings

    def of_aliyun(self, number: str, params: Mapping[str, str]) -> tuple[str, str, dict[str, str]]:
        wanted = {"CalledNumber": number, "TtsCode": self.settings.template}
        wanted |= {"TtsParam": orjson.dumps(params).decode(), "PlayTimes": str(self.settings.play_times)}
        shown = {"CalledShowNumber": self.settings.from_} if self.settings.from_ else {}
        return "dyvmsapi.aliyuncs.com", "SingleCallByTts", wanted | shown

    def of_tencent(self, number: str, params: list[str]) -> tuple[str, str, str, dict[str, Any]]:
        body = {"TemplateId": self.settings.template, "CalledNumber": number, "VoiceSdkAppid": self.settings.app_id}
        return (
            "vms",
            "SendTtsVoice",
            "2020-09-02",
            body
            | {
                "TemplateParamSet": params,
                "PlayTimes": self.settings.play_times,
            },
        )

    def of_twilio(self, text: str) -> tuple[str, dict[str, str]]:
        said = f'<Say language="{escape(self.settings.voice_language)}">{escape(text)}</Say>'
        return "Calls.json", {"Twiml": f"<Response>{said * self.settings.play_times}</Response>"}


def _abroad(number: str) -> str:
    return number if number.startswith("+") else CHINA + number


def _refuse(service: str, code: str, text: str) -> None:
    """Raise ChannelError unless ``code`` says that all is well."""
    if code.lower() != "ok":
        retryable = any(word in code.lower() for word in MAY_PASS)
        raise ChannelError(f"{service} refused with {code}: {text}", retryable=retryable)
