"""Fenghuo beside Debian's Alertmanager: ``python benchmarks/alerting.py [--quick] [--only NAME]…``.

Starts both as processes on free loopback ports with temporary folders and the same routes, reports the same alerts to
both, receives their notices itself, and sees that every alert is told once. Prints one table: medians, the ratio, what
is to be reached, and whether it is. Fenghuo's process is a whole server (metrics, rules, state, panel), Alertmanager's
is not. The rows called ``fault`` measure the whole line, from a metric that crosses its threshold to the message.
It stops by itself, ends what it started, and removes its folders, also on Ctrl-C. Linux only; without Alertmanager
Fenghuo is measured alone.
"""

from __future__ import annotations

import sys

from beside import burst, fault, steady
from beside.alertmanager import pair_installed
from beside.pairs import HEAD, line
from beside.program import Program

PROGRAM = Program(
    doc=__doc__,
    stages=(burst.STAGE, steady.STAGE, fault.STAGE),
    servers=pair_installed,
    head=HEAD,
    line=line,
    rounds=(3, 9),
    row_s=(40.0, 180.0),
    quick_help="fewer rounds, shorter; figures are rougher",
)

if __name__ == "__main__":
    sys.exit(PROGRAM.main())
