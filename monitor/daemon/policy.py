"""How long the daemon waits, for what, and why so long."""

from __future__ import annotations

from datetime import timedelta

# Who looks for what is due as often looks at a few indexed rows.
TICK = timedelta(seconds=1)
# Two beats may fail before a lease runs out.
HEARTBEAT = timedelta(seconds=10)
# How often the daemon looks at its own state.
LOOK = timedelta(minutes=1)
# One scan waits for minutes, a message of hundreds of parts takes an hour: who works on one thing
# for longer hangs.
HUNG_AFTER = timedelta(hours=2)
# systemd waits 20 s before it kills; the contract is 10 s for everything.
DRAIN = timedelta(seconds=8)
# Of those 10 s: without an answer of the database the leases run out by themselves.
RELEASE_LIMIT = timedelta(seconds=1)
# After the store failed, a step waits this long before it asks again.
STORE_PAUSE = timedelta(seconds=5)
# A watch whose planning raises what nobody expected must not keep the others from theirs.
POISONED_PAUSE = timedelta(hours=1)
# How long one who scans by hand waits before asking again whether another process is done.
POLL = timedelta(seconds=0.5)
# Who scans by hand waits for no pause of a marketplace, and for no more alerts of a message.
NO_PATIENCE = timedelta(0)
NO_GROUP = timedelta(0)
