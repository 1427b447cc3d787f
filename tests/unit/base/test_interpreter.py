"""A server's way of sharing the interpreter holds while it runs and no longer."""

from __future__ import annotations

import gc
import sys

import pytest

from fenghuo.base.interpreter import COLLECT_THRESHOLDS, SWITCH_INTERVAL_S, turns_for_a_server


def test_threads_take_turns_quickly_and_the_collector_comes_seldom() -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    with turns_for_a_server():
        assert sys.getswitchinterval() == pytest.approx(SWITCH_INTERVAL_S)
        assert gc.get_threshold() == COLLECT_THRESHOLDS
    assert (sys.getswitchinterval(), gc.get_threshold()) == before


def test_an_error_brings_the_old_way_back() -> None:
    before = sys.getswitchinterval(), gc.get_threshold()
    with pytest.raises(OSError, match="no"), turns_for_a_server():
        raise OSError("no")
    assert (sys.getswitchinterval(), gc.get_threshold()) == before
