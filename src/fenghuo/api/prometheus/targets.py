"""``targets``, ``scrape_pools``, ``targets/metadata`` and ``metadata``."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Protocol

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from fenghuo.api.params import ParameterError, Params, invalid, read_params
from fenghuo.api.prometheus.answer import answering, success_json
from fenghuo.api.prometheus.times import rfc3339
from fenghuo.base.errors import InputError
from fenghuo.metrics.collect.scrape.status import ActiveTarget, TargetMetadata, Targets
from fenghuo.metrics.promql import parse_matchers
from fenghuo.model.duration import format_duration
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Metadata


class TargetSource(Protocol):
    """What the scraper tells."""

    async def targets(self) -> Targets: ...
    async def metadata(
        self, metric: str = "", limit: int = -1, limit_per_metric: int = -1
    ) -> dict[str, list[Metadata]]: ...
    async def target_metadata(
        self, matchers: Sequence[Matcher] = (), metric: str = "", limit: int = -1
    ) -> list[TargetMetadata]: ...


class TargetApi:
    """The handlers that show what is scraped."""

    def __init__(self, source: TargetSource) -> None:
        self._source = source

    def routes(self) -> list[Route]:
        return [
            Route("/api/v1/targets", answering(self.targets)),
            Route("/api/v1/scrape_pools", answering(self.scrape_pools)),
            Route("/api/v1/targets/metadata", answering(self.target_metadata)),
            Route("/api/v1/metadata", answering(self.metadata)),
        ]

    async def targets(self, request: Request) -> Response:
        params = await read_params(request)
        state, pool = params.get("state").lower(), params.get("scrapePool")
        found = await self._source.targets()
        # Two thousand targets are 10 ms of work.
        return await asyncio.to_thread(lambda: success_json(_targets(found, state, pool)))

    async def scrape_pools(self, request: Request) -> Response:
        return success_json({"scrapePools": (await self._source.targets()).pools})

    async def metadata(self, request: Request) -> Response:
        params = await read_params(request)
        limit, per_metric = _count(params, "limit"), _count(params, "limit_per_metric")
        found = await self._source.metadata(params.get("metric"), limit, per_metric)
        return success_json({name: [_metadata(entry) for entry in entries] for name, entries in found.items()})

    async def target_metadata(self, request: Request) -> Response:
        params = await read_params(request)
        selector = params.get("match_target")
        try:
            matchers = parse_matchers(selector) if selector else []
        except InputError as error:
            raise invalid("match_target", error.message) from error
        metric = params.get("metric")
        found = await self._source.target_metadata(matchers, metric, _count(params, "limit"))
        return success_json(
            [
                {
                    "target": dict(entry.target.pairs),
                    **({} if metric else {"metric": entry.metric}),
                    **_metadata(entry.metadata),
                }
                for entry in found
            ]
        )


def _targets(found: Targets, state: str, pool: str) -> dict[str, object]:
    active, dropped = state in ("", "any", "active"), state in ("", "any", "dropped")
    return {
        "activeTargets": [_active(each) for each in found.active if active and pool in ("", each.scrape_pool)],
        "droppedTargets": [
            {"discoveredLabels": dict(each.discovered.pairs), "scrapePool": each.scrape_pool}
            for each in found.dropped
            if dropped and pool in ("", each.scrape_pool)
        ],
        "droppedTargetCounts": found.dropped_counts if state != "active" else None,
    }


def _count(params: Params, name: str) -> int:
    """A bound where -1 (and absence) means none, and 0 means nothing at all."""
    text = params.get(name)
    if not text:
        return -1
    try:
        return int(text)
    except ValueError as error:
        raise ParameterError(f"{name} must be a number") from error


def _metadata(entry: Metadata) -> dict[str, str]:
    return {"type": entry.type, "help": entry.help, "unit": entry.unit}


def _active(target: ActiveTarget) -> dict[str, object]:
    return {
        "discoveredLabels": dict(target.discovered.pairs),
        "labels": dict(target.labels.pairs),
        "scrapePool": target.scrape_pool,
        "scrapeUrl": target.scrape_url,
        "globalUrl": target.global_url,
        "lastError": target.last_error,
        "lastScrape": rfc3339(target.last_scrape_ms),
        "lastScrapeDuration": target.last_duration_s,
        "health": target.health,
        "scrapeInterval": format_duration(target.interval_ms),
        "scrapeTimeout": format_duration(target.timeout_ms),
    }
