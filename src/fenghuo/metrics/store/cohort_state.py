"""What the head knows of one cohort: its rows, its pages and the layout of its last scrape."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenghuo.metrics.store.arrays import Growing, first_of_each
from fenghuo.metrics.store.pages import Page, RowMap
from fenghuo.model.sample import Bools, Floats, Ints, RowsReleasedError

NO_ROWS: Ints = np.empty(0, dtype=np.int64)
NO_VALUES: Floats = np.empty(0, dtype=np.float64)
PLACE_BITS = 32
"""A row's number is its place in the cohort, and above these bits how many series had that place before."""
NOBODY = 0
"""The code of no cohort."""

Sids = npt.NDArray[np.int32]


@dataclass(frozen=True, slots=True)
class Layout:
    """The rows of a scrape, and where they go; the next scrape nearly always has the same."""

    rows: Ints
    """Places in the cohort."""
    rows_bytes: bytes
    """The bytes of the rows' numbers: comparing them is the quickest way to see that a scrape has the same."""
    sids: Ints
    row_map: RowMap | None
    slots: Ints | slice
    """Positions on the page."""


NO_LAYOUT = Layout(NO_ROWS, b"", NO_ROWS, None, NO_ROWS)


class Members:
    """By series: the cohort that it joined first of those it is in now, and its place there."""

    __slots__ = ("owners", "places")

    def __init__(self) -> None:
        self.owners: Growing[np.int32] = Growing(np.int32, NOBODY)
        self.places: Growing[np.int32] = Growing(np.int32, -1)

    def reserve(self, bound: int) -> None:
        """Make room for series numbers below ``bound``."""
        self.owners.grow(bound)
        self.places.grow(bound)


class CohortState:
    """One cohort. A series has a row from when it joins until it is released; then the place may be another's."""

    __slots__ = (
        "_free",
        "_generations",
        "_members",
        "also",
        "code",
        "key",
        "last_values",
        "layout",
        "logged_rows",
        "logged_segment",
        "open",
        "pages",
        "row_map",
        "sids",
    )

    def __init__(self, key: str, code: int, members: Members) -> None:
        self.key = key
        self.code = code
        self._members = members
        self.also: dict[int, int] = {}
        """The places of series that joined another cohort before."""
        self.sids: Growing[np.int32] = Growing(np.int32, -1)
        """By place: the series; -1 where there is none."""
        self._generations: Growing[np.int32] = Growing(np.int32, 0)
        """By place: how many series had it before."""
        self._free: list[int] = []
        """Places that are nobody's."""
        self.pages: list[Page] = []
        """In order of time."""
        self.open: Page | None = None
        """The page that the next scrape goes to, the last of ``pages``; None when that is sealed."""
        self.row_map = RowMap()
        self.layout = NO_LAYOUT
        self.last_values: Floats = NO_VALUES
        """The values of the last logged scrape, parallel to the layout; what the next WAL record is relative to."""
        self.logged_segment = -1
        """The WAL segment that names this cohort as it is."""
        self.logged_rows = 0
        """How many rows that segment names."""

    def __len__(self) -> int:
        """How many series have a row."""
        return self.sids.size - len(self._free)

    @property
    def last_ms(self) -> int:
        """The time of the last scrape; the smallest integer when there is none."""
        return self.pages[-1].last_ms if self.pages else int(np.iinfo(np.int64).min)

    def join(self, sids: Ints) -> Ints:
        """The numbers of the series' rows, new if need be."""
        places = self.places_of(sids)
        if (missing := places < 0).any():
            self._enter(first_of_each(sids[missing]))
            places = self.places_of(sids)
        return self._generations.all[places].astype(np.int64) << PLACE_BITS | places

    def places_of(self, sids: Ints) -> Ints:
        """The places of the series' rows; -1 where there is none."""
        if len(sids) == 1:  # Most series of rules stand alone in their cohort; arrays of one cost ten times as much.
            sid = int(sids[0])
            own = self._members.owners.all[sid] == self.code
            return np.array([self._members.places.all[sid] if own else self.also.get(sid, -1)], dtype=np.int64)
        owned = self._members.owners.all[sids] == self.code
        places = np.where(owned, self._members.places.all[sids], np.int32(-1)).astype(np.int64)
        if self.also and not owned.all():
            for each in np.flatnonzero(~owned).tolist():
                places[each] = self.also.get(int(sids[each]), -1)
        return places

    def holds(self, rows: Ints) -> Bools:
        """Whether the rows of these numbers are still whose they were."""
        places = rows & (1 << PLACE_BITS) - 1
        inside: Bools = places < self.sids.size  # Numbers below zero are not.
        inside &= self._generations.all[np.where(inside, places, 0)] == rows >> PLACE_BITS
        return inside

    def _enter(self, sids: Ints) -> None:
        """Give each of the series, which have none, a place."""
        reused = min(len(sids), len(self._free))
        kept = len(self._free) - reused
        places = np.r_[self._free[kept:], np.arange(self.sids.size, self.sids.size + len(sids) - reused)].astype(int)
        del self._free[kept:]
        size = self.sids.size + len(sids) - reused
        self.sids.grow(size)
        self._generations.grow(size)
        self.sids.all[places] = sids
        if reused:
            self._rename()
        owners = self._members.owners.all
        fresh = owners[sids] == NOBODY
        owners[sids[fresh]] = self.code
        self._members.places.all[sids[fresh]] = places[fresh]
        self.also.update(zip(sids[~fresh].tolist(), places[~fresh].tolist(), strict=True))

    def release(self, places: Ints) -> None:
        """Take the rows at these places from their series. Pages that have samples of them must be gone."""
        sids = self.sids.all[places]
        for page in self.pages:
            page.forget(places)
        self._members.owners.all[sids[self._members.owners.all[sids] == self.code]] = NOBODY
        for sid in self.also.keys() & set(sids.tolist()):
            del self.also[sid]
        self.sids.all[places] = -1
        self._generations.all[places] += 1
        self._free.extend(places.tolist())
        self.close()
        rows = self.row_map.rows.view
        self.row_map = RowMap()
        self.row_map.place(rows[self.sids.all[rows] >= 0].astype(np.int64))
        self._rename()

    def _rename(self) -> None:
        """Let the WAL name all rows anew, and see that the next scrape is told in full."""
        self.logged_segment = -1
        self.layout = NO_LAYOUT
        self.last_values = NO_VALUES

    def mentioned(self, first_row: int) -> Sids:
        """The series of the rows from ``first_row`` on, as the WAL is to name them.

        A place that is nobody's goes by the name of another row: no scrape speaks of it.
        """
        sids = self.sids.view[first_row:]
        nobody = sids < 0
        return np.where(nobody, self.sids.view.max(), sids) if nobody.any() else sids

    def close(self) -> None:
        """Let the next scrape begin a new page."""
        if self.open is not None:
            self.open.close()
            self.open = None

    def lay_out(self, rows: Ints) -> Layout:
        """The layout for a scrape of the rows with these numbers: the last one when it fits.

        Raises RowsReleasedError when one of them was released.
        """
        layout, rows_bytes = self.layout, rows.tobytes()
        if layout.rows_bytes != rows_bytes:
            if not self.holds(rows).all():
                raise RowsReleasedError(self.key)
            places = rows & (1 << PLACE_BITS) - 1
            layout = self.layout = Layout(places, rows_bytes, self.sids.all[places].astype(np.int64), None, NO_ROWS)
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
