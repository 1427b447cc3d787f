"""What the store hands to a query: the samples of the selected series in a time range, as arrays.

Samples arrive as scrapes, one timestamp for all series of a target, and are kept and handed out that way: a
:class:`DenseBlock` is such a cohort. Series with timestamps of their own, and cohorts too small to be worth a
matrix, come together in one :class:`RaggedBlock`.
"""

from __future__ import annotations

from dataclasses import dataclass

from fenghuo.model.label_table import LabelTable
from fenghuo.model.sample import Floats, Ints


@dataclass(frozen=True, slots=True)
class DenseBlock:
    """Series that share their timestamps."""

    series: Ints
    """int64[N]: rows of the selection's label table."""
    times_ms: Ints
    """int64[T], strictly increasing."""
    values: Floats
    """float64[N, T], C-contiguous; ``ABSENT_NAN`` where a series has no sample, ``STALE_NAN`` where it ended."""


@dataclass(frozen=True, slots=True)
class RaggedBlock:
    """Series with timestamps of their own, one after another."""

    series: Ints
    """int64[N]: rows of the selection's label table."""
    offsets: Ints
    """int64[N + 1]: series ``i`` has the samples ``offsets[i]:offsets[i + 1]``."""
    times_ms: Ints
    """int64[M], strictly increasing within a series."""
    values: Floats
    """float64[M]; may hold ``STALE_NAN``, never ``ABSENT_NAN``."""
    starts_ms: Ints | None = None
    """int64[M]: since when a counter counts, 0 where that is not known; None where nobody knows it of any sample."""


@dataclass(frozen=True, slots=True)
class Selection:
    """All samples with ``start_ms <= time <= end_ms`` of the series that match.

    Every row of ``labels`` is in exactly one block, in one place; a series without a sample in the range may be
    left out. The arrays are the reader's own or never written again.
    """

    labels: LabelTable
    blocks: tuple[DenseBlock | RaggedBlock, ...]
