"""Where a message leads: to the page that answers its incident, to the incident, to all alerts."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from fenghuo.alerting.notify.facts import choose
from fenghuo.alerting.notify.message import FIRING, Message
from fenghuo.model.language import Language

ACKNOWLEDGE: Final = "acknowledge"
SNOOZE: Final = "snooze30"
"""What a link to the page of an answer may ask for; the page shows it first, and does nothing by itself."""
ANSWERED: Final = "acknowledged"


@dataclass(frozen=True, slots=True)
class Button:
    """A link that a platform shows as a button."""

    text: str
    url: str
    is_main: bool = False


def buttons(message: Message, language: Language) -> list[Button]:
    """Acknowledge, snooze and open, while it fires and has an incident; open alone otherwise.

    Whoever presses one comes to a page: opening it changes nothing, since programs fetch links to preview them.
    """
    opening = Button(choose(language, "打开烽火", "Open Fenghuo"), incident_url(message))
    view = message.incident
    if view is None or message.status != FIRING:
        return [opening]
    answer = [Button(choose(language, "推迟 30 分钟", "Snooze 30 min"), f"{view.answer_url}?do={SNOOZE}")]
    if view.state != ANSWERED:
        acknowledging = choose(language, "确认", "Acknowledge")
        answer.insert(0, Button(f"{acknowledging} {view.id}", f"{view.answer_url}?do={ACKNOWLEDGE}", is_main=True))
    return [*answer, opening]


def incident_url(message: Message) -> str:
    """The panel's page of the incident; without one that of all alerts."""
    if message.incident is None:
        return all_alerts_url(message)
    return f"{message.external_url}/incidents/{message.incident.number}"


def all_alerts_url(message: Message) -> str:
    """The panel's page of what fires."""
    return f"{message.external_url}/alerts"
