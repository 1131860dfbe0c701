"""What planning and looking need from the outside, handed in whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from monitor.marketplaces.base import Marketplace, PictureSource
from monitor.scanning.cache import ScanCache
from monitor.scanning.policy import CANARY_EVERY
from monitor.storage import PictureFiles, Store


@dataclass(frozen=True, slots=True)
class WatchRules:
    """What one watch asks for; scores are 0..1, `own_sellers` are shop names or ids.

    A price that moves by more than `price_change_percent` is told, and with `tell_gone` what its
    searches find no more. What is unreviewed `remind_after` it was told is told once more.
    """

    name: str
    images: Path
    marketplaces: tuple[str, ...]
    record_score: float
    alert_score: float
    own_sellers: frozenset[str] = frozenset()
    price_change_percent: float | None = None
    tell_gone: bool = False
    remind_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Canary:
    """A picture file that is known to be on a marketplace, perhaps as the listing `item_id`."""

    picture: Path
    item_id: str | None = None
    every: timedelta = CANARY_EVERY

    @property
    def key(self) -> str:
        """The same for as long as the same is looked for."""
        return f"{self.picture} {self.item_id or ''}"


@dataclass(frozen=True, slots=True)
class Source:
    """A marketplace with the client that downloads its listing pictures."""

    marketplace: Marketplace
    fetcher: PictureSource
    canary: Canary | None = None


@dataclass(frozen=True, slots=True)
class ScanContext:
    """Everything a scan touches. `owner` names this process in leases.

    `cache` saves loading the same again; a scan with an empty one says the same.
    """

    store: Store
    files: PictureFiles
    sources: Mapping[str, Source]
    watches: Mapping[str, WatchRules]
    owner: str
    clock: Callable[[], datetime]
    new_alert_id: Callable[[], str]
    is_stopping: Callable[[], bool] = lambda: False
    cache: ScanCache = field(default_factory=ScanCache)
