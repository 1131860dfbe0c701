"""What every marketplace is to the rest of the program."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Generic, Protocol, TypeVar, runtime_checkable

from PIL.Image import Image
from pydantic import BaseModel

from monitor.model import FileVersion, Observation
from monitor.net.downloads import Fetched
from monitor.net.wire import ExchangeLimits


@dataclass(frozen=True, slots=True)
class Query:
    """A search by picture; `cursor` is a page's `next_cursor`, None for the first page.

    `sha256` and `path` name the reference picture: its file, and where it stands in the watch's
    folder (POSIX, relative). Both are "" for a picture that is none.
    """

    picture: Image
    cursor: str | None = None
    sha256: str = ""
    path: str = ""


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a search. `total` is what the site claims to have, often above what it gives.

    `requests` counts the calls this page took, retries included; `next_cursor` is None at the end.
    Where an answer is made of several searches, one after the other, `next_part` is the cursor at
    which the next of them begins: a page that brings nothing new ends its part only.
    """

    observations: tuple[Observation, ...]
    total: int | None
    next_cursor: str | None
    requests: int
    next_part: str | None = None


class Pace(Protocol):
    """Whose turn it is on a marketplace account; shared by everybody who uses the account."""

    def wait(self) -> None:
        """Block until a call is allowed. Raises QuotaExhausted, Throttled (also QueueFull, where
        the site is not concerned) or Stopping.
        """

    def hold(self, duration: timedelta) -> None:
        """Let nobody call for `duration`: the site asked for it."""


class Memory(Protocol):
    """What an account keeps between calls, shared by all processes on the database.

    Values are texts of at most 10,000 characters. Secrets are sealed before they come here.
    """

    def find(self, key: str) -> str | None:
        """The value kept under a key, None if there is none or it has run out."""

    def keep(self, key: str, value: str, lifetime: timedelta | None = None) -> None:
        """Remember a value, for ever or for a while."""

    def forget(self, key: str) -> None:
        """Let go of a value."""

    def claim(self, key: str, lifetime: timedelta) -> bool:
        """Whether this caller alone now holds `key`: nobody else until it is forgotten or over."""


@dataclass(frozen=True, slots=True)
class Standing:
    """What a site says of an account: in words, and the calls left if it tells."""

    text: str
    calls_left: int | None = None


@runtime_checkable
class Probing(Protocol):
    """A marketplace that can ask for its account's standing without a search."""

    def probe(self) -> Standing:
        """Ask the site whether the credentials are good. Raises MarketplaceError, Stopping."""


@runtime_checkable
class PictureSource(Protocol):
    """Where listing pictures come from: the network, or a marketplace that has its own way.

    Its methods raise FetchRefused, FetchFailed or Stopping.
    """

    def fetch(self, url: str, fallback_url: str | None = None) -> Fetched:
        """The file at `url`, or at `fallback_url` where the first is missing."""

    def fetch_changed(
        self, url: str, fallback_url: str | None, known: FileVersion
    ) -> Fetched | None:
        """The file like `fetch`; None where it surely is the `known` version still."""


class Marketplace(Protocol):
    """A configured account that can be searched by picture; used from several threads at once."""

    @property
    def name(self) -> str:
        """The name in the config."""

    @property
    def site(self) -> str:
        """Whose listings it returns, such as `1688`; "" where they come from many sites."""

    @property
    def is_loopback(self) -> bool:
        """Whether its address is on loopback: only then may pictures come from there."""

    def search(self, query: Query) -> Page:
        """One page of listings. Raises MarketplaceError (never an empty page instead), Stopping."""

    def close(self) -> None:
        """Let go of all connections."""


API_LIMITS = ExchangeLimits(connect=10.0, read=30.0, total=60.0, max_bytes=10_000_000)


@dataclass(frozen=True, slots=True)
class Outside:
    """Time, randomness, turns and memory, handed to an adapter. `sleep` may raise Stopping.

    `now` is seconds since the epoch; `proxy` the address of a forward proxy for calls.
    """

    pace: Pace
    memory: Memory
    sleep: Callable[[float], None]
    rng: random.Random
    now: Callable[[], float] = time.time
    limits: ExchangeLimits = API_LIMITS
    proxy: str | None = None


OptionsT = TypeVar("OptionsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Adapter(Generic[OptionsT]):
    """What a type of marketplace registers: its options, and what makes one of name and options.

    `account` gives what the site knows the account by, such as its key: marketplaces of one type
    and account share one pace. None leaves it to the marketplace's name. `summary` says in a line
    what it searches, `needs` what one needs for it.
    """

    options: type[OptionsT]
    build: Callable[[str, OptionsT, Outside], Marketplace]
    account: Callable[[OptionsT], str | None] = lambda _: None
    summary: str = ""
    needs: str = ""
