"""The config as the program uses it: checked, secrets in place, paths absolute."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, SecretStr

from monitor.marketplaces.base import account_key
from monitor.triggers import Trigger


@dataclass(frozen=True, slots=True)
class DatabaseConfig:
    """`url` may hold a password."""

    url: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class StorageConfig:
    """`pictures` is the folder for picture files, by sha256."""

    pictures: Path


@dataclass(frozen=True, slots=True)
class MarketplaceConfig:
    """`rate` is in calls per second; quotas are in calls of a day and of a month, in UTC.

    With `spread_quota` a day may take its share of what is left of the month. `proxy` is the
    address of a forward proxy for calls; it may hold a password. `canary` is a picture file that
    must be found there, every `canary_every`.
    """

    name: str
    type: str
    options: BaseModel
    rate: float
    daily_quota: int | None = None
    monthly_quota: int | None = None
    spread_quota: bool = True
    proxy: SecretStr | None = None
    canary: Path | None = None
    canary_item: str | None = None
    canary_every: timedelta = timedelta(days=1)

    @property
    def account_key(self) -> str:
        """Under which pace, use and memory are kept: those with one key share them."""
        return account_key(self.type, self.name, self.options)


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """`group` is how long alerts are gathered before they go out as one message."""

    name: str
    url: SecretStr
    group: timedelta


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    """`ops` names the channels of operator alerts."""

    ops: list[str]


@dataclass(frozen=True, slots=True)
class WatchConfig:
    """Scores are 0..1; `jitter` is at most a tenth of the time between two due times.

    `price_change_percent` is in percent of the price last told; None tells none.
    """

    name: str
    images: Path
    marketplaces: list[str]
    trigger: Trigger
    record_score: float
    alert_score: float
    channels: list[str]
    own_sellers: list[str]
    jitter: timedelta
    price_change_percent: float | None = None
    tell_gone: bool = False
    remind_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Config:
    """Everything of one config file."""

    database: DatabaseConfig
    storage: StorageConfig
    marketplaces: dict[str, MarketplaceConfig]
    channels: dict[str, ChannelConfig]
    alerts: AlertsConfig
    watches: list[WatchConfig]
