"""Limits: each has one entry in the table, counts what it turned away, and shows it."""

from __future__ import annotations

import re
import threading
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry, generate_latest

import fenghuo
from fenghuo.base import limits
from fenghuo.base.limits import LimitHits, Policy, declare, declared


@pytest.fixture(autouse=True)
def own_table(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "_declared", {})


def test_hits_from_many_threads_are_all_counted() -> None:
    limit = declare("things", 3, Policy.REJECT, "Things.")
    threads = [threading.Thread(target=lambda: [limit.hit() for _ in range(1000)] and limit.hit(10)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert limit.hits == 8 * 1010


def test_every_declared_limit_is_shown_with_its_count(registry: CollectorRegistry) -> None:
    registry.register(LimitHits())
    full, empty = (declare(name, 1, Policy.WAIT, name) for name in ("full", "empty"))
    full.hit(2)

    assert [limit.name for limit in declared()] == ["empty", "full"]
    assert empty.hits == 0
    assert registry.get_sample_value("fenghuo_limit_hits_total", {"limit": "full"}) == 2
    assert registry.get_sample_value("fenghuo_limit_hits_total", {"limit": "empty"}) == 0
    assert b'fenghuo_limit_hits_total{limit="full"} 2.0' in generate_latest(registry)


def test_a_limit_declared_after_the_registration_is_shown_too(registry: CollectorRegistry) -> None:
    registry.register(LimitHits())
    declare("late", 1, Policy.DROP_OLDEST, "Late.").hit()

    assert registry.get_sample_value("fenghuo_limit_hits_total", {"limit": "late"}) == 1


def test_every_limit_of_the_program_counts_what_it_turns_away() -> None:
    sources = [path.read_text() for path in Path(fenghuo.__file__).parent.rglob("*.py")]
    declaring = re.compile(r"^([A-Z_]+)\b.* = (?:limits\.)?declare\(", re.M)
    names = [name for text in sources for name in declaring.findall(text)]
    uses = re.compile(r"\b([A-Z_]+)\.hit\(")
    hit = {name for text in sources for name in uses.findall(text)}

    assert len(names) >= 14
    assert [name for name in names if name not in hit] == []
