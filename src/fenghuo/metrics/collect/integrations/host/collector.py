"""What the collectors have in common: where they read, how they leave things out, how they fail."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fenghuo.base.clock import Clock
from fenghuo.metrics.collect.integrations.host.settings import HostSettings
from fenghuo.metrics.collect.integrations.recorder import Recorder
from fenghuo.model.regex import compile_free


@dataclass(frozen=True, slots=True)
class Host:
    """The host as a collector sees it; tests hand in a tree of files of their own."""

    settings: HostSettings
    clock: Clock

    @property
    def proc(self) -> Path:
        return self.settings.proc_path

    @property
    def sys(self) -> Path:
        return self.settings.sys_path

    @property
    def root(self) -> Path:
        return self.settings.root_path


class Collector(Protocol):
    """One group of metrics. Made once, asked at each scrape.

    Raises OSError, ValueError or LookupError when the system does not offer the group or speaks in a way that the
    collector does not know; nothing it recorded until then is used.
    """

    def collect(self, out: Recorder) -> None: ...


def excluded(pattern: str, name: str) -> bool:
    """Whether an exclusion of the settings holds for ``name``; an empty pattern excludes nothing."""
    return bool(pattern) and compile_free(pattern).search(name) is not None


def read_text(path: Path) -> str:
    """A file of /proc or /sys without the line break at its end; bytes that are not UTF-8 become ``\ufffd``."""
    return path.read_text(errors="replace").rstrip("\n")
