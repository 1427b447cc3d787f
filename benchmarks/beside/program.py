"""A benchmark as a command: its options, its stages one after another, its table, and what came of it."""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from beside.asking import RefusedError
from beside.rows import Row
from beside.stage import Bench, Stage


@dataclass(frozen=True)
class Program:
    """Servers measured beside each other. ``rounds`` and ``row_s`` are for quick runs and for others."""

    doc: str | None
    stages: Sequence[Stage]
    servers: Callable[[], Sequence[str]]
    """Those that are installed."""
    head: str
    line: Callable[[Row], str]
    rounds: tuple[int, int]
    row_s: tuple[float, float]
    quick_help: str
    repeats_table: bool = False
    """Whether the table is printed once more in the end, in one piece."""

    def main(self) -> int:
        given = self._arguments()
        failures: list[str] = []
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        with tempfile.TemporaryDirectory(prefix="fenghuo-bench-", ignore_cleanup_errors=True) as root:
            rounds, row_s = self.rounds[not given.quick], self.row_s[not given.quick]
            bench = Bench(Path(root), self.servers(), given.quick, frozenset(given.only), rounds, row_s)
            print(self.head, flush=True)
            rows = self._measured(bench, failures)
        if given.json:
            given.json.write_text(json.dumps([row.as_json() for row in rows], indent=1, ensure_ascii=False))
        differing = [row.name for row in rows if not row.agrees]
        failures += [f"the answers differ: {', '.join(differing)}"] if differing else []
        self._conclude(rows, failures)
        return 1 if failures else 0

    def _arguments(self) -> argparse.Namespace:
        names = tuple(name for stage in self.stages for name in stage.rows)
        parser = argparse.ArgumentParser(description=self.doc, formatter_class=argparse.RawDescriptionHelpFormatter)
        parser.add_argument("--quick", action="store_true", help=self.quick_help)
        parser.add_argument("--only", action="append", default=[], metavar="NAME", help=f"of: {', '.join(names)}")
        parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
        given = parser.parse_args()
        unknown = [name for name in given.only if name not in names]
        if unknown:
            parser.error(f"no row is called {unknown[0]!r}; there are {', '.join(names)}")
        return given

    def _measured(self, bench: Bench, failures: list[str]) -> list[Row]:
        """Every wanted row, shown as soon as it is there. A stage that cannot go on says why in ``failures``."""
        rows = []
        for stage in self.stages:
            if bench.wanted(stage.rows):
                try:
                    for row in filter(lambda row: bench.wants(row.name), stage.run(bench)):
                        rows.append(row)
                        print(self.line(row), flush=True)
                except (RefusedError, OSError, subprocess.SubprocessError) as error:
                    failures.append(f"ended early: {', '.join(bench.wanted(stage.rows))}: {error}")
                    print(f"  … {failures[-1]}", flush=True)
        return rows

    def _conclude(self, rows: Sequence[Row], failures: Sequence[str]) -> None:
        if self.repeats_table and len(rows) > 1:
            print(f"\n{self.head}")
            print("\n".join(map(self.line, rows)))
        missed = [row.name for row in rows if row.reached is False]
        reached = sum(row.reached is True for row in rows)
        print(f"\n{reached} rows reach their targets, {len(missed)} do not: {', '.join(missed) or '–'}")
        print("".join(f"{failure}\n" for failure in failures), end="")
