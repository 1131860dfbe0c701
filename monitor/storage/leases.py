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
from monitor.storage.telling import delivery_states
from monitor.storage.telling.delivery_states import IS_IN_HAND

# Rows in hand, with the state they fall back to when their owner is gone. In the order in which
# they are locked elsewhere: who ends a probe changes its breaker first, then its scan. Deliveries
# come last, by their own state machine.
_HELD = (
    (breakers, "probing", "open"),
    (canaries, "running", "due"),
    (scans, "running", "due"),
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
    return renewed + delivery_states.renew(conn, owner, now + lease)


def take_over(conn: sa.Connection, is_dead: Callable[[str], bool], interrupted: str) -> int:
    """Give back at once what dead processes hold, instead of waiting for their leases.

    Returns how many rows. A delivery keeps `interrupted` as its error: it may have been sent.
    """
    freed = 0
    for table, held, back in _HELD:
        dead = _find_dead(conn, table, _is(table, held), is_dead)
        freed += sum(_give_back(conn, table, held, back, owner) for owner in dead)
    dead = _find_dead(conn, deliveries, IS_IN_HAND, is_dead)
    return freed + sum(_interrupt(conn, owner, interrupted) for owner in dead)


def _find_dead(
    conn: sa.Connection,
    table: sa.Table,
    is_held: sa.ColumnElement[bool],
    is_dead: Callable[[str], bool],
) -> list[str]:
    owners = conn.execute(sa.select(table.c.owner).where(is_held).distinct()).scalars()
    return [owner for owner in owners if owner and is_dead(owner)]


def release(conn: sa.Connection, owner: str, interrupted: str) -> int:
    """Give back what this process still holds, because it stops; see `take_over`.

    A scan's attempt doesn't count then: only what takes the program down may use them up.
    """
    conn.execute(
        sa.update(scans)
        .where(scans.c.owner == owner, _is(scans, "running"))
        .values(attempts=scans.c.attempts - 1)
    )
    given_back = sum(_give_back(conn, table, held, back, owner) for table, held, back in _HELD)
    return given_back + _interrupt(conn, owner, interrupted)


def _give_back(conn: sa.Connection, table: sa.Table, held: str, back: str, owner: str) -> int:
    update = sa.update(table).where(table.c.owner == owner, _is(table, held))
    return conn.execute(update.values(state=back, owner=None, lease_until=None)).rowcount


def _interrupt(conn: sa.Connection, owner: str, why: str) -> int:
    return delivery_states.interrupt(conn, why, deliveries.c.owner == owner)


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
