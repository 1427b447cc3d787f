"""Matchers on dictionaries: each distinct label value is judged once, then judgement is an array look-up."""

from __future__ import annotations

from collections import OrderedDict

import numpy as np

from fenghuo.model.label_table import Codes, Dictionary
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import Bools, Ints

REMEMBERED_MAX = 1024
"""Judgements kept. A dashboard set uses some dozens; each costs one byte for each distinct value."""


class Judge:
    """Tells which codes of a dictionary a matcher accepts, and remembers it while the dictionary only grows."""

    def __init__(self) -> None:
        self._remembered: OrderedDict[Matcher, Bools] = OrderedDict()

    def accepted(self, matcher: Matcher, dictionary: Dictionary) -> Bools:
        """bool[len(dictionary)]: whether the matcher accepts each value."""
        known = self._remembered.get(matcher)
        if known is None:
            known = np.empty(0, dtype=np.bool_)
        else:
            self._remembered.move_to_end(matcher)
        size = len(dictionary)
        if len(known) < size:
            fresh = [matcher.matches(value) for value in dictionary.values[len(known) : size]]
            known = np.concatenate([known, np.array(fresh, dtype=np.bool_)])
            self._remembered[matcher] = known
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        return known[:size]

    def forget(self) -> None:
        """Drop everything remembered; needed when dictionaries were rebuilt."""
        self._remembered.clear()

    def rows(self, matcher: Matcher, codes: Codes, dictionary: Dictionary, among: Ints | None) -> Ints:
        """The row numbers (of ``among``, or of all) whose code the matcher accepts, in ascending order."""
        seen = codes if among is None else codes[among]
        if matcher.op is MatchOp.EQUAL or matcher.op is MatchOp.NOT_EQUAL:
            code = dictionary.code(matcher.value)
            if matcher.op is MatchOp.EQUAL:
                hits = np.flatnonzero(seen == (-1 if code is None else code))
            else:
                hits = np.flatnonzero(seen != (-1 if code is None else code))
        else:
            hits = np.flatnonzero(self.accepted(matcher, dictionary)[seen])
        return hits if among is None else among[hits]


def by_cost(matchers: list[Matcher]) -> list[Matcher]:
    """Equality first: it is cheapest and leaves least for the others."""
    order = {MatchOp.EQUAL: 0, MatchOp.REGEX: 1, MatchOp.NOT_EQUAL: 2, MatchOp.NOT_REGEX: 3}
    return sorted(matchers, key=lambda matcher: order[matcher.op])
