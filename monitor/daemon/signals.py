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

from monitor.errors import MonitorError


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


class Signals:
    """What the operator asked for; set by the thread of signals, read by the main thread.

    `failure` is why the daemon has to end by itself.
    """

    def __init__(self) -> None:
        self.wake = threading.Event()
        self.is_stopping = False
        self.failure: MonitorError | None = None
        self._stop = threading.Event()
        self._lock = threading.Lock()

    @contextmanager
    def installed(self) -> Iterator[None]:
        """SIGTERM and SIGINT stop, SIGHUP reloads; the old handlers come back at the end."""
        actions = {
            signal.SIGTERM: self._on_stop,
            signal.SIGINT: self._on_stop,
            signal.SIGHUP: self.wake.set,
        }
        with handling(actions):
            yield

    def new_stop(self) -> threading.Event:
        """The event that ends every wait of the parts about to start, also while they start."""
        with self._lock:
            self._stop = threading.Event()
            if self.is_stopping:
                self._stop.set()
            return self._stop

    def give_up(self, failure: MonitorError) -> None:
        """What runs can't go on: end every wait, as if told to stop, but for that reason."""
        with self._lock:
            self.failure = failure
            self._stop.set()
        self.wake.set()

    def _on_stop(self) -> None:
        with self._lock:
            self.is_stopping = True
            self._stop.set()
        self.wake.set()
