"""When exchanges trade: calendars and sessions as data, and questions about moments.

In come the name of a market (``SHFE.rb``, ``SSE``, a contract such as ``SHFE.rb2405``) and moments in milliseconds.
Out come answers: is it open, which trading day is it, when does it open or close next, how much of a stretch of time
was open. Everything is a pure function of the data in ``exchanges.yml``, of what the operator adds to it
(:class:`~fenghuo.trading.settings.TradingSettings`), and of the public holidays that ``chinesecalendar`` and
``holidays`` know.

What holds: a night session belongs to the next trading day, so Friday's belongs to Monday; there is none on the
evening before a holiday that takes a weekday; a working Saturday is no trading day. A year whose holidays are not
known yet counts every weekday as a trading day, and says so (:meth:`~fenghuo.trading.market.Market.knows`).

How it fails: a market that nobody knows is an InputError with the nearest known name.
"""

from __future__ import annotations

from fenghuo.trading.book import MarketBook, built_in_markets, unknown_market
from fenghuo.trading.market import Market, Session
from fenghuo.trading.settings import TradingSettings

__all__ = ["Market", "MarketBook", "Session", "TradingSettings", "built_in_markets", "unknown_market"]
