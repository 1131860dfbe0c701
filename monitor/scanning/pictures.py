"""bytes -> a stored file and its record: the one way a picture enters the store."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Collection, Mapping
from dataclasses import replace
from datetime import datetime

from monitor import matching
from monitor.errors import NotFound, PictureError, Stopping, StoreError
from monitor.model import Fingerprints, PictureRecord
from monitor.scanning.context import ScanContext
from monitor.scanning.policy import MOST_ALIKE, REFRESHED_AT_ONCE
from monitor.storage.catalogue import pictures
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Connection, Store

log = logging.getLogger(__name__)


def keep_picture(files: PictureFiles, data: bytes) -> PictureRecord:
    """Decode, fingerprint and store the file; the row that names it is written later.

    Raises PictureError for bytes that are no usable picture, StoreError if the file can't be kept.
    """
    decoded = matching.decode_small(data)
    prints = matching.fingerprint(decoded)
    sha256 = files.put(data)
    return PictureRecord(
        sha256, decoded.format, decoded.width, decoded.height, len(data), fingerprints=prints
    )


def record_picture(conn: Connection, record: PictureRecord, now: datetime) -> None:
    """Write the picture's row and fingerprints; it joins the cluster of its near-identical ones.

    With all of today's fingerprints written, those of earlier algorithms go.
    """
    bands = matching.bands(record.fingerprints)
    pictures.record(
        conn, record, bands, _near_identical, now, [matching.ALGORITHM], most_alike=MOST_ALIKE
    )
    if _is_complete(record.fingerprints):
        pictures.drop_fingerprints(conn, [record.sha256], keep=matching.ALGORITHMS)


def _near_identical(one: Fingerprints, other: Fingerprints) -> bool:
    """Not before both have today's fingerprint: one from before an upgrade can't be compared."""
    if matching.ALGORITHM not in one or matching.ALGORITHM not in other:
        return False
    return matching.near_identical(one, other)


# -- fingerprints of stored pictures


def load_index_prints(context: ScanContext, sha256s: Collection[str]) -> dict[str, Fingerprints]:
    """What the index needs of these stored pictures: small, so thousands may be asked for.

    What an upgrade has left without a fingerprint is given it now, and it is written. Pictures
    whose fingerprints can't be had are left out. Raises StoreError.
    """
    with context.store.reading() as conn:
        found = pictures.find_fingerprints(conn, sha256s, matching.INDEX_ALGORITHMS)
        lacking = sorted(pictures.find_lacking(conn, sha256s, matching.ALGORITHMS))
    complete: dict[str, Fingerprints] = {
        sha256: prints for sha256, prints in found.items() if sha256 not in set(lacking)
    }
    for start in range(0, len(lacking), REFRESHED_AT_ONCE):
        if context.is_stopping():
            raise Stopping("told to stop while fingerprinting stored pictures again")
        with context.store.reading() as conn:
            stale = pictures.find(
                conn, lacking[start : start + REFRESHED_AT_ONCE], matching.ALGORITHMS
            )
        for sha256, record in _refresh(
            context.store, context.files, stale, context.clock()
        ).items():
            complete[sha256] = {
                name: record.fingerprints[name] for name in matching.INDEX_ALGORITHMS
            }
    return complete


def load_prints(context: ScanContext, sha256s: Collection[str]) -> dict[str, Fingerprints]:
    """All of today's fingerprints of these stored pictures; those that can't be had are left out.

    Up to 48 kB each: for those that are compared, not for all of a watch. Raises StoreError.
    """
    with context.store.reading() as conn:
        records = pictures.find(conn, sha256s, matching.ALGORITHMS)
    fresh = refresh_all(context.files, records)
    return {sha256: record.fingerprints for sha256, record in fresh.items()}


def refresh_stored(store: Store, files: PictureFiles, after: str, now: datetime) -> str | None:
    """Fingerprint the next stored pictures that lack today's, without any download.

    `after` is the sha256 that the last call returned, "" at first; None when there is no more. A
    picture whose file is gone is left out, and fetched again when it is next met.
    Raises StoreError.
    """
    with store.reading() as conn:
        stale = pictures.find_stale(conn, matching.ALGORITHMS, after, REFRESHED_AT_ONCE)
    if not stale:
        return None
    _refresh(store, files, stale, now)
    return max(stale)


def _refresh(
    store: Store, files: PictureFiles, stale: Mapping[str, PictureRecord], now: datetime
) -> dict[str, PictureRecord]:
    """These with today's fingerprints, which are written; without those that can't have them."""
    fresh = refresh_all(files, stale)
    with store.writing() as conn:
        for record in fresh.values():
            record_picture(conn, record, now)
    return fresh


def refresh_all(
    files: PictureFiles, records: Mapping[str, PictureRecord]
) -> dict[str, PictureRecord]:
    """The records with today's fingerprints; without those whose stored file can't give them.

    One file that can't be read stops no other; where none can, the disk is away: StoreError.
    """
    fresh: dict[str, PictureRecord] = {}
    away: StoreError | None = None
    for sha256, record in records.items():
        try:
            fresh[sha256] = refresh_fingerprints(files, record)
        except (NotFound, PictureError) as error:
            log.warning("picture %s can't be fingerprinted again: %s", sha256, error)
        except StoreError as error:
            log.warning("picture %s can't be fingerprinted again: %s", sha256, error)
            away = error
        except Exception:
            # Border: one listing's picture. It is hostile input and decoders have bugs.
            log.exception("picture %s can't be fingerprinted again", sha256)
    if away is not None and not fresh:
        raise away
    return fresh


def refresh_fingerprints(files: PictureFiles, record: PictureRecord) -> PictureRecord:
    """The same record with today's fingerprints and no others.

    What is missing follows from those it has, or is taken from the stored file. Raises NotFound,
    PictureError or StoreError if the file can't be read.
    """
    if record.fingerprints.keys() == set(matching.ALGORITHMS):
        return record
    prints = _derive(record.fingerprints)
    if not _is_complete(prints):
        prints = {
            **prints,
            **matching.fingerprint(matching.decode_small(files.read(record.sha256))),
        }
    kept = {name: prints[name] for name in matching.ALGORITHMS}
    return replace(record, fingerprints=kept)


def _derive(prints: Fingerprints) -> Fingerprints:
    try:
        return matching.derive(prints)
    except PictureError:
        return {}  # damaged: all are taken from the file again


def _is_complete(prints: Fingerprints) -> bool:
    return prints.keys() >= set(matching.ALGORITHMS)


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
