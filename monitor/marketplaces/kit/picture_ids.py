"""What a site calls a picture that it was given, kept from search to search."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

from monitor.errors import BadImage, MarketplaceError, ProtocolError
from monitor.marketplaces.base import Memory

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class PictureIds:
    """Ids of pictures on a site, by sha256; `kind` tells them from what else the account keeps.

    Sites don't say how long an id is good, nor how they answer once it isn't. A kept one is given
    up after an error that may mean this: after one of `renewed_on` a new one is made at once, after
    one of `dropped_on` by the next search, as this one fails.
    """

    memory: Memory
    kind: str
    lifetime: timedelta
    renewed_on: tuple[type[MarketplaceError], ...] = (BadImage, ProtocolError)
    dropped_on: tuple[type[MarketplaceError], ...] = ()

    def search(
        self,
        sha256: str,
        make_id: Callable[[], str],
        look: Callable[[str], T],
        is_believed: Callable[[T], bool] = lambda _: True,
    ) -> T:
        """What `look` finds by the kept id, or by the one that `make_id` gives: once at most.

        What a kept id finds counts only if it `is_believed`: one that has run out may be answered
        by an empty page. Nothing is kept of a picture without a sha256 (""). Raises what `look` and
        `make_id` raise.
        """
        key = f"{self.kind} {sha256}"
        kept = self.memory.find(key) if sha256 else None
        if kept is not None:
            found = self._look_again(key, kept, look)
            if found is not None and is_believed(found):
                return found
            self.memory.forget(key)
        image_id = make_id()
        if sha256:
            # before the search: one that fails has cost the id already
            self.memory.keep(key, image_id, self.lifetime)
        return look(image_id)

    def _look_again(self, key: str, kept: str, look: Callable[[str], T]) -> T | None:
        """What is found by a kept id; None after an error that asks for a new one."""
        try:
            return look(kept)
        except self.renewed_on as error:
            log.info("%s; the picture is given to the site anew", error)
            return None
        except self.dropped_on:
            self.memory.forget(key)
            raise
