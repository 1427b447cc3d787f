"""Talks to a running server, found through its data directory or by URL."""

from __future__ import annotations

import base64
import contextlib
import http.client
import json
import os
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import orjson
import typer

from fenghuo.app.options import SERVER_FILE
from fenghuo.base.errors import InputError, OperatingError

STREAM_BYTES = 1 << 18

_direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
"""Opens without the environment's proxies: they rarely know the way to a server on this machine."""

ServerOption = Annotated[
    str | None,
    typer.Option(
        "--server",
        envvar="FENGHUO_SERVER",
        help="URL of the server; user and password may stand in it. Default: the one on this machine.",
    ),
]
DataDirOption = Annotated[
    Path | None, typer.Option("--data-dir", envvar="FENGHUO_DATA_DIR", help="The server's data directory.")
]


def default_data_dir() -> Path:
    """``$XDG_DATA_HOME/fenghuo``, which is ``~/.local/share/fenghuo`` for most."""
    base = os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share"
    return Path(base) / "fenghuo"


@dataclass(frozen=True, slots=True)
class Server:
    """A server to ask, and how to prove who is asking."""

    url: str
    authorization: str = ""

    def get(self, path: str, params: Sequence[tuple[str, str]] = (), timeout_s: float = 120.0) -> Any:
        """GET ``path``; the parsed JSON answer.

        Raises InputError with the server's words for a 4xx answer, OperatingError when it cannot be reached.
        """
        return self._asked(path, params, {"Accept": "application/json"}, None, timeout_s)

    def post(
        self,
        path: str,
        body: Iterable[bytes],
        headers: Mapping[str, str],
        params: Sequence[tuple[str, str]] = (),
        timeout_s: float = 600.0,
    ) -> Any:
        """POST a body that comes in pieces; the parsed JSON answer. Raises as :meth:`get` does."""
        return self._asked(path, params, {"Accept": "application/json", **headers}, body, timeout_s)

    def change(self, method: str, path: str, value: Any = None, timeout_s: float = 120.0) -> Any:
        """POST, PUT or DELETE ``path``, with ``value`` as JSON; the parsed answer, None when it is empty.

        Raises as :meth:`get` does.
        """
        headers = {"Accept": "application/json", "Content-Type": "application/json"}
        body = None if value is None else orjson.dumps(value)
        return self._asked(path, (), headers, body, timeout_s, method)

    def send(self, path: str, body: bytes, timeout_s: float = 120.0) -> None:
        """POST a plain body; what is answered does not matter. Raises as :meth:`get` does."""
        with self._opened(path, (), {"Content-Type": "text/plain"}, body, timeout_s):
            return

    def stream(self, path: str, params: Sequence[tuple[str, str]] = (), timeout_s: float = 600.0) -> Iterator[bytes]:
        """GET ``path``; the answer's body piece by piece. Raises as :meth:`get` does, also when it breaks off."""
        with self._opened(path, params, {}, None, timeout_s) as answer:
            try:
                while piece := answer.read(STREAM_BYTES):
                    yield piece
            except (http.client.HTTPException, OSError) as error:
                raise OperatingError(f"the answer of {self.url} broke off: {error!r}", retryable=True) from error

    def _asked(
        self,
        path: str,
        params: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        body: Iterable[bytes] | bytes | None,
        timeout_s: float,
        method: str | None = None,
    ) -> Any:
        with self._opened(path, params, headers, body, timeout_s, method) as answer:
            read = answer.read()
            return orjson.loads(read) if read else None

    @contextlib.contextmanager
    def _opened(
        self,
        path: str,
        params: Sequence[tuple[str, str]],
        headers: Mapping[str, str],
        body: Iterable[bytes] | bytes | None,
        timeout_s: float,
        method: str | None = None,
    ) -> Iterator[http.client.HTTPResponse]:
        url = f"{self.url}{path}?{urllib.parse.urlencode(params)}"
        # The scheme was checked when the server was named.
        request = urllib.request.Request(url, body, dict(headers), method=method)  # noqa: S310
        if self.authorization:
            request.add_header("Authorization", self.authorization)
        try:
            with _direct.open(request, timeout=timeout_s) as answer:
                yield answer
        except urllib.error.HTTPError as error:
            raise _refused(self.url, error) from error
        except (urllib.error.URLError, OSError) as error:
            reason = getattr(error, "reason", error)
            raise OperatingError(
                f"no answer from {self.url}: {reason}", retryable=True, remedy="is the server running? `fenghuo up`"
            ) from error


def find_server(url: str | None, data_dir: Path | None) -> Server:
    """The server named by ``url``, else the one that runs on ``data_dir``."""
    if url:
        return _from_url(url)
    path = (data_dir or default_data_dir()) / SERVER_FILE
    try:
        found = json.loads(path.read_bytes())
        return Server(found["url"], f"Bearer {found['token']}")
    except FileNotFoundError as error:
        raise OperatingError(
            f"no server has run with the data directory {path.parent}",
            retryable=False,
            remedy="start one with `fenghuo up`, or name one with --server or --data-dir",
        ) from error
    except (OSError, ValueError, KeyError) as error:
        raise OperatingError(f"{path} cannot be read: {error}", retryable=False) from error


def _from_url(url: str) -> Server:
    parts = urllib.parse.urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InputError(f"{url!r} is not the URL of a server", remedy="write http://HOST:PORT")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    base = f"{parts.scheme}://{host}" + (f":{parts.port}" if parts.port else "") + parts.path.rstrip("/")
    if parts.username is None:
        return Server(base)
    pair = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
    return Server(base, f"Basic {base64.b64encode(pair.encode()).decode()}")


def _refused(url: str, error: urllib.error.HTTPError) -> InputError | OperatingError:
    remedy = ""
    try:
        answer = orjson.loads(error.read())
        said = answer if isinstance(answer, str) else answer["error"]  # Alertmanager's API answers with plain texts.
        message, remedy = (said, "") if isinstance(said, str) else (said["message"], said["remedy"])
    except (ValueError, KeyError, TypeError):
        message = f"{url} answered {error.code} {error.reason}"
    if error.code == 401:
        remedy = "put user and password, or a token as the password, into --server, as in http://admin:secret@HOST:PORT"
        return InputError(message, remedy=remedy)
    if error.code < 500:
        return InputError(message, remedy=remedy)
    return OperatingError(message, retryable=error.code == 503, remedy=remedy)
