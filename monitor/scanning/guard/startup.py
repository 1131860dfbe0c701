"""A daemon starts, or has a new config; what that means for what is under way."""

from __future__ import annotations

import logging
from typing import Final

from monitor.scanning.context import ScanContext
from monitor.scanning.guard.breaker import after_restart
from monitor.storage.catalogue import watches
from monitor.storage.searches import breakers, scans

log = logging.getLogger(__name__)

# What stands at a scan that nobody asks for any more, after its marketplace.
UNWANTED: Final = "is no longer a marketplace of this watch"


def apply_config(context: ScanContext) -> None:
    """Before the first step of a daemon. Raises StoreError or Stopping."""
    end_unwanted(context)
    try_mended(context)


def end_unwanted(context: ScanContext) -> None:
    """End the open scans that the config, since it was changed, does not ask for any more.

    Their cycle would stay open until the watch is next due, and what it found would not be told.
    """
    now = context.clock()
    with context.store.writing() as conn:
        for watch_id, name in watches.list_waiting(conn):
            rules = context.watches.get(name)
            searched = rules.marketplaces if rules else ()
            scans.end_unwanted(conn, watch_id, searched, now, UNWANTED)


def try_mended(context: ScanContext) -> None:
    """Let the paused marketplaces be tried at once that a person may have mended."""
    now = context.clock()
    with context.store.writing() as conn:
        for marketplace in breakers.list_paused(conn).keys() & context.sources.keys():
            before = breakers.lock(conn, marketplace)
            after = after_restart(before, now)
            if after != before:
                breakers.put(conn, marketplace, after)
                log.info("marketplace %s is paused and tried again at once", marketplace)
