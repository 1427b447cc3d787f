"""How many series the store takes, and of what size: one bad target cannot take the server down.

A series beyond a bound gets no number; its samples are refused with the reason ``limit``, and all others are kept.
Series that the store has already, and what it finds on disk at the start, are never refused.
"""

from __future__ import annotations

from collections.abc import Sequence

from fenghuo.base.clock import Clock
from fenghuo.base.limits import Limit, Policy, declare
from fenghuo.metrics.store.settings import StoreSettings
from fenghuo.model.labels import Labels

SERIES = declare(
    "store_series", 2_000_000, Policy.REJECT, "Series that the store knows, in memory and on disk; see max_series."
)
TARGET_SERIES = declare(
    "store_target_series",
    500_000,
    Policy.REJECT,
    "Series of one target or rule with a sample in memory; see max_series_per_target.",
)
LABELS = declare("store_labels", 100, Policy.REJECT, "Labels of a series, its name included; see max_labels.")
NAME_BYTES = declare("store_label_name_bytes", 1024, Policy.REJECT, "Bytes of a label name; see max_label_name_length.")
VALUE_BYTES = declare(
    "store_label_value_bytes", 16_384, Policy.REJECT, "Bytes of a label value; see max_label_value_length."
)
LIMIT = "limit"
"""The reason that a refused sample is counted under."""
SAID_FOR_MS = 120_000
"""A refusal is trouble for so long after it happened; targets try again each minute."""
UNBOUNDED = 1 << 62
BYTES_MAX = 4
"""Of one character in UTF-8."""
_SHOWN_CHARS = 200


class Bounds:
    """The bounds of one store, and what they refused last. Called under the store's lock, but for :attr:`troubles`."""

    def __init__(self, settings: StoreSettings, clock: Clock) -> None:
        self._settings = settings
        self._clock = clock
        self._said: dict[str, tuple[int, str]] = {}
        """By name of a limit: when it refused last, and in which words."""

    def troubles(self) -> list[str]:
        """What was refused lately, a sentence each."""
        since_ms = self._clock.now_ms() - SAID_FOR_MS
        return [text for time_ms, text in list(self._said.values()) if time_ms >= since_ms]

    def admitted(self, series: Sequence[Labels], known: int) -> list[Labels]:
        """Those of some new series, distinct, that keep the bounds, when the store knows so many others."""
        sound = [labels for labels in series if self._sound(labels)]
        most = self._settings.series_max
        room = max(0, most - known) if most else len(sound)
        if len(sound) > room:
            SERIES.hit(len(sound) - room)
            self._say(SERIES, f"new series are refused: max_series is {most:,}")
        return sound[:room]

    def target_room(self, key: str, wanted: int, known: int) -> int:
        """How many of the series that want to join a cohort it may take, when it has so many."""
        most = self._settings.target_series_max
        room = max(0, most - known) if most else wanted
        if wanted > room:
            TARGET_SERIES.hit(wanted - room)
            said = f"new series of {key[:_SHOWN_CHARS]!r} are refused: max_series_per_target is {most:,}"
            self._say(TARGET_SERIES, said)
        return room

    def _sound(self, labels: Labels) -> bool:
        settings = self._settings
        names = settings.label_name_bytes_max or UNBOUNDED
        values = settings.label_value_bytes_max or UNBOUNDED
        if settings.labels_max and len(labels.pairs) > settings.labels_max:
            LABELS.hit()
            self._say(LABELS, f"it has {len(labels)} labels, max_labels is {settings.labels_max}", labels)
            return False
        for name, value in labels.pairs:
            if BYTES_MAX * len(name) > names and (size := _bytes_of(name)) > names:
                NAME_BYTES.hit()
                self._say(NAME_BYTES, f"a name of {size} bytes, max_label_name_length is {names}", labels)
                return False
            if BYTES_MAX * len(value) > values and (size := _bytes_of(value)) > values:
                VALUE_BYTES.hit()
                self._say(VALUE_BYTES, f"a value of {size} bytes, max_label_value_length is {values}", labels)
                return False
        return True

    def _say(self, limit: Limit, said: str, labels: Labels | None = None) -> None:
        if labels is not None:
            said = f"a series is refused: {said}: {str(labels)[:_SHOWN_CHARS]}"
        self._said[limit.name] = (self._clock.now_ms(), said)


def _bytes_of(text: str) -> int:
    return len(text.encode(errors="surrogatepass"))
