"""What becomes of remote write requests."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from fenghuo.base.limits import Limit, Policy
from fenghuo.metrics.receive import known, metadata
from fenghuo.metrics.receive.metadata import PushedMetadata
from fenghuo.metrics.receive.metrics import ReceiveMetrics
from fenghuo.metrics.receive.receipt import Receipt, Version
from fenghuo.metrics.receive.receiver import ITEMS, Receiver
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import Exemplar, Metadata
from fenghuo.wire.remote_write import Encoding, OutgoingSeries, encode_v1, encode_v2, packed
from unit.metrics.store.look import bits, everything

NOW_MS = 1_750_000_000_000


class Bench:
    """A receiver on a store."""

    def __init__(self, directory: Path) -> None:
        self.clock = ManualClock(NOW_MS)
        self.registry = CollectorRegistry()
        settings = StoreSettings.model_validate(
            {"max_label_value_length": 40, "block_duration": "1m", "retention": "5m"}
        )
        self.store = Store.open(directory, settings, self.clock, self.registry)
        self.metadata = PushedMetadata()
        self.receiver = Receiver(self.store, self.metadata, ReceiveMetrics(self.registry), self.clock)

    def send(self, *series: OutgoingSeries, metadata: list[tuple[str, Metadata]] | None = None) -> Receipt:
        body = packed(encode_v1(series, metadata or []))
        return self.receiver.receive(body, Version.V1, "snappy")

    def counted(self, name: str, **labels: str) -> float:
        return self.registry.get_sample_value(f"fenghuo_receive_{name}", labels) or 0.0


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    bench = Bench(tmp_path)
    yield bench
    bench.store.close()


def one(name: str, value: float, time_ms: int = NOW_MS, **labels: str) -> OutgoingSeries:
    return OutgoingSeries(Labels({"__name__": name, **labels}), [(time_ms, value)])


def test_samples_are_stored_and_counted(bench: Bench) -> None:
    for step in range(3):
        receipt = bench.send(*(one(f"m{number}", step, NOW_MS + step, job="a") for number in range(10)))
        assert (receipt.samples, receipt.refused) == (10, {})
    found = everything(bench.store)
    assert len(found) == 10
    assert found[Labels({"__name__": "m3", "job": "a"})] == [(NOW_MS + step, bits(step)) for step in range(3)]
    assert bench.counted("samples_total", way="remote_write_1") == 30
    assert bench.counted("requests_total", way="remote_write_1", outcome="ok") == 3
    assert bench.counted("known_series") == 10


@pytest.mark.parametrize("encoding", list(Encoding))
@pytest.mark.parametrize("version", list(Version))
def test_both_versions_and_both_compressions(bench: Bench, version: Version, encoding: Encoding) -> None:
    series = [one(f"m{number}", number) for number in range(5)]
    message = encode_v1(series) if version is Version.V1 else encode_v2(series)
    assert bench.receiver.receive(packed(message, encoding), version, encoding.value).samples == 5
    assert len(everything(bench.store)) == 5


def test_bad_series_are_refused_and_the_others_kept(bench: Bench) -> None:
    receipt = bench.send(one("good", 1), one("", 2), one("long", 3, n="x" * 41), one("late", 4, NOW_MS - 3_600_000))
    assert receipt.samples == 1
    assert receipt.refused == {"invalid_labels": 1, "limit": 1, "too_old": 1}
    assert "no metric name" in receipt.first_problem
    assert receipt.summary.startswith("1 samples stored, refused: 1 invalid_labels, 1 limit, 1 too_old (first: ")
    assert bench.counted("refused_total", way="remote_write_1", reason="limit") == 1
    assert bench.counted("requests_total", way="remote_write_1", outcome="partial") == 1


def test_what_cannot_be_read_is_refused_whole(bench: Bench) -> None:
    hits = ITEMS.hits
    for body in (b"\xff" * 20, packed(b"\x0a\x05abc"), packed(b"\x0a\x00" * (ITEMS.default + 1))):
        receipt = bench.receiver.receive(body, Version.V1, "snappy")
        assert receipt.unreadable
        assert receipt.samples == 0
    assert receipt.too_large
    assert ITEMS.hits == hits + 1
    assert bench.counted("requests_total", way="remote_write_1", outcome="unreadable") == 3


def test_series_that_the_store_forgot_are_named_anew(bench: Bench) -> None:
    assert bench.send(*(one(f"m{number}", 1) for number in range(10))).samples == 10
    bench.clock.step_wall(3600)
    bench.store.keeper.maintain()
    assert everything(bench.store) == {}
    later = bench.clock.now_ms()
    # Numbers of forgotten series are given to others first.
    bench.store.append_samples([Labels({"__name__": "other"})], np.array([later]), np.ones(1))
    assert bench.send(*(one(f"m{number}", 2, later) for number in range(10))).samples == 10
    found = everything(bench.store)
    assert len(found) == 11
    assert found[Labels({"__name__": "m7"})] == [(later, bits(2))]


def test_when_too_many_spellings_are_known_all_are_read_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    limit = Limit("few", 10, Policy.DROP_OLDEST, "Few.")
    monkeypatch.setattr(known, "KNOWN", limit)
    for step in range(3):
        for first in (0, 8):
            sent = [one(f"m{number}", step, NOW_MS + step) for number in range(first, first + 8)]
            assert bench.send(*sent).samples == 8
    assert limit.hits > 0
    assert all(len(samples) == 3 for samples in everything(bench.store).values())


def test_large_requests_are_stored_in_parts_and_targets_stay_whole(bench: Bench) -> None:
    """Sixty samples of each series, one series after another."""
    series = [
        OutgoingSeries(
            Labels({"__name__": f"m{number}", "instance": f"host-{target}"}),
            [(NOW_MS - 60_000 + step * 1000 + target, step) for step in range(60)],
        )
        for target in range(3)
        for number in range(100)
    ]
    assert bench.send(*series).samples == 18_000
    assert all(len(samples) == 60 for samples in everything(bench.store).values())
    assert len(bench.store._parts.head.cohorts) == 3
    assert bench.store._parts.head.loose.size == 0


def test_exemplars_are_kept_and_served(bench: Bench) -> None:
    exemplar = Exemplar(Labels({"trace_id": "abc"}), 0.5, NOW_MS)
    labels = Labels({"__name__": "latency_bucket", "le": "1.0"})
    assert bench.send(OutgoingSeries(labels, [(NOW_MS, 1.0)], [exemplar])).exemplars == 1
    matcher = Matcher("__name__", MatchOp.EQUAL, "latency_bucket")
    assert bench.store.exemplars([[matcher]], 0, NOW_MS) == [(labels, [exemplar])]


def test_metadata_is_kept_by_family(bench: Bench) -> None:
    said = Metadata("counter", "Requests.", "")
    bench.send(metadata=[("http_requests", said)])
    assert bench.metadata.families() == {"http_requests": [said]}
    histogram = Metadata("histogram", "Seconds.", "seconds")
    series = [
        OutgoingSeries(Labels({"__name__": f"latency_seconds{end}"}), [(NOW_MS, 1.0)], metadata=histogram)
        for end in ("_bucket", "_sum", "_count")
    ]
    bench.receiver.receive(packed(encode_v2(series)), Version.V2, "snappy")
    assert bench.metadata.families("latency_seconds") == {"latency_seconds": [histogram]}
    assert bench.metadata.families("nothing") == {}


def test_metadata_is_bounded(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "FAMILIES", Limit("few", 3, Policy.DROP_OLDEST, "Few."))
    for number in (1, 2, 3, 1, 4):
        bench.send(metadata=[(f"f{number}", Metadata("gauge", "x" * 10_000))])
    assert bench.metadata.families().keys() == {"f3", "f1", "f4"}
    assert len(bench.metadata.families("f4")["f4"][0].help) == metadata.TEXT_CHARS_MAX
    for number in range(30):
        bench.send(metadata=[("f1", Metadata("gauge", str(number)))])
    assert len(bench.metadata.families("f1")["f1"]) == metadata.PER_FAMILY
    assert bench.metadata.families("f1")["f1"][0].help == "29"
