"""``wecom_configs``: a robot of a WeCom group, or an application of the company."""

from __future__ import annotations

from typing import ClassVar, Self

from pydantic import Field, model_validator

from fenghuo.alerting.notify.channels.services.kind import ServiceSettings, one_of
from fenghuo.alerting.notify.channels.settings import check_url
from fenghuo.base.document import ListOf, RefusedError
from fenghuo.model.settings_types import FileName, Secret, Text


class WecomSettings(ServiceSettings):
    """A robot has ``key`` (or the whole ``url``); an application has ``corp_id``, ``secret`` and ``agent_id``."""

    kind: ClassVar[str] = "wecom"
    alternatives = (("key", "key_file", "url", "url_file"), ("secret", "secret_file"))

    key: Secret = Secret("")
    key_file: FileName = ""
    url: Secret = Secret("")
    url_file: FileName = ""
    mentioned_mobiles: ListOf[str] = Field(default=[])
    """Members whom a robot calls by the number of their account; ``@all`` calls everybody. Each may be a template."""
    mentioned_users: ListOf[str] = Field(default=[])
    """Members whom a robot calls by their user id."""
    corp_id: Text = ""
    secret: Secret = Secret("")
    secret_file: FileName = ""
    agent_id: Text = ""
    to_user: Text = ""
    """User ids, with ``|`` between them; ``@all`` for everybody who may see the application."""
    to_party: Text = ""
    to_tag: Text = ""
    api_url: Text = ""
    title: str = '{{ template "wecom.default.title" . }}'
    message: str = '{{ template "wecom.default.message" . }}'

    @property
    def is_robot(self) -> bool:
        return bool(self.key or self.key_file or self.url or self.url_file)

    @model_validator(mode="after")
    def _check(self) -> Self:
        check_url(self.url.reveal(), "WeCom url")
        check_url(self.api_url, "WeCom api_url")
        if self.is_robot:
            if self.corp_id or self.agent_id:
                raise RefusedError("a robot has no corp_id and no agent_id", "give either key, or corp_id and secret")
            return self
        one_of(
            self, ("corp_id",), "a WeCom entry needs key (a robot), or corp_id, secret and agent_id (an application)"
        )
        one_of(self, ("secret", "secret_file"), "a WeCom application needs secret or secret_file")
        one_of(self, ("agent_id",), "a WeCom application needs agent_id")
        one_of(self, ("to_user", "to_party", "to_tag"), "a WeCom application needs to_user, to_party or to_tag")
        return self
