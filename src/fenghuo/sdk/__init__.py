"""What applications import. One line gives a service metrics and health endpoints::

    from fenghuo.sdk import instrument

    instrument(app)   # FastAPI, Starlette, Flask, or any ASGI or WSGI callable

The contract: no exception of ours ever reaches the application, memory is bounded, no signature of the
application's changes, and a missing library is skipped quietly. Nothing in here imports the server.
"""

from fenghuo.sdk.exposition import forget_worker
from fenghuo.sdk.health import Check, Health, Status
from fenghuo.sdk.instrument import instrument

__all__ = ["Check", "Health", "Status", "forget_worker", "instrument"]
