"""``file_sd_configs``: target groups in files, followed as they change.

Files are looked at every few seconds and read when they changed, and read anyway at each refresh interval (which
catches file systems whose times cannot be trusted). A file that cannot be understood keeps the groups that it
gave last; a file that is gone has none.
"""

from __future__ import annotations

import asyncio
import glob
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fenghuo.base.clock import Clock
from fenghuo.base.errors import InputError
from fenghuo.metrics.collect.discovery.groups import TargetGroup, parse_groups
from fenghuo.metrics.collect.discovery.metrics import DiscoveryMetrics
from fenghuo.metrics.collect.discovery.settings import FileDiscoverySettings
from fenghuo.metrics.collect.discovery.source import OnChange

log = logging.getLogger(__name__)

FILEPATH_LABEL: Final = "__meta_filepath"
POLL_INTERVAL_S: Final = 5.0
"""How often files are looked at. A stat of a thousand files takes some milliseconds in a thread."""


@dataclass(frozen=True, slots=True)
class _Seen:
    """What a file was when it was last read."""

    stamp: tuple[int, int, int]
    groups: tuple[TargetGroup, ...]
    problem: str = ""


class FileReader:
    """Reads the files behind some patterns. Synchronous, for a thread; one call at a time."""

    def __init__(self, patterns: tuple[str, ...]) -> None:
        self._patterns = patterns
        self._seen: dict[str, _Seen] = {}

    @property
    def groups(self) -> tuple[TargetGroup, ...]:
        return tuple(group for name in sorted(self._seen) for group in self._seen[name].groups)

    @property
    def problems(self) -> tuple[str, ...]:
        return tuple(seen.problem for _, seen in sorted(self._seen.items()) if seen.problem)

    def read(self, *, all_files: bool) -> bool:
        """Read the files that changed, or every one. True when the groups are others than before."""
        before = self.groups
        names = {name for pattern in self._patterns for name in glob.glob(pattern)}
        self._seen = {name: self._look(name, all_files) for name in names}
        return self.groups != before

    def _look(self, name: str, anyway: bool) -> _Seen:
        old = self._seen.get(name)
        kept = old.groups if old else ()
        try:
            status = Path(name).stat()
            stamp = (status.st_mtime_ns, status.st_size, status.st_ino)
            if old is not None and old.stamp == stamp and not anyway:
                return old
            return _Seen(stamp, parse_groups(Path(name).read_bytes(), name, {FILEPATH_LABEL: name}))
        except OSError as error:
            return _Seen((0, 0, 0), kept, f"{name}: cannot be read: {error.strerror}")
        except InputError as error:
            return _Seen(stamp, kept, str(error))


class FileDiscovery:
    """Follows the files of one ``file_sd_configs`` entry. An async context; its first reading is done on entering."""

    system: Final = "file"

    def __init__(
        self, settings: FileDiscoverySettings, clock: Clock, metrics: DiscoveryMetrics, on_change: OnChange
    ) -> None:
        self._refresh_s = settings.refresh_interval_ms / 1000
        self._reader = FileReader(tuple(settings.files))
        self._clock = clock
        self._metrics = metrics
        self._on_change = on_change
        self._due_s = 0.0
        self._reported: tuple[str, ...] = ()

    @property
    def groups(self) -> tuple[TargetGroup, ...]:
        return self._reader.groups

    @property
    def problems(self) -> tuple[str, ...]:
        """What is wrong with the files now."""
        return self._reader.problems

    async def start(self) -> None:
        """The first reading."""
        await self._round(all_files=True)

    async def run(self) -> None:
        """Follow the files until cancelled."""
        while True:
            await self._clock.sleep(min(POLL_INTERVAL_S, self._refresh_s))
            await self._round(all_files=self._clock.monotonic_s() >= self._due_s)

    async def _round(self, *, all_files: bool) -> None:
        changed = await asyncio.to_thread(self._reader.read, all_files=all_files)
        if all_files:
            self._due_s = self._clock.monotonic_s() + self._refresh_s
        problems = self.problems
        if all_files or changed or problems != self._reported:
            self._metrics.refreshed(self.system, not problems, self._clock.now_ms())
        for problem in set(problems) - set(self._reported):
            log.warning("file discovery keeps the last good targets: %s", problem)
        self._reported = problems
        if changed:
            self._on_change()
