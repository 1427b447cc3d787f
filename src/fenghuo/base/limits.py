"""Everything has a limit, a name and a policy.

A module that bounds something declares a :class:`Limit` beside its user; the table of all of them is generated
into the docs. What a limit costs is counted in ``fenghuo_limit_hits_total{limit="…"}``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from prometheus_client import CollectorRegistry, Counter


class Policy(StrEnum):
    """What happens to what does not fit."""

    REJECT = "reject"
    DROP_OLDEST = "drop_oldest"
    WAIT = "wait"


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound. ``default`` is in the unit that the name's last word says."""

    name: str
    default: int
    policy: Policy
    help: str


_declared: dict[str, Limit] = {}


def declare(name: str, default: int, policy: Policy, help: str) -> Limit:  # noqa: A002 - the field's own word
    """Enter a limit into the table. Each name once; called at module level only."""
    assert name not in _declared, name
    limit = Limit(name, default, policy, help)
    _declared[name] = limit
    return limit


def declared() -> list[Limit]:
    """The table of the modules imported so far, by name."""
    return sorted(_declared.values(), key=lambda limit: limit.name)


class LimitCounter:
    """Counts how often each limit turned something away."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._hits = Counter("fenghuo_limit_hits", "Times a limit turned something away.", ["limit"], registry=registry)

    def hit(self, limit: Limit, count: int = 1) -> None:
        self._hits.labels(limit.name).inc(count)
