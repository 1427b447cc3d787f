"""Relabelling beyond what the conformance cases show."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fenghuo.base.document import Document, RefusedError, validate
from fenghuo.model.relabel import NameScheme, RelabelRule, relabel


def rule(**fields: Any) -> RelabelRule:
    made, problems = validate(RelabelRule, Document("test", fields))
    assert made is not None, problems
    return made


@pytest.mark.parametrize(
    ("fields", "before", "after"),
    [
        # Go's templates: an unknown group is empty, $$ is a dollar, a longest name is taken, a stray $ is kept.
        ({"source_labels": ["a"], "target_label": "t", "replacement": "$1x"}, {"a": "v"}, {"a": "v"}),
        ({"source_labels": ["a"], "target_label": "t", "replacement": "${1}x"}, {"a": "v"}, {"a": "v", "t": "vx"}),
        ({"source_labels": ["a"], "target_label": "t", "replacement": "$$1"}, {"a": "v"}, {"a": "v", "t": "$1"}),
        ({"source_labels": ["a"], "target_label": "t", "replacement": "a$"}, {"a": "v"}, {"a": "v", "t": "a$"}),
        ({"source_labels": ["a"], "target_label": "t", "replacement": "${"}, {"a": "v"}, {"a": "v", "t": "${"}),
        ({"source_labels": ["a"], "target_label": "t", "replacement": "$0"}, {"a": "v"}, {"a": "v", "t": "v"}),
        ({"source_labels": ["a"], "target_label": "t", "replacement": "$7"}, {"a": "v"}, {"a": "v"}),
        # An empty result removes the label; a group that took no part is empty.
        ({"source_labels": ["a"], "target_label": "a", "replacement": ""}, {"a": "v"}, {}),
        ({"source_labels": ["a"], "regex": "(x)|v", "target_label": "a"}, {"a": "v"}, {}),
        # An empty regex matches only the empty text.
        ({"source_labels": ["a"], "regex": "", "target_label": "t", "replacement": "n"}, {"a": "v"}, {"a": "v"}),
        ({"source_labels": ["b"], "regex": "", "target_label": "t", "replacement": "n"}, {}, {"t": "n"}),
        # No source labels: the empty text, which the default regex matches.
        ({"target_label": "t", "replacement": "n"}, {"a": "v"}, {"a": "v", "t": "n"}),
        ({"source_labels": ["a", "b"], "separator": "-", "target_label": "t"}, {"a": "v"}, {"a": "v", "t": "v-"}),
        ({"action": "lowercase", "source_labels": ["a"], "target_label": "a"}, {"a": "ÄΣ"}, {"a": "äσ"}),
        ({"action": "uppercase", "source_labels": ["a"], "target_label": "a"}, {"a": "straße"}, {"a": "STRAßE"}),
        ({"action": "lowercase", "source_labels": ["b"], "target_label": "a"}, {"a": "v"}, {}),
        ({"action": "labelmap", "regex": "m_(.+)"}, {"m_a": "new", "a": "old"}, {"m_a": "new", "a": "new"}),
        ({"action": "labelmap", "regex": "m_(.*)"}, {"m_": "v"}, {"m_": "v"}),
        ({"action": "Replace", "target_label": "t", "replacement": "n"}, {}, {"t": "n"}),
        ({"action": "keep", "source_labels": ["a"], "regex": "v"}, {"a": "vv"}, None),
        ({"action": "drop", "source_labels": ["no"], "regex": ""}, {"a": "v"}, None),
    ],
)  # fmt: skip
def test_one_rule(fields: dict[str, Any], before: Mapping[str, str], after: Mapping[str, str] | None) -> None:
    got = relabel(before, [rule(**fields)])
    assert (None if got is None else dict(got)) == after


def test_rules_see_what_earlier_ones_did_and_the_input_stays_as_it_is() -> None:
    before = {"a": "1"}
    rules = [
        rule(source_labels=["a"], target_label="b"),
        rule(source_labels=["b"], target_label="c", replacement="${1}2"),
        rule(action="labeldrop", regex="[ab]"),
    ]
    assert dict(relabel(before, rules) or {}) == {"c": "12"}
    assert before == {"a": "1"}


def test_a_target_that_is_no_name_under_the_legacy_scheme_is_not_written() -> None:
    templated = rule(source_labels=["a"], target_label="${1}", replacement="x")
    assert dict(relabel({"a": "ok-not"}, [templated.under(NameScheme.LEGACY)]) or {}) == {"a": "ok-not"}
    assert dict(relabel({"a": "ok-not"}, [templated.under(NameScheme.UTF8)]) or {}) == {"a": "ok-not", "ok-not": "x"}


def test_a_fixed_target_that_is_no_name_is_refused() -> None:
    dashed = rule(target_label="a-b", replacement="x")
    dashed.under(NameScheme.UTF8)
    with pytest.raises(RefusedError, match="'a-b' is not a label name"):
        dashed.under(NameScheme.LEGACY)


@given(st.dictionaries(st.text("abc", min_size=1, max_size=2), st.text(max_size=4), max_size=4), st.integers(1, 9))
def test_hashmod_puts_every_target_into_one_shard(labels: dict[str, str], shards: int) -> None:
    kept = []
    for shard in range(shards):
        mark = rule(action="hashmod", source_labels=["a", "b"], modulus=shards, target_label="__tmp")
        keep = rule(action="keep", source_labels=["__tmp"], regex=str(shard))
        kept.append(relabel(labels, [mark, keep]) is not None)
    assert sum(kept) == 1
