"""The ``/metrics`` answer: the application's own metrics and ours, of one process or of all workers."""

from __future__ import annotations

import os

from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from prometheus_client.multiprocess import MultiProcessCollector, mark_process_dead

MULTIPROCESS_VARIABLE = "PROMETHEUS_MULTIPROC_DIR"


def render_metrics(registry: CollectorRegistry, accept: str) -> tuple[bytes, str]:
    """The body and its content type, in the format that ``accept`` prefers.

    With ``PROMETHEUS_MULTIPROC_DIR`` set (gunicorn or uvicorn with several workers) the answer sums up all
    workers, whichever of them is asked.
    """
    encode, content_type = choose_encoder(accept)
    if os.environ.get(MULTIPROCESS_VARIABLE):
        registry = CollectorRegistry()
        # The collector registers itself.
        MultiProcessCollector(registry)  # type: ignore[no-untyped-call]
    return encode(registry), content_type


def forget_worker(server: object, worker: object) -> None:
    """gunicorn's ``child_exit`` hook: live gauges of a worker that ended are no longer counted."""
    pid = getattr(worker, "pid", None)
    if os.environ.get(MULTIPROCESS_VARIABLE) and isinstance(pid, int):
        mark_process_dead(pid)  # type: ignore[no-untyped-call]
