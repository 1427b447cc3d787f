"""Reading rule files: from text to settings that can be run, or to everything that is wrong with them.

Nothing here raises for what stands in a file. Problems name file, line and YAML path.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeAlias

from fenghuo.base.document import Document, Problem, Settings, Severity, load_yaml, validate
from fenghuo.base.errors import InputError
from fenghuo.model.labels import METRIC_NAME, Labels, is_legacy_label_name, is_legacy_metric_name
from fenghuo.rules.alert_text import AlertText
from fenghuo.rules.settings import GroupSettings, RuleFileSettings, RuleSettings
from fenghuo.trading import MarketBook, built_in_markets, unknown_market

ReadExpr: TypeAlias = Callable[[str], str]
"""An expression in the form in which it is shown. Raises InputError when the text is not PromQL."""

_SECOND_DOCUMENT = re.compile(r"^---(?:\s|$)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RuleFile:
    """A file whose rules can be run. ``name`` is its path as the configuration gives it."""

    name: str
    groups: tuple[GroupSettings, ...]

    @property
    def rule_count(self) -> int:
        return sum(len(group.rules) for group in self.groups)


@dataclass(frozen=True, slots=True)
class Loaded:
    """``file`` is None when any problem is an error; warnings stand beside a file that runs."""

    file: RuleFile | None
    problems: tuple[Problem, ...]


def load_rule_file(
    path: Path,
    read_expr: ReadExpr,
    *,
    legacy_names: bool = False,
    markets: MarketBook | None = None,
    ignore_unknown: bool = False,
) -> Loaded:
    """Read and check the file at ``path``; one that cannot be read is a problem like any other."""
    try:
        text = path.read_bytes()
    except OSError as error:
        return Loaded(None, (Problem(f"cannot be read: {error.strerror}", file=str(path)),))
    return load_rules(
        text, str(path), read_expr, legacy_names=legacy_names, markets=markets, ignore_unknown=ignore_unknown
    )


def load_rules(
    text: str | bytes,
    name: str,
    read_expr: ReadExpr,
    *,
    legacy_names: bool = False,
    markets: MarketBook | None = None,
    ignore_unknown: bool = False,
) -> Loaded:
    """Check the text of a rule file. ``legacy_names`` refuses label names beyond ``[a-zA-Z0-9_]``.

    ``ignore_unknown`` passes over unknown keys, which other programs may use. Without ``markets`` those are known that
    are built in.
    """
    try:
        document = load_yaml(text, name)
    except InputError as error:
        return Loaded(None, (problem_of(error, name),))
    if ignore_unknown:
        document = replace(document, value=_known(document.value))
    problems = list(_second_document(text, document))
    if document.value is None:
        return Loaded(RuleFile(name, ()), tuple(problems))
    if isinstance(document.value, Mapping) and document.value.get("kind") == "PrometheusRule":
        remedy = "put what stands under spec, without the indent, into a file of its own"
        wrapped = document.problem("this is a Kubernetes PrometheusRule, not a rule file", ("kind",), remedy=remedy)
        return Loaded(None, (wrapped,))
    settings, found = validate(RuleFileSettings, document)
    problems += found
    checker = _Checker(document, read_expr, markets, legacy_names=legacy_names)
    problems += checker.problems()
    if settings is None or any(problem.severity is Severity.ERROR for problem in problems):
        return Loaded(None, tuple(sorted(problems, key=lambda problem: problem.line)))
    return Loaded(RuleFile(name, tuple(_as_shown(group, checker.shown) for group in settings.groups)), tuple(problems))


def _as_shown(group: GroupSettings, shown: Mapping[str, str]) -> GroupSettings:
    rules = [rule.model_copy(update={"expr": shown[rule.expr]}) for rule in group.rules]
    return group.model_copy(update={"rules": rules})


def _known(value: Any) -> Any:
    """The value of a rule file without the keys that are none of ours."""
    kept = _only(RuleFileSettings, value)
    if isinstance(kept, dict) and isinstance(kept.get("groups"), list):
        kept["groups"] = [_only(GroupSettings, group) for group in kept["groups"]]
        for group in kept["groups"]:
            if isinstance(group, dict) and isinstance(group.get("rules"), list):
                group["rules"] = [_only(RuleSettings, rule) for rule in group["rules"]]
    return kept


def _only(model: type[Settings], value: Any) -> Any:
    known = {info.alias or name for name, info in model.model_fields.items()}
    return {key: item for key, item in value.items() if key in known} if isinstance(value, Mapping) else value


def problem_of(error: InputError, name: str) -> Problem:
    """What reading a file raised, as a problem with its line."""
    place, _, line = error.place.rpartition(":")
    if place == name and line.isdigit():
        return Problem(error.message, file=name, line=int(line), remedy=error.remedy)
    return Problem(error.message, file=name, remedy=error.remedy)


def _second_document(text: str | bytes, document: Document) -> Iterator[Problem]:
    shown = text.decode("utf-8", "replace") if isinstance(text, bytes) else text
    first = document.line(())
    for found in _SECOND_DOCUMENT.finditer(shown):
        line = shown.count("\n", 0, found.start()) + 1
        if first and line > first:
            yield Problem(
                "a second YAML document in a rule file is ignored",
                file=document.name,
                line=line,
                remedy="move its groups into the first, or into a file of their own",
                severity=Severity.WARNING,
            )
            return


class _Checker:
    """What a schema cannot say. Works on the raw values, so that one bad rule does not hide the next one's faults."""

    def __init__(
        self, document: Document, read_expr: ReadExpr, markets: MarketBook | None, *, legacy_names: bool
    ) -> None:
        self._document = document
        self._markets = markets
        self._read_expr = read_expr
        self.shown: dict[str, str] = {}
        """Expressions as they were written, and as they are shown."""
        self._legacy_names = legacy_names

    def problems(self) -> Iterator[Problem]:
        names: set[str] = set()
        for at, group in enumerate(_items(self._document.value, "groups")):
            path = ("groups", at)
            name = str(group.get("name") or "")
            if not name:
                yield self._document.problem("a group's name must not be empty", (*path, "name"))
            elif name in names:
                yield self._document.problem(f"groupname {name!r} is repeated in the same file", (*path, "name"))
            names.add(name)
            yield from self._labels(_mapping(group.get("labels")), (*path, "labels"))
            yield from self._market(group, path)
            for number, raw in enumerate(_items(group, "rules")):
                yield from self._market(raw, (*path, "rules", number))
                rule, _ = validate(RuleSettings, self._document, raw)
                if rule is not None:
                    yield from self._rule(rule, (*path, "rules", number))

    def _market(self, raw: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[Problem]:
        name = raw.get("active_during")
        if isinstance(name, str) and name:
            markets = self._markets or built_in_markets()
            yield from unknown_market(markets, name, self._document, (*path, "active_during"))

    def _rule(self, rule: RuleSettings, path: tuple[str | int, ...]) -> Iterator[Problem]:
        if bool(rule.record) == bool(rule.alert):
            message = (
                "only one of 'record' and 'alert' must be set"
                if rule.record
                else "one of 'record' or 'alert' must be set"
            )
            yield self._document.problem(message, path)
        if not rule.expr:
            yield self._document.problem("field 'expr' must be set in rule", path)
        else:
            yield from self._expression(rule.expr, (*path, "expr"))
        if rule.record:
            yield from self._recording(rule, path)
        yield from self._labels(rule.labels, (*path, "labels"))
        for name in rule.annotations:
            if not self._is_name(name):
                yield self._document.problem(f"invalid annotation name: {name!r}", (*path, "annotations", name))
        if rule.alert:
            yield from self._templates(rule, path)

    def _expression(self, expr: str, path: tuple[str | int, ...]) -> Iterator[Problem]:
        try:
            self.shown[expr] = self._read_expr(expr)
        except InputError as error:
            where = f" at {error.place}" if error.place else ""
            yield self._document.problem(
                f"could not parse expression{where}: {error.message}", path, remedy=error.remedy
            )

    def _recording(self, rule: RuleSettings, path: tuple[str | int, ...]) -> Iterator[Problem]:
        for field, value in (
            ("for", rule.for_ms),
            ("keep_firing_for", rule.keep_firing_for_ms),
            ("annotations", rule.annotations),
        ):
            if value:
                yield self._document.problem(f"invalid field {field!r} in recording rule", (*path, field))
        if "{" in rule.record or "}" in rule.record:
            yield self._document.problem(
                f"braces present in the recording rule name; should it be in expr?: {rule.record}", (*path, "record")
            )
        elif self._legacy_names and not is_legacy_metric_name(rule.record):
            yield self._document.problem(f"invalid recording rule name: {rule.record!r}", (*path, "record"))

    def _labels(self, labels: Mapping[str, Any], path: tuple[str | int, ...]) -> Iterator[Problem]:
        for name in labels:
            if not self._is_name(name) or name == METRIC_NAME:
                yield self._document.problem(f"invalid label name: {name!r}", (*path, name))

    def _templates(self, rule: RuleSettings, path: tuple[str | int, ...]) -> Iterator[Problem]:
        for field, texts in (("labels", rule.labels), ("annotations", rule.annotations)):
            for name, text in texts.items():
                try:
                    AlertText(text, rule.alert)
                except InputError as error:
                    where = error.place.partition(":")[2]
                    yield self._document.problem(
                        f"template of {name!r} at {where}: {error.message}", (*path, field, name), remedy=error.remedy
                    )

    def _is_name(self, name: str) -> bool:
        return is_legacy_label_name(name) if self._legacy_names else bool(name)


def markets_of(files: Iterable[RuleFile]) -> list[str]:
    """The markets that rules name, each once."""
    named = (group.market_of(rule) for file in files for group in file.groups for rule in group.rules)
    return list(dict.fromkeys(name for name in named if name))


def _items(value: Any, key: str) -> list[Mapping[str, Any]]:
    """The mappings in a list that may not be one; their places are kept."""
    items = value.get(key) if isinstance(value, Mapping) else None
    return [_mapping(item) for item in items] if isinstance(items, list) else []


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


@dataclass(frozen=True, slots=True)
class Duplicate:
    """Rules of the same name and labels. They are legal, and mostly a mistake: they write the same series."""

    name: str
    labels: Labels
    count: int


def duplicates(file: RuleFile) -> list[Duplicate]:
    """The rules of a file that appear more than once, sorted by name."""
    rules = ((rule.name, Labels(group.labels_of(rule))) for group in file.groups for rule in group.rules)
    return [Duplicate(*rule, count) for rule, count in sorted(Counter(rules).items()) if count > 1]
