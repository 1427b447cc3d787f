"""When targets are scraped and which timestamps they get."""

from __future__ import annotations

import pytest

from fenghuo.metrics.collect.scrape.timing import Timestamps, next_tick_s, offset_s

pytestmark = pytest.mark.anyio

INTERVAL_MS = 15_000


def test_the_offset_leads_to_the_same_phase_whenever_it_is_asked() -> None:
    phases = {
        round(now_ms + 1000 * offset_s("target", 0, INTERVAL_MS, now_ms)) % INTERVAL_MS
        for now_ms in range(1_700_000_000_000, 1_700_000_040_000, 777)
    }

    assert len(phases) == 1


def test_targets_spread_over_the_interval() -> None:
    offsets = [offset_s(f"target {number}", 0, INTERVAL_MS, 0) for number in range(1000)]

    assert all(0 <= offset < 15 for offset in offsets)
    per_second = [sum(1 for offset in offsets if int(offset) == second) for second in range(15)]
    assert min(per_second) > 30
    assert max(per_second) < 110


def test_servers_with_other_seeds_scrape_at_other_phases() -> None:
    assert offset_s("target", 1, INTERVAL_MS, 0) != offset_s("target", 2, INTERVAL_MS, 0)


@pytest.mark.parametrize(
    ("now_s", "following_s"),
    [(100.0, 110.0), (109.9, 110.0), (110.0, 110.0), (115.0, 110.0), (120.0, 120.0), (148.0, 140.0)],
)
def test_of_missed_ticks_one_is_made_up_for(now_s: float, following_s: float) -> None:
    assert next_tick_s(100.0, 10.0, now_s) == following_s


def test_timestamps_stand_on_the_grid_while_scrapes_are_punctual() -> None:
    timestamps = Timestamps(INTERVAL_MS)
    taken = [timestamps.take(1_000_000 + number * INTERVAL_MS + late, late) for number, late in enumerate((0, 3, 9, 0))]

    assert taken == [1_000_000, 1_015_000, 1_030_000, 1_045_000]


def test_a_late_scrape_says_when_it_was_and_the_grid_stays() -> None:
    timestamps = Timestamps(INTERVAL_MS)
    timestamps.take(1_000_000, 0)

    assert timestamps.take(1_015_400, 400) == 1_015_400
    assert timestamps.take(1_030_002, 2) == 1_030_000


def test_a_clock_that_was_set_moves_the_grid() -> None:
    timestamps = Timestamps(INTERVAL_MS)
    timestamps.take(1_000_000, 0)

    assert timestamps.take(500_123, 0) == 500_123
    assert timestamps.take(515_124, 1) == 515_123


def test_short_intervals_have_a_narrow_tolerance() -> None:
    timestamps = Timestamps(100)
    timestamps.take(1000, 0)

    assert timestamps.take(1103, 3) == 1103
