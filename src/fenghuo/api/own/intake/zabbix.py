"""Zabbix: what the media type in the guide sends, which is its parameters as one JSON object of texts."""

from __future__ import annotations

import re
from typing import Final

import orjson

from fenghuo.api.own.intake.fields import Field, FieldError
from fenghuo.api.own.intake.report import EVENT, NAME, SEVERITY, Report, Reports, each_of, filled

SEVERITIES: Final = {"0": "info", "1": "info", "2": "warning", "3": "average", "4": "high", "5": "disaster"}
"""Zabbix' numbers in the words that it uses for them."""
KNOWN: Final = {"average": "warning"}
"""Its words that priorities do not know, in words that they do."""
UNRESOLVED: Final = re.compile(r"\{[A-Z0-9_.]+(?:[1-9])?\}|\*UNKNOWN\*")
"""What stands where Zabbix had no value for a macro."""


def read(message: Field) -> Reports:
    return each_of([message], _event)


def _event(message: Field) -> Report:
    values = {key: message[key].text() for key in message.object()}
    event = Field({key: "" if UNRESOLVED.fullmatch(value) else value for key, value in values.items()})
    value = event["event_value"].required()
    if value not in ("0", "1"):
        raise FieldError("event_value", f"{value[:40]!r} is neither 0 nor 1", "set the parameter to {EVENT.VALUE}")
    number = event["event_nseverity"].text()
    if number and number not in SEVERITIES:
        raise FieldError("event_nseverity", f"{number[:40]!r} is not 0 to 5", "set it to {EVENT.NSEVERITY}")
    severity = SEVERITIES.get(number, "")
    return Report(
        labels={
            **_tags(event["event_tags"]),
            NAME: event["event_name"].required(),
            EVENT: event["event_id"].required(),
            **filled(
                instance=event.first("host", "host_name").text(),
                trigger_id=event["trigger_id"].text(),
                **{SEVERITY: KNOWN.get(severity, severity)},
            ),
        },
        firing=value == "1",
        starts_ms=event["event_timestamp"].time_ms(),
        ends_ms=event["recovery_timestamp"].time_ms(),
        annotations=filled(
            summary=event.first("subject", "event_name").text(),
            description=event.first("message", "trigger_description").text(),
            values=event["event_opdata"].text(),
            update=event["event_update_message"].text(),
        ),
        link=event["url"].text(),
        raw=message.value,
    )


def _tags(tags: Field) -> dict[str, str]:
    """``{EVENT.TAGSJSON}``: a text that holds a list of objects; tags of one name are joined."""
    if not tags.text():
        return {}
    try:
        parsed = Field(orjson.loads(tags.text()), "event_tags")
    except orjson.JSONDecodeError as error:
        raise FieldError("event_tags", "is not JSON", "set the parameter to {EVENT.TAGSJSON}") from error
    joined = dict[str, str]()
    for tag in parsed.items():
        name, value = tag["tag"].required(), tag["value"].text() or "true"
        joined[name] = f"{joined[name]},{value}" if name in joined else value
    return joined
