"""The memory of one marketplace account, in the store."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from monitor.accounts.policy import KEPT_AFTER_END
from monitor.storage.db.engine import Store
from monitor.storage.searches import memories


@dataclass(frozen=True, slots=True)
class StoreMemory:
    """What the account `key` keeps between calls; shared by all processes on the database."""

    store: Store
    key: str
    clock: Callable[[], datetime]

    def find(self, key: str) -> str | None:
        """The value kept under a key, None if there is none or it has run out."""
        with self.store.reading() as conn:
            return memories.find(conn, self.key, key, self.clock())

    def keep(self, key: str, value: str, lifetime: timedelta | None = None) -> None:
        """Remember a value, for ever or for a while."""
        with self.store.writing() as conn:
            memories.keep(conn, self.key, key, value, self.clock(), lifetime, kept=KEPT_AFTER_END)

    def forget(self, key: str) -> None:
        """Let go of a value."""
        with self.store.writing() as conn:
            memories.forget(conn, self.key, key)

    def claim(self, key: str, lifetime: timedelta) -> bool:
        """Whether this caller alone now holds `key`: nobody else until it is forgotten or over."""
        with self.store.writing() as conn:
            return memories.claim(conn, self.key, key, self.clock(), lifetime)
