"""An alert as it travels from a rule, or from outside, to the notification pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from fenghuo.model.labels import EMPTY, Labels
from fenghuo.model.reading import Reading


@dataclass(frozen=True, slots=True)
class Alert:
    """One alert. Its labels are its identity.

    ``ends_at_ms`` is None while nobody has said when it ends; an end in the past means resolved, one in the
    future means "resolved then, unless I hear again".
    """

    labels: Labels
    starts_at_ms: int
    ends_at_ms: int | None = None
    annotations: Labels = EMPTY
    generator_url: str = ""
    updated_at_ms: int = 0
    reading: Reading | None = None
    """The value that its rule saw last, where a rule of ours raised it."""

    @property
    def name(self) -> str:
        return self.labels.get("alertname", "")

    def during(self, starts_at_ms: int, ends_at_ms: int, updated_at_ms: int) -> Alert:
        """The same alert at these times. What dataclasses.replace would do takes six times as long."""
        return Alert(
            self.labels,
            starts_at_ms,
            ends_at_ms,
            self.annotations,
            self.generator_url,
            updated_at_ms,
            self.reading,
        )

    def resolved_at(self, now_ms: int) -> bool:
        """Whether the alert is over at ``now_ms``."""
        return self.ends_at_ms is not None and self.ends_at_ms <= now_ms
