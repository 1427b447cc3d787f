"""Sample values and the NaNs that mean something.

Three NaNs are told apart by their bits. A plain NaN is a value like any other. :data:`STALE_NAN` is Prometheus'
staleness marker: the series ended here. :data:`ABSENT_NAN` never leaves the store and its selections: in a dense
matrix it marks a place where a series has no sample at all.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, TypeAlias

import numpy as np
import numpy.typing as npt

from fenghuo.base.errors import OperatingError
from fenghuo.model.labels import Labels

Floats: TypeAlias = npt.NDArray[np.float64]
Ints: TypeAlias = npt.NDArray[np.int64]
Bools: TypeAlias = npt.NDArray[np.bool_]

STALE_NAN_BITS: Final = 0x7FF0000000000002
ABSENT_NAN_BITS: Final = 0x7FF0000000000003
NAN_BITS: Final = 0x7FF8000000000001

STALE_NAN: Final = np.array(STALE_NAN_BITS, dtype=np.int64).view(np.float64)[()]
ABSENT_NAN: Final = np.array(ABSENT_NAN_BITS, dtype=np.int64).view(np.float64)[()]


REFUSED: Final = -2
"""The number that the store gives a series beyond one of its limits; samples that come with it are refused, too."""


class RowsReleasedError(OperatingError):
    """A cohort was handed rows that are not its holder's any more; asking for them again gives others."""

    def __init__(self, cohort: str) -> None:
        super().__init__(f"rows of {cohort} were released after hours without a sample", retryable=True)


def is_stale(values: Floats) -> Bools:
    """Where ``values`` (C-contiguous, any shape) hold the staleness marker."""
    found: Bools = values.view(np.int64) == STALE_NAN_BITS
    return found


def is_absent(values: Floats) -> Bools:
    """Where ``values`` (C-contiguous, any shape) hold the store's mark for "no sample here"."""
    found: Bools = values.view(np.int64) == ABSENT_NAN_BITS
    return found


@dataclass(frozen=True, slots=True)
class Exemplar:
    """A sample of what was counted: labels (a trace id, usually), value, and when, if the exposition said so."""

    labels: Labels
    value: float
    time_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Metadata:
    """What an exposition says of a metric family. ``type`` is OpenMetrics' word: ``counter``, ``gauge``, …"""

    type: str = "unknown"
    help: str = ""
    unit: str = ""


@dataclass(frozen=True, slots=True)
class AppendResult:
    """What became of samples handed to the store."""

    accepted: int = 0
    rejected: dict[str, int] = field(default_factory=dict)
    """Count by reason: ``out_of_order``, ``duplicate_timestamp``, ``too_old``, ``too_far_in_future``, ``limit``."""
