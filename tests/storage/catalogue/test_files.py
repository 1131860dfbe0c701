"""Picture files: whole or not there, named by what they hold."""

from __future__ import annotations

import errno
import hashlib
import resource
import signal
from pathlib import Path

import pytest

from monitor.errors import DiskFull, NotFound, StoreUnavailable
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.failures import map_os_error


@pytest.fixture
def files(tmp_path: Path) -> PictureFiles:
    return PictureFiles(tmp_path / "pictures")


def test_what_is_kept_comes_back(files: PictureFiles) -> None:
    sha256 = files.put(b"bytes")
    assert sha256 == hashlib.sha256(b"bytes").hexdigest()
    assert files.has(sha256)
    assert files.read(sha256) == b"bytes"
    assert files.path(sha256).parts[-3:] == (sha256[:2], sha256[2:4], sha256)


def test_a_file_that_is_there_is_left_alone_and_a_cut_one_is_mended(files: PictureFiles) -> None:
    path = files.path(files.put(b"bytes"))
    before = path.stat().st_ino
    files.put(b"bytes")
    assert path.stat().st_ino == before
    path.write_bytes(b"byt")
    files.put(b"bytes")
    assert path.read_bytes() == b"bytes"


def test_a_missing_file_is_not_found(files: PictureFiles) -> None:
    assert not files.has("0" * 64)
    with pytest.raises(NotFound):
        files.read("0" * 64)


def test_a_damaged_file_is_never_taken_for_the_picture(files: PictureFiles) -> None:
    sha256 = files.put(b"bytes")
    files.path(sha256).write_bytes(b"other")
    with pytest.raises(NotFound, match="damaged"):
        files.read(sha256)
    # it is out of the way, so that the picture is kept anew when it is met again
    assert not files.has(sha256)
    files.put(b"bytes")
    assert files.read(sha256) == b"bytes"


def test_a_write_that_fails_leaves_nothing(files: PictureFiles, tmp_path: Path) -> None:
    # a limit on file size is what a full disk is: part of the bytes, then an error
    old = resource.getrlimit(resource.RLIMIT_FSIZE)
    handler = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, old[1]))
    try:
        with pytest.raises(StoreUnavailable):
            files.put(b"x" * 100_000)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, old)
        signal.signal(signal.SIGXFSZ, handler)
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_no_space_is_told_as_such(number: int) -> None:
    error = map_os_error(OSError(number, "no"), "keep a picture")
    assert isinstance(error, DiskFull)


def test_a_folder_that_is_a_file_is_an_error_of_the_store(tmp_path: Path) -> None:
    (tmp_path / "pictures").write_text("no folder", encoding="utf-8")
    with pytest.raises(StoreUnavailable, match="pictures"):
        PictureFiles(tmp_path / "pictures").put(b"bytes")
