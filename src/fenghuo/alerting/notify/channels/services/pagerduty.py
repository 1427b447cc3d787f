"""PagerDuty: events of both of its APIs, one incident for a group."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Final

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.services.paging import PagerDutySettings
from fenghuo.alerting.notify.channels.services.said import Said, compiled, typed
from fenghuo.alerting.notify.channels.services.service import ServiceChannel, group_hash
from fenghuo.alerting.notify.channels.toolbox import JSON, JsonPoster, Request, Toolbox
from fenghuo.alerting.notify.cutting import line
from fenghuo.alerting.notify.message import FIRING, Message
from fenghuo.alerting.settings_global import GlobalSettings
from fenghuo.model.http_settings import HttpClientSettings

V1_URL: Final = "https://events.pagerduty.com/generic/2010-04-15/create_event.json"
V2_URL: Final = "https://events.pagerduty.com/v2/enqueue"
SUMMARY_CHARS_MAX: Final = 1024
EVENT_BYTES_MAX: Final = 512_000
TOO_LARGE: Final = "Custom details have been removed because the event exceeds PagerDuty's 512 kB"
V1_THROTTLED: Final = 403
"""What the first API answers to who sends too fast."""
DETAILS: Final = {
    "firing": "{{ .Alerts.Firing | toJson }}",
    "resolved": "{{ .Alerts.Resolved | toJson }}",
    "num_firing": "{{ .Alerts.Firing | len }}",
    "num_resolved": "{{ .Alerts.Resolved | len }}",
}


class PagerDutyChannel(ServiceChannel[PagerDutySettings]):
    """``routing_key`` is of the second API, ``service_key`` of the first."""

    secrets = ("service_key", "routing_key")
    heading, main = "description", "plain"
    templated = ("images", "links", "source", "severity", "class_", "component", "group")
    defaults: ClassVar[Mapping[str, str]] = {
        "description": '{{ template "pagerduty.default.description" . }}',
        "client": '{{ template "pagerduty.default.client" . }}',
        "client_url": '{{ template "pagerduty.default.clientURL" . }}',
    }

    def __init__(
        self, settings: PagerDutySettings, globals_: GlobalSettings, http: HttpClientSettings, toolbox: Toolbox
    ) -> None:
        super().__init__(settings, globals_, http, toolbox)
        self._first_api = bool(settings.service_key or settings.service_key_file)
        if self._first_api:
            client = toolbox.client(http)
            self.poster = JsonPoster(client, toolbox, settings.timeout_ms, frozenset({V1_THROTTLED}))
        self.wording.put("details", compiled(DETAILS | settings.details, toolbox.texts, "pagerduty details"))

    def requests(self, message: Message, said: Said, secrets: Mapping[str, str]) -> Iterable[Request]:
        key = secrets["service_key" if self._first_api else "routing_key"]
        if not key:
            raise ChannelError("the file with PagerDuty's key is empty", retryable=False)
        details = dict(typed(said["details"]))
        if said.faulty:
            details["fault"] = said["plain"]
        make = self._first if self._first_api else self._second
        data = orjson.dumps(make(message, said, key, details))
        if len(data) > EVENT_BYTES_MAX:
            data = orjson.dumps(make(message, said, key, {"error": TOO_LARGE}))
        yield Request(V1_URL if self._first_api else self.address(V2_URL, "url"), data, JSON)

    def _first(self, message: Message, said: Said, key: str, details: Mapping[str, Any]) -> dict[str, Any]:
        firing = message.status == FIRING
        body = {
            "service_key": key,
            "event_type": "trigger" if firing else "resolve",
            "incident_key": group_hash(message),
            "description": line(SUMMARY_CHARS_MAX).cut(said["description"]),
            "details": details,
        }
        return body | (said.some("client", "client_url") if firing else {})

    def _second(self, message: Message, said: Said, key: str, details: Mapping[str, Any]) -> dict[str, Any]:
        payload = {
            "summary": line(SUMMARY_CHARS_MAX).cut(said["description"]),
            "source": said["source"] or said["client"],
            "severity": said["severity"] or "error",
            "custom_details": details,
        } | said.some("component", "group")
        if said["class_"]:
            payload["class"] = said["class_"]
        body: dict[str, Any] = {
            "routing_key": key,
            "event_action": "trigger" if message.status == FIRING else "resolve",
            "dedup_key": group_hash(message),
            "payload": payload,
        } | said.some("client", "client_url")
        images = [image for image in said["images"] if image.get("src")]
        links = [link for link in said["links"] if link.get("href")]
        return body | ({"images": images} if images else {}) | ({"links": links} if links else {})
