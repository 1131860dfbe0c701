"""Scans, deliveries, canaries and probes are leased rows: what holds for all stands here.

A lease is held by a process of some name; whether the process behind a name is dead, only its own
host can tell.
"""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path

import sqlalchemy as sa

from monitor.storage.searches.cycles import FINISHED
from monitor.storage.tables import breakers, canaries, deliveries, scans
from monitor.storage.telling.deliveries import INTERRUPTED

# Rows in hand, with the state they fall back to when their owner is gone. In the order in which
# they are locked elsewhere: who ends a probe changes its breaker first, then its scan.
_HELD = (
    (breakers, "probing", "open"),
    (canaries, "running", "due"),
    (scans, "running", "due"),
    (deliveries, "sending", "failed"),
)


def renew_leases(conn: sa.Connection, owner: str, now: datetime, lease: timedelta) -> int:
    """Extend every lease of this process; how many rows it holds."""
    renewed = 0
    for table, held, _ in _HELD:
        rows = conn.execute(
            sa.update(table)
            .where(table.c.owner == owner, _is(table, held))
            .values(lease_until=now + lease)
        )
        renewed += rows.rowcount
    return renewed


def take_over(conn: sa.Connection, is_dead: Callable[[str], bool]) -> int:
    """Give back at once what dead processes hold, instead of waiting for their leases.

    Returns how many rows. A delivery keeps a visible mark: it may have been sent.
    """
    freed = 0
    for table, held, back in _HELD:
        owners = conn.execute(sa.select(table.c.owner).where(_is(table, held)).distinct()).scalars()
        dead = [owner for owner in owners if owner and is_dead(owner)]
        freed += sum(_give_back(conn, table, held, back, owner) for owner in dead)
    return freed


def release(conn: sa.Connection, owner: str) -> int:
    """Give back what this process still holds, because it stops.

    A scan's attempt doesn't count then: only what takes the program down may use them up.
    """
    conn.execute(
        sa.update(scans)
        .where(scans.c.owner == owner, _is(scans, "running"))
        .values(attempts=scans.c.attempts - 1)
    )
    return sum(_give_back(conn, table, held, back, owner) for table, held, back in _HELD)


def _give_back(conn: sa.Connection, table: sa.Table, held: str, back: str, owner: str) -> int:
    values: dict[str, object] = {"state": back, "owner": None, "lease_until": None}
    if table is deliveries:
        values["last_error"] = INTERRUPTED
    update = sa.update(table).where(table.c.owner == owner, _is(table, held))
    return conn.execute(update.values(**values)).rowcount


def _is(table: sa.Table, state: str) -> sa.ColumnElement[bool]:
    """Whether a row is in the state. Open scans have an index of their own: they are few among
    those of years, and asked for with every heartbeat.
    """
    is_in = table.c.state == state
    return sa.and_(is_in, scans.c.state != FINISHED) if table is scans else is_in


# -- who holds one

_PROC = Path("/proc")


def this_process() -> str:
    """`host/namespace/pid/start`: never the same for two processes, also after a reboot.

    The pid namespace tells two containers apart that carry one host name; the start time (clock
    ticks since boot) tells a process from a later one that was given the same pid.
    """
    pid = os.getpid()
    return f"{socket.gethostname()}/{_namespace()}/{pid}/{_started(pid)}"


def is_dead(owner: str) -> bool:
    """Whether `owner` surely ran here and is gone; False for any doubt: its lease decides then."""
    parts = owner.rsplit("/", 3)
    if len(parts) != 4 or parts[:2] != [socket.gethostname(), _namespace()]:
        return False
    if not parts[2].isdigit():
        return False
    return _started(int(parts[2])) != parts[3]


def _namespace() -> str:
    try:
        return str((_PROC / "self/ns/pid").stat().st_ino)
    except OSError:
        return "-"


def _started(pid: int) -> str:
    """Field 22 of /proc/PID/stat (see proc(5)); empty if there is no such process."""
    try:
        stat = (_PROC / str(pid) / "stat").read_text(encoding="ascii", errors="replace")
    except OSError:
        return "" if _PROC.is_dir() else _unknown(pid)
    # the command in parentheses may hold spaces and parentheses itself
    fields = stat.rsplit(")", 1)[-1].split()
    # a zombie waits for its parent only
    return "" if fields[0] in "ZX" else fields[19]


def _unknown(pid: int) -> str:
    """Without /proc only the pid itself can be asked for."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return ""
    except PermissionError:
        return "alive"
    return "alive"
