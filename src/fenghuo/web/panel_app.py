"""The panel as an ASGI application, to be mounted last, at ``/``."""

from __future__ import annotations

import mimetypes
from dataclasses import dataclass
from pathlib import Path

from starlette.datastructures import Headers
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Mount
from starlette.types import Receive, Scope, Send

from fenghuo.web.no_panel import NO_PANEL_PAGE
from fenghuo.web.security import page_headers

PANEL = Path(__file__).parent / "panel"
"""Where the build hook puts the panel."""

SERVER_PATHS = ("/api", "/es", "/loki", "/v1", "/jaeger", "/influx", "/federate", "/metrics", "/health", "/-")
"""Paths that belong to the server's interfaces, with all below them. What exists nowhere there is answered 404, never
with the page, which a program that expects JSON would try to read."""

HASHED_FOLDER = "assets/"
"""Vite puts a hash of the content into the names of what lies here, so these may be kept for ever."""

IMMUTABLE = "public, max-age=31536000, immutable"
REVALIDATE = "no-cache"


@dataclass(frozen=True, slots=True)
class PanelFile:
    """One file of the panel, read once: a panel is about a megabyte and does not change while the server runs."""

    body: bytes
    gzip: bytes | None
    media_type: str
    cache_control: str
    etag: str


class Panel:
    """Answers every GET that no other route took.

    ``built`` tells whether there is a panel at all, so that the program can say so when it starts. The files are
    read when the object is made; a panel built later is seen after a restart.
    """

    def __init__(self, directory: Path = PANEL) -> None:
        self._files = read_panel(directory)

    @property
    def built(self) -> bool:
        return "index.html" in self._files

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        request = Request(scope, receive)
        response = self.answer(request.method, request.url.path, request.headers)
        await response(scope, receive, send)

    def answer(self, method: str, path: str, headers: Headers) -> Response:
        """The response for a path as the client wrote it."""
        if is_server_path(path):
            return not_found(path)
        if method not in ("GET", "HEAD"):
            return JSONResponse(
                error_body("method_not_allowed", f"{method} {path} is not answered", "the panel is read with GET"),
                status_code=405,
                headers={"Allow": "GET, HEAD"},
            )
        file = self._files.get(path.removeprefix("/"))
        if file is not None:
            return file_response(file, headers)
        if is_file_name(path):
            return not_found(path)
        page = self._files.get("index.html")
        if page is not None:
            return file_response(page, headers)
        return Response(NO_PANEL_PAGE, media_type="text/html", headers={**page_headers(), "Cache-Control": "no-store"})


def panel_routes(directory: Path = PANEL) -> list[Mount]:
    """What the application appends after all its other routes."""
    return [Mount("/", app=Panel(directory), name="panel")]


def read_panel(directory: Path) -> dict[str, PanelFile]:
    """The panel's files by their path below ``directory``; empty where none was built."""
    files: dict[str, PanelFile] = {}
    for path in sorted(directory.rglob("*")):
        name = path.relative_to(directory).as_posix()
        # Compressed twins are found beside their file; hidden files are the build's own notes.
        if not path.is_file() or name.endswith(".gz") or path.name.startswith("."):
            continue
        files[name] = read_file(path, name)
    return files


def read_file(path: Path, name: str) -> PanelFile:
    twin = path.with_name(f"{path.name}.gz")
    status = path.stat()
    return PanelFile(
        body=path.read_bytes(),
        gzip=twin.read_bytes() if twin.is_file() else None,
        media_type=mimetypes.guess_type(name)[0] or "application/octet-stream",
        cache_control=IMMUTABLE if name.startswith(HASHED_FOLDER) else REVALIDATE,
        etag=f'"{status.st_mtime_ns:x}-{status.st_size:x}"',
    )


def file_response(file: PanelFile, headers: Headers) -> Response:
    """The file, or 304 when the client holds this version already."""
    answer = {
        **page_headers(),
        "Cache-Control": file.cache_control,
        "ETag": file.etag,
        "Vary": "Accept-Encoding",
    }
    if file.etag in headers.get("if-none-match", ""):
        return Response(status_code=304, headers=answer)
    if file.gzip is not None and accepts_gzip(headers.get("accept-encoding", "")):
        return Response(file.gzip, media_type=file.media_type, headers={**answer, "Content-Encoding": "gzip"})
    return Response(file.body, media_type=file.media_type, headers=answer)


def accepts_gzip(header: str) -> bool:
    """Whether ``Accept-Encoding`` allows gzip; ``gzip;q=0`` refuses it."""
    for part in header.split(","):
        coding, _, weight = part.partition(";")
        if coding.strip().lower() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False


def is_server_path(path: str) -> bool:
    return any(path == prefix or path.startswith(f"{prefix}/") for prefix in SERVER_PATHS)


def is_file_name(path: str) -> bool:
    """Whether a path asks for a file (``/assets/x.js``) rather than for a page of the panel (``/alerts``)."""
    return "." in path.rpartition("/")[2]


def not_found(path: str) -> Response:
    return JSONResponse(
        error_body("not_found", f"there is nothing at {path}", "compare the path with the API reference"),
        status_code=404,
        headers={"X-Content-Type-Options": "nosniff"},
    )


def error_body(code: str, message: str, remedy: str) -> dict[str, dict[str, str]]:
    return {"error": {"code": code, "message": message, "remedy": remedy}}
