"""Snapshots: the whole store at one moment, as a directory of hard links.

Blocks never change, and a segment of the WAL does not change any more once the next one has begun; so a snapshot begins
a segment and links everything that is there. It takes milliseconds and, until blocks are merged or deleted, no room.
"""

from __future__ import annotations

import contextlib
import errno
import os
import secrets
import shutil
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path

from fenghuo.base.errors import OperatingError
from fenghuo.base.files import sync_directory
from fenghuo.metrics.store.parts import Parts
from fenghuo.metrics.store.tombstones import tombstone_path

_NO_LINKS = (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP)
"""What file systems say that cannot link these two places."""


def take_snapshot(parts: Parts, directory: Path, now_ms: int, skip_head: bool) -> str:
    """Make a snapshot below ``directory``; see :meth:`Store.snapshot`."""
    name = f"{datetime.fromtimestamp(now_ms // 1000, UTC):%Y%m%dT%H%M%SZ}-{secrets.token_hex(8)}"
    with parts.upkeep:
        with parts.lock:
            parts.refuse_when_closed()
            number = parts.wal.roll()
            segments = [] if skip_head else [each.path for each in parts.wal.segments.values() if each.number < number]
            blocks = [block.path for block in parts.blocks.blocks]
        try:
            parts.wal.sync()
            _write(directory, name, parts.blocks.directory.parent.name, blocks, segments)
        except OSError as error:
            raise OperatingError(
                f"the snapshot cannot be written to {directory}: {error.strerror or error}",
                retryable=True,
                remedy="make room there, or delete old snapshots; nothing of this one is left",
            ) from error
    return name


def _write(directory: Path, name: str, store: str, blocks: list[Path], segments: list[Path]) -> None:
    """Fill a directory aside and rename it."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    for leftover in directory.glob("*.tmp"):  # Of a process that was killed here.
        shutil.rmtree(leftover)
    aside = directory / f"{name}.tmp"
    try:
        tombstones = [path for path in map(tombstone_path, blocks) if path.exists()]
        _gather(aside / store / "blocks", [*blocks, *tombstones])
        _gather(aside / store / "wal", segments)
        for each in (aside / store, aside):
            sync_directory(each)
        aside.rename(directory / name)
        sync_directory(directory)
    except BaseException:
        shutil.rmtree(aside, ignore_errors=True)
        raise


def _gather(directory: Path, files: Iterable[Path]) -> None:
    directory.mkdir(mode=0o700, parents=True)
    for file in files:
        # A segment that goes meanwhile is one whose samples are all in blocks.
        with contextlib.suppress(FileNotFoundError):
            _link(file, directory / file.name)
    sync_directory(directory)


def _link(source: Path, target: Path) -> None:
    try:
        os.link(source, target)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        with source.open("rb") as reader, target.open("xb") as writer:
            shutil.copyfileobj(reader, writer)
            writer.flush()
            os.fsync(writer.fileno())
