"""Up to where a receiver has everything, on disk: replaced as a whole, and checked when it is read."""

from __future__ import annotations

import json
import logging
import zlib
from pathlib import Path

from fenghuo.base.files import write_atomic
from fenghuo.model.tailed import Position

log = logging.getLogger(__name__)


class PositionFile:
    """One remote's position."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def load(self) -> Position | None:
        """What was saved last; None when nothing was. A file that is damaged gives the beginning of the log, so that
        what is there is sent again rather than not at all."""
        try:
            text = self.path.read_text()
        except (FileNotFoundError, NotADirectoryError):
            return None
        except (OSError, UnicodeDecodeError) as error:
            return self._unreadable(str(error))
        try:
            found = json.loads(text)
            position = Position(int(found["segment"]), int(found["offset"]))
            if found["crc"] != _crc(position):
                return self._unreadable("its checksum does not fit")
        except (ValueError, LookupError, TypeError) as error:
            return self._unreadable(repr(error))
        return position

    def save(self, position: Position) -> None:
        """Raises OSError; the file holds what it held then."""
        kept = {"segment": position.segment, "offset": position.offset, "crc": _crc(position)}
        write_atomic(self.path, json.dumps(kept).encode() + b"\n", mode=0o600)

    def _unreadable(self, reason: str) -> Position:
        log.error("%s cannot be used (%s); everything in the WAL is sent again", self.path, reason)
        return Position(0, 0)


def _crc(position: Position) -> int:
    return zlib.crc32(f"{position.segment}:{position.offset}".encode())
