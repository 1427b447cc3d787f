"""What the head knows of one cohort: its rows, its pages and the layout of its last scrape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from fenghuo.metrics.store.arrays import Growing
from fenghuo.metrics.store.pages import Page, RowMap
from fenghuo.model.sample import Floats, Ints

NO_ROWS: Ints = np.empty(0, dtype=np.int64)
NO_VALUES: Floats = np.empty(0, dtype=np.float64)


@dataclass(frozen=True, slots=True)
class Layout:
    """The rows of a scrape, and where they go; the next scrape nearly always has the same."""

    rows: Ints
    rows_bytes: bytes
    """The bytes of ``rows``: comparing them is the quickest way to see that a scrape has the same."""
    sids: Ints
    row_map: RowMap | None
    slots: Ints | slice
    """Positions on the page."""


class CohortState:
    """One cohort. Rows are numbered in the order in which series appeared and keep their number."""

    __slots__ = (
        "code",
        "key",
        "last_values",
        "layout",
        "logged_rows",
        "logged_segment",
        "open",
        "pages",
        "row_map",
        "row_of",
        "sids",
    )

    def __init__(self, key: str, code: int) -> None:
        self.key = key
        self.code = code
        self.sids: Growing[np.int32] = Growing(np.int32, -1)
        """By row: the series."""
        self.row_of: dict[int, int] = {}
        """By series: the row."""
        self.pages: list[Page] = []
        """In order of time."""
        self.open: Page | None = None
        """The page that the next scrape goes to, the last of ``pages``; None when that is sealed."""
        self.row_map = RowMap()
        self.layout = Layout(NO_ROWS, b"", NO_ROWS, None, NO_ROWS)
        self.last_values: Floats = NO_VALUES
        """The values of the last logged scrape, parallel to the layout; what the next WAL record is relative to."""
        self.logged_segment = -1
        """The WAL segment that names this cohort."""
        self.logged_rows = 0
        """How many rows that segment names."""

    @property
    def last_ms(self) -> int:
        """The time of the last scrape; the smallest integer when there is none."""
        return self.pages[-1].last_ms if self.pages else int(np.iinfo(np.int64).min)

    def row(self, sid: int) -> int:
        """The row of a series, new if need be."""
        row = self.row_of.get(sid)
        if row is None:
            row = self.row_of[sid] = self.sids.size
            self.sids.append(sid)
        return row

    def close(self) -> None:
        """Let the next scrape begin a new page."""
        if self.open is not None:
            self.open.close()
            self.open = None

    def lay_out(self, rows: Ints) -> Layout:
        """The layout for a scrape of ``rows``: the last one when it fits."""
        layout, rows_bytes = self.layout, rows.tobytes()
        if layout.rows_bytes != rows_bytes:
            own = np.frombuffer(rows_bytes, dtype=np.int64)
            layout = self.layout = Layout(own, rows_bytes, self.sids.all[own].astype(np.int64), None, NO_ROWS)
            self.last_values = NO_VALUES
        return layout

    def settle(self, layout: Layout) -> Layout:
        """The same layout with its positions on the current row map, which has a place for each of its rows."""
        if layout.row_map is self.row_map:
            return layout
        slots: Ints | slice = self.row_map.positions.all[layout.rows].astype(np.int64)
        assert isinstance(slots, np.ndarray)
        if len(slots) and np.array_equal(slots, np.arange(slots[0], slots[0] + len(slots))):
            slots = slice(int(slots[0]), int(slots[0]) + len(slots))
        self.layout = Layout(layout.rows, layout.rows_bytes, layout.sids, self.row_map, slots)
        return self.layout
