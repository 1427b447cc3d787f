"""Files are whole or not there; a data directory has one owner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from fenghuo.base.errors import OperatingError
from fenghuo.base.files import exclusive_directory, write_atomic


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    path = tmp_path / "state"
    write_atomic(path, b"old", mode=0o600)
    write_atomic(path, b"new", mode=0o600)

    assert path.read_bytes() == b"new"
    assert path.stat().st_mode & 0o777 == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_no_litter(tmp_path: Path) -> None:
    # The file size limit stands in for a full disk: the write is cut short by the operating system.
    script = f"""
import resource, signal, pathlib
from fenghuo.base.files import write_atomic
path = pathlib.Path({str(tmp_path / "state")!r})
write_atomic(path, b"old")
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1000, 1000))
try:
    write_atomic(path, b"x" * 100_000)
except OSError as error:
    print("refused:", error.strerror)
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)

    assert run.stdout == "refused: File too large\n"
    assert (tmp_path / "state").read_bytes() == b"old"
    assert [path.name for path in tmp_path.iterdir()] == ["state"]


def test_a_directory_is_held_by_one(tmp_path: Path) -> None:
    directory = tmp_path / "data"
    taken = pytest.raises(OperatingError, match=r"is in use by process \d+ \(stop that process")
    with exclusive_directory(directory), taken, exclusive_directory(directory):
        pass
    with exclusive_directory(directory):
        assert directory.stat().st_mode & 0o777 == 0o700


def test_a_directory_that_cannot_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")

    refused = pytest.raises(OperatingError, match=r"file/data cannot be used: Not a directory \(give a directory")
    with refused, exclusive_directory(tmp_path / "file" / "data"):
        pass
