"""``wechat_configs``: an application of WeCom (企业微信), in Alertmanager's words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import ClassVar, Final
from urllib.parse import urlencode

from fenghuo.alerting.notify.channels.services.chat import WeChatSettings
from fenghuo.alerting.notify.channels.services.said import Said
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, posting
from fenghuo.alerting.notify.channels.toolbox import Request, Toolbox
from fenghuo.alerting.notify.channels.wecom.api import API_URL, WecomTokens, judge
from fenghuo.alerting.notify.cutting import Limit, Markup, utf8
from fenghuo.alerting.notify.message import Message
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import Answer

TEXT: Final = Limit(2048, utf8)
"""WeCom cuts longer messages of applications itself, without a mark."""
MARKDOWN: Final = Limit(2048, utf8, Markup.MARKDOWN)


class WeChatChannel(ServiceChannel[WeChatSettings]):
    """One application of one company."""

    secrets = ("api_secret", "corp_id")
    heading = ""
    defaults: ClassVar[Mapping[str, str]] = {
        "message": '{{ template "wechat.default.message" . }}',
        "to_user": '{{ template "wechat.default.to_user" . }}',
        "to_party": '{{ template "wechat.default.to_party" . }}',
        "to_tag": '{{ template "wechat.default.to_tag" . }}',
        "agent_id": '{{ template "wechat.default.agent_id" . }}',
    }

    def __init__(
        self, settings: WeChatSettings, globals_: GlobalSettings, http: HttpClientSettings, toolbox: Toolbox
    ) -> None:
        super().__init__(settings, globals_, http, toolbox)
        self._tokens = WecomTokens(self.poster, toolbox.clock, self.address(API_URL))

    async def revealed(self) -> dict[str, str]:
        secrets = await super().revealed()
        return {"token": await self._tokens.token(secrets["corp_id"], secrets["api_secret"])}

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        kind = self.settings.message_type or "text"
        body = {
            "touser": said["to_user"],
            "toparty": said["to_party"],
            "totag": said["to_tag"],
            "agentid": said["agent_id"],
            "safe": "0",
            "msgtype": kind,
            kind: {"content": said.fitted(MARKDOWN if kind == "markdown" else TEXT)},
        }
        url = f"{self.address(API_URL)}/message/send?{urlencode({'access_token': secrets['token']})}"
        yield posting(url, {name: value for name, value in body.items() if value})

    def judge(self, answer: Answer) -> None:
        judge(answer, self._tokens)
