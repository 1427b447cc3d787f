"""The webhook: Alertmanager's JSON, version 4, to any HTTP server."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, Final

import orjson

from fenghuo.alerting.notify.channels.channel import ChannelError
from fenghuo.alerting.notify.channels.settings import check_url
from fenghuo.alerting.notify.channels.toolbox import JsonPoster, Request, Toolbox, read_secret
from fenghuo.alerting.notify.channels.webhook.settings import WebhookSettings
from fenghuo.alerting.notify.message import Message, ToldAlert
from fenghuo.base.document import RefusedError
from fenghuo.model.http_settings import HttpClientSettings
from fenghuo.template import Template

VERSION: Final = "4"
ALERTS_AT_ONCE: Final = 100
"""Up to so many alerts a body is made where it is needed: in half a millisecond, and a thread costs as much."""
ZERO_TIME: Final = "0001-01-01T00:00:00Z"
"""Go's zero time: the end of an alert that fires."""


class WebhookChannel:
    """One webhook of one receiver."""

    kind = WebhookSettings.kind

    def __init__(self, settings: WebhookSettings, http: HttpClientSettings, toolbox: Toolbox) -> None:
        self._settings = settings
        self._toolbox = toolbox
        self._poster = JsonPoster(toolbox.client(http), toolbox, settings.timeout_ms)
        self._body = toolbox.texts.slot(settings.body, "body") if settings.body else None
        self._url: Template | None = None
        if "{{" in settings.url.reveal():
            self._url = toolbox.texts.slot(settings.url.reveal(), "url")

    @property
    def send_resolved(self) -> bool:
        return self._settings.send_resolved

    async def send(self, message: Message) -> None:
        url = await self._address(message)
        if self._body is None and len(message.alerts) <= ALERTS_AT_ONCE:
            request = self._request(url, message)
        else:
            request = await self._toolbox.offload(self._request, url, message)
        await self._poster.ask(request)

    def _request(self, url: str, message: Message) -> Request:
        body = payload(message, self._settings.max_alerts)
        if self._body is None:
            return Request(url, orjson.dumps(body))
        page = self._toolbox.texts.page(message)
        text = page.render(self._body)
        kind = self._settings.content_type
        fault = page.faults[0] if page.faults else _json_fault(text) if "json" in kind else ""
        if fault:
            return Request(url, orjson.dumps(body | {"fault": fault}))
        return Request(url, text.encode(), {"Content-Type": kind})

    async def _address(self, message: Message) -> str:
        given, file = self._settings.url, self._settings.url_file
        url = await read_secret(given, file, "url_file", self._toolbox.offload)
        if self._url is not None:
            page = self._toolbox.texts.page(message)
            url = page.render(self._url).strip()
            if page.faults:
                raise ChannelError(f"the template of url failed: {page.faults[0]}", retryable=False)
        try:
            check_url(url, "webhook url")
        except RefusedError as error:
            raise ChannelError(error.message, retryable=False, remedy=error.remedy) from error
        return url


def _json_fault(text: str) -> str:
    """Why ``text`` is no JSON, or nothing."""
    try:
        orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return f"body is no JSON: {error}"
    return ""


def payload(message: Message, max_alerts: int = 0) -> dict[str, Any]:
    """The body. With ``max_alerts`` above 0 only so many alerts are in it; ``truncatedAlerts`` counts the rest."""
    alerts = message.alerts[:max_alerts] if max_alerts else message.alerts
    return {
        "receiver": message.receiver,
        "status": message.status,
        "alerts": [_alert(alert) for alert in alerts],
        "groupLabels": dict(message.group_labels.pairs),
        "commonLabels": dict(message.common_labels.pairs),
        "commonAnnotations": dict(message.common_annotations.pairs),
        "externalURL": message.external_url,
        "version": VERSION,
        "groupKey": message.group_key,
        "truncatedAlerts": len(message.alerts) - len(alerts),
    }


def _alert(alert: ToldAlert) -> dict[str, Any]:
    return {
        "status": alert.status,
        "labels": dict(alert.labels.pairs),
        "annotations": dict(alert.annotations.pairs),
        "startsAt": rfc3339(alert.starts_at_ms),
        "endsAt": ZERO_TIME if alert.ends_at_ms is None else rfc3339(alert.ends_at_ms),
        "generatorURL": alert.generator_url,
        "fingerprint": alert.fingerprint_hex,
    }


@lru_cache(maxsize=256)
def rfc3339(time_ms: int) -> str:
    """``2026-11-21T01:02:03.5Z``, with as many digits of the second as it has.

    Remembered, because the alerts of one notice mostly began at few moments.
    """
    seconds, rest_ms = divmod(time_ms, 1000)
    text = datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    return text + (f".{rest_ms:03d}".rstrip("0") if rest_ms else "") + "Z"
