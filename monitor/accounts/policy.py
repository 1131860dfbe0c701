"""Every threshold of this room, with its reason. Modules import them; none has one of its own."""

from __future__ import annotations

from datetime import timedelta
from fractions import Fraction
from typing import Final

from monitor.storage.searches.paces import PaceRules

# -- pace

PACE_RULES: Final = PaceRules(
    # Nobody waits for longer, nor is held off for longer: what lies further ahead was written
    # while a clock was wrong.
    longest_hold=timedelta(days=1),
    # Reading a clock far away leaves its time unsure by as much as the answer took; what is above
    # this widens the slot. With 20 ms for a late caller it makes the 3 % that calls are further
    # apart than a strict counter asks for.
    free_blur=timedelta(milliseconds=10),
    # Two months: what a usual day takes is asked of the last days that had any use.
    kept_days=62,
)
# How long a call may wait for its turn once it has one, and before that for one to come free.
LONGEST_WAIT_FOR_PACE: Final = timedelta(minutes=5)
# A slow rate has few turns in that time: its callers wait for those of two others at least.
LEAST_TURNS: Final = 2.5
# Where the queue is full, seconds until it is asked again.
ASK_AGAIN: Final = 5.0
# Exactly 1/rate is refused by a strict counter: 3 % more keeps clear of it.
SPACING: Final = 1.03
# How late a caller may wake, in parts of the window that is counted. The last 1 % is left to the
# way to the marketplace, and to clocks that are read from far away.
LATEST: Final = 0.02
# Missed so often in a row, it is the machine and not chance; a wide slot costs everybody's time.
PATIENCE: Final = 2
# A machine that slept for a minute must not keep everybody else off for two.
WIDEST: Final = timedelta(seconds=1)
# Operators hear of a budget when 4/5 of it are used.
LOW_FROM: Final = Fraction(4, 5)

# -- memory

# Uploads are kept for hours and each has its own key: old ones are removed as new ones come.
KEPT_AFTER_END: Final = timedelta(days=1)
