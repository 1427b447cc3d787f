"""The rules of the packs speak of metrics that exist, in words that the engine understands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.alerting.metrics import Instruments
from fenghuo.base.clock import ManualClock
from fenghuo.base.document import load_yaml
from fenghuo.base.guard import Guard
from fenghuo.metrics.collect.integrations.host import HostIntegration, HostSettings
from fenghuo.metrics.collect.scrape.metrics import ScrapeMetrics
from fenghuo.metrics.forward.metrics import ForwardMetrics
from fenghuo.metrics.promql import Engine, VectorResult, normalized
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.metrics.store.metrics import StoreMetrics
from fenghuo.packs import load_pack, pack_names
from fenghuo.rules import load_rule_file
from fenghuo.rules.metrics import RuleMetrics


@pytest.mark.parametrize("name", pack_names())
def test_every_metric_of_our_own_that_a_pack_names_is_exported(name: str, registry: CollectorRegistry) -> None:
    for instruments in (Instruments, Guard, ScrapeMetrics, StoreMetrics, RuleMetrics):
        instruments(registry)
    ForwardMetrics(registry).of("far")
    exported = {
        sample
        for family in registry.collect()
        for sample in (family.name, f"{family.name}_total" if family.type == "counter" else family.name)
    }
    named = set()
    for path in load_pack(name).rule_files:
        named |= set(re.findall(r"\bfenghuo_[a-z_]+\b", path.read_text()))
    assert named - exported == set()


@pytest.mark.parametrize("name", pack_names())
def test_our_own_loader_and_engine_take_the_rules_without_a_warning(name: str) -> None:
    for path in load_pack(name).rule_files:
        loaded = load_rule_file(path, normalized)
        assert loaded.problems == ()
        assert loaded.file is not None


def test_this_hosts_metrics_answer_the_rules_of_its_pack(
    tmp_path: Path, clock: ManualClock, registry: CollectorRegistry
) -> None:
    """From the integration through the store to the engine: each side of each rule finds its series."""
    integration = HostIntegration(HostSettings(), clock, Guard(CollectorRegistry()))
    store = Store.open(tmp_path / "data", StoreSettings(), clock, registry)
    try:
        cohort = store.cohort("node")
        for minute in range(8):
            parsed = integration.collect()
            rows = cohort.rows([labels.merged({"job": "node", "instance": "here"}) for labels in parsed.layout.series])
            cohort.append(clock.now_ms() + minute * 60_000, rows, parsed.values)
        engine = Engine(store, clock)
        asked = 0
        for rule in _rules("host"):
            for selector in set(re.findall(r"\bnode_[a-z0-9A-Z_]+(?:\{[^}]*\})?", rule)):
                if "systemd" in selector or "pressure" in selector or "swap" in selector.lower():
                    continue  # What not every host has.
                result = engine.instant(selector, clock.now_ms() + 7 * 60_000)
                assert isinstance(result.value, VectorResult)
                assert result.value.values.size, selector
                asked += 1
            engine.instant(rule, clock.now_ms() + 7 * 60_000)
        assert asked > 25
    finally:
        store.close()


def _rules(name: str) -> list[str]:
    found = []
    for path in load_pack(name).rule_files:
        for group in load_yaml(path.read_bytes(), path.name).value["groups"]:
            found += [str(rule["expr"]) for rule in group["rules"]]
    return found
