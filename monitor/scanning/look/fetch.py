"""A listing's picture: fetched and kept; and asked for again, as a seller may swap the file."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeAlias

from monitor.errors import FetchError, PictureError, Stopping, StoreError
from monitor.marketplaces.base import PictureSource
from monitor.model import FileVersion, Observation, PictureRecord
from monitor.net.downloads import Fetched
from monitor.scanning.context import ScanContext
from monitor.scanning.pictures import keep_picture, sha256_of
from monitor.scanning.policy import CHECK_AFTER, CHECK_SPREAD, CHECKS_OF_A_PAGE
from monitor.storage.catalogue import picture_urls
from monitor.storage.catalogue.picture_urls import StoredUrl

log = logging.getLogger(__name__)


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


def fetch_picture(
    context: ScanContext,
    fetcher: PictureSource,
    observation: Observation,
    stored: StoredUrl | None = None,
) -> Answer:
    """Ask for a listing's picture, or whether it is another than the one that is `stored`.

    One that fails stops no other. Raises StoreError or Stopping.
    """
    if context.is_stopping():
        raise Stopping("told to stop between two pictures")
    url, fallback = observation.picture_url or "", observation.picture_fallback_url
    try:
        if stored is None:
            return _keep(context, fetcher.fetch(url, fallback), None)
        fetched = fetcher.fetch_changed(url, fallback, stored.version)
        if fetched is None:
            return Unchanged(stored.version)
        return _keep(context, fetched, stored.sha256)
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


def _keep(context: ScanContext, fetched: Fetched, stored_sha256: str | None) -> Answer:
    if stored_sha256 is not None and sha256_of(fetched.data) == stored_sha256:
        return Unchanged(fetched.version)
    return Download(keep_picture(context.files, fetched.data), fetched.version)
