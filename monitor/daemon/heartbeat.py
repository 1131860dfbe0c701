"""What a living process has in hand stays its own: its leases are renewed until it ends."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta

from monitor.alerting.retry import INTERRUPTED
from monitor.daemon.policy import HEARTBEAT
from monitor.errors import Stopping, StoreError
from monitor.scanning.context import ScanContext
from monitor.scanning.policy import LEASE
from monitor.storage.leases import release, renew_leases

log = logging.getLogger(__name__)


def beat(context: ScanContext, alive: Callable[[int], None]) -> None:
    """Renew our leases; `alive` hears how many rows we hold, only if the store answers."""
    try:
        with context.store.writing() as conn:
            held = renew_leases(conn, context.owner, context.clock(), LEASE)
    except (StoreError, Stopping) as error:
        # the work itself meets the same error, or the next beat comes through
        log.warning("heartbeat: %s", error)
        return
    alive(held)


@contextmanager
def beating(context: ScanContext, every: timedelta = HEARTBEAT) -> Iterator[None]:
    """Beat from a thread inside the block; what is left in hand then is given back.

    Raises StoreError or Stopping if that fails.
    """
    done = threading.Event()

    def beat_on() -> None:
        while not done.wait(every.total_seconds()):
            beat(context, lambda _: None)

    thread = threading.Thread(target=beat_on, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        done.set()
        thread.join()
        with context.store.writing() as conn:
            release(conn, context.owner, INTERRUPTED)
