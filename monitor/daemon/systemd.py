"""systemd's readiness and watchdog protocol: one datagram, no package needed."""

from __future__ import annotations

import logging
import socket
import time

log = logging.getLogger(__name__)

# The socket is local; a service manager that doesn't read must not hold up the heartbeat.
_TIMEOUT_SECONDS = 1.0


def notify(message: str, address: str | None) -> bool:
    """Send `message` (lines of KEY=VALUE, see sd_notify(3)) to `address`; True once it is sent.

    `address` is $NOTIFY_SOCKET: a path, or a name in the abstract namespace after `@`; without one
    nothing happens. Never raises: the work doesn't depend on who starts us.
    """
    if not address:
        return False
    if address.startswith("@"):
        address = "\0" + address[1:]
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as sock:
            sock.settimeout(_TIMEOUT_SECONDS)
            sock.connect(address)
            sock.sendall(message.encode())
    except (OSError, ValueError) as error:
        log.warning("systemd could not be notified at %r: %s", address, error)
        return False
    return True


def reloading() -> str:
    """With the monotonic time, by which systemd tells the READY=1 before from the one after."""
    return f"RELOADING=1\nMONOTONIC_USEC={time.monotonic_ns() // 1000}"
