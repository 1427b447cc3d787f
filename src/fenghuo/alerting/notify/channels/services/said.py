"""Settings with templates in them, and what they say about one message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias

import orjson
from pydantic import BaseModel

from fenghuo.alerting.notify.cutting import Limit
from fenghuo.alerting.notify.fitting import Say, fit
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
    message: Message
    main: Say
    """The main field about some of the message's alerts."""
    texts: Texts

    def __getitem__(self, name: str) -> Any:
        return self.fields[name]

    def some(self, *names: str) -> dict[str, Any]:
        """Those of the named fields that are not empty."""
        return {name: self.fields[name] for name in names if self.fields[name]}

    def fitted(self, limit: Limit) -> str:
        """The main field within ``limit``: whole alerts as far as they fit, and a line that counts the others."""
        limit = limit.plain() if self.faulty else limit
        return fit(
            self.main,
            self.message.alerts,
            limit,
            lambda count: self.texts.left_out(count, self.message, limit.markup),
        )


class Wording:
    """The templated fields of one entry, parsed."""

    def __init__(self, texts: Texts, heading: str, main: str) -> None:
        """``heading`` and ``main`` are the fields that take the plain words when a template fails."""
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

    def say(self, message: Message, *, has_buttons: bool = False) -> Said:
        """``has_buttons`` says that the channel shows the links to answer itself."""
        texts = self._texts
        page = texts.page(message, has_buttons=has_buttons)
        fields = {name: rendered(tree, page) for name, tree in self._fields.items()}
        zone = texts.options.zone

        def plain(alerts: Sequence[ToldAlert]) -> str:
            return plain_text(replace(message, alerts=alerts), page.faults, zone)

        def main(alerts: Sequence[ToldAlert]) -> str:
            if alerts is message.alerts:
                return str(fields[self._main])
            return str(rendered(self._fields[self._main], texts.page(message, alerts, has_buttons=has_buttons))).strip()

        if page.faults:
            if self._main:
                fields[self._main] = plain(message.alerts)
            if self._heading:
                fields[self._heading] = plain_title(message)
        return Said(fields, bool(page.faults), message, plain if page.faults else main, texts)
