"""Fenghuo beside Debian's Alertmanager: ``python benchmarks/alerting.py [--quick] [--only NAME]…``.

Starts both as processes on free loopback ports with temporary folders and the same routes, reports the same alerts to
both, receives their notices itself, and sees that every alert is told once. Prints one table: medians, the ratio, what
is to be reached, and whether it is. Fenghuo's process is a whole server (metrics, rules, state, panel), Alertmanager's
is not. The rows called ``fault`` measure the whole line, from a metric that crosses its threshold to the message.
It stops by itself, ends what it started, and removes its folders, also on Ctrl-C. Linux only; without Alertmanager
Fenghuo is measured alone.
"""

from __future__ import annotations

import argparse
import json
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

from beside import burst, fault, steady
from beside.alertmanager import pair_installed
from beside.asking import RefusedError
from beside.pairs import HEAD, line
from beside.rows import Row
from beside.stage import Bench

STAGES = (burst.STAGE, steady.STAGE, fault.STAGE)
NAMES = tuple(name for stage in STAGES for name in stage.rows)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="fewer rounds, shorter; figures are rougher")
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
        rounds, row_s = (3, 40.0) if given.quick else (9, 180.0)
        bench = Bench(Path(root), pair_installed(), given.quick, frozenset(given.only), rounds, row_s)
        print(HEAD, flush=True)
        rows = measured(bench, failures)
    if given.json:
        given.json.write_text(json.dumps([row.as_json() for row in rows], indent=1, ensure_ascii=False))
    missed = [row.name for row in rows if row.reached is False]
    reached = sum(row.reached is True for row in rows)
    print(f"\n{reached} rows reach their targets, {len(missed)} do not: {', '.join(missed) or '–'}")
    print("".join(f"{failure}\n" for failure in failures), end="")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
