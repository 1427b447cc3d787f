"""``dingtalk_configs``: a custom robot of a DingTalk group."""

from __future__ import annotations

from typing import Annotated, Any, ClassVar, Self

from pydantic import BeforeValidator, Field, model_validator

from fenghuo.alerting.notify.channels.services.kind import ServiceSettings
from fenghuo.alerting.notify.channels.settings import check_url
from fenghuo.base.document import ListOf, RefusedError
from fenghuo.model.http_settings import at_most_one
from fenghuo.model.settings_types import FileName, Secret

API_URL = "https://oapi.dingtalk.com/robot/send"


def _mobile(value: Any) -> Any:
    text = str(value)
    if "{{" not in text and not text.removeprefix("+").replace("-", "").isdigit():
        raise RefusedError(f"{text!r} is not a mobile number", "digits, as the member's DingTalk account has it")
    return text


class DingTalkSettings(ServiceSettings):
    """Either ``url`` with the robot's token inside, or ``access_token`` alone; ``secret`` when the robot signs."""

    kind: ClassVar[str] = "dingtalk"

    url: Secret = Secret("")
    url_file: FileName = ""
    access_token: Secret = Secret("")
    access_token_file: FileName = ""
    secret: Secret = Secret("")
    secret_file: FileName = ""
    title: str = '{{ template "dingtalk.default.title" . }}'
    message: str = '{{ template "dingtalk.default.message" . }}'
    at_mobiles: ListOf[Annotated[str, BeforeValidator(_mobile)]] = Field(default=[])
    """Members whom the message mentions; each may be a template."""
    at_all: bool = False
    buttons: bool = True
    """Links to answer as buttons (an ActionCard). A card cannot mention anybody: when somebody is to be mentioned, the
    links stand in the text."""

    @property
    def is_robot(self) -> bool:
        return True

    @model_validator(mode="after")
    def _check(self) -> Self:
        at_most_one(self, "url", "url_file", "access_token", "access_token_file")
        at_most_one(self, "secret", "secret_file")
        if not (self.url or self.url_file or self.access_token or self.access_token_file):
            raise RefusedError(
                "a DingTalk robot needs its webhook", "give url, url_file, access_token or access_token_file"
            )
        check_url(self.url.reveal(), "DingTalk url")
        return self
