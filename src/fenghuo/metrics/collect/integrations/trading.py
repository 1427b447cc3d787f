"""Markets as series: whether they are open, so that expressions, charts and recording rules can ask."""

from __future__ import annotations

from collections.abc import Iterable

from fenghuo.base.clock import Clock
from fenghuo.metrics.collect.integrations.recorder import Recorder, StableLayout
from fenghuo.trading import Market
from fenghuo.wire.exposition import Parsed

DAY_MS = 86_400_000
FORESIGHT_DAYS = (0, 14)
"""A year that is not known is complained about this many days before it is needed."""


class TradingIntegration:
    """``trading_session_open`` of some markets, and how far their calendars reach."""

    def __init__(self, markets: Iterable[Market], clock: Clock) -> None:
        self._markets = tuple(markets)
        self._clock = clock
        self._layout = StableLayout()

    def collect(self) -> Parsed:
        """The markets as they are now. Synchronous, some microseconds for each."""
        now_ms = self._clock.now_ms()
        recorded = Recorder()
        is_open = recorded.gauge("trading_session_open", "1 while the market is open, else 0.")
        night = recorded.gauge("trading_session_night", "1 while the market is in a night session, else 0.")
        for market in self._markets:
            session = market.session_at(now_ms)
            is_open.add(float(session is not None), exchange=market.exchange, product=market.product)
            night.add(float(session is not None and session.night), exchange=market.exchange, product=market.product)
        known = recorded.gauge(
            "trading_calendar_known", "1 when the holidays of the year that is reached in so many days are known."
        )
        calendars = {market.calendar.name: market for market in self._markets}
        for name, market in calendars.items():
            for days in FORESIGHT_DAYS:
                known.add(float(market.knows(now_ms + days * DAY_MS)), calendar=name, in_days=str(days))
        return self._layout.parsed(recorded)
