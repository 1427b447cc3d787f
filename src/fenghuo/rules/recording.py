"""A recording rule: an expression whose value is written under another name."""

from __future__ import annotations

from fenghuo.base.errors import InputError
from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.rules.functions import Query
from fenghuo.rules.plan import RulePlan


class RecordingRule:
    """One recording rule. It has no state."""

    def __init__(self, plan: RulePlan) -> None:
        self.plan = plan
        self._labels = {**plan.labels, METRIC_NAME: plan.name}

    def evaluate(self, query: Query, time_ms: int, limit: int) -> dict[Labels, float]:
        """The samples to write.

        Raises InputError when two come out with the same labels or there are more than ``limit`` (0 is no limit),
        and whatever ``query`` raises.
        """
        samples: dict[Labels, float] = {}
        for labels, value in query(self.plan.expr, time_ms):
            renamed = labels.merged(self._labels)
            if renamed in samples:
                raise InputError(f"two series of the result have the same labels after the rule's are set: {renamed}")
            samples[renamed] = value
        if limit and len(samples) > limit:
            raise InputError(f"exceeded limit of {limit} with {len(samples)} series")
        return samples
