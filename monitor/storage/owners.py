"""Who holds a lease: a name per process, and whether the process behind a name is dead."""

from __future__ import annotations

import os
import socket
from pathlib import Path

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
