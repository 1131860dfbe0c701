"""due -> route -> group -> render -> deliver -> finish: joins storage and channels."""

from monitor.alerting.context import AlertContext, ChannelOptions, Destination, Routes
from monitor.alerting.deliver import deliver_next
from monitor.alerting.hold import apply_silences, summarise_held
from monitor.alerting.routing import route_alerts, route_next

__all__ = [
    "AlertContext",
    "ChannelOptions",
    "Destination",
    "Routes",
    "apply_silences",
    "deliver_next",
    "route_alerts",
    "route_next",
    "summarise_held",
]
