"""Up to where a receiver has everything, on disk.

A file has two slots, written in turn, each with its checksum: a write that a power cut tears leaves the other. What a
killed process wrote last is there for the next, since the operating system has it; :meth:`PositionFile.sync` is for
power cuts.

::

    slot = "FHPOS" | version u8 = 1 | 0 u16 | number u64 | done: segment u64, offset u64
         | sending: segment u64, offset u64 | lanes u32 | crc u32 of what stands before

Little-endian, at bytes 0 and 512; the slot with the higher number holds.
"""

from __future__ import annotations

import logging
import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from fenghuo.base.files import sync_directory
from fenghuo.model.tailed import Position

log = logging.getLogger(__name__)

_SLOT: Final = struct.Struct("<5sBHQQQQQII")
_MAGIC: Final = b"FHPOS"
_VERSION: Final = 1
_SPACING: Final = 512
_START: Final = Position(0, 0)


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a remote is. What is between ``done`` and ``sending`` may or may not have arrived: it is sent again just
    as it was, in the same requests, since a receiver may refuse one that has old samples beside new ones."""

    done: Position
    """Before it the receiver has everything."""
    sending: Position = _START
    """Up to where requests are under way; nothing is when it is not behind ``done``."""
    lanes: int = 1
    """How many lanes these requests are cut into."""


class PositionFile:
    """One remote's progress. Methods that touch the disk block."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._descriptor: int | None = None
        self._number = 0

    def load(self) -> Progress | None:
        """What was noted last; None when nothing was. A file that is damaged gives the beginning of the log, so that
        what is there is sent again rather than not at all."""
        try:
            data = self.path.read_bytes()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            return self._unusable(str(error))
        if not data:
            return None
        slots = [found for at in (0, _SPACING) if (found := _decoded(data[at : at + _SLOT.size])) is not None]
        if not slots:
            return self._unusable("its checksum does not fit")
        self._number, progress = max(slots, key=lambda slot: slot[0])
        return progress

    def note(self, progress: Progress) -> None:
        """Let the next process find this. Raises OSError; what was noted before holds then."""
        if self._descriptor is None:
            self._open()
        assert self._descriptor is not None
        slot = _encoded(self._number + 1, progress)
        if os.pwrite(self._descriptor, slot, (self._number + 1) % 2 * _SPACING) != len(slot):
            raise OSError(f"{self.path} could not be written whole")
        self._number += 1

    def sync(self) -> None:
        """Force what was noted to the disk. Raises OSError."""
        if self._descriptor is not None:
            os.fdatasync(self._descriptor)

    def close(self) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None

    def remove(self) -> None:
        """Forget everything. Raises OSError."""
        self.close()
        self.path.unlink(missing_ok=True)

    def _open(self) -> None:
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        sync_directory(self.path.parent)

    def _unusable(self, reason: str) -> Progress:
        log.error("%s cannot be used (%s); everything in the WAL is sent again", self.path, reason)
        return Progress(_START)


def _encoded(number: int, progress: Progress) -> bytes:
    done, sending = progress.done, progress.sending
    places = (done.segment, done.offset, sending.segment, sending.offset)
    head = _SLOT.pack(_MAGIC, _VERSION, 0, number, *places, progress.lanes, 0)[:-4]
    return head + struct.pack("<I", zlib.crc32(head))


def _decoded(data: bytes) -> tuple[int, Progress] | None:
    if len(data) < _SLOT.size:
        return None
    magic, version, _, number, segment, offset, to_segment, to_offset, lanes, crc = _SLOT.unpack(data)
    if (magic, version, crc) != (_MAGIC, _VERSION, zlib.crc32(data[:-4])):
        return None
    return number, Progress(Position(segment, offset), Position(to_segment, to_offset), lanes)
