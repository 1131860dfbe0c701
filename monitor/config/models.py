"""The config as the program uses it: checked, secrets in place, paths absolute."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from pydantic import BaseModel, SecretStr

from monitor.model import Route
from monitor.schedule.triggers import Trigger
from monitor.schedule.wall_clock import Digest, QuietHours


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

    Pace, use and memory are kept under `account_key`: those with one key share them. With
    `spread_quota` a day may take its share of what is left of the month. `proxy` is the address of
    a forward proxy for calls; it may hold a password. `canary` is a picture file that must be found
    there, every `canary_every`.
    """

    name: str
    type: str
    options: BaseModel
    account_key: str
    rate: float
    daily_quota: int | None = None
    monthly_quota: int | None = None
    spread_quota: bool = True
    proxy: SecretStr | None = None
    canary: Path | None = None
    canary_item: str | None = None
    canary_every: timedelta = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class ChannelConfig:
    """How a channel tells.

    `group` is how long alerts are gathered before they go out as one message, `interval` the least
    time between two messages. `pace` is in messages per minute.
    """

    name: str
    url: SecretStr
    group: timedelta
    interval: timedelta
    in_full: int
    digest: Digest | None
    quiet: QuietHours | None
    language: str
    pictures: bool
    pace: int | None


@dataclass(frozen=True, slots=True)
class AlertsConfig:
    """`ops` names the channels of operator alerts; `templates` is a folder.

    `ping_url` is visited at most every `ping_every` while all is well; with `ping_fail` the address
    below it that ends in `/fail` is, once, when it is not.
    """

    ops: list[str]
    templates: Path | None = None
    ping_url: SecretStr | None = None
    ping_every: timedelta = timedelta(minutes=5)
    ping_fail: bool = True


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
    routes: list[Route] = field(default_factory=list)
