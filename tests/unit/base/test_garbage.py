"""The cycle collector stands still while large structures grow, and only then."""

from __future__ import annotations

import gc
from collections.abc import Iterator

import pytest

from fenghuo.base import garbage


@pytest.fixture(autouse=True)
def thawed(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Nothing made yet, and nothing kept from the collector afterwards."""
    monkeypatch.setattr(garbage._hold, "made", 0)
    yield
    gc.unfreeze()


def test_the_collector_is_held_until_the_last_one_is_done() -> None:
    assert gc.isenabled()
    with garbage.growing():
        with garbage.growing():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()


def test_an_error_releases_the_collector() -> None:
    with pytest.raises(OSError, match="no"), garbage.growing():
        raise OSError("no")
    assert gc.isenabled()


def test_a_collector_that_is_off_stays_off() -> None:
    gc.disable()
    try:
        with garbage.growing():
            pass
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_much_that_was_made_is_taken_out_of_sight_and_little_is_not() -> None:
    gc.unfreeze()
    with garbage.growing():
        garbage.made(garbage.SETTLE_FROM - 1)
    assert gc.get_freeze_count() == 0
    with garbage.growing():
        garbage.made(1)
    assert gc.get_freeze_count() > 0


def test_settling_takes_everything_out_of_sight() -> None:
    gc.unfreeze()
    garbage.settle()
    assert gc.get_freeze_count() > 1000
