"""``feishu_configs``: a custom robot of a Feishu (飞书) or Lark group."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from fenghuo.alerting.notify.channels.services.kind import ServiceSettings
from fenghuo.alerting.notify.channels.settings import check_url
from fenghuo.base.document import ListOf
from fenghuo.model.settings_types import FileName, Secret


class FeishuSettings(ServiceSettings):
    """Either ``url``, as Lark's must be given, or ``token`` alone; ``secret`` when the robot checks signatures."""

    kind: ClassVar[str] = "feishu"
    alternatives = (("url", "url_file", "token", "token_file"), ("secret", "secret_file"))
    needed = ((("url", "url_file", "token", "token_file"), "a Feishu robot needs its webhook: url or token"),)

    url: Secret = Secret("")
    url_file: FileName = ""
    token: Secret = Secret("")
    token_file: FileName = ""
    secret: Secret = Secret("")
    secret_file: FileName = ""
    at_users: ListOf[str] = Field(default=[])
    """Members whom the message mentions, by open_id or user_id; each may be a template."""
    at_all: bool = False
    buttons: bool = True
    """Links to answer as buttons below the text."""
    title: str = '{{ template "feishu.default.title" . }}'
    message: str = '{{ template "feishu.default.message" . }}'

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_url(self.url.reveal(), "Feishu url")
        return self
