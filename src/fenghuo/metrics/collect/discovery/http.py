"""``http_sd_configs``: target groups from a URL, asked for at every refresh interval.

An answer other than 200 with JSON of target groups keeps the groups of the last good one.
"""

from __future__ import annotations

import asyncio
import logging
import re
from typing import Final

from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError, OperatingError
from fenghuo.base.limits import Policy, declare
from fenghuo.metrics.collect.discovery.groups import TargetGroup, parse_groups
from fenghuo.metrics.collect.discovery.metrics import DiscoveryMetrics
from fenghuo.metrics.collect.discovery.settings import HttpDiscoverySettings
from fenghuo.metrics.collect.discovery.source import OnChange
from fenghuo.model.settings_types import redact_url
from fenghuo.net.answer import HttpError, HttpFault
from fenghuo.net.http_client import HttpClient

log = logging.getLogger(__name__)

URL_LABEL: Final = "__meta_url"
BODY_LIMIT: Final = declare(
    "discovery_http_body_bytes", 64 << 20, Policy.REJECT, "The largest answer of HTTP discovery that is read."
)

_JSON: Final = re.compile(r"application/json(;\s*charset=(\"utf-8\"|utf-8))?\Z", re.IGNORECASE)


class HttpDiscovery:
    """Asks the URL of one ``http_sd_configs`` entry. Owns its client while :meth:`run` runs."""

    system: Final = "http"

    def __init__(
        self,
        settings: HttpDiscoverySettings,
        clock: Clock,
        metrics: DiscoveryMetrics,
        on_change: OnChange,
        user_agent: str,
    ) -> None:
        self._settings = settings
        self._clock = clock
        self._metrics = metrics
        self._on_change = on_change
        self._user_agent = user_agent
        self._groups: tuple[TargetGroup, ...] = ()
        self._problem = ""

    @property
    def groups(self) -> tuple[TargetGroup, ...]:
        return self._groups

    @property
    def problems(self) -> tuple[str, ...]:
        return (self._problem,) if self._problem else ()

    async def start(self) -> None:
        """Nothing: a server that does not answer must not hold up the program's start."""

    async def run(self) -> None:
        """Ask now and at every interval until cancelled."""
        async with HttpClient(self._settings, self._user_agent) as client:
            while True:
                await self._round(client)
                await self._clock.sleep(self._settings.refresh_interval_ms / 1000)

    async def _round(self, client: HttpClient) -> None:
        try:
            groups = await self._ask(client)
        except TimeoutError:
            self._failed(f"no answer within {self._interval_s:g} s")
        except InputError as error:
            self._failed(str(error))
        except OperatingError as error:
            if isinstance(error, HttpError) and error.fault is HttpFault.BODY_SIZE:
                BODY_LIMIT.hit()
            self._failed(error.message)
        else:
            self._problem = ""
            self._metrics.refreshed(self.system, True, self._clock.now_ms())
            if groups != self._groups:
                self._groups = groups
                self._on_change()

    @property
    def _interval_s(self) -> float:
        return self._settings.refresh_interval_ms / 1000

    async def _ask(self, client: HttpClient) -> tuple[TargetGroup, ...]:
        url = self._settings.url
        headers = {
            "Accept": "application/json",
            "Accept-Encoding": "gzip",
            "X-Prometheus-Refresh-Interval-Seconds": f"{self._interval_s:g}",
        }
        async with asyncio.timeout(self._interval_s):
            answer = await client.get(url, headers, BODY_LIMIT.default)
        if answer.status != 200:
            raise OperatingError(f"server returned HTTP status {answer.status} {answer.reason}", retryable=True)
        if _JSON.match(answer.content_type) is None:
            raise OperatingError(f"unsupported content type {answer.content_type!r}", retryable=True)
        return await asyncio.to_thread(lambda: self._parse(answer.inflated(BODY_LIMIT.default)))

    def _parse(self, body: bytes) -> tuple[TargetGroup, ...]:
        # The name stands in messages, the label is Prometheus' and holds the URL as it is.
        url = self._settings.url
        return parse_groups(body, redact_url(url), {URL_LABEL: url}, as_json=True)

    def _failed(self, reason: str) -> None:
        problem = f"{redact_url(self._settings.url)}: {reason}"
        if problem != self._problem:
            log.warning("HTTP discovery keeps the last good targets: %s", problem)
        self._problem = problem
        self._metrics.refreshed(self.system, False, self._clock.now_ms())
