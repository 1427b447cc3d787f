"""What a discovery system is to the rest: something that runs and gives full sets of groups."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol, TypeAlias

from fenghuo.metrics.collect.discovery.groups import TargetGroup

OnGroups: TypeAlias = Callable[[tuple[TargetGroup, ...]], None]
"""Called in the event loop with all groups of a job, each time they changed."""
OnChange: TypeAlias = Callable[[], None]
"""Called in the event loop when the groups of a source are others than before."""


class Source(Protocol):
    """One entry of a ``…_sd_configs`` list."""

    @property
    def groups(self) -> tuple[TargetGroup, ...]:
        """All groups that are known of now."""
        ...

    @property
    def problems(self) -> tuple[str, ...]:
        """What keeps it from giving what it should, in sentences; empty when all is well."""
        ...

    async def start(self) -> None:
        """What is quickly done before the first scrapes."""
        ...

    async def run(self) -> None:
        """Look for changes until cancelled."""
        ...
