"""What every marketplace is to the rest of the program, and the registry of adapters."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from importlib.metadata import EntryPoint, entry_points
from typing import Any, Generic, Protocol, TypeVar

from PIL.Image import Image
from pydantic import BaseModel

from monitor.errors import InputError
from monitor.model import Observation

# Plug-ins of others register an `Adapter` under this group; the entry's name is the config's type.
PLUG_INS = "infringement_monitor.marketplaces"

# Named like entry points, so that both are loaded the same way and only when they are used.
_BUILT_IN = {"guide_1688": "monitor.marketplaces.guide_1688:ADAPTER"}


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
        """Block until a call is allowed. Raises QuotaExhausted, Throttled or Stopping."""

    def hold(self, duration: timedelta) -> None:
        """Let nobody call for `duration`: the site asked for it."""


class Marketplace(Protocol):
    """A configured account that can be searched by picture; used from several threads at once."""

    @property
    def name(self) -> str:
        """The name in the config."""

    @property
    def site(self) -> str:
        """Whose listings it returns, such as `1688`: the first half of a listing's identity."""

    @property
    def is_loopback(self) -> bool:
        """Whether its address is on loopback: only then may pictures come from there."""

    def search(self, query: Query) -> Page:
        """One page of listings. Raises MarketplaceError (never an empty page instead), Stopping."""

    def close(self) -> None:
        """Let go of all connections."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How long and how much one HTTP exchange may take: seconds and bytes.

    `connect` holds for all addresses of a host together, `read` for each silence, `total` for the
    whole exchange from the connection to the last byte.
    """

    connect: float
    read: float
    total: float
    max_bytes: int


API_LIMITS = Limits(connect=10.0, read=30.0, total=60.0, max_bytes=10_000_000)


@dataclass(frozen=True, slots=True)
class Outside:
    """Time, randomness and turns, handed to an adapter. `sleep` may raise Stopping.

    `now` is seconds since the epoch.
    """

    pace: Pace
    sleep: Callable[[float], None]
    rng: random.Random
    now: Callable[[], float] = time.time
    limits: Limits = API_LIMITS


OptionsT = TypeVar("OptionsT", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Adapter(Generic[OptionsT]):
    """What a type of marketplace registers: its options, and what makes one of name and options."""

    options: type[OptionsT]
    build: Callable[[str, OptionsT, Outside], Marketplace]


def known_types() -> list[str]:
    """The types a config may name, sorted: the built-in ones and installed plug-ins."""
    return sorted(_entries())


def options_model(type_name: str) -> type[BaseModel]:
    """The model that validates a marketplace's own keys. Raises InputError for an unknown type."""
    model: type[BaseModel] = _load(type_name).options
    return model


def create(
    type_name: str,
    name: str,
    options: BaseModel,
    *,
    pace: Pace,
    sleep: Callable[[float], None],
    rng: random.Random,
    now: Callable[[], float] = time.time,
    limits: Limits = API_LIMITS,
) -> Marketplace:
    """The marketplace `name` of a type, with `options` of its model.

    Raises InputError for an unknown type or options of another one.
    """
    adapter = _load(type_name)
    if not isinstance(options, adapter.options):
        raise InputError(f"marketplace {name}: these options are not those of type {type_name!r}")
    marketplace: Marketplace = adapter.build(name, options, Outside(pace, sleep, rng, now, limits))
    return marketplace


def _entries() -> dict[str, EntryPoint]:
    """Every type's entry; a plug-in can't take the name of a built-in type."""
    entries = {entry.name: entry for entry in entry_points(group=PLUG_INS)}
    for type_name, value in _BUILT_IN.items():
        entries[type_name] = EntryPoint(type_name, value, PLUG_INS)
    return entries


def _load(type_name: str) -> Adapter[Any]:
    entries = _entries()
    if type_name not in entries:
        raise InputError(
            f"there is no marketplace type {type_name!r}; known are: {', '.join(sorted(entries))}"
        )
    entry = entries[type_name]
    try:
        adapter: object = entry.load()
    except (ImportError, AttributeError) as error:
        raise InputError(
            f"the plug-in {entry.value} of marketplace type {type_name!r} can't be loaded: {error}"
        ) from error
    if not isinstance(adapter, Adapter):
        raise InputError(f"the plug-in {entry.value} of type {type_name!r} is not an Adapter")
    return adapter
