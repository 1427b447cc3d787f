"""The metadata that senders pushed: in memory, bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterable

from fenghuo.metrics.receive.bounds import FAMILIES
from fenghuo.model.sample import Metadata

PER_FAMILY = 10
"""Different metadata of one family that are kept; more are some sender's mistake."""
TEXT_CHARS_MAX = 4096
"""Longer help texts are cut."""

_SUFFIXES = {
    "histogram": ("_bucket", "_count", "_sum"),
    "summary": ("_count", "_sum"),
}


class PushedMetadata:
    """By family, the newest metadata that came. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._families: dict[str, dict[Metadata, None]] = {}
        """Both in the order of their last arrival."""

    def note(self, entries: Iterable[tuple[str, Metadata]]) -> None:
        """Keep what a request said. Names may be those of series: a histogram's are its family's."""
        with self._lock:
            for name, said in dict.fromkeys(entries):
                self._note(_family(name, said), _cut(said))

    def _note(self, family: str, said: Metadata) -> None:
        if not family:
            return
        kept = self._families.pop(family, {})
        kept.pop(said, None)
        kept[said] = None
        if len(kept) > PER_FAMILY:
            del kept[next(iter(kept))]
        self._families[family] = kept
        if len(self._families) > FAMILIES.default:
            FAMILIES.hit()
            del self._families[next(iter(self._families))]

    def families(self, metric: str = "") -> dict[str, list[Metadata]]:
        """The metadata of one family, or of all, by name; the newest of a family stands first."""
        with self._lock:
            if metric:
                return {metric: list(self._families[metric])[::-1]} if metric in self._families else {}
            return {family: list(kept)[::-1] for family, kept in self._families.items()}


def _family(name: str, said: Metadata) -> str:
    for suffix in _SUFFIXES.get(said.type, ()):
        if name.endswith(suffix) and len(name) > len(suffix):
            return name.removesuffix(suffix)
    return name


def _cut(said: Metadata) -> Metadata:
    if len(said.help) <= TEXT_CHARS_MAX and len(said.unit) <= TEXT_CHARS_MAX:
        return said
    return Metadata(said.type, said.help[:TEXT_CHARS_MAX], said.unit[:TEXT_CHARS_MAX])
