"""A message -> a person. The only room that knows apprise."""

from monitor.channels.channel import Channel
from monitor.channels.urls import check_url

__all__ = ["Channel", "check_url"]
