"""bytes -> a stored file and its record: the one way a picture enters the store."""

from __future__ import annotations

import hashlib
from datetime import datetime

from monitor import matching
from monitor.model import PictureRecord
from monitor.storage import Connection, PictureFiles, pictures


def keep_picture(files: PictureFiles, data: bytes) -> PictureRecord:
    """Decode, fingerprint and store the file; the row that names it is written later.

    Raises PictureError for bytes that are no usable picture, StoreError if the file can't be kept.
    """
    decoded = matching.decode(data)
    prints = matching.fingerprint(decoded)
    sha256 = files.put(data)
    return PictureRecord(
        sha256, decoded.format, decoded.width, decoded.height, len(data), fingerprints=prints
    )


def record_picture(conn: Connection, record: PictureRecord, now: datetime) -> None:
    """Write the picture's row and fingerprints; it joins the cluster of its near-identical ones."""
    bands = matching.bands(record.fingerprints)
    pictures.record(conn, record, bands, matching.near_identical, now)


def refresh_fingerprints(files: PictureFiles, record: PictureRecord) -> PictureRecord:
    """The same record with today's fingerprints; missing ones are taken from the stored file."""
    if record.fingerprints.keys() >= set(matching.ALGORITHMS):
        return record
    decoded = matching.decode(files.read(record.sha256))
    return PictureRecord(
        record.sha256,
        record.format,
        record.width,
        record.height,
        record.size_bytes,
        fingerprints={**record.fingerprints, **matching.fingerprint(decoded)},
    )


def sha256_of(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
