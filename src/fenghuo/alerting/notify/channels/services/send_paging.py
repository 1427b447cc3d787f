"""Pagers: incident.io, Opsgenie, PagerDuty, Pushover, VictorOps. One event for a group, closed when it is over."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final
from urllib.parse import quote, urlencode

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.services.paging import (
    IncidentIoSettings,
    OpsGenieSettings,
    PushoverSettings,
    VictorOpsSettings,
)
from fenghuo.alerting.notify.channels.services.said import Said
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, group_hash, posting, said_json
from fenghuo.alerting.notify.channels.toolbox import Request, Toolbox
from fenghuo.alerting.notify.channels.webhook.channel import payload
from fenghuo.alerting.notify.cutting import Limit, Markup, line
from fenghuo.alerting.notify.message import FIRING, RESOLVED, Message
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.net.answer import Answer

INCIDENTIO_BYTES_MAX: Final = 512 * 1024
OPSGENIE_URL: Final = "https://api.opsgenie.com"
OPSGENIE_CHARS_MAX: Final = 130
PUSHOVER_URL: Final = "https://api.pushover.net/1/messages.json"
PUSHOVER_TITLE_CHARS_MAX: Final = 250
PUSHOVER_TEXT: Final = Limit(1024)
PUSHOVER_HTML: Final = Limit(1024, markup=Markup.HTML)
PUSHOVER_URL_CHARS_MAX: Final = 512
VICTOROPS_URL: Final = "https://alert.victorops.com/integrations/generic/20131114/alert"
VICTOROPS_CHARS_MAX: Final = 20_480
VICTOROPS_TYPES: Final = ("INFO", "WARNING", "CRITICAL")


class IncidentIoChannel(ServiceChannel[IncidentIoSettings]):
    """Alertmanager's JSON, of which incident.io makes alerts itself."""

    secrets = ("url", "alert_source_token")
    heading = main = ""
    templated = ("metadata",)

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        body = payload(message, self.settings.max_alerts) | {"version": "1"}
        if said["metadata"]:
            body["metadata"] = said["metadata"]
        data = orjson.dumps(body)
        if len(data) > INCIDENTIO_BYTES_MAX:  # One incident is made of the group; its first alert is enough for it.
            data = orjson.dumps(body | payload(message, 1) | {"version": "1"})
        token = secrets["alert_source_token"]
        headers = {"Content-Type": "application/json"} | ({"Authorization": f"Bearer {token}"} if token else {})
        yield Request(secrets["url"], data, headers)


class OpsGenieChannel(ServiceChannel[OpsGenieSettings]):
    """An alert whose alias is the group, closed when everything is over."""

    secrets = ("api_key",)
    heading, main = "message", "description"
    templated = ("details", "entity", "responders", "actions", "tags", "note", "priority")
    defaults: ClassVar[Mapping[str, str]] = {
        "message": '{{ template "opsgenie.default.message" . }}',
        "description": '{{ template "opsgenie.default.description" . }}',
        "source": '{{ template "opsgenie.default.source" . }}',
    }

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        headers = {"Authorization": f"GenieKey {secrets['api_key']}"}
        alias = group_hash(message)
        alerts = f"{self.address(OPSGENIE_URL)}/v2/alerts"
        if message.status == RESOLVED:
            yield posting(f"{alerts}/{alias}/close?identifierType=alias", {"source": said["source"]}, headers)
            return
        title = line(OPSGENIE_CHARS_MAX).cut(said["message"])
        body = {"alias": alias, "message": title, "details": dict(message.common_labels) | said["details"]}
        body |= said.some("description", "source", "note", "priority", "entity")
        if responders := _responders(said["responders"]):
            body["responders"] = responders
        for name in ("tags", "actions"):
            if parts := _parts(said[name]):
                body[name] = parts
        yield posting(alerts, body, headers)
        if self.settings.update_alerts:
            where = f"{alerts}/{alias}"
            yield posting(f"{where}/message?identifierType=alias", {"message": title}, headers, "PUT")
            changed = {"description": said["description"]}
            yield posting(f"{where}/description?identifierType=alias", changed, headers, "PUT")


def _responders(given: Iterable[Mapping[str, str]]) -> list[dict[str, str]]:
    """Without what is empty; ``teams`` names several at once."""
    found = []
    for one in given:
        kind = one["type"].lower()
        if kind == "teams":
            found += [{"name": name.strip(), "type": "team"} for name in _parts(one["name"])]
        elif any(one[name] for name in ("id", "name", "username")):
            found.append({name: value for name, value in one.items() if value} | {"type": kind})
    return found


def _parts(text: str) -> list[str]:
    return [part for part in text.strip().split(",") if part]


class PushoverChannel(ServiceChannel[PushoverSettings]):
    """A push notification; what fires is an emergency, which repeats until somebody has seen it."""

    secrets = ("user_key", "token")
    templated = ("url_title", "device", "sound")
    defaults: ClassVar[Mapping[str, str]] = {
        "title": '{{ template "pushover.default.title" . }}',
        "message": '{{ template "pushover.default.message" . }}',
        "url": '{{ template "pushover.default.url" . }}',
        "priority": '{{ if eq .Status "firing" }}2{{ else }}0{{ end }}',
    }

    def __init__(
        self, settings: PushoverSettings, globals_: GlobalSettings, http: HttpClientSettings, toolbox: Toolbox
    ) -> None:
        super().__init__(settings, globals_, http, toolbox)
        if settings.html:
            text = settings.message if settings.message is not None else self.defaults["message"]
            self.wording.add_html("message", "pushover message", text)

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        settings = self.settings
        html = settings.html and not said.faulty
        form = {
            "token": secrets["token"],
            "user": secrets["user_key"],
            "title": line(PUSHOVER_TITLE_CHARS_MAX).cut(said["title"]),
            "message": said.fitted(PUSHOVER_HTML if html else PUSHOVER_TEXT).strip() or "(no details)",
            "url": said["url"] if len(said["url"]) <= PUSHOVER_URL_CHARS_MAX else "",
            "priority": said["priority"].strip() or "0",
            "retry": str(settings.retry_ms // 1000),
            "expire": str(settings.expire_ms // 1000),
            "ttl": str(settings.ttl_ms // 1000) if settings.ttl_ms else "",
            "html": "1" if html else "",
            "monospace": "1" if settings.monospace else "",
        } | said.some("url_title", "device", "sound")
        data = urlencode({name: value for name, value in form.items() if value}).encode()
        yield Request(PUSHOVER_URL, data, {"Content-Type": "application/x-www-form-urlencoded"})

    def judge(self, answer: Answer) -> None:
        said = said_json(answer, "Pushover")
        if said.get("status") != 1:
            raise ChannelError(f"Pushover refused: {said.get('errors', 'unknown')}", retryable=False)


class VictorOpsChannel(ServiceChannel[VictorOpsSettings]):
    """An event of Splunk On-Call, whose entity is the group."""

    secrets = ("api_key",)
    heading, main = "entity_display_name", "state_message"
    templated = ("routing_key", "custom_fields")
    defaults: ClassVar[Mapping[str, str]] = {
        "message_type": "CRITICAL",
        "state_message": '{{ template "victorops.default.state_message" . }}',
        "entity_display_name": '{{ template "victorops.default.entity_display_name" . }}',
        "monitoring_tool": '{{ template "victorops.default.monitoring_tool" . }}',
    }

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        kind = said["message_type"] if said["message_type"] in VICTOROPS_TYPES else "CRITICAL"
        body: dict[str, Any] = {
            "message_type": kind if message.status == FIRING else "RECOVERY",
            "entity_id": group_hash(message),
            "entity_display_name": said["entity_display_name"],
            "state_message": said.fitted(Limit(VICTOROPS_CHARS_MAX)),
            "monitoring_tool": said["monitoring_tool"],
        }
        where = f"{self.address(VICTOROPS_URL)}/{secrets['api_key']}/{quote(said['routing_key'], safe='')}"
        yield posting(where, body | said["custom_fields"])
