"""Settings with templates in them, and what they say about one message."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import orjson
from pydantic import BaseModel

from fenghuo.alerting.notify.cutting import Limit, Markup
from fenghuo.alerting.notify.fitting import FEW, Chosen, Say, fit
from fenghuo.alerting.notify.message import Message, ToldAlert
from fenghuo.alerting.notify.plain import plain_text, plain_title
from fenghuo.alerting.notify.texts import Page, Texts
from fenghuo.model.settings_types import Secret
from fenghuo.template import Template

Tree: TypeAlias = Any
"""A JSON value in which every text may be a :class:`Template`."""
OPEN: Final = "{{"


def compiled(value: Any, texts: Texts, place: str) -> Tree:
    """``value`` with its texts parsed. Raises InputError naming ``place`` for a template that cannot be parsed."""
    match value:
        case str():
            return texts.slot(value, place) if OPEN in value else str(value)
        case Secret():
            return compiled(value.reveal(), texts, place)
        case BaseModel():
            return compiled({name: getattr(value, name) for name in type(value).model_fields}, texts, place)
        case Mapping():
            return {str(name): compiled(inner, texts, f"{place} {name}") for name, inner in value.items()}
        case list() | tuple():
            return [compiled(inner, texts, place) for inner in value]
    return value


def rendered(tree: Tree, page: Page) -> Any:
    """The value with every template rendered; what fails is empty, and among the page's faults."""
    match tree:
        case Template():
            return page.render(tree)
        case dict():
            return {name: rendered(inner, page) for name, inner in tree.items()}
        case list():
            return [rendered(inner, page) for inner in tree]
    return tree


def typed(value: Any) -> Any:
    """``value`` with its texts taken for what they read as: numbers, truth values, JSON."""
    match value:
        case str():
            try:
                read = orjson.loads(value)
            except orjson.JSONDecodeError:
                return value
            return value if read is None else read
        case dict():
            return {name: typed(inner) for name, inner in value.items()}
        case list():
            return [typed(inner) for inner in value]
    return value


@dataclass(frozen=True, slots=True)
class Said:
    """What the settings' fields say about one message."""

    fields: Mapping[str, Any]
    faulty: bool
    """Whether a template failed; the text is plain then, without any markup."""
    main: Say
    """The main field about some of the message's alerts."""
    chosen: Chosen
    note: Callable[[int, Markup], str]
    """The line that counts what is left out."""

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def some(self, *names: str) -> dict[str, Any]:
        """Those of the named fields that are not empty."""
        return {name: self.fields[name] for name in names if self.fields[name]}

    def fitted(self, limit: Limit) -> str:
        """The main field within ``limit``: whole alerts as far as they fit, and a line that counts the others."""
        return fit(self.main, self.chosen, limit, lambda count: self.note(count, limit.markup))


class Wording:
    """The templated fields of one entry, parsed."""

    def __init__(self, texts: Texts, heading: str, main: str, escape: Callable[[str], str] = str) -> None:
        """``heading`` and ``main`` are the fields that take the plain words when a template fails.

        ``escape`` keeps those words from meaning anything in the platform's markup.
        """
        self._escape = escape
        self._texts = texts
        self._heading = heading
        self._main = main
        self._fields: dict[str, Tree] = {}

    def add(self, kind: str, settings: BaseModel, names: Iterable[str], defaults: Mapping[str, str]) -> None:
        """Parse these fields of ``settings``; a field of None, or empty, takes its default. Raises InputError."""
        for name in (*names, *defaults):
            value = getattr(settings, name)
            if value is None or (value == "" and name not in settings.model_fields_set):
                value = defaults.get(name, "")
            self._fields[name] = compiled(value, self._texts, f"{kind} {name.removesuffix('_')}")

    def put(self, name: str, tree: Tree) -> None:
        """Take a field that was parsed elsewhere."""
        self._fields[name] = tree

    def add_html(self, name: str, place: str, text: str) -> None:
        """Parse ``text`` as a template of HTML, in the field's place."""
        self._fields[name] = self._texts.slot(text, place, html=True)

    def say(self, message: Message, *, has_buttons: bool = False, is_ours: bool = False) -> Said:
        """``has_buttons`` says that the channel shows the links to answer itself.

        ``is_ours`` says that the main field has its default, which can speak of a part of the message: then thousands
        of alerts need not be put into words to find out that they do not fit.
        """
        texts, chosen = self._texts, Chosen(message.alerts)

        def page(alerts: Sequence[ToldAlert]) -> Page:
            return texts.page(message, alerts, has_buttons=has_buttons)

        def main(alerts: Sequence[ToldAlert]) -> str:
            if alerts is chosen.alerts:
                return str(fields[self._main])
            return str(rendered(self._fields[self._main], page(alerts))).strip()

        if is_ours and len(message.alerts) > FEW:
            chosen = chosen.few()
        fields, faults = self._rendered(page(message.alerts), page(chosen.alerts))
        if faults and len(message.alerts) > FEW:
            chosen = Chosen(message.alerts).few()  # Of thousands of alerts a template's limits are soon reached.
            fields, faults = self._rendered(page(chosen.alerts), page(chosen.alerts))
        said = Said(fields, bool(faults), main, chosen, lambda count, markup: texts.left_out(count, message, markup))
        return self._in_plain_words(said, message, faults) if faults else said

    def _rendered(self, whole: Page, part: Page) -> tuple[dict[str, Any], list[str]]:
        """Every field, the main one of ``part``; and what failed."""
        pages = {name: part if name == self._main else whole for name in self._fields}
        fields = {name: rendered(tree, pages[name]) for name, tree in self._fields.items()}
        return fields, whole.faults + part.faults

    def _in_plain_words(self, said: Said, message: Message, faults: list[str]) -> Said:
        zone = self._texts.options.zone

        def plain(alerts: Sequence[ToldAlert]) -> str:
            return self._escape(plain_text(replace(message, alerts=alerts), faults, zone))

        instead = {self._main: plain(said.chosen.alerts), self._heading: plain_title(message)}
        fields = {**said.fields, **{name: text for name, text in instead.items() if name}}
        return replace(said, fields=fields, main=plain)
