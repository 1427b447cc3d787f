"""Relabelling, exactly as Prometheus does it: rules that change, keep or drop a label set.

:func:`relabel` is pure. A rule is compiled once, when it is first applied; regular expressions are RE2 and match
the whole text, and ``$1``, ``${1}`` and ``$name`` in replacements follow Go's rules for templates.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Mapping, Sequence
from enum import StrEnum
from functools import cached_property, lru_cache
from typing import Annotated, Any, Final, Self

from pydantic import Field, PrivateAttr, field_validator, model_validator

from fenghuo.base.document import ListOf, RefusedError, Settings
from fenghuo.model.labels import Labels, is_legacy_label_name
from fenghuo.model.regex import Replacement, compile_anchored
from fenghuo.model.settings_types import Count, RegexText

DEFAULT_REGEX: Final = "(.*)"
DEFAULT_REPLACEMENT: Final = "$1"
DEFAULT_SEPARATOR: Final = ";"

TEXTS_KEPT: Final = 4096
"""Results that a rule remembers. Metric names, instances and label names come again with nearly every series, and a
match by RE2 costs several microseconds, most of it on the way into C++ and back."""

_LEGACY_TARGET = re.compile(r"(?:(?:[a-zA-Z_]|\$(?:\{\w+\}|\w+))+\w*)+\Z", re.ASCII)

Apply = Callable[[dict[str, str]], bool]
"""Changes the labels in place; False says that they are to be dropped."""


class Action(StrEnum):
    REPLACE = "replace"
    KEEP = "keep"
    DROP = "drop"
    KEEP_EQUAL = "keepequal"
    DROP_EQUAL = "dropequal"
    HASHMOD = "hashmod"
    LABELMAP = "labelmap"
    LABELDROP = "labeldrop"
    LABELKEEP = "labelkeep"
    LOWERCASE = "lowercase"
    UPPERCASE = "uppercase"


class NameScheme(StrEnum):
    """Which names are names."""

    UTF8 = "utf8"
    LEGACY = "legacy"

    def allows_label(self, name: str) -> bool:
        return bool(name) if self is NameScheme.UTF8 else is_legacy_label_name(name)


_TEXT_KEYS: Final = ("separator", "regex", "target_label", "replacement", "action")
_CASES: Final = (Action.LOWERCASE, Action.UPPERCASE)
_EQUALS: Final = (Action.KEEP_EQUAL, Action.DROP_EQUAL)
_NEED_TARGET: Final = (Action.REPLACE, Action.HASHMOD, *_CASES, *_EQUALS)


class RelabelRule(Settings):
    """One rule of ``relabel_configs``. What its fields mean depends on ``action``."""

    source_labels: ListOf[str] = Field(default_factory=list)
    separator: str = DEFAULT_SEPARATOR
    regex: RegexText = DEFAULT_REGEX
    modulus: Annotated[Count, Field(le=2**64 - 1)] = 0
    target_label: str = ""
    replacement: str = DEFAULT_REPLACEMENT
    action: Action = Action.REPLACE

    _scheme: NameScheme = PrivateAttr(NameScheme.UTF8)

    @model_validator(mode="before")
    @classmethod
    def _empty_means_empty(cls, value: Any) -> Any:
        """An empty ``regex:`` or ``replacement:`` is the empty text, not the default."""
        if value is None:
            raise RefusedError("empty or null relabeling rule", "remove the lone dash, or write a rule behind it")
        if not isinstance(value, Mapping):
            return value
        return {key: "" if item is None and key in _TEXT_KEYS else item for key, item in value.items()}

    @field_validator("action", mode="before")
    @classmethod
    def _action_word(cls, value: Any) -> Any:
        word = value.lower() if isinstance(value, str) else value
        if word == "":
            raise RefusedError("relabel action cannot be empty", f"write one of {', '.join(Action)}")
        if isinstance(word, str) and word not in tuple(Action):
            raise RefusedError(f"unknown relabel action {value!r}", f"write one of {', '.join(Action)}")
        return word

    @model_validator(mode="after")
    def _fields_fit_action(self) -> Self:
        action = self.action
        if action is Action.HASHMOD and self.modulus == 0:
            raise RefusedError("hashmod requires a modulus above 0", "add modulus: <number of shards>")
        if action in _NEED_TARGET and not self.target_label:
            raise RefusedError(f"{action} requires target_label", "add target_label: <name>")
        if action in _CASES and self.replacement != DEFAULT_REPLACEMENT:
            raise RefusedError(f"replacement cannot be set for {action}", "remove replacement")
        if action in _EQUALS:
            self._refuse_others(("regex", "modulus", "separator", "replacement"), "source_labels and target_label")
        if action in (Action.LABELDROP, Action.LABELKEEP):
            self._refuse_others(("source_labels", "target_label", "modulus", "separator", "replacement"), "regex")
        return self

    def _refuse_others(self, names: Sequence[str], wanted: str) -> None:
        for name in names:
            if getattr(self, name) != type(self).model_fields[name].get_default(call_default_factory=True):
                raise RefusedError(f"{self.action} takes only {wanted}, not {name}", f"remove {name}")

    def under(self, scheme: NameScheme) -> RelabelRule:
        """This rule where ``scheme`` says which names are names. Raises RefusedError when one of its own is none."""
        target, action = self.target_label, self.action
        templated = action is Action.REPLACE and "$" in target
        if action in _NEED_TARGET and not _name_fits(target, scheme, templated):
            raise RefusedError(f"{target!r} is not a label name that {action} can write to", "change target_label")
        if action is Action.LABELMAP and not _name_fits(self.replacement, scheme, True):
            raise RefusedError(f"{self.replacement!r} is not a label name that labelmap can write to")
        rule = self.model_copy()
        rule.__dict__.pop("apply", None)  # Compiled for the scheme that was.
        rule._scheme = scheme
        return rule

    @cached_property
    def apply(self) -> Apply:
        """The compiled rule."""
        return _COMPILERS[self.action](self)

    def source(self, labels: Mapping[str, str]) -> str:
        """The values of the source labels, joined."""
        return self.separator.join([labels.get(name, "") for name in self.source_labels])


def _name_fits(name: str, scheme: NameScheme, templated: bool) -> bool:
    if templated and scheme is NameScheme.LEGACY:
        return _LEGACY_TARGET.match(name) is not None
    return scheme.allows_label(name)


def relabel(labels: Mapping[str, str], rules: Sequence[RelabelRule]) -> Labels | None:
    """``labels`` after all ``rules`` in their order; None when a rule drops them."""
    changed = dict(labels)
    for rule in rules:
        if not rule.apply(changed):
            return None
    return Labels(changed)


def _matcher(rule: RelabelRule) -> Callable[[str], bool]:
    match = compile_anchored(rule.regex).match
    return lru_cache(TEXTS_KEPT)(lambda text: match(text) is not None)


def _write(labels: dict[str, str], name: str, value: str) -> None:
    if value:
        labels[name] = value
    else:
        labels.pop(name, None)


def _replace(rule: RelabelRule) -> Apply:
    pattern = compile_anchored(rule.regex)
    target, value = Replacement(rule.target_label, pattern), Replacement(rule.replacement, pattern)

    @lru_cache(TEXTS_KEPT)
    def written(source: str) -> tuple[str, str] | None:
        match = pattern.match(source)
        if match is None:
            return None
        name = target.expand(match)
        return (name, value.expand(match)) if rule._scheme.allows_label(name) else None

    def apply(labels: dict[str, str]) -> bool:
        if pair := written(rule.source(labels)):
            _write(labels, *pair)
        return True

    return apply


def _constant(rule: RelabelRule) -> Apply:
    """A replacement that depends on nothing: what most rules that add a label are."""

    def apply(labels: dict[str, str]) -> bool:
        _write(labels, rule.target_label, rule.replacement)
        return True

    return apply


def _keep_or_drop(rule: RelabelRule) -> Apply:
    matches, keep = _matcher(rule), rule.action is Action.KEEP
    return lambda labels: matches(rule.source(labels)) is keep


def _equal(rule: RelabelRule) -> Apply:
    keep = rule.action is Action.KEEP_EQUAL
    return lambda labels: (labels.get(rule.target_label, "") == rule.source(labels)) is keep


def _change_case(rule: RelabelRule) -> Apply:
    change = str.lower if rule.action is Action.LOWERCASE else str.upper

    def apply(labels: dict[str, str]) -> bool:
        text = rule.source(labels)
        # Go maps rune by rune: no letter becomes two, and none looks at its neighbours.
        _write(labels, rule.target_label, change(text) if text.isascii() else _by_rune(text, change))
        return True

    return apply


def _by_rune(text: str, change: Callable[[str], str]) -> str:
    return "".join([new if len(new := change(rune)) == 1 else rune for rune in text])


def _hashmod(rule: RelabelRule) -> Apply:
    def apply(labels: dict[str, str]) -> bool:
        digest = hashlib.md5(rule.source(labels).encode(), usedforsecurity=False).digest()
        labels[rule.target_label] = str(int.from_bytes(digest[8:], "big") % rule.modulus)
        return True

    return apply


def _labelmap(rule: RelabelRule) -> Apply:
    pattern = compile_anchored(rule.regex)
    template = Replacement(rule.replacement, pattern)

    @lru_cache(TEXTS_KEPT)
    def mapped(name: str) -> str:
        match = pattern.match(name)
        return "" if match is None else template.expand(match)

    def apply(labels: dict[str, str]) -> bool:
        for old, value in sorted(labels.items()):
            if new := mapped(old):
                labels[new] = value
        return True

    return apply


def _filter_names(rule: RelabelRule) -> Apply:
    matches, keep = _matcher(rule), rule.action is Action.LABELKEEP

    def apply(labels: dict[str, str]) -> bool:
        for name in [name for name in labels if matches(name) is not keep]:
            del labels[name]
        return True

    return apply


def _replacer(rule: RelabelRule) -> Apply:
    anything = rule.regex == DEFAULT_REGEX
    fixed = "$" not in rule.target_label and "$" not in rule.replacement
    return (_constant if anything and fixed else _replace)(rule)


_COMPILERS: Final[Mapping[Action, Callable[[RelabelRule], Apply]]] = {
    Action.REPLACE: _replacer,
    Action.KEEP: _keep_or_drop,
    Action.DROP: _keep_or_drop,
    Action.KEEP_EQUAL: _equal,
    Action.DROP_EQUAL: _equal,
    Action.HASHMOD: _hashmod,
    Action.LABELMAP: _labelmap,
    Action.LABELDROP: _filter_names,
    Action.LABELKEEP: _filter_names,
    Action.LOWERCASE: _change_case,
    Action.UPPERCASE: _change_case,
}
