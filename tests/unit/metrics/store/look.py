"""A plain way to look into a store."""

from __future__ import annotations

import numpy as np
from prometheus_client import CollectorRegistry

from fenghuo.metrics.store import Store
from fenghuo.model.labels import Labels
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import is_absent
from fenghuo.model.selection import DenseBlock, Selection

EVERYTHING = (Matcher("__name__", MatchOp.REGEX, ".*"),)
Samples = dict[Labels, list[tuple[int, int]]]
"""By series: time in ms and the bits of the value, so that NaNs compare."""


def bits(value: float) -> int:
    return int(np.float64(value).view(np.int64))


def look(selection: Selection) -> Samples:
    """The samples of a selection, checking what its docstring promises."""
    rows = list(selection.labels.rows())
    found: Samples = {}
    for block in selection.blocks:
        assert block.series.dtype == np.int64
        if isinstance(block, DenseBlock):
            assert block.values.flags.c_contiguous
            assert block.values.shape == (len(block.series), len(block.times_ms))
            assert (np.diff(block.times_ms) > 0).all()
            present = ~is_absent(block.values)
            parts = [(block.times_ms[mask], values[mask]) for mask, values in zip(present, block.values, strict=True)]
        else:
            assert not is_absent(block.values).any()
            bounds = list(zip(block.offsets[:-1], block.offsets[1:], strict=True))
            parts = [(block.times_ms[start:end], block.values[start:end]) for start, end in bounds]
        for row, (times, values) in zip(block.series.tolist(), parts, strict=True):
            assert rows[row] not in found, "a series stands in two blocks"
            assert (np.diff(times) > 0).all()
            if len(times):
                found[rows[row]] = list(zip(times.tolist(), values.view(np.int64).tolist(), strict=True))
    assert len(set(rows)) == len(rows)
    assert sum(len(block.series) for block in selection.blocks) == len(rows), "a row of the table is in no block"
    return found


def everything(store: Store, start_ms: int = -(1 << 62), end_ms: int = 1 << 62) -> Samples:
    return look(store.select(EVERYTHING, start_ms, end_ms))


def named(name: str, **labels: str) -> Labels:
    return Labels({"__name__": name, **labels})


def equal(**labels: str) -> list[Matcher]:
    return [Matcher(name.replace("name_", "__name__"), MatchOp.EQUAL, value) for name, value in labels.items()]


def metric(store: Store, name: str) -> float:
    """The value of one of the store's own metrics, 0 when it never moved."""
    registry: CollectorRegistry = store.registry  # type: ignore[attr-defined]
    return sum(
        sample.value
        for family in registry.collect()
        for sample in family.samples
        if sample.name == f"fenghuo_store_{name}"
    )


def is_part(samples: Samples, whole: Samples) -> bool:
    """Whether every sample is one of ``whole``."""
    return all(set(found) <= set(whole.get(labels, [])) for labels, found in samples.items())
