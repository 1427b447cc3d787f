"""Matchers on dictionaries: each distinct label value is judged once, then judgement is an array look-up."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

import numpy as np

from fenghuo.model.label_table import Codes, Dictionary
from fenghuo.model.matcher import Matcher, MatchOp
from fenghuo.model.sample import Bools, Ints

REMEMBERED_MAX = 1024
"""Judgements kept. A dashboard set uses some dozens; each costs one byte for each distinct value."""


@dataclass(slots=True)
class _Judgement:
    """What one matcher says of the values of a dictionary."""

    dictionary: Dictionary
    accepted: Bools
    """By code, as far as it was asked for."""
    refilled: int = 0
    """How many of the codes that were filled later are judged."""


class Judge:
    """Tells which codes of a dictionary a matcher accepts, and remembers it for as long as that dictionary is used."""

    def __init__(self) -> None:
        self._remembered: OrderedDict[Matcher, _Judgement] = OrderedDict()

    def accepted(self, matcher: Matcher, dictionary: Dictionary) -> Bools:
        """bool[len(dictionary)]: whether the matcher accepts each value."""
        known = self._remembered.get(matcher)
        if known is None or known.dictionary is not dictionary:
            known = self._remembered[matcher] = _Judgement(dictionary, np.empty(0, dtype=np.bool_))
            if len(self._remembered) > REMEMBERED_MAX:
                self._remembered.popitem(last=False)
        self._remembered.move_to_end(matcher)
        for code in dictionary.refilled[known.refilled :]:
            if code < len(known.accepted):
                known.accepted[code] = matcher.matches(dictionary.values[code])
        known.refilled = len(dictionary.refilled)
        size = len(dictionary)
        if len(known.accepted) < size:
            fresh = [matcher.matches(value) for value in dictionary.values[len(known.accepted) : size]]
            known.accepted = np.concatenate([known.accepted, np.array(fresh, dtype=np.bool_)])
        return known.accepted[:size]

    def forget(self, dictionary: Dictionary) -> None:
        """Drop what is remembered of a dictionary that is not used any more."""
        for matcher in [each for each, known in self._remembered.items() if known.dictionary is dictionary]:
            del self._remembered[matcher]

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
