"""From when on something about our own health is told, and why from then."""

from __future__ import annotations

from datetime import timedelta

from monitor.net.wire import ExchangeLimits

# -- watches

# A watch that is due is planned within seconds; later than this nobody does it.
OVERDUE_AFTER = timedelta(minutes=15)
# A cycle that is late by less is not worth telling, however short the watch's interval.
LATE_AFTER = timedelta(minutes=15)
# What the daemon hasn't met for so long is another machine's that is gone: the planning of a watch,
# which it tries the least often, is tried every hour.
TROUBLE_FORGOTTEN = timedelta(hours=2)

# -- channels

# Three tries take about a minute; what should be out for longer than this is in trouble.
UNDELIVERED_AFTER = timedelta(minutes=15)
# Long enough to be seen by whoever looks once a day.
HOMELESS_FOR = timedelta(days=1)

# -- budgets

# A usual day is the mean of so many days with any use, the newest before today: a week has its
# quiet days.
USUAL_DAYS = 7

# -- pictures: what a host gave in the last day

LOOKED_AT = timedelta(days=1)
# Of fewer pictures nothing can be said; some are always gone.
FEWEST_TRIED = 10
MOST_FAILED = 0.5

# -- disks

# A disk is low below the larger of both, but never while half of it is free.
LEAST_FREE_BYTES = 1_000_000_000
LEAST_FREE_PART = 0.05
# So much more must be free before the trouble is over, that a file more or less doesn't repeat it.
RECOVERED = 1.1

# -- the dead man's switch

# A ping has no content worth waiting for; the daemon's stop waits 8 s at most.
PING_LIMITS = ExchangeLimits(connect=3.0, read=5.0, total=7.0, max_bytes=65_536)
