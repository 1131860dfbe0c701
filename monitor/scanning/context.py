"""What planning and looking need from the outside, handed in whole."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from monitor.marketplaces.base import Marketplace, PictureSource
from monitor.scanning.cache import ScanCache
from monitor.scanning.options import Canary, WatchRules
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Store


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
