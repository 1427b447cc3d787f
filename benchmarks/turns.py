"""How late an event loop comes to its turn while worker threads parse: ``python benchmarks/turns.py [--quick]``.

For each number of busy threads and each switch interval of the interpreter: how long a tick of the loop was held, in
processor time of this process, which a busy machine does not change; and what the work itself cost.
"""

from __future__ import annotations

import argparse
import asyncio
import statistics
import sys
import time
from collections.abc import Sequence

from exposition import LINES, body

from fenghuo.base.interpreter import SWITCH_INTERVAL_S
from fenghuo.wire.exposition import Parsed, parse_text

TICK_S = 0.002


async def tick(held_ms: list[float]) -> None:
    while True:
        start_s = time.process_time()
        await asyncio.sleep(TICK_S)
        held_ms.append((time.process_time() - start_s) * 1000)


def parse_many(texts: Sequence[bytes], last: Parsed, count: int) -> list[float]:
    """Processor time (ms) of each of ``count`` parses in this thread, of bodies in which every value changed."""
    taken = []
    for number in range(count):
        start_s = time.thread_time()
        parsed = parse_text(texts[number % len(texts)], "text/plain", last)
        assert parsed.layout is last.layout
        last = parsed
        taken.append((time.thread_time() - start_s) * 1000)
    return taken


async def measure(threads: int, count: int) -> None:
    texts = body(LINES, 2), body(LINES, 1)
    last = parse_text(texts[1], "text/plain")
    held_ms: list[float] = []
    ticking = asyncio.create_task(tick(held_ms))
    work = (asyncio.to_thread(parse_many, texts, last, count // threads) for _ in range(threads))
    taken = [each for found in await asyncio.gather(*work) for each in found]
    ticking.cancel()
    held_ms.sort()
    half_ms, most_ms = held_ms[len(held_ms) // 2], held_ms[len(held_ms) * 99 // 100]
    print(
        f"{threads:>7}{sys.getswitchinterval() * 1000:>10.1f} ms{half_ms:>9.1f} ms{most_ms:>9.1f} ms"
        f"{statistics.median(taken):>14.1f} ms"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a quarter of the work; figures are rougher")
    count = 40 if parser.parse_args().quick else 160
    print(f"threads    interval      half in   99 in 100   a parse of {LINES} lines")
    for threads in (1, 2, 4):
        for interval_s in (0.005, SWITCH_INTERVAL_S, 0.0005):
            sys.setswitchinterval(interval_s)
            asyncio.run(measure(threads, count))


if __name__ == "__main__":
    main()
