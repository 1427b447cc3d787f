"""What is said of exchanges: in ``exchanges.yml`` by us, and in the section ``trading`` by the operator."""

from __future__ import annotations

import re
from typing import Annotated, Any, Final

from pydantic import BeforeValidator, Field

from fenghuo.base.document import DictOf, ListOf, RefusedError, Settings
from fenghuo.model.settings_types import Date, Text, Zone

_RANGE: Final = re.compile(r"([0-3]?[0-9]):([0-5][0-9])-([0-3]?[0-9]):([0-5][0-9])\Z")
DAY_MINUTES: Final = 24 * 60

Minutes = tuple[int, int]
"""Minutes since the midnight that begins the day: start inclusive, end exclusive; an end may lie on the next day."""


def _minutes(value: Any) -> Any:
    if isinstance(value, tuple):
        return value
    found = _RANGE.match(value) if isinstance(value, str) else None
    if found is None:
        raise RefusedError(f"{value!s} is not a range of hours", "write HH:MM-HH:MM; 21:00-26:30 goes on to 02:30")
    begin, end = int(found[1]) * 60 + int(found[2]), int(found[3]) * 60 + int(found[4])
    if not begin < end or begin >= DAY_MINUTES or end - begin > DAY_MINUTES:
        raise RefusedError(f"{value} is empty or longer than a day", "hours after midnight are written beyond 24:00")
    return begin, end


Hours = Annotated[Minutes, BeforeValidator(_minutes)]


class CalendarSettings(Settings):
    """Days of one calendar, over the public holidays that are known by its name (``china``, ``hongkong``)."""

    zone: Zone = "Asia/Shanghai"
    closed_days: ListOf[Date] = Field(default=[])
    """Days without trading. Given for a year that is not known, they make it known."""
    open_days: ListOf[Date] = Field(default=[])
    """Days with trading, whatever else is said of them."""
    half_days: ListOf[Date] = Field(default=[])
    """Days on which the hours named by ``half_day`` hold."""


class GroupSettings(Settings):
    """Products with the same hours. ``day`` and ``night`` name entries of ``hours``."""

    products: ListOf[str] = Field(default=[])
    day: Text = ""
    night: Text = ""


class ExchangeSettings(Settings):
    """One exchange. Without groups it trades one thing."""

    calendar: str = "china"
    day: Text = ""
    night: Text = ""
    half_day: Text = ""
    groups: ListOf[GroupSettings] = Field(default=[])


class TradingSettings(Settings):
    """The section ``trading``. What is given here is laid over what Fenghuo knows of exchanges."""

    hours: DictOf[ListOf[Hours]] = Field(default={})
    """Lists of hours by name, such as ``night: ["21:00-26:30"]``."""
    exchanges: DictOf[ExchangeSettings] = Field(default={})
    """Exchanges by name; one that is known is replaced as a whole."""
    calendars: DictOf[CalendarSettings] = Field(default={})
    """Days over the public holidays; the lists of a known calendar grow by these."""
    series: ListOf[str] = Field(default=[])
    """Markets, such as ``SHFE.rb`` or ``SSE``, that are kept as series ``trading_session_open{exchange,product}``."""
