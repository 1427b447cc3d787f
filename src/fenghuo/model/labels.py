"""Label sets: what names a series, a target or an alert."""

from __future__ import annotations

import re
from collections.abc import ItemsView, Iterable, Iterator, Mapping
from operator import itemgetter
from typing import Final, TypeVar, overload

T = TypeVar("T")

METRIC_NAME: Final = "__name__"

_METRIC_NAME = re.compile(r"[a-zA-Z_:][a-zA-Z0-9_:]*\Z")
_VALUE = itemgetter(1)
_LABEL_NAME = re.compile(r"[a-zA-Z_][a-zA-Z0-9_]*\Z")

FNV_OFFSET: Final = 14695981039346656037
FNV_PRIME: Final = 1099511628211
_MASK64: Final = (1 << 64) - 1


class Labels(Mapping[str, str]):
    """An immutable set of labels, sorted by name. An empty value is the same as no label and is not kept.

    Two label sets are equal when their pairs are; they are hashable and ordered as Prometheus orders them.
    """

    __slots__ = ("_hash", "pairs")

    pairs: tuple[tuple[str, str], ...]
    """Sorted by name; values are never empty. There are few, and a server keeps hundreds of thousands of label sets:
    going through them takes less memory than a dictionary, and hardly more time."""

    def __init__(self, labels: Mapping[str, str] | Iterable[tuple[str, str]] = ()) -> None:
        items = labels.pairs if isinstance(labels, Labels) else dict(labels).items()
        pairs = tuple(sorted(items))
        self.pairs = pairs if all(map(_VALUE, pairs)) else tuple(filter(_VALUE, pairs))
        self._hash = hash(self.pairs)

    @classmethod
    def of_sorted(cls, pairs: tuple[tuple[str, str], ...]) -> Labels:
        """The same for a parser that has sorted the pairs and has seen that names are distinct, values not empty."""
        labels = cls.__new__(cls)
        labels.pairs = pairs
        labels._hash = hash(pairs)
        return labels

    @property
    def metric_name(self) -> str:
        """The value of ``__name__``, or the empty string."""
        return self.get(METRIC_NAME, "")

    def __getitem__(self, name: str) -> str:
        for own, value in self.pairs:
            if own == name:
                return value
        raise KeyError(name)

    def __iter__(self) -> Iterator[str]:
        return iter([name for name, _ in self.pairs])

    def __len__(self) -> int:
        return len(self.pairs)

    def __contains__(self, name: object) -> bool:
        for own, _ in self.pairs:  # noqa: SIM110 - twice as fast as any() over so few
            if own == name:
                return True
        return False

    @overload
    def get(self, name: str, /) -> str | None: ...
    @overload
    def get(self, name: str, /, default: str) -> str: ...
    @overload
    def get(self, name: str, /, default: T) -> str | T: ...
    def get(self, name: str, /, default: object = None) -> object:
        for own, value in self.pairs:
            if own == name:
                return value
        return default

    def items(self) -> ItemsView[str, str]:
        return dict(self.pairs).items()

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        if isinstance(other, Labels):
            return self.pairs == other.pairs
        return NotImplemented

    def __lt__(self, other: Labels) -> bool:
        return self.pairs < other.pairs

    def merged(self, other: Mapping[str, str]) -> Labels:
        """These labels with ``other``'s put over them; an empty value there removes the label."""
        return Labels({**dict(self.pairs), **other})

    def without(self, names: Iterable[str]) -> Labels:
        gone = frozenset(names)
        return Labels.of_sorted(tuple([pair for pair in self.pairs if pair[0] not in gone]))

    def only(self, names: Iterable[str]) -> Labels:
        kept = frozenset(names)
        return Labels.of_sorted(tuple([pair for pair in self.pairs if pair[0] in kept]))

    def fingerprint(self) -> int:
        """Prometheus' and Alertmanager's 64-bit FNV-1a over ``name 0xff value 0xff`` of the sorted labels."""
        return hash_bytes(self.identity())

    def identity(self) -> bytes:
        """The bytes that the fingerprint is of."""
        return b"\xff".join([text.encode() for pair in self.pairs for text in pair]) + b"\xff" if self.pairs else b""

    def __str__(self) -> str:
        """As PromQL writes it: ``up{job="node"}``."""
        inner = ", ".join(f"{_quoted_name(name)}={quote(value)}" for name, value in self.pairs if name != METRIC_NAME)
        name = self.metric_name
        if name and not is_legacy_metric_name(name):
            return "{" + quote(name) + (f", {inner}" if inner else "") + "}"
        return f"{name}{{{inner}}}" if inner or not name else name

    def __repr__(self) -> str:
        return f"Labels({dict(self.pairs)!r})"


EMPTY: Final = Labels()


def hash_bytes(data: bytes, value: int = FNV_OFFSET) -> int:
    """64-bit FNV-1a of ``data``, going on from ``value``."""
    for byte in data:
        value = ((value ^ byte) * FNV_PRIME) & _MASK64
    return value


def quote(value: str) -> str:
    """``value`` as a double-quoted Go string literal, for messages and expressions."""
    out = ['"']
    for char in value:
        if char in '"\\':
            out.append("\\" + char)
        elif char == "\n":
            out.append("\\n")
        elif char == "\t":
            out.append("\\t")
        elif char == "\r":
            out.append("\\r")
        elif ord(char) < 0x20 or ord(char) == 0x7F:
            out.append(f"\\x{ord(char):02x}")
        else:
            out.append(char)
    out.append('"')
    return "".join(out)


def is_legacy_metric_name(name: str) -> bool:
    """True for names of the classic character set ``[a-zA-Z_:][a-zA-Z0-9_:]*``."""
    return _METRIC_NAME.match(name) is not None


def is_legacy_label_name(name: str) -> bool:
    """True for names of the classic character set ``[a-zA-Z_][a-zA-Z0-9_]*``."""
    return _LABEL_NAME.match(name) is not None


def _quoted_name(name: str) -> str:
    return name if is_legacy_label_name(name) else quote(name)
