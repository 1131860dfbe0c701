"""What the operator asks for by signals, acted on in a thread of its own.

A Python handler won't do. It interrupts the main thread wherever it is, perhaps inside an `Event`
whose lock it holds: setting that event from the handler waits for itself for ever. And when signals
come close together the system may hand one to another thread: the main thread, waiting for a lock,
then sleeps on and its handler never runs. The wakeup descriptor is written to at once, by whichever
thread got the signal.
"""

from __future__ import annotations

import signal
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager


@contextmanager
def handling(actions: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Run the action of each signal that comes inside the block, one at a time, in a thread.

    The old handlers come back at the end. To be called from the main thread.
    """
    reader, writer = socket.socketpair()
    writer.settimeout(0)  # a signal waits for nobody
    thread = threading.Thread(target=_act, args=(reader, actions), name="signals", daemon=True)
    thread.start()
    old_descriptor = signal.set_wakeup_fd(writer.fileno(), warn_on_full_buffer=False)
    old = {number: signal.signal(number, _ignore) for number in actions}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(old_descriptor)
        writer.close()
        thread.join()
        reader.close()


def _act(reader: socket.socket, actions: Mapping[signal.Signals, Callable[[], None]]) -> None:
    """Until the other end is closed. Signals that others handle are written there too."""
    while number := reader.recv(1):
        if action := actions.get(signal.Signals(number[0])):
            action()


def _ignore(*_: object) -> None:
    """Without a handler a signal would end the program, and nothing be written."""
