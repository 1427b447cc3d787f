"""The series of almost every line: ``name{label="value",…}`` without blanks, escapes or quoted names.

They are read with look-ups of whole labels, because the series of a body share most of theirs. Whatever is spelled
otherwise is left to the careful reader.
"""

from __future__ import annotations

import re
from typing import Final

from fenghuo.model.labels import METRIC_NAME, Labels
from fenghuo.wire.exposition.grammar import Pair
from fenghuo.wire.exposition.values import canonical_bound

_NAME: Final = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*+", re.ASCII)
_PAIR: Final = re.compile(r'([a-zA-Z_][a-zA-Z0-9_]*+)="([^"\\\n]++)', re.ASCII)


class PlainNames(dict[str, Pair]):
    """Metric names seen, as pairs. KeyError for what is no metric name of the classic kind."""

    def __missing__(self, name: str) -> Pair:
        if _NAME.fullmatch(name) is None:
            raise KeyError(name)
        pair = self[name] = (METRIC_NAME, name)
        return pair


class PlainPairs(dict[str, Pair]):
    """Labels seen, by ``name="value`` as it stands in the body. KeyError for what is not plain.

    Series that share a label share its pair, which saves the memory of thousands of equal strings. The value of
    ``bound_label`` (none when empty) is spelled as :func:`canonical_bound` spells it.
    """

    def __init__(self, bound_label: str, *, valid_utf8: bool) -> None:
        super().__init__()
        self._bound_label = bound_label
        self._valid_utf8 = valid_utf8

    def __missing__(self, text: str) -> Pair:
        found = _PAIR.fullmatch(text)
        if found is None or (not self._valid_utf8 and not text.isascii()):
            raise KeyError(text)
        name, value = found.groups()
        pair = self[text] = (name, canonical_bound(value) if name == self._bound_label else value)
        return pair


def plain_series(key: str, names: PlainNames, pairs: PlainPairs) -> Labels | None:
    """The labels of ``key``, a series and the blank behind it; None when it is not in plain spelling."""
    if key.endswith('"} '):
        name, _, inside = key[:-3].partition("{")
        texts = inside.split('",')
    else:
        name, texts = key[:-1], []
    try:
        found = [names[name], *map(pairs.__getitem__, texts)]
    except KeyError:
        return None
    found.sort()
    return Labels.of_sorted(tuple(found)) if len(dict(found)) == len(found) else None
