"""``sms_configs`` and ``voice_configs``."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from fenghuo.alerting.notify.channels.services.kind import ServiceSettings, one_of
from fenghuo.alerting.notify.channels.settings import check_url
from fenghuo.base.document import DictOf, ListOf, RefusedError
from fenghuo.model.settings_types import FileName, Secret, Text


class Provider(StrEnum):
    ALIYUN = "aliyun"
    TENCENT = "tencent"
    TWILIO = "twilio"


def _number(value: Any) -> Any:
    text = str(value)
    if "{{" not in text and not text.removeprefix("+").replace("-", "").isdigit():
        raise RefusedError(f"{text!r} is not a phone number", "digits, with + and the country before them if abroad")
    return text


class SmsSettings(ServiceSettings):
    """One text to each number. Aliyun and Tencent Cloud send templates that they approved; ``params`` fill them."""

    kind: ClassVar[str] = "sms"
    alternatives = (("secret", "secret_file"),)

    provider: Provider
    to: ListOf[Annotated[str, BeforeValidator(_number)]] = Field(default=[])
    """Numbers; each may be a template. With Tencent Cloud and Twilio a number without + is one of China."""
    access_key: Text = ""
    """Aliyun's AccessKey ID, Tencent Cloud's SecretId, Twilio's Account SID."""
    secret: Secret = Secret("")
    """Aliyun's AccessKey secret, Tencent Cloud's SecretKey, Twilio's auth token."""
    secret_file: FileName = ""
    app_id: Text = ""
    """Tencent Cloud's SDK AppID."""
    sign_name: Text = ""
    """The approved signature (签名)."""
    template: Text = ""
    """The approved template: Aliyun's code, Tencent Cloud's number."""
    params: DictOf[str] = Field(default={"content": '{{ template "sms.default.param" . }}'})
    """What fills the template: Aliyun takes them by name, Tencent Cloud in this order."""
    param_chars_max: int = Field(default=35, ge=1)
    """Longer params are cut. Aliyun takes 35 characters."""
    from_: Text = Field(default="", alias="from")
    """Twilio's number, or the number that a call of Aliyun shows."""
    message: str = '{{ template "sms.default.message" . }}'
    """What Twilio sends or says."""
    region: Text = "ap-guangzhou"
    """Tencent Cloud's."""
    api_url: Text = ""

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_url(self.api_url, f"{self.kind} api_url")
        one_of(self, ("to",), f"missing to in {self.kind} config")
        one_of(self, ("access_key",), f"missing access_key in {self.kind} config")
        one_of(
            self, ("secret", "secret_file"), f"one of secret or secret_file must be configured in {self.kind} config"
        )
        for name in self.needed_by_provider():
            one_of(self, (name,), f"{self.provider} needs {name.removesuffix('_')} in {self.kind} config")
        return self

    def needed_by_provider(self) -> tuple[str, ...]:
        match self.provider:
            case Provider.ALIYUN:
                return ("sign_name", "template")
            case Provider.TENCENT:
                return ("app_id", "sign_name", "template")
        return ("from_",)


class VoiceSettings(SmsSettings):
    """One call to each number, in which a voice reads."""

    kind: ClassVar[str] = "voice"

    send_resolved: bool = False
    message: str = '{{ template "voice.default.message" . }}'
    play_times: int = Field(default=2, ge=1, le=3)
    voice_language: Text = "zh-CN"
    """In which Twilio reads."""

    def needed_by_provider(self) -> tuple[str, ...]:
        match self.provider:
            case Provider.ALIYUN:
                return ("template",)
            case Provider.TENCENT:
                return ("app_id", "template")
        return ("from_",)
