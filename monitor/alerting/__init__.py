"""due -> route -> group -> render -> deliver -> finish: joins storage and channels."""

from monitor.alerting.context import AlertContext, Destination, Routes
from monitor.alerting.deliver import deliver_next
from monitor.alerting.gate import next_opening, wait_of_failed, wait_of_new
from monitor.alerting.hold import apply_silences, summarise_held
from monitor.alerting.options import AlertOptions, ChannelOptions, Route
from monitor.alerting.retry import INTERRUPTED, digest_of_url
from monitor.alerting.route import (
    count_stranded,
    route_alerts,
    route_next,
    warn_of_stranded,
)
from monitor.schedule.wall_clock import Digest, QuietHours

__all__ = [
    "INTERRUPTED",
    "AlertContext",
    "AlertOptions",
    "ChannelOptions",
    "Destination",
    "Digest",
    "QuietHours",
    "Route",
    "Routes",
    "apply_silences",
    "count_stranded",
    "deliver_next",
    "digest_of_url",
    "next_opening",
    "route_alerts",
    "route_next",
    "summarise_held",
    "wait_of_failed",
    "wait_of_new",
    "warn_of_stranded",
]
