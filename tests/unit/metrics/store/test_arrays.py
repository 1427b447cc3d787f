"""Small index arithmetic against its plain definition."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.metrics.store.arrays import distinct


@given(st.lists(st.integers(-5, 5)))
def test_distinct_values_are_sorted_and_each_stands_once(values: list[int]) -> None:
    assert distinct(np.array(values, dtype=np.int64)).tolist() == sorted(set(values))
