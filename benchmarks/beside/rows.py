"""The table: one row a kind of work, with every server's median, ratio and target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from beside.servers import FENGHUO, PROMETHEUS, SERVERS, VICTORIA


@dataclass(frozen=True)
class Row:
    """One line of the table."""

    name: str
    """What ``--only`` takes."""
    work: str
    unit: str
    values: Mapping[str, float]
    """By server."""
    targets: Mapping[str, float] = field(default_factory=dict)
    """How many times as good as that peer Fenghuo should be."""
    most: float | None = None
    """What Fenghuo's own value may be at most, where the target is no ratio."""
    more_is_better: bool = False
    cpu_ms: Mapping[str, float] = field(default_factory=dict)
    """Processor time of the servers for the same work."""
    note: str = ""
    agrees: bool = True
    """Whether the answers of all servers were the same, as far as they should be."""

    def ratio(self, peer: str) -> float | None:
        """How many times as good as the peer Fenghuo is."""
        own, other = self.values.get(FENGHUO), self.values.get(peer)
        if not own or not other:
            return None
        return own / other if self.more_is_better else other / own

    def beats(self, peer: str) -> bool | None:
        """Whether the target beside that peer is reached; None when there is none, or nothing to compare with."""
        ratio = self.ratio(peer)
        return None if ratio is None or peer not in self.targets else ratio >= self.targets[peer]

    def cpu_ratio(self, peer: str) -> float | None:
        """The same in processor time, which other programs on the machine disturb less."""
        own, other = self.cpu_ms.get(FENGHUO), self.cpu_ms.get(peer)
        return other / own if own and other else None

    @property
    def reached(self) -> bool | None:
        """All targets of the row; None when it has none that could be looked at."""
        found = [self.values[FENGHUO] <= self.most] if self.most is not None and FENGHUO in self.values else []
        found += [beats for peer in self.targets if (beats := self.beats(peer)) is not None]
        return all(found) if found else None

    def as_json(self) -> dict[str, Any]:
        peers = [peer for peer in self.values if peer != FENGHUO]
        ratios = {peer: self.ratio(peer) for peer in peers}
        cpu = {peer: self.cpu_ratio(peer) for peer in peers}
        return asdict(self) | {"ratios": ratios, "cpu_ratios": cpu, "reached": self.reached}


HEAD = (
    f"{'work':<61}{'':>7} {'Fenghuo':>9} {'Prometheus':>11} {'ratio':>8} {'≥':>3} {'Victoria':>9} {'ratio':>8} {'≥':>3}"
    f"  reached  processor ms (F/P/V) and its ratios; the answers beside Prometheus' and Victoria's"
)
_MARK = {True: "✓", False: "✗", None: " "}


def number(value: float | None) -> str:
    """As short as it can be read; a dash where there is none."""
    if value is None:
        return "–"
    if value and abs(value) < 0.1:
        return f"{value:.3f}"
    return f"{value:,.2f}" if abs(value) < 10 else f"{value:,.1f}" if abs(value) < 1000 else f"{value:,.0f}"


def _beside(row: Row, peer: str, width: int) -> str:
    """The peer's value, our ratio to it with a mark, and the target."""
    target = f"{row.targets[peer]:g}" if peer in row.targets else "–"
    ratio = number(row.ratio(peer)) + _MARK[row.beats(peer)]
    return f"{number(row.values.get(peer)):>{width}} {ratio:>8} {target:>3}"


def line(row: Row) -> str:
    """The row as a line under :data:`HEAD`."""
    verdict = {True: "yes", False: "NO", None: "–"}[row.reached]
    if row.most is not None:
        verdict += f" ≤{row.most:g}"
    return (
        f"{row.work:<61}{row.unit:>7} {number(row.values.get(FENGHUO)):>9} {_beside(row, PROMETHEUS, 11)}"
        f" {_beside(row, VICTORIA, 9)}  {verdict:<8} {_processor(row)}{row.note}"
    ).rstrip()


def _processor(row: Row) -> str:
    """Processor time of each server and the ratios of it; empty where it was not taken."""
    if not row.cpu_ms:
        return ""
    times = "/".join(number(row.cpu_ms.get(name)) for name in SERVERS)
    ratios = " ".join(f"×{ratio:.1f}" for peer in (PROMETHEUS, VICTORIA) if (ratio := row.cpu_ratio(peer)))
    return f"{times} {ratios}; "
