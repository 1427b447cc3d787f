"""Label matchers: ``name="v"``, ``name!="v"``, ``name=~"re"``, ``name!~"re"``."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from fenghuo.model.labels import is_legacy_label_name, quote
from fenghuo.model.regex import compile_anchored


class MatchOp(StrEnum):
    EQUAL = "="
    NOT_EQUAL = "!="
    REGEX = "=~"
    NOT_REGEX = "!~"


@dataclass(frozen=True, slots=True)
class Matcher:
    """One condition on one label. A label that is not there has the value ``""``.

    Raises InputError at construction when a regular expression is not one.
    """

    name: str
    op: MatchOp
    value: str

    def __post_init__(self) -> None:
        if self.op in (MatchOp.REGEX, MatchOp.NOT_REGEX):
            compile_anchored(self.value)

    def matches(self, value: str) -> bool:
        match self.op:
            case MatchOp.EQUAL:
                return value == self.value
            case MatchOp.NOT_EQUAL:
                return value != self.value
            case MatchOp.REGEX:
                return compile_anchored(self.value).match(value) is not None
            case MatchOp.NOT_REGEX:
                return compile_anchored(self.value).match(value) is None

    def matches_labels(self, labels: Mapping[str, str]) -> bool:
        return self.matches(labels.get(self.name, ""))

    def __str__(self) -> str:
        name = self.name if is_legacy_label_name(self.name) else quote(self.name)
        return f"{name}{self.op}{quote(self.value)}"
