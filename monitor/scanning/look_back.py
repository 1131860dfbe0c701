"""New reference pictures are compared with the listing pictures stored before they came.

Nothing is downloaded. What is found is a match like any other: told once, whichever finds it
first, this or the next search.
"""

from __future__ import annotations

import logging

from monitor import matching
from monitor.errors import PictureError
from monitor.model import PictureRecord, ReferencePicture
from monitor.scanning.context import ScanContext, WatchRules
from monitor.scanning.found import Found, record_found
from monitor.scanning.judge import Comparisons, Judged, best_per_asset
from monitor.scanning.pictures import refresh_all
from monitor.storage import comparisons, look_backs, pictures, watches

log = logging.getLogger(__name__)

# Listing pictures looked at in one transaction: a second or so of work.
PICTURES_AT_ONCE = 200

Records = dict[str, PictureRecord]


def look_back(context: ScanContext, rules: WatchRules, *, at_once: int = PICTURES_AT_ONCE) -> bool:
    """Compare the watch's new reference pictures with the next `at_once` stored listing pictures.

    False when there is nothing left to look back at. How far it came stands in the rows: a crash
    costs one step. Candidates come through the near-duplicate index. Raises StoreError.
    """
    with context.store.reading() as conn:
        watch_id = watches.get_id(conn, rules.name)
        after, references = look_backs.find_pending(conn, watch_id, matching.METHOD)
        if not references:
            return False
        shas = look_backs.find_pictures(conn, rules.marketplaces, after, at_once)
        records = pictures.find(conn, {*shas, *(item.sha256 for item in references)})
        shown = look_backs.find_listings(conn, rules.marketplaces, shas)
    judged = _judge(references, shas, refresh_all(context.files, records))
    now, new = context.clock(), 0
    with context.store.writing() as conn:
        comparisons.record(
            conn,
            {
                (item.reference.sha256, sha256): item.similarity
                for sha256, items in judged.items()
                for item in items
            },
        )
        for listing in shown:
            for item in judged.get(listing.picture_sha256, ()):
                found = Found(watch_id, listing.id, listing.marketplace, item, listing.seller)
                new += record_found(conn, context, rules, found, now)
        done = len(shas) < at_once
        look_backs.advance(
            conn, references, matching.METHOD, max(shas, default=after), now if done else None
        )
    if new:
        log.info("look back watch=%s pictures=%d new matches=%d", rules.name, len(shas), new)
    return True


def _judge(
    references: list[ReferencePicture], shas: list[str], records: Records
) -> dict[str, list[Judged]]:
    """Listing picture -> its best similarity to each asset that the index finds worth a look."""
    index = matching.Index.build(
        (reference, records[reference.sha256].fingerprints)
        for reference in references
        if reference.sha256 in records
    )
    judged: dict[str, list[Judged]] = {}
    for sha256 in shas:
        if sha256 not in records:
            continue
        prints = records[sha256].fingerprints
        try:
            candidates = [found.key for found in index.query(prints)]
            said: Comparisons = {
                (item.sha256, sha256): matching.compare(records[item.sha256].fingerprints, prints)
                for item in candidates
            }
        except PictureError as error:
            log.warning("picture %s can't be compared: %s", sha256, error)
            continue
        judged[sha256] = best_per_asset(candidates, sha256, said)
    return judged
