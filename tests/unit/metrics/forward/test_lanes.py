"""As many requests in flight as help, found by trying."""

from __future__ import annotations

import pytest

from fenghuo.metrics.forward.lanes import Lanes


def settled(lanes: Lanes, useful: int, rounds: int) -> list[int]:
    """The counts over rounds in which up to ``useful`` lanes each carry as much as the first."""
    counts = []
    for _ in range(rounds):
        counts.append(lanes.count)
        lanes.went(lanes.count, 2000 * lanes.count, lanes.count / min(lanes.count, useful), full=True)
    return counts


@pytest.mark.parametrize(("useful", "expected"), [(1, 1), (2, 2), (4, 4), (1000, 50)])
def test_more_is_kept_where_it_helps(useful: int, expected: int) -> None:
    counts = settled(Lanes(1, 50), useful, 45)
    assert counts[-1] == expected
    assert max(counts) <= 2 * expected


def test_more_is_tried_again_after_a_while() -> None:
    counts = settled(Lanes(1, 50), 1, 200)
    assert 6 <= counts.count(2) <= 12
    assert max(counts) == 2


def test_when_nothing_waits_it_goes_back() -> None:
    lanes = Lanes(2, 50)
    settled(lanes, 1000, 10)
    for _ in range(6):
        lanes.went(lanes.count, 10, 1.0, full=False)
    assert lanes.count == 2


def test_rounds_that_were_read_for_another_number_tell_nothing() -> None:
    lanes = Lanes(1, 50)
    for _ in range(3):
        lanes.went(1, 2000, 1.0, full=True)
    assert lanes.count == 2
    lanes.went(1, 2000, 1.0, full=True)
    assert lanes.count == 2
