"""What the binary operators do to numbers, array by array."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from fenghuo.model.sample import Bools, Floats


def _power(left: Floats, right: Floats) -> Floats:
    result: Floats = np.power(left, right)
    return result


ARITHMETIC: dict[str, Callable[[Floats, Floats], Floats]] = {
    "+": np.add,
    "-": np.subtract,
    "*": np.multiply,
    "/": np.divide,
    "%": np.fmod,
    "^": _power,
    "atan2": np.arctan2,
}
COMPARISON: dict[str, Callable[[Floats, Floats], Bools]] = {
    "==": np.equal,
    "!=": np.not_equal,
    "<": np.less,
    "<=": np.less_equal,
    ">": np.greater,
    ">=": np.greater_equal,
}


def apply(op: str, left: Floats, right: Floats, *, return_bool: bool) -> tuple[Floats, Bools | None]:
    """Values, and which of them stay (None: all). A comparison keeps the left value, or gives 0 and 1."""
    if op in ARITHMETIC:
        return ARITHMETIC[op](left, right), None
    holds = COMPARISON[op](left, right)
    if return_bool:
        return holds.astype(np.float64), None
    return left if left.shape == holds.shape else np.broadcast_to(left, holds.shape), holds
