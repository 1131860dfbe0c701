"""bytes -> a stored file and its record: the one way a picture enters the store."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Mapping
from datetime import datetime

from monitor import matching
from monitor.errors import NotFound, PictureError
from monitor.model import Fingerprints, PictureRecord
from monitor.storage import Connection, PictureFiles, Store, pictures

log = logging.getLogger(__name__)

# A second or so of work: scans and stops get their turn in between.
REFRESHED_AT_ONCE = 50


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
    """Write the picture's row and fingerprints; it joins the cluster of its near-identical ones."""
    bands = matching.bands(record.fingerprints)
    pictures.record(conn, record, bands, _near_identical, now)


def _near_identical(one: Fingerprints, other: Fingerprints) -> bool:
    """Not before both have today's fingerprint: one from before an upgrade can't be compared."""
    if matching.ALGORITHM not in one or matching.ALGORITHM not in other:
        return False
    return matching.near_identical(one, other)


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
    fresh = refresh_all(files, stale)
    with store.writing() as conn:
        for record in fresh.values():
            record_picture(conn, record, now)
    return max(stale)


def refresh_fingerprints(files: PictureFiles, record: PictureRecord) -> PictureRecord:
    """The same record with today's fingerprints; missing ones are taken from the stored file."""
    if record.fingerprints.keys() >= set(matching.ALGORITHMS):
        return record
    decoded = matching.decode_small(files.read(record.sha256))
    return PictureRecord(
        record.sha256,
        record.format,
        record.width,
        record.height,
        record.size_bytes,
        fingerprints={**record.fingerprints, **matching.fingerprint(decoded)},
    )


def refresh_all(
    files: PictureFiles, records: Mapping[str, PictureRecord]
) -> dict[str, PictureRecord]:
    """The records with today's fingerprint; without those whose stored file can't give it."""
    fresh: dict[str, PictureRecord] = {}
    for sha256, record in records.items():
        try:
            fresh[sha256] = refresh_fingerprints(files, record)
        except (NotFound, PictureError) as error:
            log.warning("picture %s can't be fingerprinted again: %s", sha256, error)
    return fresh


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
