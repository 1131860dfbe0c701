"""A message -> a person. The only room that knows apprise."""

from monitor.channels.capacity import Capacity
from monitor.channels.channel import Channel, Sent
from monitor.channels.urls import check_url

__all__ = ["Capacity", "Channel", "Sent", "check_url"]
