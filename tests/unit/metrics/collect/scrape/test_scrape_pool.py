"""The names of cohorts."""

from __future__ import annotations

from fenghuo.metrics.collect.scrape.pool import KEY_CHARS_MAX, cohort_key
from fenghuo.model.labels import Labels


def test_a_cohort_is_named_after_its_target() -> None:
    key = cohort_key(("api", Labels({"instance": "a:1"}), "http://a:1/metrics"))

    assert key == 'scrape api http://a:1/metrics {instance="a:1"}'


def test_long_labels_make_short_names_that_differ() -> None:
    """The store's log takes names of 65,535 bytes."""
    keys = {cohort_key(("j" * 9000, Labels({"note": "注" * 70_000 + end}), "http://a:1")) for end in "ab"}

    assert len(keys) == 2
    assert all(len(key.encode()) < 4 * KEY_CHARS_MAX for key in keys)
