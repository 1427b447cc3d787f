"""Fixtures of alerting's tests."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from fenghuo.base.clock import ManualClock
from fenghuo.state import open_state
from unit.alerting.bench import START_MS, Bench


@pytest.fixture
def bench() -> Iterator[Bench]:
    """A bench with an empty state."""
    with open_state("sqlite://") as state:
        yield Bench(ManualClock(START_MS), state)
