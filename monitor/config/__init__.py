"""TOML + environment + secret files -> Config; the sole reader of the environment."""

from monitor.config.file import ChannelConfig, Config, MarketplaceConfig
from monitor.config.load import load

__all__ = ["ChannelConfig", "Config", "MarketplaceConfig", "load"]
