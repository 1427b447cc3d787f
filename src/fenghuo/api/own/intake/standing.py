"""Which label sets fire for which of the senders' events, so that what is over is found again."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Iterable

from fenghuo.api.own.intake.report import EVENT, SEVERITY, SOURCE
from fenghuo.base import limits
from fenghuo.model.labels import Labels

IDENTITIES = limits.declare(
    "intake_identities", 100_000, limits.Policy.DROP_OLDEST, "Events of other programs whose labels are remembered."
)


def identity(labels: Labels, *, named: bool) -> Labels:
    """What stays the same about an event while it lasts: the sender's name of it, or all labels but how bad it is.

    ``named``: a label ``event_id`` is that name.
    """
    if named and EVENT in labels:
        return labels.only((SOURCE, EVENT))
    return labels.without((SEVERITY,))


class Standing:
    """By identity the labels that fire. What is not remembered any more is taken at its own labels."""

    def __init__(self, firing: Iterable[tuple[Labels, bool]] = ()) -> None:
        """``firing`` is what other messages began before this process did, each with whether its events are named."""
        self._labels = OrderedDict((identity(labels, named=named), labels) for labels, named in firing)

    def fires(self, labels: Labels, *, named: bool) -> Labels | None:
        """Something begins or goes on; returns other labels under which it fired until now, which are over."""
        key = identity(labels, named=named)
        before = self._labels.pop(key, labels)
        self._labels[key] = labels
        while len(self._labels) > IDENTITIES.default:
            self._labels.popitem(last=False)
            IDENTITIES.hit()
        return None if before == labels else before

    def is_over(self, labels: Labels, *, named: bool) -> Labels:
        """Something is over; returns the labels under which it fired."""
        return self._labels.pop(identity(labels, named=named), labels)
