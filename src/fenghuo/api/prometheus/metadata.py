"""Metadata of what is scraped and of what is pushed, as one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fenghuo.api.prometheus.targets import TargetSource
from fenghuo.metrics.collect.scrape.status import TargetMetadata, Targets
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Metadata


class FamilySource(Protocol):
    """What keeps metadata by family."""

    def families(self, metric: str = "") -> dict[str, list[Metadata]]: ...


class AllMetadata:
    """What the scraper tells, and for metadata what was pushed, too."""

    def __init__(self, scraper: TargetSource, pushed: FamilySource) -> None:
        self._scraper = scraper
        self._pushed = pushed

    async def targets(self) -> Targets:
        return await self._scraper.targets()

    async def target_metadata(
        self, matchers: Sequence[Matcher] = (), metric: str = "", limit: int = -1
    ) -> list[TargetMetadata]:
        return await self._scraper.target_metadata(matchers, metric, limit)

    async def metadata(
        self, metric: str = "", limit: int = -1, limit_per_metric: int = -1
    ) -> dict[str, list[Metadata]]:
        """By family, distinct ones, those that were scraped first; bounds as in ``merge_metadata``."""
        merged = {name: dict.fromkeys(said) for name, said in (await self._scraper.metadata(metric)).items()}
        for name, said in self._pushed.families(metric).items():
            merged.setdefault(name, {}).update(dict.fromkeys(said))
        names = list(merged) if limit < 0 else list(merged)[:limit]
        per_metric = limit_per_metric if limit_per_metric > 0 else None
        return {name: list(merged[name])[:per_metric] for name in names}
