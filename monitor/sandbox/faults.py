"""Failing on order: what a rehearsal marketplace is told to do wrong, where, and how often."""

from __future__ import annotations

import threading
from collections.abc import Collection
from enum import Enum, StrEnum, auto
from typing import NamedTuple

from monitor.errors import InputError


class Fault(StrEnum):
    """What goes wrong with a search, or (`PICTURE_...`) with the download of a picture."""

    SERVER_ERROR = "500"
    THROTTLED = "429"
    QUOTA = "quota"
    UNAUTHORISED = "401"
    PERMISSION = "permission"
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


class Purpose(Enum):
    """What a request is for. `ASIDE` is all around a search: tokens, the site's time."""

    SEARCH = auto()
    UPLOAD = auto()
    ASIDE = auto()
    PICTURE = auto()

    @property
    def is_paced(self) -> bool:
        """Whether it counts against the rate."""
        return self in (Purpose.SEARCH, Purpose.UPLOAD)


class Order(NamedTuple):
    """`times` is None for always; `where` is a dialect, one of its calls, or "" for all."""

    fault: Fault
    times: int | None = None
    where: str = ""

    def fits(self, purpose: Purpose, place: str) -> bool:
        """Whether a request for this purpose to this place (`ebay/search`) fails so.

        What stands aside of a search fails only if it is named: `ebay/token`.
        """
        if self.fault.is_picture or purpose is Purpose.PICTURE:
            return self.fault.is_picture and purpose is Purpose.PICTURE
        if self.fault is Fault.EMPTY and purpose is not Purpose.SEARCH:
            return False
        if self.where == place:
            return True
        is_below = not self.where or place.startswith(f"{self.where}/")
        return is_below and purpose.is_paced


class Faults:
    """The orders in hand; safe to change from any thread while the marketplace runs."""

    def __init__(self) -> None:
        self._left: dict[tuple[Fault, str], int | None] = {}
        self._lock = threading.Lock()

    def order(self, fault: Fault, times: int | None = None, where: str = "") -> None:
        """Fail so the next `times` times, at `where` (see `Order`); None until `clear`."""
        with self._lock:
            self._left[fault, where] = times

    def clear(self) -> None:
        with self._lock:
            self._left.clear()

    def take(self, purpose: Purpose, place: str) -> Fault | None:
        """The fault for this request, if one is ordered; orders are served one after the other."""
        with self._lock:
            for (fault, where), left in self._left.items():
                if Order(fault, left, where).fits(purpose, place):
                    self._count((fault, where), left)
                    return fault
        return None

    def _count(self, key: tuple[Fault, str], left: int | None) -> None:
        if left == 1:
            del self._left[key]
        elif left is not None:
            self._left[key] = left - 1


def parse_fault(text: str, places: Collection[str] = ()) -> Order:
    """`500` (always), `500=3` (the next three times), `ebay:500` (there only).

    `places` are the names that may stand before the colon. Raises InputError.
    """
    where, has_place, kind = text.rpartition(":")
    name, is_counted, times = kind.partition("=")
    if has_place and where not in places:
        known = ", ".join(places) or "none"
        raise InputError(f"{text!r}: there is no place {where!r}; the places are: {known}")
    try:
        fault = Fault(name)
        count = int(times) if is_counted else None
    except ValueError as error:
        known = ", ".join(fault.value for fault in Fault)
        raise InputError(f"{text!r} is no KIND or KIND=TIMES; the kinds are: {known}") from error
    if count is not None and count < 1:
        raise InputError(f"{text!r}: TIMES is 1 or more")
    if where and fault.is_picture:
        raise InputError(f"{text!r}: pictures are the same everywhere, leave {where!r} out")
    return Order(fault, count, where)
