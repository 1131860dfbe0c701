"""Every threshold of how alerts are told, with its reason; what fits a message is rendering's."""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from monitor.storage.telling.alerts import Patience

# -- routing

ROUTE_PATIENCE: Final = Patience(
    # A check takes a second or so a picture.
    check=timedelta(minutes=10),
    # Three searches with all their retries, on a site that is slow to fail.
    failure=timedelta(minutes=15),
    # As long for what its cycle says of the earlier listing.
    relisting=timedelta(minutes=15),
)

# -- a message

# It tells so many at most, of whatever kind: no more are held in memory.
MOST_IN_A_MESSAGE: Final = 5_000

# -- a message that was not accepted

# 5, 15, 45 s, then thrice as long each time up to an hour, for a week: a mail server that is
# down over a long weekend loses nothing.
FIRST_RETRY: Final = timedelta(seconds=5)
RETRY_FACTOR: Final = 3
LONGEST_RETRY: Final = timedelta(hours=1)
# All of a message wait as long: they stay one message.
RETRY_SPREAD: Final = 0.1
GIVE_UP_AFTER: Final = timedelta(days=7)
# A permanent error (a wrong token, say) is tried three times within the hour: what answers 404
# while it is being deployed is back by then.
REFUSED_RETRIES: Final = (timedelta(minutes=5), timedelta(minutes=30))
REFUSALS_TO_BREAK: Final = 3
REFUSED_FOR: Final = timedelta(minutes=30)
# What was refused and revived so often is not revived by the channel's next success: it may be
# this one message that it refuses.
MOST_REVIVED_ATTEMPTS: Final = 10
# Fails so often in a row before the operator is told through another channel.
TOLD_AFTER_ATTEMPTS: Final = 3

# -- which message is tried instead of one that is refused

# What a service refuses for a moment only is past by the second try.
ISOLATED_FROM_ATTEMPT: Final = 2
# After so many alerts that went without their text, what is refused goes without it as a whole: it
# is their kind that the service refuses (all links, say), and one message for each is a flood.
MOST_ALONE: Final = 3
# So many alerts in a row of which nothing at all is taken, and it is the channel that refuses.
MOST_UNTAKEN: Final = 2

# -- drawings

# A message that is split into hundreds of parts takes an hour at most: a folder that is older was
# left behind by a process that was killed.
DRAWINGS_LEFT_BEHIND: Final = timedelta(days=1)
