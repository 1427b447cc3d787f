"""Label sets in columns: the labels of many series as small integers, so that grouping is array work.

A :class:`LabelColumn` holds for each row the code of its value in a :class:`Dictionary`; code 0 is the empty
value, which is the same as no label. Columns that share one dictionary object can be compared by code.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from fenghuo.model.labels import Labels

Codes = npt.NDArray[np.int32]


class Dictionary:
    """A list of distinct label values. Code 0 is ``""``; a code means the same for as long as the object lives.

    Reading is safe while one thread interns.
    """

    __slots__ = ("_free", "codes", "refilled", "values")

    def __init__(self, values: Iterable[str] = ()) -> None:
        self.values: list[str] = [""]
        """By code."""
        self.codes: dict[str, int] = {"": 0}
        """The way back. Not to be changed from outside."""
        self._free: list[int] = []
        self.refilled: list[int] = []
        """The codes that were empty at first and have a value now."""
        for value in values:
            self.intern(value)

    def __len__(self) -> int:
        return len(self.values)

    @property
    def free(self) -> int:
        """How many codes mean nothing."""
        return len(self._free)

    def intern(self, value: str) -> int:
        """The code of ``value``, new if need be."""
        code = self.codes.get(value)
        if code is None:
            if self._free:
                code = self._free.pop()
                self.values[code] = value
                self.refilled.append(code)
            else:
                code = len(self.values)
                self.values.append(value)
            self.codes[value] = code
        return code

    def code(self, value: str) -> int | None:
        """The code of ``value``, or None when it was never interned."""
        return self.codes.get(value)

    def kept(self, used: npt.NDArray[np.bool_], *, reuse: bool) -> Dictionary:
        """Another dictionary, in which the codes that ``used``, bool[n], marks mean the same and all others nothing.

        With ``reuse`` these may come to mean something else there: who keeps codes keeps the dictionary to which they
        belong. May run beside a thread that interns here; :meth:`take_over` brings what that added.
        """
        other = Dictionary()
        other.values = [""] * len(used)
        other.take_over(self, np.flatnonzero(used).tolist())
        if reuse:
            other._free = (np.flatnonzero(~used[1:])[::-1] + 1).tolist()
        return other

    def take_over(self, older: Dictionary, codes: Sequence[int]) -> None:
        """Let these codes mean what they mean in ``older``; nothing else may have been interned since."""
        self.values.extend([""] * (len(older) - len(self.values)))
        for code in codes:
            self.values[code] = older.values[code]
            self.codes[older.values[code]] = code
        if self._free and codes:
            taken = frozenset(codes)
            self._free = [code for code in self._free if code not in taken]


@dataclass(frozen=True, slots=True)
class LabelColumn:
    """One label of many rows: ``dictionary.values[codes[i]]`` is row ``i``'s value."""

    codes: Codes
    dictionary: Dictionary

    @staticmethod
    def of(values: Iterable[str]) -> LabelColumn:
        dictionary = Dictionary()
        codes = np.fromiter((dictionary.intern(value) for value in values), dtype=np.int32)
        return LabelColumn(codes, dictionary)

    def value(self, row: int) -> str:
        return self.dictionary.values[int(self.codes[row])]

    def take(self, rows: npt.NDArray[np.integer]) -> LabelColumn:
        return LabelColumn(self.codes[rows], self.dictionary)


@dataclass(frozen=True, slots=True)
class LabelTable:
    """The labels of ``size`` series. A name without a column is absent from every row."""

    size: int
    columns: Mapping[str, LabelColumn]

    @staticmethod
    def of(rows: Sequence[Mapping[str, str]]) -> LabelTable:
        """A table with dictionaries of its own, in the order of ``rows``."""
        names = sorted({name for row in rows for name in row})
        return LabelTable(len(rows), {name: LabelColumn.of(row.get(name, "") for row in rows) for name in names})

    def row(self, index: int) -> Labels:
        """The label set of one row."""
        return Labels((name, column.value(index)) for name, column in self.columns.items())

    def rows(self) -> Iterator[Labels]:
        """Every row's label set, in order."""
        names = list(self.columns)
        texts = [[column.dictionary.values[code] for code in column.codes.tolist()] for column in self.columns.values()]
        for index in range(self.size):
            yield Labels((name, text[index]) for name, text in zip(names, texts, strict=True))

    def take(self, rows: npt.NDArray[np.integer]) -> LabelTable:
        """The rows named by index, in that order."""
        return LabelTable(len(rows), {name: column.take(rows) for name, column in self.columns.items()})

    def without(self, names: Iterable[str]) -> LabelTable:
        gone = frozenset(names)
        return LabelTable(self.size, {n: column for n, column in self.columns.items() if n not in gone})

    def only(self, names: Iterable[str]) -> LabelTable:
        kept = frozenset(names)
        return LabelTable(self.size, {n: column for n, column in self.columns.items() if n in kept})
