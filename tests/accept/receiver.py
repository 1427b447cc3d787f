"""A webhook receiver: a real HTTP server that keeps what it is sent."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, NamedTuple, Self


class Arrival(NamedTuple):
    """A notice, and how it came."""

    at_s: float
    """By ``time.time``."""
    path: str
    body: dict[str, Any]


class _Server(ThreadingHTTPServer):
    request_queue_size = 128
    """Many groups are told at one moment. With the usual five a connection may be dropped, and tried again a second
    later."""


class Receiver:
    """``with Receiver() as receiver``: ``receiver.url`` to send to, ``receiver.notices`` in order of arrival.

    ``answer`` gives the status code of each request; 200 by default.
    """

    def __init__(self, answer: Callable[[int], int] = lambda number: 200) -> None:
        self.notices: list[dict[str, Any]] = []
        self.arrivals: list[Arrival] = []
        self.requests = 0
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                status = answer(outer.requests)
                outer.requests += 1
                if status == 200:
                    outer.notices.append(body)
                    outer.arrivals.append(Arrival(time.time(), self.path, body))
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *args: Any) -> None:
                """Requests are kept, not printed."""

        self._server = _Server(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.url = f"http://127.0.0.1:{self._server.server_port}/alerts"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def statuses(self) -> list[str]:
        return [notice["status"] for notice in self.notices]

    def wait_for(self, count: int, timeout_s: float = 30.0) -> list[dict[str, Any]]:
        """The notices, once there are ``count``; fails when they do not come."""
        deadline_s = time.monotonic() + timeout_s
        while len(self.notices) < count:
            assert time.monotonic() < deadline_s, f"{count} notices wanted, got {self.notices}"
            time.sleep(0.05)
        return self.notices
