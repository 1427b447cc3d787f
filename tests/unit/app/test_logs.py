"""Our own log: its form, and the counter of what goes wrong."""

from __future__ import annotations

import logging
import re

import pytest
from prometheus_client import CollectorRegistry

from fenghuo.app.logs import LineFormatter, counting_messages

pytestmark = pytest.mark.anyio


async def test_warnings_and_errors_are_counted_while_the_server_runs(registry: CollectorRegistry) -> None:
    log = logging.getLogger("fenghuo.collect")
    async with counting_messages(registry):
        log.info("nothing")
        log.warning("odd")
        log.error("bad")
        log.critical("worse")
    log.error("afterwards")

    assert registry.get_sample_value("fenghuo_log_messages_total", {"level": "warning"}) == 1
    assert registry.get_sample_value("fenghuo_log_messages_total", {"level": "error"}) == 2


def test_a_line_names_time_level_and_part() -> None:
    record = logging.LogRecord("fenghuo.rules.group", logging.WARNING, __file__, 1, "%s late", ("a rule",), None)
    line = LineFormatter("%(asctime)s %(levelname)s %(part)s: %(message)s").format(record)

    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}[+-]\d\d:\d\d WARNING rules\.group: a rule late", line)
