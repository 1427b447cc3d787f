"""How the threads of a server take turns with the interpreter, of which there is one.

A thread that wants the interpreter waits for the switch interval before it asks whoever has it to let go, and may
then lose the draw to others that wait. The event loop is one thread among them, and all that it serves waits with it.
How late the loop came to its turn while worker threads parsed bodies of 20,000 lines without pause, in 99 of 100
cases, on a slow core (``benchmarks/turns.py``):

============  ======  ======  ======
busy threads    5 ms    1 ms  0.5 ms
============  ======  ======  ======
1              11 ms    8 ms    6 ms
2              26 ms   13 ms   12 ms
4              49 ms   31 ms   25 ms
============  ======  ======  ======

There the loop wakes 500 times a second and a parse takes up to a fifth longer at 1 ms. Beside a loop that rests it
takes no longer, since nobody asks for the interpreter.
"""

from __future__ import annotations

import contextlib
import gc
import sys
from collections.abc import Iterator
from typing import Final

SWITCH_INTERVAL_S: Final = 0.001
"""Python's own is 0.005, chosen for programs in which no thread is more urgent than another."""
COLLECT_THRESHOLDS: Final = (20_000, 20, 50)
"""When the cycle collector looks at the young, the middle and the old. Python's own (700 or 2,000, 10, 10) fit
programs with small heaps; here the young ones are mostly rows of answers on their way out."""


@contextlib.contextmanager
def turns_for_a_server() -> Iterator[None]:
    """Set the whole process up for one event loop and its worker threads; what was set before comes back after."""
    interval_s, thresholds = sys.getswitchinterval(), gc.get_threshold()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    gc.set_threshold(*COLLECT_THRESHOLDS)
    try:
        yield
    finally:
        sys.setswitchinterval(interval_s)
        gc.set_threshold(*thresholds)
