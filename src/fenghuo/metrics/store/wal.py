"""The write-ahead log: numbered segments of checksummed records. FORMAT.md draws them.

A segment stands for itself: it names every series and cohort that it mentions, so that any other segment can be
deleted or be damaged without harm to it. :meth:`Wal.append` returns when the bytes reached the operating system; a
write that fails leaves nothing behind and the next call tries anew.
"""

from __future__ import annotations

import errno
import logging
import os
import struct
import threading
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from fenghuo.base.errors import OperatingError
from fenghuo.base.files import sync_directory
from fenghuo.metrics.store.metrics import StoreMetrics
from fenghuo.metrics.store.records import HEADER, checksum, guard

log = logging.getLogger(__name__)

MAGIC = b"FHWAL"
VERSION = 1
SEGMENT_HEADER = struct.Struct("<5sBHQI")
"""Magic, version, zero, segment number, CRC-32 of what stands before."""
SUFFIX = ".wal"
KEPT_SUFFIX = ".kept"
"""Of a segment that the store needs no more, and that is kept for whoever follows the WAL."""
NEVER_MS = -(1 << 63)


@dataclass(slots=True)
class Segment:
    """A segment on disk."""

    number: int
    path: Path
    size_bytes: int = 0
    last_ms: int = NEVER_MS
    """The newest time of its samples."""


def segment_path(directory: Path, number: int) -> Path:
    return directory / f"{number:010d}{SUFFIX}"


def segments_in(directory: Path, suffix: str = SUFFIX) -> list[Segment]:
    """The segments of a directory, oldest first."""
    found = (path for path in directory.glob(f"*{suffix}") if path.stem.isdecimal())
    return sorted((Segment(int(path.stem), path, path.stat().st_size) for path in found), key=lambda s: s.number)


def segment_header(number: int) -> bytes:
    head = SEGMENT_HEADER.pack(MAGIC, VERSION, 0, number, 0)[:-4]
    return head + struct.pack("<I", zlib.crc32(head))


class Wal:
    """Appends to the newest segment. Writing is locked by the store; :meth:`sync` may run beside it."""

    def __init__(self, directory: Path, first_segment: int, segment_bytes: int, metrics: StoreMetrics) -> None:
        self._directory = directory
        self._segment_bytes = segment_bytes
        self._metrics = metrics
        self._lock = threading.Lock()
        self._descriptor: int | None = None
        self._retired: list[int] = []
        self._torn = False
        self._unsynced = False
        self.segments: dict[int, Segment] = {}
        self.kept = {segment.number: segment for segment in segments_in(directory, KEPT_SUFFIX)}
        """Segments that the store needs no more; see :meth:`keep_from`."""
        self._kept_from: int | None = None
        self.write_trouble = ""
        """Why the last append was refused; empty when it was not."""
        self.sync_trouble = ""
        """The same of the last :meth:`sync`."""
        self.number = first_segment
        """The segment that the next append goes to; its file appears with the first one."""

    @property
    def full(self) -> bool:
        """Whether the segment has its size and a new one should begin."""
        current = self.segments.get(self.number)
        return current is not None and current.size_bytes >= self._segment_bytes

    @property
    def size_bytes(self) -> int:
        return sum(segment.size_bytes for segment in self.segments.values())

    def append(self, data: bytes, last_ms: int) -> None:
        """Write records whose newest sample is at ``last_ms``. Raises OperatingError, and then nothing is kept."""
        try:
            segment = self._current()
            self._mend(segment)
            self._write(segment, data)
        except OSError as error:
            self._metrics.wal_failures.labels("write").inc()
            refused = _refused(error, self._directory)
            self.write_trouble = str(refused)
            raise refused from error
        self.write_trouble = ""
        segment.size_bytes += len(data)
        segment.last_ms = max(segment.last_ms, last_ms)
        self._unsynced = True
        self._metrics.wal_bytes.inc(len(data))

    def _current(self) -> Segment:
        if self._descriptor is not None:
            return self.segments[self.number]
        path = segment_path(self._directory, self.number)
        header = segment_header(self.number)
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        try:
            if os.pwrite(descriptor, header, 0) != len(header):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            sync_directory(self._directory)
        except OSError:
            os.close(descriptor)
            raise
        with self._lock:
            self._descriptor = descriptor
        segment = self.segments[self.number] = Segment(self.number, path, len(header))
        self._metrics.wal_segments.set(len(self.segments))
        return segment

    def _mend(self, segment: Segment) -> None:
        """Cut off what a failed write left behind, before anything is written after it."""
        if self._torn:
            assert self._descriptor is not None
            os.ftruncate(self._descriptor, segment.size_bytes)
            self._torn = False

    def _write(self, segment: Segment, data: bytes) -> None:
        assert self._descriptor is not None
        self._torn = True
        if os.pwrite(self._descriptor, data, segment.size_bytes) != len(data):
            self._mend(segment)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self._torn = False

    def roll(self) -> int:
        """Let the next append begin a new segment; returns its number. Nothing is written here."""
        if self._descriptor is not None:
            with self._lock:
                self._retired.append(self._descriptor)
                self._descriptor = None
            self._torn = False
            self.number += 1
        return self.number

    def sync(self) -> None:
        """Force what was appended to the disk. Raises OSError as the system gives it."""
        with self._lock:
            retired, self._retired = self._retired, []
            current = None if self._descriptor is None or not self._unsynced else os.dup(self._descriptor)
            self._unsynced = False
        failure: OSError | None = None
        for descriptor in (*retired, *(() if current is None else (current,))):
            try:
                with self._metrics.fsync_s.time():
                    os.fdatasync(descriptor)
            except OSError as error:
                failure = error
            finally:
                os.close(descriptor)
        if failure is not None:
            self._unsynced = True
            self.sync_trouble = f"samples in {self._directory} cannot be forced to the disk: {failure.strerror}"
            raise failure
        self.sync_trouble = ""

    def drop(self, numbers: list[int]) -> None:
        """Delete segments whose samples are all in blocks, or set them aside for those who follow the WAL."""
        for number in numbers:
            segment = self.segments[number]
            if self._kept_from is not None and number >= self._kept_from:
                kept = segment.path.with_suffix(KEPT_SUFFIX)
                segment.path.rename(kept)
                self.kept[number] = Segment(number, kept, segment.size_bytes, segment.last_ms)
            else:
                segment.path.unlink(missing_ok=True)
            del self.segments[number]
        self._metrics.wal_segments.set(len(self.segments))

    def keep_from(self, number: int | None) -> None:
        """From now on keep segments from this one on although the store needs them no more; None keeps none.

        Those before it that were kept until now are deleted.
        """
        self._kept_from = number
        for each in [each for each in self.kept if number is None or each < number]:
            self.kept.pop(each).path.unlink(missing_ok=True)

    def close(self) -> None:
        """Force everything to the disk and close. Raises OSError when the system refuses."""
        try:
            self.sync()
        finally:
            if self._descriptor is not None:
                os.close(self._descriptor)
                self._descriptor = None


def _refused(error: OSError, directory: Path) -> OperatingError:
    remedy = {
        errno.ENOSPC: "make room on that disk, or lower retention; appending resumes by itself",
        errno.EDQUOT: "raise the quota, or lower retention; appending resumes by itself",
        errno.EROFS: "mount that file system writable; appending resumes by itself",
        errno.EFBIG: "raise the file size limit (ulimit -f); appending resumes by itself",
        errno.EIO: "check the disk (dmesg, smartctl); appending resumes by itself",
    }.get(error.errno or 0, "see to that directory; appending resumes by itself")
    return OperatingError(
        f"samples cannot be written to {directory}: {error.strerror or error}", retryable=True, remedy=remedy
    )


@dataclass(frozen=True, slots=True)
class Damage:
    """Where the records of a segment end before the file does."""

    offset: int
    reason: str
    torn: bool
    """True when it is what a writer leaves that was killed while it wrote: a record without its end."""


class SegmentReader:
    """Iterates over the good records of a segment's bytes. ``damage`` says afterwards why it stopped early, if so.

    With ``start``, ``data`` is what stands in the segment from there on, and ``start`` is where a record begins.
    """

    def __init__(self, data: bytes, number: int, start: int = 0) -> None:
        self._data = memoryview(data)
        self._number = number
        self._start = start
        self.damage: Damage | None = None
        self.offset = 0
        """Where the records end that were given so far."""

    def __iter__(self) -> Iterator[tuple[int, memoryview]]:
        data, size, offset = self._data, len(self._data), 0
        if not self._start:
            if bytes(data[: SEGMENT_HEADER.size]) != segment_header(self._number):
                torn = size < SEGMENT_HEADER.size
                self.damage = Damage(0, "the segment's header is not whole" if torn else self._bad_header(), torn)
                return
            offset = SEGMENT_HEADER.size
        while offset < size:
            start = offset + HEADER.size
            if start > size:
                self.damage = Damage(offset, "a record header without its end", torn=True)
                return
            length, kind, lead, crc = HEADER.unpack_from(data, offset)
            if guard(length, kind) != lead:
                self.damage = Damage(offset, "a record header that is damaged", torn=not any(data[offset:]))
                return
            end = start + length
            if end > size:
                self.damage = Damage(offset, "a record without its end", torn=True)
                return
            payload = data[start:end]
            if checksum(kind, payload) != crc:
                self.damage = Damage(offset, "a record whose checksum does not fit", torn=not any(payload))
                return
            self.offset = offset = end
            yield kind, payload

    def _bad_header(self) -> str:
        if bytes(self._data[:5]) == MAGIC and self._data[5] > VERSION:
            return f"the segment has format version {self._data[5]}, newer than {VERSION}"
        return "the segment's header is damaged"
