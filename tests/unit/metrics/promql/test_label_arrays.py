"""Grouping, joining and ordering of label tables, against the same with label sets."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.metrics.promql.label_arrays import concat, group_rows, sorted_order
from fenghuo.model.label_table import LabelTable
from fenghuo.model.labels import Labels

rows = st.lists(
    st.dictionaries(st.sampled_from(["__name__", "a", "b", "instance"]), st.sampled_from(["", "1", "2", "10", "é"])),
    min_size=1,
    max_size=12,
)


@given(rows, st.one_of(st.none(), st.lists(st.sampled_from(["a", "b", "zz"]), unique=True)))
def test_group_rows(labels: list[dict[str, str]], names: list[str] | None) -> None:
    """Ids are equal exactly when the chosen labels are, numbered by first appearance."""
    table = LabelTable.of(labels)
    ids, first = group_rows(table, names)
    keys = [Labels(row) if names is None else Labels(row).only(names) for row in labels]
    seen = list(dict.fromkeys(keys))
    assert ids.tolist() == [seen.index(key) for key in keys]
    assert first.tolist() == [keys.index(key) for key in seen]


@given(rows)
def test_sorted_order(labels: list[dict[str, str]]) -> None:
    """The order of label sets as Prometheus has it, absent labels and prefixes included."""
    table = LabelTable.of(labels)
    assert [table.row(int(row)) for row in sorted_order(table)] == sorted(map(Labels, labels))


@given(rows, rows)
def test_concat(upper: list[dict[str, str]], lower: list[dict[str, str]]) -> None:
    """Rows keep their labels, with dictionaries of their own or shared ones."""
    left, right = LabelTable.of(upper), LabelTable.of(lower)
    assert list(concat(left, right).rows()) == [*map(Labels, upper), *map(Labels, lower)]
    assert list(concat(left, left).rows()) == [*map(Labels, upper), *map(Labels, upper)]


@pytest.mark.parametrize("names", [None, ["n0", "n5"]])
def test_group_rows_with_many_values(names: list[str] | None) -> None:
    """Keys of many wide columns do not overflow."""
    labels = [{f"n{column}": f"{row}" for column in range(8)} for row in range(2000)]
    ids, first = group_rows(LabelTable.of(labels), names)
    assert len(first) == 2000
    assert ids.tolist() == list(range(2000))
