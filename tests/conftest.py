"""Fixtures for every kind of test."""

from __future__ import annotations

import asyncio
import gc
import os
import threading
import time
from collections.abc import Generator, Iterator
from pathlib import Path

import hypothesis
import pytest
from prometheus_client import CollectorRegistry

from fenghuo.base.clock import ManualClock
from material import CONFORMANCE

NO_SKIPS = os.environ.get("FENGHUO_NO_SKIPS") == "1"
"""On CI everything that a test needs is installed; a skip there is a failure."""

if os.environ.get("FENGHUO_EXPLORE") != "1":
    # The same examples each time, here as on CI; who looks for new failures asks for others.
    hypothesis.settings.load_profile("ci")

LOOP_BLOCKED_S_MAX = 0.5
"""An event loop that one callback holds longer than this has been blocked. A garbage collection may fall into any
callback, hence half a second."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Give tests of real processes, sockets and browsers a second try on CI; the summary lists those that needed it.

    Two cores that hang for seconds are no fault of the program. Whatever runs on the manual clock gets one try.
    """
    if NO_SKIPS:
        for item in items:
            if any(folder in str(item.path) for folder in ("/accept/", "/browser/", "/flow/")):
                item.add_marker(pytest.mark.flaky(reruns=1))


@pytest.fixture(autouse=True, scope="module")
def small_heap() -> None:
    """Let the collector look at what the tests of one file leave, and not at all that came before them.

    A full collection falls into whatever runs, such as a callback of an event loop that is watched.
    """
    gc.collect()
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if NO_SKIPS and report.skipped and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped where nothing may be skipped: {report.longrepr}"
    return report


@pytest.fixture(scope="session")
def conformance() -> Path:
    """The folder of other projects' test material; tests of it are skipped where it does not exist."""
    if not CONFORMANCE.is_dir():
        pytest.skip(f"conformance material is not at {CONFORMANCE}")
    return CONFORMANCE


@pytest.fixture
def anyio_backend() -> str:
    """Async tests (``pytestmark = pytest.mark.anyio``) run on asyncio."""
    return "asyncio"


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture(autouse=True)
def loop_stays_free(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Fail a unit test whose event loop was held by one callback for too long."""
    if "/unit/" not in str(request.path):
        yield
        return
    slow: list[str] = []
    run = asyncio.Handle._run

    def timed(handle: asyncio.Handle) -> None:
        start_s = time.perf_counter()
        cpu_s = time.thread_time()
        run(handle)
        # CPU time of this thread, so that a busy machine is not taken for a blocked loop.
        if time.perf_counter() - start_s > LOOP_BLOCKED_S_MAX and time.thread_time() - cpu_s > LOOP_BLOCKED_S_MAX:
            slow.append(repr(handle))

    monkeypatch.setattr(asyncio.Handle, "_run", timed)
    yield
    assert not slow, f"the event loop was blocked for over {LOOP_BLOCKED_S_MAX} s by {slow}"


@pytest.fixture(autouse=True)
def no_thread_left(request: pytest.FixtureRequest) -> Iterator[None]:
    """Fail a unit test that leaves a non-daemon thread of its own behind."""
    if "/unit/" not in str(request.path):
        yield
        return
    before = set(threading.enumerate())
    yield
    deadline_s = time.monotonic() + 2
    while True:
        left = [
            thread
            for thread in threading.enumerate()
            if thread not in before
            and not thread.daemon
            and not thread.name.startswith(("asyncio_", "AnyIO worker", "fenghuo-sdk"))
        ]
        if not left or time.monotonic() > deadline_s:
            break
        time.sleep(0.01)
    assert not left, f"threads left running: {left}"
