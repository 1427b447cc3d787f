"""The newest sample of chosen series, in both text formats."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import numpy as np
import pytest
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette

from fenghuo.api.prometheus.federate import FederateApi
from fenghuo.base.clock import ManualClock
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.sample import STALE_NAN

pytestmark = pytest.mark.anyio

MINUTE_MS = 60_000


@pytest.fixture
async def client(tmp_path: Path, clock: ManualClock) -> AsyncIterator[httpx.AsyncClient]:
    """Over a store with a cohort, loose samples, series that ended, and old ones."""
    store = Store.open(tmp_path, StoreSettings(), clock, CollectorRegistry())
    now = clock.now_ms()
    series = [Labels({"__name__": "up", "job": "api", "instance": f"host-{number}"}) for number in range(3)]
    target = store.cohort("t")
    rows = target.rows(series)
    target.append(now - 20_000, rows, np.array([1.0, 2.0, 3.0]))
    target.append(now - 10_000, rows[:2], np.array([1.5, STALE_NAN]))
    store.append_samples(
        [Labels({"__name__": name, "site": "b"}) for name in ("load", "load", "old", "odd name")],
        np.array([now - 3000, now - 2000, now - 6 * MINUTE_MS, now]),
        np.array([4.0, np.inf, 5.0, 6.0]),
    )
    external = Labels({"site": "a", "replica": "1"})
    api = FederateApi(store, clock, lambda: external, lambda: 5 * MINUTE_MS)
    transport = httpx.ASGITransport(Starlette(routes=api.routes()))
    async with httpx.AsyncClient(transport=transport, base_url="http://t") as client:
        yield client
    store.close()


async def asked(client: httpx.AsyncClient, *selectors: str, accept: str = "") -> httpx.Response:
    return await client.get("/federate", params={"match[]": list(selectors)}, headers={"Accept": accept})


async def test_the_newest_sample_with_its_time_and_the_external_labels(
    client: httpx.AsyncClient, clock: ManualClock
) -> None:
    now = clock.now_ms()
    answer = await asked(client, "up", '{site="b"}', "load")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert answer.text.splitlines() == [
        "# TYPE load untyped",
        f'load{{site="b",instance="",replica="1"}} +Inf {now - 2000}',
        '# TYPE "odd name" untyped',
        f'{{"odd name",site="b",instance="",replica="1"}} 6 {now}',
        "# TYPE up untyped",
        # The one that ended is not there; the one that was left out of the last scrape is.
        f'up{{instance="host-0",job="api",replica="1",site="a"}} 1.5 {now - 10_000}',
        f'up{{instance="host-2",job="api",replica="1",site="a"}} 3 {now - 20_000}',
    ]


async def test_openmetrics_for_who_asks_for_it(client: httpx.AsyncClient, clock: ManualClock) -> None:
    answer = await asked(client, "load", accept="application/openmetrics-text;version=1.0.0,*/*;q=0.1")
    assert answer.headers["content-type"] == "application/openmetrics-text; version=1.0.0; charset=utf-8"
    seconds = (clock.now_ms() - 2000) / 1000
    assert answer.text.splitlines() == [
        "# TYPE load unknown",
        f'load{{site="b",instance="",replica="1"}} +Inf {seconds:.3f}',
        "# EOF",
    ]


async def test_nothing_asked_is_nothing_answered(client: httpx.AsyncClient) -> None:
    assert (await asked(client)).text == ""
    assert (await asked(client, "nothing_of_the_kind")).text == ""


@pytest.mark.parametrize("selector", ["up{", "rate(up[5m])", ""])
async def test_what_is_no_selector_is_refused(client: httpx.AsyncClient, selector: str) -> None:
    answer = await asked(client, "up", selector)
    assert answer.status_code == 400
    assert answer.text.strip()
