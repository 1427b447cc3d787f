"""The rules of the packs speak of metrics of our own that exist."""

from __future__ import annotations

import re

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.alerting.metrics import Instruments
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.scrape.metrics import ScrapeMetrics
from fenghuo.metrics.store.metrics import StoreMetrics
from fenghuo.packs import load_pack, pack_names
from fenghuo.rules.metrics import RuleMetrics


@pytest.mark.parametrize("name", pack_names())
def test_every_metric_of_our_own_that_a_pack_names_is_exported(name: str, registry: CollectorRegistry) -> None:
    for instruments in (Instruments, Guard, ScrapeMetrics, StoreMetrics, RuleMetrics):
        instruments(registry)
    exported = {
        sample
        for family in registry.collect()
        for sample in (family.name, f"{family.name}_total" if family.type == "counter" else family.name)
    }
    named = set()
    for path in load_pack(name).rule_files:
        named |= set(re.findall(r"\bfenghuo_[a-z_]+\b", path.read_text()))
    assert named - exported == set()
