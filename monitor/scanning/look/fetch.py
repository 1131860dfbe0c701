"""fetch: the listings of a page -> each with its picture, stored, or the reason why there is none.

What is stored is not downloaded again before its address is due to be asked: a seller may swap the
file.
"""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias, TypeVar

from monitor.errors import FetchError, PictureError, Stopping, StoreError
from monitor.marketplaces.base import PictureSource
from monitor.model import FileVersion, Fingerprints, Observation, PictureRecord
from monitor.net.downloads import Fetched
from monitor.scanning.context import ScanContext
from monitor.scanning.pictures import keep_picture, load_index_prints, sha256_of
from monitor.scanning.policy import CHECK_AFTER, CHECK_SPREAD, CHECKS_OF_A_PAGE, FETCH_THREADS
from monitor.storage.catalogue import listings, picture_urls, pictures
from monitor.storage.catalogue.picture_urls import StoredUrl

log = logging.getLogger(__name__)

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Download:
    """A picture that is new at its address."""

    picture: PictureRecord
    version: FileVersion


@dataclass(frozen=True, slots=True)
class Unchanged:
    """The address still shows what is stored; `version` is what its server calls it now."""

    version: FileVersion


# What came of asking for a picture; text says why it could not be had.
Answer: TypeAlias = Download | Unchanged | str


@dataclass(frozen=True, slots=True)
class SeenListing:
    """A listing with its picture, or with the reason why there is none.

    `prints` are what the index needs of a stored picture, all of one that was `fetched` now.
    `answer` is what its host said; None where it was not asked.
    """

    observation: Observation
    sha256: str | None
    prints: Fingerprints
    problem: str | None = None
    answer: Answer | None = None

    @property
    def fetched(self) -> PictureRecord | None:
        return self.answer.picture if isinstance(self.answer, Download) else None


def fetch_page(
    context: ScanContext, fetcher: PictureSource, observations: Sequence[Observation]
) -> list[SeenListing]:
    """Each listing with its picture; new files are kept. Raises StoreError or Stopping."""
    stored = _find_stored(context, observations)
    by_url = {o.picture_url: o for o in observations if o.picture_url}
    due = find_due(context, by_url.keys() & stored.keys())
    asked = {url: o for url, o in by_url.items() if url in due or url not in stored}

    def ask(observation: Observation) -> Answer:
        return _ask(context, fetcher, observation, due.get(observation.picture_url or ""))

    with ThreadPoolExecutor(max_workers=FETCH_THREADS) as pool:
        answers = dict(zip(asked, pool.map(ask, asked.values()), strict=True))
    return [
        _see(o, stored.get(o.picture_url or ""), answers.get(o.picture_url or ""))
        for o in observations
    ]


def _find_stored(
    context: ScanContext, wanted: Sequence[Observation]
) -> dict[str, tuple[str, Fingerprints]]:
    """Picture URL -> sha256 and small fingerprints of the picture stored for it."""
    with context.store.reading() as conn:
        known = listings.find_known(conn, [(o.site, o.item_id) for o in wanted])
        by_url = pictures.find_by_url(conn, [o.picture_url for o in wanted if o.picture_url])
    for row in known.values():
        if row.picture_url and row.picture_sha256 and row.picture_problem is None:
            by_url.setdefault(row.picture_url, row.picture_sha256)
    prints = load_index_prints(context, set(by_url.values()))
    return {url: (sha, prints[sha]) for url, sha in by_url.items() if sha in prints}


def _see(
    observation: Observation, stored: tuple[str, Fingerprints] | None, answer: Answer | None
) -> SeenListing:
    """The listing with the picture that was fetched now, else with the stored one."""
    if isinstance(answer, Download):
        picture = answer.picture
        return SeenListing(observation, picture.sha256, picture.fingerprints, None, answer)
    if stored is not None:
        return SeenListing(observation, *stored, None, answer)
    problem = answer if isinstance(answer, str) else observation.picture_problem
    return SeenListing(observation, None, {}, problem or "no picture given", answer)


# -- one picture


def find_due(context: ScanContext, urls: Collection[str]) -> dict[str, StoredUrl]:
    """Those of the stored URLs that are to be asked for again now, at most `CHECKS_OF_A_PAGE`."""
    now = context.clock()
    with context.store.reading() as conn:
        old = picture_urls.find_checked_before(conn, urls, now - CHECK_AFTER)
    due = [item for item in old if now - item.checked_at >= CHECK_AFTER + _patience(item.url)]
    return {item.url: item for item in due[:CHECKS_OF_A_PAGE]}


def _patience(url: str) -> timedelta:
    """How much longer this address waits than others: 0 to `CHECK_SPREAD`."""
    part = int.from_bytes(hashlib.sha256(url.encode()).digest()[:4]) / 2**32
    return CHECK_SPREAD * part


def _ask(
    context: ScanContext,
    fetcher: PictureSource,
    observation: Observation,
    stored: StoredUrl | None,
) -> Answer:
    """Ask for a listing's picture, or whether it is another than the one that is `stored`."""
    url, fallback = observation.picture_url or "", observation.picture_fallback_url

    def fetch() -> Answer:
        if stored is None:
            return _keep(context, fetcher.fetch(url, fallback), None)
        fetched = fetcher.fetch_changed(url, fallback, stored.version)
        if fetched is None:
            return Unchanged(stored.version)
        return _keep(context, fetched, stored.sha256)

    return try_listing(context, observation, fetch)


def _keep(context: ScanContext, fetched: Fetched, stored_sha256: str | None) -> Answer:
    if stored_sha256 is not None and sha256_of(fetched.data) == stored_sha256:
        return Unchanged(fetched.version)
    return Download(keep_picture(context.files, fetched.data), fetched.version)


def try_listing(context: ScanContext, observation: Observation, step: Callable[[], T]) -> T | str:
    """What `step` makes of a listing's picture, or why it fails: it stops no other listing.

    Raises StoreError or Stopping.
    """
    if context.is_stopping():
        raise Stopping("told to stop between two pictures")
    try:
        return step()
    except (FetchError, PictureError) as error:
        problem = str(error)
    except (StoreError, Stopping):
        raise
    except Exception as error:
        # Border: one listing. Picture files are hostile input and decoders have bugs.
        log.exception("listing %s %s", observation.site, observation.item_id)
        problem = f"unexpected {type(error).__name__}: {error}"
    log.info("listing %s %s: %s", observation.site, observation.item_id, problem)
    return problem
