"""TOML + environment + secret files -> Config; the sole reader of the environment."""

from monitor.config.load import load
from monitor.config.models import (
    AlertsConfig,
    ChannelConfig,
    Config,
    DatabaseConfig,
    MarketplaceConfig,
    StorageConfig,
    WatchConfig,
)

__all__ = [
    "AlertsConfig",
    "ChannelConfig",
    "Config",
    "DatabaseConfig",
    "MarketplaceConfig",
    "StorageConfig",
    "WatchConfig",
    "load",
]
