"""The limits of what is pushed. They stand together so that they are known before the first request loads the rest."""

from __future__ import annotations

from fenghuo.base.limits import Policy, declare

MESSAGE_BYTES = declare(
    "receive_message_bytes", 64 * 1024 * 1024, Policy.REJECT, "Bytes of a remote write message, decompressed."
)
ITEMS = declare(
    "receive_message_items",
    500_000,
    Policy.REJECT,
    "Series, samples, exemplars and metadata in one remote write message.",
)
KNOWN = declare(
    "receive_known_series",
    1_000_000,
    Policy.DROP_OLDEST,
    "Series whose senders' spelling is remembered; beyond it all are forgotten, and read anew when they come.",
)
FAMILIES = declare(
    "receive_metadata_families", 20_000, Policy.DROP_OLDEST, "Metric families whose pushed metadata is kept."
)
