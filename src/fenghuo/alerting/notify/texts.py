"""Turns messages into texts with templates: Alertmanager's, the user's own, and our defaults.

A template that cannot be parsed is refused when the configuration is loaded. One that fails while a message is
made leaves the message to :mod:`plain <fenghuo.alerting.notify.plain>`: it still goes out, and names the fault.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from importlib import resources
from typing import Any

from fenghuo.alerting.notify.data import Kv, MessageData
from fenghuo.alerting.notify.message import Message
from fenghuo.base.errors import InputError
from fenghuo.model.language import Language
from fenghuo.template import Scope, Template, TemplateError, TemplateSet
from fenghuo.template.functions import DATA_FUNCTIONS, TEXT_FUNCTIONS, since
from fenghuo.template.gotime import SECOND_NS, Time

_SEVERITIES = {
    "p0": ("🔴", "紧急", "P0"),
    "p1": ("🟠", "严重", "P1"),
    "p2": ("🟡", "警告", "P2"),
    "p3": ("🔵", "提示", "P3"),
    "critical": ("🔴", "严重", "critical"),
    "error": ("🔴", "错误", "error"),
    "warning": ("🟡", "警告", "warning"),
    "info": ("🔵", "提示", "info"),
}


def choose(language: Language, chinese: str, english: str) -> str:
    """One of two texts, or both side by side; what is empty is left out."""
    if language is Language.BOTH:
        return chinese if chinese == english else " ".join(part for part in (chinese, english) if part)
    first, second = (chinese, english) if language is Language.CHINESE else (english, chinese)
    return first or second


@dataclass(frozen=True, slots=True)
class TextOptions:
    """For whom texts are made."""

    language: Language = Language.BOTH
    zone: tzinfo = UTC


def _functions(options: TextOptions, now_ms: Callable[[], int]) -> dict[str, Callable[..., Any]]:
    language = options.language

    def tr(chinese: str, english: str) -> str:
        """One of two texts by the reader's language."""
        return choose(language, chinese, english)

    def say(annotations: Mapping[str, str], name: str) -> str:
        """An annotation in the reader's language: ``summary_zh`` or ``summary_en``, else ``summary``."""
        common = annotations.get(name, "")
        chinese = annotations.get(f"{name}_zh", "") or common
        english = annotations.get(f"{name}_en", "") or common
        return choose(language, chinese, english)

    def severity(word: str) -> str:
        """A severity label with its sign, in the reader's language."""
        sign, chinese, english = _SEVERITIES.get(word.lower(), ("⚪", word, word))
        return f"{sign} {choose(language, chinese, english)}".strip()

    def local_time(moment: Any) -> str:
        """A time as a clock on the reader's wall shows it."""
        if not isinstance(moment, Time):
            raise InputError("localTime wants a time")
        return datetime.fromtimestamp(moment.epoch_ns // SECOND_NS, options.zone).strftime("%Y-%m-%d %H:%M:%S %Z")

    def now() -> Time:
        return Time.of_ms(now_ms())

    def route_labels(name: str) -> str:
        raise InputError(f"routeLabels {name!r} is not known outside a message")

    return {
        **TEXT_FUNCTIONS,
        **DATA_FUNCTIONS,
        "since": since(now_ms),
        "now": now,
        "tr": tr,
        "say": say,
        "severity": severity,
        "localTime": local_time,
        "routeLabels": route_labels,
    }


class Texts:
    """All templates of one configuration."""

    def __init__(
        self,
        now_ms: Callable[[], int],
        options: TextOptions = TextOptions(),
        files: Iterable[tuple[str, str]] = (),
    ) -> None:
        """``files`` are the user's, as (name, text). Raises InputError naming file and line of a bad one."""
        self._set = TemplateSet(_functions(options, now_ms))
        self.options = options
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

    def page(self, message: Message) -> Page:
        """A message that is about to be put into words."""
        return Page(MessageData.of(message))


@dataclass
class Page:
    """One message while its texts are made; ``faults`` collects what failed."""

    data: MessageData
    faults: list[str] = field(default_factory=list)

    def render(self, slot: Template, otherwise: str = "") -> str:
        """The text, or ``otherwise`` when the template fails on this message."""
        try:
            return slot.render(self.data, functions={"routeLabels": self._route_labels(self.data.route_labels)})
        except TemplateError as error:
            self.faults.append(str(error))
            return otherwise

    def _route_labels(self, labels: Kv) -> Callable[..., str]:
        data = self.data

        def route_labels(scope: Scope, name: str) -> str:
            """A label of the route; its value may be a template itself."""
            return scope.expand(labels.get(name, ""), data)

        return route_labels
