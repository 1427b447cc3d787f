"""A target: a real HTTP server whose ``/metrics`` says what a test wants it to say."""

from __future__ import annotations

import contextlib
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self


class Exposition:
    """``with Exposition("level 0") as target``: ``target.address`` to scrape; ``text`` may be changed at any time.

    ``hang()`` makes requests wait until ``go_on()`` or the end of the test.
    """

    def __init__(self, text: str) -> None:
        self.text = text
        self.requests = 0
        self.going = threading.Event()
        self.going.set()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.requests += 1
                outer.going.wait(60)
                body = outer.text.encode() + b"\n"
                with contextlib.suppress(ConnectionError):  # Who asked may have gone while we hung.
                    self.send_response(200)
                    self.send_header("Content-Type", "text/plain; version=0.0.4")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)

            def log_message(self, *args: Any) -> None:
                """Requests are counted, not printed."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)
        self.address = f"127.0.0.1:{self._server.server_port}"

    def hang(self) -> None:
        """Answer nobody until :meth:`go_on`."""
        self.going.clear()

    def go_on(self) -> None:
        self.going.set()

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *error: object) -> None:
        self.going.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()
