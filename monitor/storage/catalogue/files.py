"""Picture files on disk, named by their sha256: written whole before any row names them."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from monitor.errors import NotFound
from monitor.storage.db.failures import map_os_error


class PictureFiles:
    """The folder of picture files; any number of processes may use it at once."""

    def __init__(self, root: Path) -> None:
        self._root = root

    def path(self, sha256: str) -> Path:
        """Where the file of that hash is, or would be."""
        return self._root / sha256[:2] / sha256[2:4] / sha256

    def has(self, sha256: str, size_bytes: int | None = None) -> bool:
        """Whether the file is there; with a size, also whether it is all there."""
        path = self.path(sha256)
        return path.is_file() and size_bytes in (None, path.stat().st_size)

    def put(self, data: bytes) -> str:
        """Keep the bytes and return their sha256. Raises DiskFull or StoreUnavailable.

        A file bears its name only when it is whole and on the disk; one that is there already, of
        the same size, is left alone.
        """
        sha256 = hashlib.sha256(data).hexdigest()
        path = self.path(sha256)
        try:
            if path.is_file() and path.stat().st_size == len(data):
                return sha256
            _make_folder(path.parent)
            _write_whole(path, data)
        except OSError as error:
            raise map_os_error(error, f"keep a picture in {self._root}") from error
        return sha256

    def read(self, sha256: str) -> bytes:
        """The bytes of that hash. Raises NotFound if they are gone or damaged, StoreUnavailable."""
        path = self.path(sha256)
        try:
            data = path.read_bytes()
        except FileNotFoundError as error:
            raise NotFound(f"picture {sha256} is not in {self._root}") from error
        except OSError as error:
            raise map_os_error(error, f"read the picture {path}") from error
        if hashlib.sha256(data).hexdigest() != sha256:
            raise NotFound(_put_aside(path))
        return data


def _put_aside(path: Path) -> str:
    """Take a damaged file out of the way, so that the picture is kept anew when it is next met.

    Returns what to tell. A file that can't be moved stays, and is told again each time.
    """
    aside = path.with_name(f"{path.name}.damaged")
    with suppress(OSError):
        path.replace(aside)
    return f"the picture file {path} was damaged; what is left of it is {aside}"


def _write_whole(path: Path, data: bytes) -> None:
    descriptor, partial = tempfile.mkstemp(prefix=".part-", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        Path(partial).replace(path)
    except BaseException:
        Path(partial).unlink(missing_ok=True)
        raise
    _sync_folder(path.parent)


def _make_folder(folder: Path) -> None:
    if folder.is_dir():
        return
    _make_folder(folder.parent)
    folder.mkdir(exist_ok=True)
    _sync_folder(folder.parent)


def _sync_folder(folder: Path) -> None:
    """A new name in a folder outlives a power cut only once the folder is on the disk too."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
