"""What a dialect is: a request of its own goes in, an answer in its own words comes out."""

from __future__ import annotations

import json
import time
from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import ClassVar, NamedTuple

from monitor.sandbox.faults import Fault, Purpose
from monitor.sandbox.rules import Tokens
from monitor.sandbox.shop import Shop

MAX_PICTURE_BYTES = 5_000_000
# A clock further off than this is refused, as by most signed interfaces.
MAX_SKEW_SECONDS = 300


@dataclass(frozen=True, slots=True)
class Request:
    """A whole HTTP request; `path` is decoded, header names are lower-case."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Reply(NamedTuple):
    """A whole HTTP answer."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Dialect(ABC):
    """One site's interface. The server asks `find_call` first, then for an answer to that call.

    `name` is the marketplace type that speaks it, `table` the name of its config table,
    `base_path` what follows the origin in `base_url`; `calls` are its calls by name.
    """

    name: ClassVar[str]
    table: ClassVar[str]
    base_path: ClassVar[str]
    calls: ClassVar[Mapping[str, Purpose]]

    def __init__(self, shop: Shop) -> None:
        self.shop = shop
        self.tokens = Tokens(time.monotonic)

    @abstractmethod
    def options(self) -> Mapping[str, object]:
        """The keys of a config that talks to this sandbox, after `type` and `base_url`."""

    @abstractmethod
    def find_call(self, request: Request) -> str | None:
        """Which of `calls` a request is; None where it is not for this dialect."""

    @abstractmethod
    def answer(self, call: str, request: Request) -> Reply:
        """The right answer. Raises InputError where the shop's own files are to blame."""

    @abstractmethod
    def trouble(self, message: str) -> Reply:
        """How this site says that it failed."""

    @abstractmethod
    def fail(self, fault: Fault, call: str, request: Request) -> Reply:
        """How this site says one of the faults that have words of their own."""


def as_json(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Reply:
    """A JSON answer, escaped: listings.json may ask for what UTF-8 can't write."""
    body = json.dumps(value).encode()
    return Reply(
        status, {"Content-Type": "application/json;charset=UTF-8", **(headers or {})}, body
    )
