"""What people and the API see of scraping: targets with their health, and metadata."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from urllib.parse import urlsplit, urlunsplit

from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher
from fenghuo.model.sample import Metadata

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})


class Health(StrEnum):
    UNKNOWN = "unknown"
    UP = "up"
    DOWN = "down"


@dataclass(frozen=True, slots=True)
class ActiveTarget:
    """A target that is scraped. ``last_scrape_ms`` is None before the first scrape, and then the rest is empty."""

    scrape_pool: str
    discovered: Labels
    labels: Labels
    scrape_url: str
    global_url: str
    health: Health
    last_error: str
    last_scrape_ms: int | None
    last_duration_s: float
    samples_scraped: int
    interval_ms: int
    timeout_ms: int


@dataclass(frozen=True, slots=True)
class DroppedView:
    """A discovered target that is not scraped; ``problem`` is empty when relabelling dropped it on purpose."""

    scrape_pool: str
    discovered: Labels
    problem: str


@dataclass(frozen=True, slots=True)
class Targets:
    """All targets of all pools, pools by name, targets in the order of discovery."""

    active: list[ActiveTarget]
    dropped: list[DroppedView]
    dropped_counts: dict[str, int]
    """By pool; larger than what ``dropped`` holds of it when ``keep_dropped_targets`` bounds that."""
    pools: list[str]


@dataclass(frozen=True, slots=True)
class TargetMetadata:
    """Metadata of one metric family of one target."""

    target: Labels
    metric: str
    metadata: Metadata


Described = tuple[Labels, Mapping[str, Metadata]]
"""The labels of a target and the metadata of its last body."""


def merge_metadata(
    targets: Iterable[Described], metric: str = "", limit: int = -1, limit_per_metric: int = -1
) -> dict[str, list[Metadata]]:
    """Metadata by family name, the distinct ones of all targets.

    ``metric`` picks one family. ``limit`` bounds families and ``limit_per_metric`` the entries of each; below 0,
    and 0 for the latter, there is no bound. The same as ``/api/v1/metadata``.
    """
    merged: dict[str, dict[Metadata, None]] = {}
    for _, families in targets:
        found = families.items() if not metric else [(metric, families[metric])] if metric in families else []
        for name, entry in found:
            entries = merged.setdefault(name, {})
            if limit_per_metric <= 0 or len(entries) < limit_per_metric:
                entries[entry] = None
    names = list(merged) if limit < 0 else list(merged)[:limit]
    return {name: list(merged[name]) for name in names}


def select_metadata(
    targets: Iterable[Described], matchers: Sequence[Matcher], metric: str = "", limit: int = -1
) -> list[TargetMetadata]:
    """Metadata per target, of those whose labels match; the same as ``/api/v1/targets/metadata``."""
    found: list[TargetMetadata] = []
    for labels, families in targets:
        if not all(matcher.matches_labels(labels) for matcher in matchers):
            continue
        for name, entry in families.items():
            if 0 <= limit <= len(found):
                return found
            if metric in ("", name):
                found.append(TargetMetadata(labels, name, entry))
    return found


@lru_cache(maxsize=10_000)
def global_url(url: str, external_url: str, own_port: int | None) -> str:
    """``url`` as others can reach it: a loopback host gives way to the host of ``external_url``.

    A target on ``own_port`` is this server itself, which others reach by the external address as a whole. An address
    that is none (``localhost:99999``, which its scrapes say) stays as it is.
    """
    try:
        target, outside = urlsplit(url), urlsplit(external_url)
        port = target.port
    except ValueError:
        return url
    if target.hostname not in _LOOPBACK or not outside.hostname:
        return url
    if port is not None and port == own_port:
        return urlunsplit(target._replace(scheme=outside.scheme, netloc=outside.netloc))
    host = f"[{outside.hostname}]" if ":" in outside.hostname else outside.hostname
    netloc = f"{host}:{port}" if port is not None else host
    return urlunsplit(target._replace(netloc=netloc))
