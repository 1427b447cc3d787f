"""Turns messages into texts with templates: Alertmanager's, the user's own, and our defaults.

A template that cannot be parsed is refused when the configuration is loaded. One that fails while a message is
made leaves the message to :mod:`plain <fenghuo.alerting.notify.plain>`: it still goes out, and names the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from fenghuo.alerting.notify.cutting import Markup
from fenghuo.alerting.notify.data import Kv, Link, MessageData
from fenghuo.alerting.notify.escaping import ESCAPES, link
from fenghuo.alerting.notify.facts import Facts, TextOptions
from fenghuo.alerting.notify.links import Button, all_alerts_url, buttons
from fenghuo.alerting.notify.message import Message, ToldAlert
from fenghuo.base.errors import InputError
from fenghuo.model.language import Language
from fenghuo.template import Functions, Scope, Template, TemplateError, TemplateSet
from fenghuo.template.functions import DATA_FUNCTIONS, TEXT_FUNCTIONS, since
from fenghuo.template.gotime import Time

__all__ = ["Page", "TextOptions", "Texts"]


def _functions(options: TextOptions, now_ms: Callable[[], int]) -> dict[str, Callable[..., Any]]:
    def now() -> Time:
        return Time.of_ms(now_ms())

    def include(scope: Scope, name: str, data: Any) -> str:
        """What the template ``name`` makes of ``data``, for other functions to change."""
        return scope.include(name, data)

    def route_labels(name: str) -> str:
        raise InputError(f"routeLabels {name!r} is not known outside a message")

    return {
        **TEXT_FUNCTIONS,
        **DATA_FUNCTIONS,
        **Facts(options, now_ms).functions(),
        **ESCAPES,
        "since": since(now_ms),
        "now": now,
        "include": include,
        "routeLabels": route_labels,
    }


class Texts:
    """All templates of one configuration."""

    def __init__(
        self,
        now_ms: Callable[[], int],
        options: TextOptions = TextOptions(),  # noqa: B008 - frozen
        files: Iterable[tuple[str, str]] = (),
    ) -> None:
        """``files`` are the user's, as (name, text). Raises InputError naming file and line of a bad one."""
        self.options = options
        self._facts = {language: Facts(TextOptions(language, options.zone), now_ms) for language in Language}
        self._set = TemplateSet(_functions(options, now_ms))
        for package, name in (
            ("fenghuo.alerting.notify", "common.tmpl"),
            ("fenghuo.alerting.notify.channels.slack", "default.tmpl"),
            ("fenghuo.alerting.notify.channels.email", "default.tmpl"),
            ("fenghuo.alerting.notify.channels.dingtalk", "default.tmpl"),
            ("fenghuo.alerting.notify.channels.services", "default.tmpl"),
            ("fenghuo.alerting.notify.channels.apprise", "default.tmpl"),
            ("fenghuo.alerting.notify.channels.sms", "default.tmpl"),
            ("fenghuo.alerting.notify.channels.wecom", "default.tmpl"),
            ("fenghuo.alerting.notify.channels.feishu", "default.tmpl"),
        ):
            self._set.add(resources.files(package).joinpath(name).read_text(encoding="utf-8"), f"{package}/{name}")
        for name, text in files:
            self._set.add(text, name)

    def slot(self, text: str, place: str, *, html: bool = False) -> Template:
        """A template of the settings. Raises InputError with ``place`` when it cannot be parsed."""
        return self._set.template(text, place, html=html)

    def page(self, message: Message, kept: Sequence[ToldAlert] | None = None, *, has_buttons: bool = False) -> Page:
        """A message, or ``kept`` of its alerts, about to be put into words.

        ``has_buttons`` says that the channel shows the links to answer as buttons, so that the text needs none.
        """
        wanted = [] if has_buttons else self.buttons(message)
        data = MessageData.of(message, kept, [Link(button.text, button.url) for button in wanted])
        return Page(data, self.facts_for(message).functions())

    def buttons(self, message: Message) -> list[Button]:
        """What a reader may do about the message."""
        return buttons(message, self.language_of(message))

    def left_out(self, count: int, message: Message, markup: Markup) -> str:
        """The line under a text that had no room for ``count`` alerts."""
        tr = self.facts_for(message).tr
        said = tr(f"另有 {count} 条告警未列出", f"{count} more alerts are not listed")
        return f"{said}: {link(tr('全部', 'all'), all_alerts_url(message), markup)}"

    def language_of(self, message: Message) -> Language:
        """That of the person whom the message is for, or the one for everybody."""
        return message.language or self.options.language

    def facts_for(self, message: Message) -> Facts:
        """The functions of templates in the message's language."""
        return self._facts[self.language_of(message)]


@dataclass
class Page:
    """One message while its texts are made; ``faults`` collects what failed."""

    data: MessageData
    functions: Functions = field(default_factory=dict)
    """Those of the reader; without any, the configuration's."""
    faults: list[str] = field(default_factory=list)

    def render(self, slot: Template, otherwise: str = "") -> str:
        """The text, or ``otherwise`` when the template fails on this message."""
        try:
            functions = {**self.functions, "routeLabels": self._route_labels(self.data.route_labels)}
            return slot.render(self.data, functions=functions)
        except TemplateError as error:
            self.faults.append(str(error))
            return otherwise

    def _route_labels(self, labels: Kv) -> Callable[..., str]:
        data = self.data

        def route_labels(scope: Scope, name: str) -> str:
            """A label of the route; its value may be a template itself."""
            return scope.expand(labels.get(name, ""), data)

        return route_labels
