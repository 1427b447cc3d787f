"""Everything has a limit, a name, a policy, and a counter of what it cost.

A module that bounds something declares a :class:`Limit` beside its user, and calls :meth:`Limit.hit` where the bound
turns something away or makes it wait. The table of all limits is generated into the docs; :class:`LimitHits` shows
the counts as ``fenghuo_limit_hits_total{limit="…"}``. Limits, and so their counts, belong to the process.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

from prometheus_client.core import CounterMetricFamily
from prometheus_client.registry import Collector


class Policy(StrEnum):
    """What happens to what does not fit."""

    REJECT = "reject"
    DROP_OLDEST = "drop_oldest"
    WAIT = "wait"


@dataclass(slots=True)
class _Count:
    """Thread-safe."""

    value: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)


@dataclass(frozen=True, slots=True)
class Limit:
    """A bound. ``default`` is in the unit that the name's last word says."""

    name: str
    default: int
    policy: Policy
    help: str
    _count: _Count = field(default_factory=_Count, compare=False, repr=False)

    def hit(self, count: int = 1) -> None:
        """Count what did not fit. May be called from any thread."""
        with self._count.lock:
            self._count.value += count

    @property
    def hits(self) -> int:
        """How much did not fit since the process began."""
        return self._count.value


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


class LimitHits(Collector):
    """Shows every declared limit's count, zeros included: ``registry.register(LimitHits())``."""

    def describe(self) -> Iterator[CounterMetricFamily]:
        yield CounterMetricFamily(
            "fenghuo_limit_hits", "How often a limit turned something away or made it wait.", labels=["limit"]
        )

    def collect(self) -> Iterator[CounterMetricFamily]:
        for family in self.describe():
            for limit in declared():
                family.add_metric([limit.name], limit.hits)
            yield family
