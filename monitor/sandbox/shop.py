"""What every dialect shares: goods as listings, rules, faults, counters, a clock."""

from __future__ import annotations

import hashlib
import threading
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from PIL import Image

from monitor.errors import InputError
from monitor.sandbox.faults import Faults
from monitor.sandbox.rules import Rules
from monitor.sandbox.shelf import LISTINGS_FILE, Good, Shelf, search


@dataclass(frozen=True, slots=True)
class Listing:
    """A good as any site would list it. `number` is made of the name: ids and prices follow."""

    name: str
    number: int
    title: str
    price_fen: int
    picture_url: str
    similarity: float

    @property
    def offer_id(self) -> str:
        """Its id on 1688, the same in every dialect of that site."""
        return f"6{self.number % 10**11:011d}"


class Shop:
    """The sandbox behind its counters; `origin` is the server's address without a path."""

    def __init__(self, images: Path, rules: Rules) -> None:
        self.origin = ""
        self.rules = rules
        self.faults = Faults()
        self.counts: Counter[str] = Counter()
        self.stop = threading.Event()
        self.shelf = Shelf(images)
        self._counting = threading.Lock()

    def now(self) -> float:
        """The site's time, in epoch seconds."""
        return time.time() + self.rules.clock_ahead_seconds

    def count(self, *what: str) -> None:
        with self._counting:
            self.counts.update(what)

    def stats(self) -> dict[str, int]:
        """What was served so far."""
        with self._counting:
            return dict(self.counts)

    def find(self, picture: Image.Image) -> list[Listing]:
        """All goods as listings, the most similar first."""
        return [
            self._list(good, similarity) for good, similarity in search(self.shelf.goods(), picture)
        ]

    def find_picture(self, path: str) -> Good | None:
        """The good whose picture has this address."""
        for good in self.shelf.goods():
            if path == _picture_path(good, self.shelf.name_of(good)):
                return good
        return None

    def overrides(self, dialect: str) -> Mapping[str, Mapping[str, object]]:
        """What listings.json sets in a dialect's items, by the picture's name.

        It stands in an object of the dialect's name. Raises InputError for another shape.
        """
        own: dict[str, dict[str, object]] = {}
        for name, fields in self.shelf.overrides().items():
            mine = fields.get(dialect, {})
            if not isinstance(mine, dict):
                raise InputError(f"{LISTINGS_FILE}: {dialect} of {name} is not an object")
            own[name] = mine
        return own

    def _list(self, good: Good, similarity: float) -> Listing:
        name = self.shelf.name_of(good)
        number = int(hashlib.sha256(name.encode()).hexdigest()[:12], 16)
        return Listing(
            name=name,
            number=number,
            title=good.path.stem.replace("_", " ").replace("-", " "),
            price_fen=500 + number % 20_000,
            picture_url=self.origin + quote(_picture_path(good, name)),
            similarity=similarity,
        )


def _picture_path(good: Good, name: str) -> str:
    return f"/pictures/{good.sha256[:16]}/{name}"
