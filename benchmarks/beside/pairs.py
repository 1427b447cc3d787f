"""The table of ``benchmarks/alerting.py``: Fenghuo, Debian's Alertmanager, the ratio, and what is to be reached."""

from __future__ import annotations

from beside.alertmanager import ALERTMANAGER
from beside.rows import Row, number
from beside.servers import FENGHUO

HEAD = f"{'work':<66}{'':>5} {'Fenghuo':>9} {'Alertmanager':>13} {'ratio':>7} {'≥':>4}  reached"


def line(row: Row) -> str:
    """The row as a line under :data:`HEAD`. The ratio says how many times as good as the peer Fenghuo is."""
    target = f"{row.targets[ALERTMANAGER]:g}" if ALERTMANAGER in row.targets else "–"
    verdict = {True: "yes", False: "NO", None: "–"}[row.reached]
    if row.most is not None:
        verdict += f" ≤{row.most:g}"
    return (
        f"{row.work:<66}{row.unit:>5} {number(row.values.get(FENGHUO)):>9} {number(row.values.get(ALERTMANAGER)):>13}"
        f" {number(row.ratio(ALERTMANAGER)):>7} {target:>4}  {verdict:<8} {row.note}"
    ).rstrip()
