"""The shape of the config file: each table is the options of the rooms that read it."""

from __future__ import annotations

from typing import Annotated

from pydantic import BeforeValidator, Field

from monitor.accounts.options import AccountOptions
from monitor.alerting.options import AlertOptions, ChannelOptions, Route
from monitor.channels.options import ServiceOptions
from monitor.marketplaces.options import MarketplaceOptions, with_names
from monitor.options import Options
from monitor.scanning.options import CanaryOptions, WatchRules
from monitor.storage.options import DatabaseOptions, StorageOptions


class MarketplaceConfig(MarketplaceOptions, AccountOptions, CanaryOptions):
    """`[marketplaces.NAME]`; the keys beside these are the options of its type."""


class ChannelConfig(ChannelOptions, ServiceOptions):
    """`[channels.NAME]`."""


class Config(Options):
    """Everything of one config file: checked, secrets in place, paths absolute."""

    database: DatabaseOptions
    storage: StorageOptions
    marketplaces: Annotated[dict[str, MarketplaceConfig], BeforeValidator(with_names)] = Field(
        default_factory=dict
    )
    channels: dict[str, ChannelConfig] = Field(default_factory=dict)
    alerts: AlertOptions
    routes: list[Route] = Field(default_factory=list, alias="route")
    watches: list[WatchRules] = Field(default_factory=list, alias="watch")
