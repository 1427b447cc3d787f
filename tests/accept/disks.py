"""Small disks of their own, which a test can fill and make read-only. Root only."""

from __future__ import annotations

import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

needs_root = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small disk needs root")


@contextlib.contextmanager
def small_disk(mount_point: Path, size_mib: int = 8) -> Iterator[Path]:
    """A RAM disk of that size."""
    mount_point.mkdir()
    with _mounted(["-t", "tmpfs", "-o", f"size={size_mib}m", "tmpfs", str(mount_point)], mount_point):
        yield mount_point


@contextlib.contextmanager
def breakable_disk(mount_point: Path, size_mib: int = 16) -> Iterator[Path]:
    """An ext4 file system in a file, for :func:`break_disk`."""
    mount_point.mkdir()
    image = mount_point.with_suffix(".img")
    with image.open("wb") as file:
        file.truncate(size_mib << 20)
    subprocess.run(["mkfs.ext4", "-q", str(image)], check=True)
    with _mounted(["-o", "loop", str(image), str(mount_point)], mount_point):
        yield mount_point


def break_disk(mount_point: Path) -> None:
    """What the kernel does after an error of the device: read-only from now on, files that are open included."""
    subprocess.run(["mount", "-o", "remount,abort", str(mount_point)], check=True)


def make_read_only(mount_point: Path) -> None:
    """Nobody may have a file there open for writing."""
    subprocess.run(["mount", "-o", "remount,ro", str(mount_point)], check=True)


def fill(disk: Path) -> Path:
    """Leave not a byte free; returns the ballast, to be deleted."""
    ballast = disk / "ballast"
    with ballast.open("wb", buffering=0) as file:
        for size_bytes in (65_536, 4096, 1):
            with contextlib.suppress(OSError):
                while True:
                    if file.write(b"x" * size_bytes) < size_bytes:
                        break
    with pytest.raises(OSError, match=os.strerror(errno.ENOSPC)), (disk / "more").open("wb", buffering=0) as file:
        file.write(b"x")
    (disk / "more").unlink()
    return ballast


@contextlib.contextmanager
def _mounted(arguments: list[str], mount_point: Path) -> Iterator[None]:
    mounted = subprocess.run(["mount", *arguments], capture_output=True, text=True, check=False)
    if mounted.returncode:
        pytest.xfail(f"this machine does not let even root mount a disk: {mounted.stderr.strip()}")
    try:
        yield
    finally:
        # Lazily, so that a process that is still ending does not hold up the tests.
        subprocess.run(["umount", "--lazy", str(mount_point)], check=True)
