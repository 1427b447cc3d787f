"""WeCom: Markdown through a group's robot, or an application's message to members."""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final, Self
from urllib.parse import urlencode

from fenghuo.alerting.notify.channels.services.said import Said
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, posting
from fenghuo.alerting.notify.channels.toolbox import Request, Toolbox
from fenghuo.alerting.notify.channels.wecom.api import API_URL, WecomTokens, judge
from fenghuo.alerting.notify.channels.wecom.settings import WecomSettings
from fenghuo.alerting.notify.cutting import Limit, Markup, utf8
from fenghuo.alerting.notify.escaping import robot
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import Answer

ROBOT: Final = Limit(4096, utf8, Markup.MARKDOWN)
"""Robots refuse longer Markdown (errcode 40058)."""
APPLICATION: Final = Limit(2048, utf8, Markup.MARKDOWN)
"""WeCom cuts longer messages of applications itself, without a mark."""


class WecomChannel(ServiceChannel[WecomSettings]):
    """One robot or one application of one receiver."""

    secrets = ("key", "url", "secret")
    templated = ("mentioned_mobiles", "mentioned_users", "to_user", "to_party", "to_tag", "title", "message")
    defaults: ClassVar[Mapping[str, str]] = {}

    person = ""
    """Whom to tell or to call, instead of those of the settings: a mobile number (robots) or a user id."""

    def __init__(
        self, settings: WecomSettings, globals_: GlobalSettings, http: HttpClientSettings, toolbox: Toolbox
    ) -> None:
        super().__init__(settings, globals_, http, toolbox)
        self._tokens = WecomTokens(self.poster, toolbox.clock, self.address(API_URL))

    def addressed(self, to: str) -> Self:
        other = copy.copy(self)
        other.person = to
        return other

    async def revealed(self) -> dict[str, str]:
        secrets = await super().revealed()
        if not self.settings.is_robot:
            secrets["token"] = await self._tokens.token(self.settings.corp_id, secrets["secret"])
        return secrets

    def escape(self, text: str) -> str:
        return robot(text)

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        if self.settings.is_robot:
            url = secrets["url"] or f"{self.address(API_URL)}/webhook/send?{urlencode({'key': secrets['key']})}"
            yield from self._of_robot(url, said)
        else:
            url = f"{self.address(API_URL)}/message/send?{urlencode({'access_token': secrets['token']})}"
            yield posting(url, self._of_application(said))

    def _of_robot(self, url: str, said: Said) -> Iterable[Request]:
        users, mobiles = said["mentioned_users"], said["mentioned_mobiles"]
        if self.person:
            by_number = self.person.removeprefix("+").isdigit()
            users, mobiles = ([], [self.person]) if by_number else ([self.person], [])
        mentions = "".join(f"\n<@{user}>" for user in users if user)
        text = said.fitted(ROBOT.less(mentions)) + mentions
        yield posting(url, {"msgtype": "markdown", "markdown": {"content": text}})
        # Markdown cannot call by number: a short text beside it does.
        if called := [number for number in mobiles if number]:
            text_message = {"content": said["title"], "mentioned_mobile_list": called}
            yield posting(url, {"msgtype": "text", "text": text_message})

    def _of_application(self, said: Said) -> dict[str, Any]:
        body: dict[str, Any] = {
            "touser": self.person or said["to_user"],
            "toparty": "" if self.person else said["to_party"],
            "totag": "" if self.person else said["to_tag"],
            "agentid": int(self.settings.agent_id) if self.settings.agent_id.isdigit() else self.settings.agent_id,
            "msgtype": "markdown",
            "markdown": {"content": said.fitted(APPLICATION)},
        }
        return {name: value for name, value in body.items() if value}

    def judge(self, answer: Answer) -> None:
        judge(answer, self._tokens)
