"""Files that are either whole or not there, and a directory that belongs to one process."""

from __future__ import annotations

import contextlib
import errno
import fcntl
import os
import resource
from collections.abc import Iterator
from pathlib import Path

from fenghuo.base.errors import OperatingError


def write_atomic(path: Path, data: bytes, *, mode: int = 0o644) -> None:
    """Replace ``path`` by ``data``: after a crash at any moment it holds the old bytes or the new, never a part.

    Raises OSError as the operating system gives it (disk full, read-only); the old file is then untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, mode)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    sync_directory(path.parent)


def sync_directory(path: Path) -> None:
    """Make renames, creations and removals inside ``path`` durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def allow_many_files() -> None:
    """Let this process open as many files and connections as the system allows it at all.

    Shells often allow 1,024, fewer than a thousand targets and their watchers need.
    """
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    with contextlib.suppress(OSError, ValueError):  # A system that forbids even this keeps what it gave.
        resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


@contextlib.contextmanager
def exclusive_directory(path: Path) -> Iterator[None]:
    """Create ``path`` (mode 0700) if need be and hold its lock; a second process is told who holds it.

    The lock dies with the process, however it ends. Raises OperatingError when the directory cannot be made or
    written, or when another process holds it.
    """
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path / "lock", os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise OperatingError(
            f"data directory {path} cannot be used: {error.strerror}",
            retryable=False,
            remedy="give a directory that this user may write with --data-dir",
        ) from error
    try:
        _take_lock(descriptor, path)
        yield
    finally:
        os.close(descriptor)


def _take_lock(descriptor: int, path: Path) -> None:
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError as error:
        if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
            raise
        holder = os.pread(descriptor, 32, 0).decode(errors="replace").strip() or "unknown"
        raise OperatingError(
            f"data directory {path} is in use by process {holder}",
            retryable=True,
            remedy="stop that process, or give this one another --data-dir",
        ) from error
    with contextlib.suppress(OSError):  # A full disk must not keep us from starting; the number is a courtesy.
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
