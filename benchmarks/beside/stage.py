"""What a stage is given."""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from beside.rows import Row


@dataclass(frozen=True)
class Bench:
    """How a run was asked for."""

    root: Path
    """A temporary folder."""
    servers: Sequence[str]
    quick: bool
    only: frozenset[str]
    """Names of rows; empty: all."""
    rounds_max: int
    row_s_max: float
    """A row takes no further rounds after so long, as soon as it has three."""

    def wants(self, name: str) -> bool:
        return not self.only or name in self.only

    def wanted(self, names: Iterable[str]) -> list[str]:
        return [name for name in names if self.wants(name)]

    @contextmanager
    def folder(self, name: str) -> Iterator[Path]:
        """A folder that is gone afterwards, so that stages do not add up on the disk."""
        path = self.root / name
        path.mkdir()
        try:
            yield path
        finally:
            shutil.rmtree(path, ignore_errors=True)

    def rounds(self) -> Iterator[int]:
        """Numbers of rounds, until they are enough or took too long."""
        start_s = time.monotonic()
        for number in range(self.rounds_max):
            if number >= 3 and time.monotonic() - start_s > self.row_s_max:
                return
            yield number

    @staticmethod
    def say(text: str) -> None:
        """Progress, apart from the table."""
        print(f"  … {text}", flush=True)


@dataclass(frozen=True)
class Stage:
    """A part of the benchmark that needs servers of its own."""

    rows: tuple[str, ...]
    """The names of the rows that it can measure."""
    run: Callable[[Bench], Iterator[Row]]
