"""How each type of marketplace is configured and how its site talks: one module a type.

Every module here named like a type has a `DIALECT`; the contract suite runs over all of them.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from pkgutil import iter_modules

from monitor.errors import (
    AuthError,
    BadImage,
    Blocked,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.kit.answers import Judge
from monitor.model import Observation
from monitor.net.wire import Answer
from tests.marketplaces.scripted import PAGE, Reply, Scripted

ANSWERS = Path(__file__).parents[2] / "marketplaces" / "answers"
# What an adapter must keep secret; dialects use it as key, secret or token.
SECRET = "streng-geheim"


@dataclass(frozen=True)
class Dialect:
    """What the contract suite needs to know of one type.

    `options` takes the base address. `item` takes (id, title, price, picture, similarity) with
    defaults and gives one listing of an answer, `answer` puts a list of them into a whole answer.
    `failures` is how the site itself says each class of failure, beyond bare HTTP statuses.
    `url` is the address of a search; `judge` and `parse` read an answer from there.
    `prepare` sets routes for the calls that come before a search, such as for a token; what they
    are asked is not counted as a search. `ids` are two good ids of the greatest length the site
    has. `in_pages` gives the answers of a search over several pages, with their listings' ids.
    """

    options: Callable[[str], dict[str, object]]
    answer: Callable[[list[object]], object]
    item: Callable[..., object]
    refusal: object
    failures: Mapping[type[MarketplaceError], Sequence[Reply]]
    url: str
    judge: Judge
    parse: Callable[[bytes], Sequence[Observation]]
    base: str = "/search"
    prepare: Callable[[Scripted], None] = lambda _: None
    ids: tuple[object, object] = (9223372036854775807, "1164408192156408878")
    in_pages: Callable[[], tuple[list[Reply], list[str]]] | None = None
    has_titles: bool = True
    has_prices: bool = True
    has_scores: bool = True
    # the site gives addresses of pictures as absolute ones only
    has_relative_pictures: bool = True

    def read(self, body: bytes) -> Sequence[Observation]:
        """The listings of an answer, judged as after the wire. Raises MarketplaceError."""
        refusal = self.judge(Answer(self.url, 200, {}, body))
        if refusal is not None:
            raise refusal
        return self.parse(body)


def failures(
    shared: Mapping[type[MarketplaceError], Sequence[Reply]] | None = None,
    *,
    throttled: Sequence[Reply] = (),
    quota: Sequence[Reply] = (),
    auth: Sequence[Reply] = (),
    permission: Sequence[Reply] = (),
    bad_image: Sequence[Reply] = (),
    transient: Sequence[Reply] = (),
    protocol: Sequence[Reply] = (),
) -> Mapping[type[MarketplaceError], Sequence[Reply]]:
    """What a site says for each class, besides what it has in common with others (`shared`).

    The page of a challenge is the same everywhere.
    """
    said = {
        Throttled: throttled,
        QuotaExhausted: quota,
        AuthError: auth,
        PermissionDenied: permission,
        BadImage: bad_image,
        Transient: transient,
        ProtocolError: protocol,
    }
    every = {kind: [*(shared or {}).get(kind, ()), *replies] for kind, replies in said.items()}
    return {**every, Blocked: [PAGE]}


def load_dialects() -> dict[str, Dialect]:
    """Every dialect, by the name of its type."""
    found = {}
    for module in iter_modules(__path__):
        dialect = import_module(f"{__name__}.{module.name}").DIALECT
        assert isinstance(dialect, Dialect)
        found[module.name] = dialect
    return found


def load_answers(type_name: str) -> dict[str, bytes]:
    """The stored answers of a type's site, by name."""
    return {path.name: path.read_bytes() for path in sorted((ANSWERS / type_name).glob("*.json"))}


def parse(text: str) -> object:
    """A JSON text as Python values, for answers written in a dialect."""
    value: object = json.loads(text)
    return value
