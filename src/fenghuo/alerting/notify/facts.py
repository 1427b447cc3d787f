"""What there is to say of an alert, in the reader's language: names and values, for any markup to lay out."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, tzinfo
from typing import Any, ClassVar, Final

from fenghuo.alerting.notify.data import AlertData, Kv, Link
from fenghuo.alerting.notify.escaping import one_line
from fenghuo.alerting.notify.message import FIRING
from fenghuo.alerting.priority.policy import SEVERITIES as PRIORITIES
from fenghuo.base.errors import InputError
from fenghuo.model.incident import Priority
from fenghuo.model.language import Language
from fenghuo.model.reading import Reading
from fenghuo.template import Exposed
from fenghuo.template.gotime import SECOND_NS, Time

SEVERITIES: Final[Mapping[str, tuple[str, str, str]]] = {
    "p0": ("🔴 P0", "紧急", "emergency"),
    "p1": ("🟠 P1", "严重", "serious"),
    "p2": ("🟡 P2", "警告", "warning"),
    "p3": ("🔵 P3", "提示", "notice"),
    "critical": ("🔴", "严重", "critical"),
    "error": ("🔴", "错误", "error"),
    "warning": ("🟡", "警告", "warning"),
    "info": ("🔵", "提示", "info"),
}
SEEN_ALREADY: Final = ("alertname", "severity")
"""Labels that a title says."""
EXACT_BELOW: Final = 100_000


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


class Fact(Exposed):
    """One line about an alert."""

    template_names: ClassVar[Mapping[str, str]] = {"Key": "key", "Name": "name", "Value": "value"}

    def __init__(self, key: str, name: str, value: str) -> None:
        self.key = key
        self.name = name
        self.value = value


class Facts:
    """The functions of notice templates that know the reader."""

    def __init__(self, options: TextOptions, now_ms: Callable[[], int]) -> None:
        self._language = options.language
        self._zone = options.zone
        self._now_ms = now_ms

    def functions(self) -> dict[str, Callable[..., Any]]:
        """By the names under which templates call them."""
        return {
            "tr": self.tr,
            "say": self.say,
            "severity": self.severity,
            "severityWord": self.severity_word,
            "worst": worst,
            "localTime": self.local_time,
            "facts": self.facts,
            "links": self.links,
        }

    def tr(self, chinese: str, english: str) -> str:
        """One of two texts by the reader's language."""
        return choose(self._language, chinese, english)

    def say(self, annotations: Mapping[str, str], name: str) -> str:
        """An annotation in the reader's language: ``summary_zh`` or ``summary_en``, else ``summary``."""
        common = annotations.get(name, "")
        chinese = annotations.get(f"{name}_zh", "") or common
        english = annotations.get(f"{name}_en", "") or common
        return self.tr(chinese, english)

    def severity(self, word: str) -> str:
        """A severity label or a priority with its sign, in the reader's language."""
        return f"{_sign(word.lower())} {self.severity_word(word)}".strip()

    def severity_word(self, word: str) -> str:
        """The same without its sign."""
        _, chinese, english = SEVERITIES.get(word.lower(), ("", word, word))
        return self.tr(chinese, english)

    def local_time(self, moment: Any) -> str:
        """A time as a clock on the reader's wall shows it."""
        if not isinstance(moment, Time):
            raise InputError("localTime wants a time")
        return datetime.fromtimestamp(moment.epoch_ns // SECOND_NS, self._zone).strftime("%Y-%m-%d %H:%M:%S %Z")

    def facts(self, alert: AlertData) -> list[Fact]:
        """Value and threshold, where, since when, until when, what it means; what is not known is left out."""
        return [fact for fact in self._all(alert) if fact.value]

    def links(self, alert: AlertData) -> list[Link]:
        """The runbook and the graph."""
        annotations = alert.annotations or Kv()
        runbook = annotations.get("runbook_url", "") or annotations.get("runbook", "")
        found = (
            Link(self.tr("处理手册", "Runbook"), runbook if runbook.startswith(("http://", "https://")) else ""),
            Link(self.tr("查看指标", "Graph"), alert.generator_url),
        )
        return [link for link in found if link.url]

    def _all(self, alert: AlertData) -> Iterator[Fact]:
        labels, annotations = alert.labels or Kv(), alert.annotations or Kv()
        over = alert.status != FIRING
        value = one_line(annotations.get("value", "")) or shown_value(alert.reading)
        if value and (threshold := shown_threshold(alert.reading)):
            value = f"{value} ({self.tr('阈值', 'threshold')} {threshold})"
        yield Fact("value", self.tr("最后值", "Last value") if over else self.tr("当前值", "Value"), value)
        where = ", ".join(f"{name}={one_line(labels[name])}" for name in sorted(labels) if name not in SEEN_ALREADY)
        yield Fact("where", self.tr("位置", "Where"), where)
        yield Fact("since", self.tr("开始", "Since"), self._since(alert, over=over))
        if over:
            yield Fact("until", self.tr("恢复", "Until"), self.local_time(alert.ends_at))
        yield Fact("meaning", self.tr("说明", "What it means"), one_line(self.say(annotations, "description")))

    def _since(self, alert: AlertData, *, over: bool) -> str:
        end_ns = alert.ends_at.epoch_ns if over else self._now_ms() * 1_000_000
        lasted = lasting(max(end_ns - alert.starts_at.epoch_ns, 0) // SECOND_NS)
        return f"{self.local_time(alert.starts_at)} ({self.tr('持续', 'for')} {lasted})"


def _sign(word: str) -> str:
    """The sign of a severity, or of the priority that it usually has."""
    if word not in SEVERITIES and word in PRIORITIES:
        return SEVERITIES[PRIORITIES[word].lower()][0].split()[0]
    return SEVERITIES.get(word, ("⚪", "", ""))[0]


def worst(alerts: Sequence[AlertData]) -> str:
    """The label ``severity`` of the worst of these; empty when none of them has one."""
    found = {alert.labels.get("severity", "") for alert in alerts if alert.labels is not None} - {""}
    return min(sorted(found), key=lambda word: PRIORITIES.get(word.lower(), Priority.P2), default="")


def shown_value(reading: Reading | None) -> str:
    """A value as people read it: four digits, and whole numbers as they are; empty without a reading."""
    return "" if reading is None else shown_number(reading.value)


def shown_threshold(reading: Reading | None) -> str:
    """``> 80``; empty when there is none."""
    if reading is None or reading.watched.threshold is None:
        return ""
    return f"{reading.watched.comparison} {shown_number(reading.watched.threshold)}"


def shown_number(value: float) -> str:
    """``93.12``, ``1,234,568``, ``0.00012``, ``NaN``."""
    if not math.isfinite(value):
        return "NaN" if math.isnan(value) else ("+Inf" if value > 0 else "-Inf")
    if abs(value) >= EXACT_BELOW:
        return f"{value:,.0f}" if abs(value) < 1e15 else f"{value:.4g}"
    return f"{value + 0.0:.0f}" if value == int(value) else f"{value:.4g}"


def lasting(seconds: int) -> str:
    """A duration in its two largest units: ``12m``, ``3h 5m``, ``2d 4h``."""
    if seconds < 60:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 60:
        return f"{minutes}m"
    hours, minutes = divmod(minutes, 60)
    if hours < 24:
        return f"{hours}h {minutes}m" if minutes else f"{hours}h"
    days, hours = divmod(hours, 24)
    return f"{days}d {hours}h" if hours else f"{days}d"
