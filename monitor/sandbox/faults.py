"""Failing on order: what a rehearsal marketplace is told to do wrong, and how often."""

from __future__ import annotations

import threading
from enum import StrEnum

from monitor.errors import InputError


class Fault(StrEnum):
    """What goes wrong with a search, or (`PICTURE_...`) with the download of a picture."""

    SERVER_ERROR = "500"
    THROTTLED = "429"
    UNAUTHORISED = "401"
    TOO_LARGE = "413"
    GARBAGE = "garbage"
    HTML = "html"
    REFUSED = "refused"
    UNKNOWN_SHAPE = "shape"
    EMPTY = "empty"
    SLOW = "slow"
    CUT_OFF = "cut"
    PICTURE_MISSING = "picture-404"
    PICTURE_CUT_OFF = "picture-cut"
    PICTURE_HTML = "picture-html"

    @property
    def is_picture(self) -> bool:
        return self.value.startswith("picture-")


class Faults:
    """The orders in hand; safe to change from any thread while the marketplace runs."""

    def __init__(self) -> None:
        self._left: dict[Fault, int | None] = {}
        self._lock = threading.Lock()

    def order(self, fault: Fault, times: int | None = None) -> None:
        """Fail so the next `times` times; None until `clear`."""
        with self._lock:
            self._left[fault] = times

    def clear(self) -> None:
        with self._lock:
            self._left.clear()

    def take(self, *, picture: bool) -> Fault | None:
        """The fault for this request, if one is ordered; orders are served one after the other."""
        with self._lock:
            for fault, left in self._left.items():
                if fault.is_picture is picture:
                    self._count(fault, left)
                    return fault
        return None

    def _count(self, fault: Fault, left: int | None) -> None:
        if left == 1:
            del self._left[fault]
        elif left is not None:
            self._left[fault] = left - 1


def parse_fault(text: str) -> tuple[Fault, int | None]:
    """`500` (always) or `500=3` (the next three times). Raises InputError."""
    name, is_counted, times = text.partition("=")
    try:
        fault = Fault(name)
        count = int(times) if is_counted else None
    except ValueError as error:
        known = ", ".join(fault.value for fault in Fault)
        raise InputError(f"{text!r} is no KIND or KIND=TIMES; the kinds are: {known}") from error
    if count is not None and count < 1:
        raise InputError(f"{text!r}: TIMES is 1 or more")
    return fault, count
