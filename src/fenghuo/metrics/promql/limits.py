"""What a query may cost. Each limit's default can be changed under ``query`` in the configuration, but for nesting."""

from __future__ import annotations

from fenghuo.base.limits import Policy, declare

SAMPLES_MAX = declare(
    "query_samples", 50_000_000, Policy.REJECT, "Samples that one query may hold at a time; more is an error."
)
TIMEOUT_S = declare(
    "query_timeout_s",
    120,
    Policy.REJECT,
    "How long one query may take, waiting for its turn included, before it is ended.",
)
CONCURRENCY = declare(
    "query_concurrency", 20, Policy.WAIT, "Queries evaluated at the same time; further ones wait for their turn."
)
POINTS_MAX = declare(
    "query_points_per_series", 11_000, Policy.REJECT, "Points of one series that a range query may return."
)
ANSWER_BYTES_MAX = declare(
    "query_response_bytes",
    256 << 20,
    Policy.REJECT,
    "Bytes of a query's answer before it is compressed; more is an error.",
)
TEXT_CHARS_MAX = declare(
    "query_text_chars", 200_000, Policy.REJECT, "Characters of one query; what is longer is not read."
)
# The parser needs up to five of Python's 1,000 frames for each level of nesting, the evaluator three for each of the
# tree.
NESTING_MAX = declare(
    "query_nesting", 150, Policy.REJECT, "Levels of brackets, calls and signs around one place in a query."
)
LEVELS_MAX = declare(
    "query_levels",
    250,
    Policy.REJECT,
    "Levels of a query's tree; operators in a row, left to right, are one level however many.",
)
