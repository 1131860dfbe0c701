"""What the operator asks for by signals, handed over to a thread of its own.

A handler interrupts the main thread wherever it is, perhaps inside an `Event` that it holds the
lock of: setting that event from the handler would wait for itself for ever. So a handler only
leaves a note, and a thread acts on it.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from queue import SimpleQueue


@contextmanager
def handling(actions: Mapping[signal.Signals, Callable[[], None]]) -> Iterator[None]:
    """Run the action of each signal that comes inside the block, one at a time, in a thread.

    The old handlers come back at the end. To be called from the main thread.
    """
    # its put() may interrupt itself
    notes: SimpleQueue[Callable[[], None] | None] = SimpleQueue()

    def act() -> None:
        while (action := notes.get()) is not None:
            action()

    def leave_note(number: int, _frame: object) -> None:
        notes.put(actions[signal.Signals(number)])

    thread = threading.Thread(target=act, name="signals", daemon=True)
    thread.start()
    old = {number: signal.signal(number, leave_note) for number in actions}
    try:
        yield
    finally:
        for number, handler in old.items():
            signal.signal(number, handler)
        notes.put(None)
        thread.join()
