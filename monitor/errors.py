"""The exception tree. `retryable` says whether the same call may work later.

MonitorError
├── InputError                  the user's input or config; exit code 2
│   ├── ConfigError             the config file, whole: every problem in it
│   └── PictureError            bytes that can't be used as a picture
├── OutsideError                the outside world; exit code 3
│   ├── MarketplaceError        a search that failed
│   │   ├── Throttled           too many calls for now (retryable)
│   │   │   └── QueueFull       ours: too many calls wait for their turn; the site is not concerned
│   │   ├── QuotaExhausted      the budget is used up until it is reset
│   │   ├── AuthError           key, secret, signature or clock
│   │   ├── PermissionDenied    the key may not use this search
│   │   ├── BadImage            this picture is refused, others may pass
│   │   ├── Transient           down, slow or cut off (retryable)
│   │   ├── ProtocolError       an answer of unknown shape
│   │   └── Blocked             a wall: a web page where an answer should be
│   ├── FetchError              a listing picture that could not be downloaded
│   │   ├── FetchRefused        by us: address, scheme, size or type not allowed
│   │   └── FetchFailed         by the network or the server (retryable)
│   └── ChannelError            a message that was not accepted (retryable unless said otherwise)
├── Stopping                    the program was told to stop; what was begun is given back
└── StoreError                  the database or the picture files; exit code 1
    ├── NotFound                no such row
    │   ├── Unknown             nothing bears that name
    │   └── Ambiguous           several do
    ├── SchemaMismatch          the database is older or newer than the program
    ├── DependentsInTheWay      what people built on our tables or views stops a change of them
    ├── LeaseLost               another process has taken the row over
    ├── StoreBusy               locked by another process for too long (retryable)
    ├── StoreUnavailable        gone, unreachable, read-only or corrupt (retryable)
    └── DiskFull                no space left for a picture or a row (retryable)
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Literal


class MonitorError(Exception):
    """Root of every error this program raises on purpose."""

    retryable: ClassVar[bool] = False
    exit_code: ClassVar[int] = 1


class InputError(MonitorError):
    """Something the user gave is wrong; the message says what, where and what to do."""

    exit_code = 2


@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One thing wrong with the config; `line` counts from 1, 0 where it has no line."""

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class ConfigError(InputError):
    """Every problem of a config at once."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = sorted(problems)
        super().__init__("\n".join(str(problem) for problem in self.problems))


class PictureError(InputError):
    """Bytes that can't be used as a picture: not one, damaged, too large or of a refused format."""


class OutsideError(MonitorError):
    """The outside world failed."""

    exit_code = 3


class MarketplaceError(OutsideError):
    """A search that failed; it never means "no matches"."""


class Throttled(MarketplaceError):
    """Too many calls. `retry_after` is what the site asked for, if it said."""

    retryable = True

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class QueueFull(Throttled):
    """More of our own calls wait for their turn than the rate lets through in a good while."""


class QuotaExhausted(MarketplaceError):
    """The budget of calls is used up until it is reset or topped up."""


class AuthError(MarketplaceError):
    """Key, secret, signature or clock was refused.

    `skew` is by how many seconds this machine's clock is ahead of the site's, where the answer says
    it; negative where it is behind.
    """

    def __init__(self, message: str, *, skew: float | None = None) -> None:
        super().__init__(message)
        self.skew = skew


class PermissionDenied(MarketplaceError):
    """The key is right but may not use this search."""


class BadImage(MarketplaceError):
    """The marketplace refuses this picture; others may pass."""


class Transient(MarketplaceError):
    """Down, slow or cut off. `retry_after` is what the site asked for, if it said."""

    retryable = True

    def __init__(self, message: str, *, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class ProtocolError(MarketplaceError):
    """An answer whose shape is unknown: the site or the adapter changed."""


class Blocked(MarketplaceError):
    """A wall: a web page or a challenge where an answer should be."""


class FetchError(OutsideError):
    """A listing picture could not be downloaded."""


class FetchRefused(FetchError):
    """We refuse to download it: address, scheme, size or type."""


class FetchFailed(FetchError):
    """The network or the server failed."""

    retryable = True


class ChannelError(OutsideError):
    """A message was not accepted by its channel.

    `permanent` means that the channel takes no message at all, whatever is tried; `about_message`
    that it has said no to this one and may take another.
    """

    retryable = True

    def __init__(
        self, message: str, *, permanent: bool = False, about_message: bool = False
    ) -> None:
        super().__init__(message)
        self.permanent = permanent
        self.about_message = about_message


class Stopping(MonitorError):
    """The program was told to stop: work in hand is given back, to be done by the next run."""

    retryable = True


class StoreError(MonitorError):
    """The database or the picture files failed."""


class NotFound(StoreError):
    """There is no such row."""

    exit_code = 2


class Unknown(NotFound):
    """There is no `noun`, as the glossary has it, of that name or number."""

    def __init__(self, noun: str, name: str | int) -> None:
        super().__init__(f"there is no {noun} {name!r}")
        self.noun = noun


class Ambiguous(NotFound):
    """Several rows of a `noun` bear that name; `places` are the sites or watches that have one,
    where they tell them apart.
    """

    def __init__(
        self,
        noun: str,
        name: str,
        count: int,
        places: Sequence[str] = (),
        kind: Literal["sites", "watches"] = "sites",
    ) -> None:
        article = "an" if noun[0] in "aeiou" else "a"
        several = f"several {kind} ({', '.join(places)}) have {article} {noun} {name!r}"
        super().__init__(several if places else f"{count} {noun}s fit {name!r}")
        self.noun = noun


class SchemaMismatch(StoreError):
    """The database's schema is not the program's; the message names both revisions.

    `is_outdated` says that an upgrade of the database helps.
    """

    exit_code = 2

    def __init__(self, message: str, *, is_outdated: bool = False) -> None:
        super().__init__(message)
        self.is_outdated = is_outdated


class DependentsInTheWay(StoreError):
    """What people built on our tables or views can't be kept; nothing was changed.

    `dependents` names each, with the database's reason.
    """

    exit_code = 2

    def __init__(self, dependents: Sequence[str]) -> None:
        self.dependents = tuple(dependents)
        super().__init__(
            "nothing was changed in the database, as what was made on its tables and views can't "
            f"be kept: {'; '.join(self.dependents)}. Drop or rename that, start again, and make it "
            "anew for the tables and views as they are then"
        )


class LeaseLost(StoreError):
    """Another process has taken over what this one had in hand; its work counts, not ours."""

    retryable = True

    def __init__(self, noun: str, number: int) -> None:
        super().__init__(f"{noun} {number} was taken over by another process")


class StoreBusy(StoreError):
    """Another process held the database for longer than we wait."""

    retryable = True


class StoreUnavailable(StoreError):
    """The database is gone, unreachable, read-only or corrupt."""

    retryable = True


class DiskFull(StoreError):
    """No space is left."""

    retryable = True
