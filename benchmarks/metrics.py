"""Fenghuo beside Debian's Prometheus and VictoriaMetrics: ``python benchmarks/metrics.py [--quick] [--only NAME]``.

Starts the three as processes on free loopback ports with temporary folders, gives them the same data, checks that
their answers agree, and prints one table: the medians, the ratios to each, what is to be reached, and whether it is.
Result caches are off (Prometheus has none). Times are wall clock through one keep-alive HTTP connection without gzip;
the servers' processor time stands beside it, so that noise on the machine shows. It stops by itself, ends what it
started, and removes its folders, also on Ctrl-C. Linux only; a peer that is not installed is left out.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from beside import cold, disk, growth, large, queries, remote, rules, scraping
from beside.asking import RefusedError
from beside.rows import HEAD, Row, line
from beside.servers import installed
from beside.stage import Bench

STAGES = (queries.STAGE, cold.STAGE, rules.STAGE, scraping.STAGE, remote.STAGE, disk.STAGE, large.STAGE, growth.STAGE)
NAMES = tuple(name for stage in STAGES for name in stage.rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, less data; figures are rougher")
    parser.add_argument("--only", action="append", default=[], metavar="NAME", help=f"of: {', '.join(NAMES)}")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the rows there as well")
    given = parser.parse_args()
    unknown = [name for name in given.only if name not in NAMES]
    if unknown:
        parser.error(f"no row is called {unknown[0]!r}; there are {', '.join(NAMES)}")
    return given


def measured(bench: Bench, failures: list[str]) -> list[Row]:
    """Every wanted row, shown as soon as it is there. A stage that cannot go on says why in ``failures``."""
    rows = []
    for stage in STAGES:
        if bench.wanted(stage.rows):
            try:
                for row in filter(lambda row: bench.wants(row.name), stage.run(bench)):
                    rows.append(row)
                    print(line(row), flush=True)
            except (RefusedError, OSError, subprocess.SubprocessError) as error:
                failures.append(f"ended early: {', '.join(bench.wanted(stage.rows))}: {error}")
                print(f"  … {failures[-1]}", flush=True)
    return rows


def main() -> int:
    given = arguments()
    failures: list[str] = []
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="fenghuo-bench-", ignore_cleanup_errors=True) as root:
        rounds, row_s = (5, 15.0) if given.quick else (15, 30.0)
        bench = Bench(Path(root), installed(), given.quick, frozenset(given.only), rounds, row_s)
        print(HEAD, flush=True)
        rows = measured(bench, failures)
    if given.json:
        given.json.write_text(json.dumps([row.as_json() for row in rows], indent=1, ensure_ascii=False))
    differing = [row.name for row in rows if not row.agrees]
    failures += [f"the answers differ: {', '.join(differing)}"] if differing else []
    conclude(rows, failures)
    return 1 if failures else 0


def conclude(rows: list[Row], failures: list[str]) -> None:
    """The whole table once more, in one piece, and what came of it."""
    if len(rows) > 1:
        print(f"\n{HEAD}")
        print("\n".join(map(line, rows)))
    missed = [row.name for row in rows if row.reached is False]
    reached = sum(row.reached is True for row in rows)
    print(f"\n{reached} rows reach their targets, {len(missed)} do not: {', '.join(missed) or '–'}")
    print("".join(f"{failure}\n" for failure in failures), end="")


if __name__ == "__main__":
    sys.exit(main())
