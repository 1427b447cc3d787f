"""``status`` and ``receivers``."""

from __future__ import annotations

import platform
from collections.abc import Callable

import yaml
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo import __version__
from fenghuo.alerting.settings import AlertingSettings
from fenghuo.api.alertmanager.answer import answering, json_answer, time_text

OLD_KINDS = frozenset(
    {
        "discord", "email", "pagerduty", "slack", "webhook", "opsgenie", "wechat", "pushover", "victorops", "sns",
        "telegram", "webex",
    }
)  # fmt: skip
"""Kinds of receivers that every amtool knows from 0.25 on; it refuses a configuration with any other."""

MASKED_URL = "http://masked"
"""In the place of a webhook's address, which older versions do not take for a secret."""


class StatusApi:
    """The handlers about the server itself."""

    def __init__(self, settings: Callable[[], AlertingSettings], started_ms: int) -> None:
        self._settings = settings
        self._started_ms = started_ms

    def routes(self) -> list[Route]:
        return [
            Route("/api/v2/status", answering(self.status), methods=["GET"]),
            Route("/api/v2/receivers", answering(self.receivers), methods=["GET"]),
        ]

    async def status(self, request: Request) -> Response:
        return json_answer(
            {
                "cluster": {"status": "disabled", "peers": []},
                "config": {"original": as_alertmanager_yaml(self._settings())},
                "uptime": time_text(self._started_ms),
                "versionInfo": {
                    "version": __version__,
                    "revision": "",
                    "branch": "",
                    "buildUser": "",
                    "buildDate": "",
                    "goVersion": f"python{platform.python_version()}",
                },
            }
        )

    async def receivers(self, request: Request) -> Response:
        return json_answer(
            [
                {"name": each.name, **({"labels": each.labels} if each.labels else {})}
                for each in self._settings().receivers
            ]
        )


def as_alertmanager_yaml(settings: AlertingSettings) -> str:
    """The configuration as any Alertmanager reads it: secrets masked, without what only Fenghuo knows."""
    shown = settings.model_dump(mode="json", by_alias=True, exclude_defaults=True)
    for key in ("tracing", "event_recorder"):
        shown.pop(key, None)
    for receiver in shown.get("receivers", ()):
        for key in [key for key in receiver if key.endswith("_configs") and key[: -len("_configs")] not in OLD_KINDS]:
            del receiver[key]
        receiver.pop("labels", None)
        for webhook in receiver.get("webhook_configs", ()):
            if "url" in webhook:
                webhook["url"] = MASKED_URL
    for key in ("time_intervals", "mute_time_intervals"):
        for named in shown.get(key, ()):
            for interval in named.get("time_intervals", ()):
                interval.pop("trading", None)
    return yaml.safe_dump(shown, sort_keys=False, allow_unicode=True, width=120)
