"""All markets by name."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from importlib import resources
from typing import Final

from fenghuo.base.document import Document, Path, Problem, load_yaml, nearest, validate
from fenghuo.base.errors import BugError, InputError
from fenghuo.trading.calendar import Calendar
from fenghuo.trading.market import Market, MarketHours
from fenghuo.trading.settings import CalendarSettings, ExchangeSettings, GroupSettings, Minutes, TradingSettings

_CONTRACT: Final = re.compile(r"([A-Za-z]+)[0-9].*\Z")
"""``rb2405``, ``IO2406-C-3500``: a product's letters, then a month."""


@cache
def known_exchanges() -> TradingSettings:
    """What ``exchanges.yml`` says."""
    text = resources.files("fenghuo.trading").joinpath("exchanges.yml").read_text(encoding="utf-8")
    settings, problems = validate(TradingSettings, load_yaml(text, "exchanges.yml"))
    if settings is None:
        raise BugError("; ".join(str(problem) for problem in problems))
    return settings


class MarketBook:
    """Finds markets by name: ``SSE``, ``SHFE.rb``, ``CZCE.TA405``. Markets are made when they are asked for."""

    def __init__(self, settings: TradingSettings | None = None) -> None:
        """Raises InputError for settings that name hours or calendars that do not exist."""
        known, own = known_exchanges(), settings or TradingSettings()
        self._hours = {**known.hours, **own.hours}
        self._exchanges = {**known.exchanges, **own.exchanges}
        self._calendars = {
            name: Calendar(name, _joined(known.calendars.get(name), own.calendars.get(name)))
            for name in {**known.calendars, **own.calendars}
        }
        self._markets: dict[tuple[str, str], Market] = {}
        for name, exchange in own.exchanges.items():
            self._check(name, exchange)

    def _check(self, name: str, exchange: ExchangeSettings) -> None:
        place = f"trading.exchanges.{name}"
        if exchange.calendar not in self._calendars:
            remedy = nearest(exchange.calendar, self._calendars)
            raise InputError(f"unknown calendar {exchange.calendar!r}", place=place, remedy=remedy)
        groups = [(group.day, group.night) for group in exchange.groups] or [(exchange.day, exchange.night)]
        for hours in {exchange.half_day, *(each for pair in groups for each in pair)} - {""}:
            if hours not in self._hours:
                raise InputError(f"unknown hours {hours!r}", place=place, remedy=nearest(hours, self._hours))
        if not all(day for day, _ in groups):
            raise InputError("has no day hours", place=place, remedy="give `day:` a name from `hours:`")

    def market(self, name: str) -> Market:
        """The market of that name. Raises InputError, with the nearest name, when there is none."""
        exchange_name, _, product = name.partition(".")
        exchange = self._exchanges.get(exchange_name.upper()) or self._exchanges.get(exchange_name)
        if exchange is None:
            raise InputError(f"unknown exchange {exchange_name!r}", remedy=nearest(exchange_name, self._exchanges))
        exchange_name = exchange_name if exchange_name in self._exchanges else exchange_name.upper()
        product = self._product(name, exchange, product)
        key = (exchange_name, product)
        if key not in self._markets:
            calendar = self._calendars[exchange.calendar]
            self._markets[key] = Market(exchange_name, product, calendar, self._hours_of(exchange, product))
        return self._markets[key]

    def names(self) -> Iterator[str]:
        """Every market: each exchange, and each product of it."""
        for name, exchange in self._exchanges.items():
            yield name
            yield from (f"{name}.{product}" for group in exchange.groups for product in group.products)

    def _product(self, name: str, exchange: ExchangeSettings, product: str) -> str:
        """The product as its exchange spells it; empty where the exchange tells no products apart."""
        if not product or not exchange.groups:
            return ""
        contract = _CONTRACT.match(product)
        wanted = contract[1] if contract else product
        products = [each for group in exchange.groups for each in group.products]
        found = next((each for each in products if each.lower() == wanted.lower()), None)
        if found is None:
            raise InputError(f"unknown market {name!r}", remedy=nearest(name, self.names()))
        return found

    def _hours_of(self, exchange: ExchangeSettings, product: str) -> MarketHours:
        whole = GroupSettings(day=exchange.day, night=exchange.night)
        groups = [group for group in exchange.groups if not product or product in group.products] or [whole]
        return MarketHours(
            _union([each for group in groups for each in self._hours[group.day]]),
            _union([each for group in groups if group.night for each in self._hours[group.night]]),
            tuple(self._hours[exchange.half_day]) if exchange.half_day else (),
        )


def unknown_market(markets: MarketBook, name: str, document: Document, path: Path) -> list[Problem]:
    """What is wrong with ``name``, which stands at ``path``: nothing when it is a market's."""
    try:
        markets.market(name)
    except InputError as error:
        return [document.problem(error.message, path, remedy=error.remedy)]
    return []


@cache
def built_in_markets() -> MarketBook:
    """The markets that are known without anybody's settings."""
    return MarketBook()


def _joined(known: CalendarSettings | None, own: CalendarSettings | None) -> CalendarSettings:
    """A calendar with the days of both."""
    if known is None or own is None:
        return known or own or CalendarSettings()
    return CalendarSettings(
        zone=own.zone if "zone" in own.model_fields_set else known.zone,
        closed_days=[*known.closed_days, *own.closed_days],
        open_days=[*known.open_days, *own.open_days],
        half_days=[*known.half_days, *own.half_days],
    )


def _union(ranges: list[Minutes]) -> tuple[Minutes, ...]:
    """The ranges in order, those that touch or overlap made one."""
    joined: list[Minutes] = []
    for begin, end in sorted(ranges):
        if joined and begin <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(joined[-1][1], end))
        else:
            joined.append((begin, end))
    return tuple(joined)
