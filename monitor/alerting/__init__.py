"""due -> route -> group -> render -> deliver -> finish: joins storage and channels."""

from monitor.alerting.context import AlertContext, Destination, Routes
from monitor.alerting.deliver import deliver_next, route_alerts
from monitor.alerting.hold import summarise_held

__all__ = [
    "AlertContext",
    "Destination",
    "Routes",
    "deliver_next",
    "route_alerts",
    "summarise_held",
]
