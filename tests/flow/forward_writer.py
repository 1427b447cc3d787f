"""A process that appends scrapes and forwards them until it is killed; run by ``test_forward_killed.py``.

``python forward_writer.py DIRECTORY URL``: prints a line for each scrape that was acknowledged.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import SystemClock
from fenghuo.base.guard import Guard
from fenghuo.metrics.forward.service import forwarding
from fenghuo.metrics.forward.settings import RemoteWriteSettings
from fenghuo.metrics.store import Store, StoreSettings
from fenghuo.model.labels import Labels
from fenghuo.model.sample import Metadata

SERIES = 30


async def _nothing() -> Mapping[str, Sequence[Metadata]]:
    return {}


async def main(directory: Path, url: str) -> None:
    clock, registry = SystemClock(), CollectorRegistry()
    store = Store.open(directory / "store", StoreSettings(), clock, registry)
    settings = RemoteWriteSettings.model_validate(
        {
            "url": url,
            "name": "far",
            "queue_config": {"batch_send_deadline": "20ms", "max_samples_per_send": 50, "max_backoff": "100ms"},
        }
    )
    async with forwarding(store.tail(), directory / "forward", clock, registry, Guard(registry), _nothing) as service:
        await service.apply([settings])
        cohort = store.cohort("written")
        rows = cohort.rows([Labels({"__name__": "written", "n": str(number)}) for number in range(SERIES)])
        while True:
            time_ms = clock.now_ms()
            if cohort.append(time_ms, rows, np.full(SERIES, time_ms % 1000, dtype=np.float64)).accepted == SERIES:
                print(time_ms, flush=True)
            await asyncio.sleep(0.005)


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), sys.argv[2]))
