"""What this process may keep between scans: copies of what the store holds, up to a size."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Generic, TypeVar

from monitor.matching import Index
from monitor.model import Fingerprints, ReferencePicture
from monitor.scanning.policy import ANSWERS_CACHED, FINGERPRINTS_CACHED, INDEXED_CACHED

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class Cache(Generic[K, V]):
    """The values used last, up to a total size; the newest stays whatever its size.

    Threads may share it.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._values: OrderedDict[K, tuple[V, int]] = OrderedDict()
        self._size = 0
        self._lock = threading.Lock()

    def get(self, key: K) -> V | None:
        """The value, which is now the one used last; None if it is not kept."""
        with self._lock:
            found = self._values.get(key)
            if found is None:
                return None
            self._values.move_to_end(key)
            return found[0]

    def put(self, key: K, value: V, size: int = 1) -> None:
        with self._lock:
            self._drop(key)
            self._size += size
            self._values[key] = (value, size)
            while self._size > self._most and len(self._values) > 1:
                _, (_, gone) = self._values.popitem(last=False)
                self._size -= gone

    def drop(self, key: K) -> None:
        """Forget the value, if it is kept."""
        with self._lock:
            self._drop(key)

    def _drop(self, key: K) -> None:
        found = self._values.pop(key, None)
        if found is not None:
            self._size -= found[1]


@dataclass(frozen=True, slots=True, eq=False)
class Indexed:
    """Reference pictures with their index, as of `state`.

    `references` are all of them, also those whose fingerprints can't be had. `answers` are what
    the index has said, by the sha256 of a listing picture: most listings are met again and again.
    """

    state: object
    references: tuple[ReferencePicture, ...]
    index: Index[ReferencePicture]
    answers: Cache[str, tuple[ReferencePicture, ...]] = field(
        default_factory=lambda: Cache(ANSWERS_CACHED)
    )

    def query(self, sha256: str, prints: Fingerprints) -> tuple[ReferencePicture, ...]:
        """The reference pictures worth comparing with a picture, the best first.

        Raises PictureError for a damaged fingerprint.
        """
        answer = self.answers.get(sha256)
        if answer is None:
            answer = tuple(found.key for found in self.index.query(prints))
            self.answers.put(sha256, answer)
        return answer


@dataclass(frozen=True, slots=True, eq=False)
class ScanCache:
    """Whatever is missing here is loaded from the store again, and costs time only.

    `indexes` by what they are for; `prints` are whole fingerprints by sha256. `building` is held
    while an index is made, so that two scans don't make the same one.
    """

    indexes: Cache[str, Indexed] = field(default_factory=lambda: Cache(INDEXED_CACHED))
    prints: Cache[str, Fingerprints] = field(default_factory=lambda: Cache(FINGERPRINTS_CACHED))
    building: threading.Lock = field(default_factory=threading.Lock)
