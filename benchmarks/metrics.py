"""Fenghuo beside Debian's Prometheus and VictoriaMetrics: ``python benchmarks/metrics.py [--quick] [--only NAME]``.

Starts the three as processes on free loopback ports with temporary folders, gives them the same data, checks that
their answers agree, and prints one table: the medians, the ratios to each, what is to be reached, and whether it is.
Result caches are off (Prometheus has none). Times are wall clock through one keep-alive HTTP connection without gzip;
the servers' processor time stands beside it, so that noise on the machine shows. It stops by itself, ends what it
started, and removes its folders, also on Ctrl-C. Linux only; a peer that is not installed is left out.
"""

from __future__ import annotations

import sys

from beside import cold, disk, growth, large, queries, remote, rules, scraping
from beside.program import Program
from beside.rows import HEAD, line
from beside.servers import installed

PROGRAM = Program(
    doc=__doc__,
    stages=(
        queries.STAGE,
        cold.STAGE,
        rules.STAGE,
        scraping.STAGE,
        remote.STAGE,
        disk.STAGE,
        large.STAGE,
        growth.STAGE,
    ),
    servers=installed,
    head=HEAD,
    line=line,
    rounds=(5, 15),
    row_s=(15.0, 30.0),
    quick_help="fewer rounds, less data; figures are rougher",
    repeats_table=True,
)

if __name__ == "__main__":
    sys.exit(PROGRAM.main())
