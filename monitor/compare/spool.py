"""Fingerprints in a file without a name, read by this process and its workers.

6,000 pictures have 220 MB of fingerprints: too much to give to every process, and too much to hold
several times. The file is gone when the last process that has it open ends, however it ends.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from functools import lru_cache
from io import FileIO
from multiprocessing.reduction import DupFd
from typing import Final, Protocol, TypeAlias

from monitor.errors import MonitorError
from monitor.model import Fingerprints

# Where a picture's fingerprints are: (algorithm, offset, size in bytes) of each.
Place: TypeAlias = tuple[tuple[str, int, int], ...]

# Pictures whose bytes are kept in memory: those whose unpacked fingerprints `matching` keeps.
_KEPT: Final = 512


class _Descriptor(Protocol):
    """A file descriptor on its way to a process that is being started."""

    def detach(self) -> int: ...


class Spool:
    """`add` in one process, `get` in all that it starts."""

    def __init__(self, file: FileIO) -> None:
        self._file = file
        self._size = 0
        self._load_once = lru_cache(maxsize=_KEPT)(self._load)

    def __reduce__(self) -> tuple[object, ...]:
        return _reopen, (DupFd(self._file.fileno()),)

    def add(self, fingerprints: Fingerprints) -> Place:
        """Where they are now. Raises MonitorError where there is no room."""
        place = []
        try:
            for algorithm, payload in fingerprints.items():
                self._write(payload)
                place.append((algorithm, self._size, len(payload)))
                self._size += len(payload)
        except OSError as error:
            raise _explain(error) from error
        return tuple(place)

    def _write(self, payload: bytes) -> None:
        rest = memoryview(payload)
        while rest:
            rest = rest[self._file.write(rest) :]

    def get(self, place: Place) -> Fingerprints:
        return self._load_once(place)

    def _load(self, place: Place) -> Fingerprints:
        descriptor = self._file.fileno()
        return {name: os.pread(descriptor, size, offset) for name, offset, size in place}


def _reopen(descriptor: _Descriptor) -> Spool:
    return Spool(FileIO(descriptor.detach(), "rb"))


@contextmanager
def open_spool() -> Iterator[Spool]:
    """An empty one, in the system's folder for temporary files (TMPDIR)."""
    with ExitStack() as stack:
        try:
            file = stack.enter_context(tempfile.TemporaryFile("w+b", buffering=0))
        except OSError as error:
            raise _explain(error) from error
        yield Spool(file)


def _explain(error: OSError) -> MonitorError:
    return MonitorError(
        f"fingerprints can't be kept in a temporary file: {error.strerror or error}; "
        "set TMPDIR to a folder with room (about 37 kB a picture)"
    )
