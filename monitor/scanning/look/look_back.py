"""New reference pictures are compared with the listing pictures stored before they came.

Nothing is downloaded. What is found is a match like any other: told once, whichever finds it
first, this or the next search.
"""

from __future__ import annotations

import logging

from monitor import matching
from monitor.errors import PictureError
from monitor.model import ReferencePicture
from monitor.scanning.context import ScanContext
from monitor.scanning.look.judge import compare_new, find_bases
from monitor.scanning.look.record_match import MatchedListing, record_matches
from monitor.scanning.look.references import load_indexed
from monitor.scanning.look.snapshot import load_snapshot
from monitor.scanning.options import WatchRules
from monitor.scanning.pictures import load_index_prints
from monitor.scanning.policy import LOOKED_BACK_AT_ONCE
from monitor.storage.catalogue import comparisons, watches
from monitor.storage.searches import look_backs

log = logging.getLogger(__name__)


def look_back(
    context: ScanContext, rules: WatchRules, *, at_once: int = LOOKED_BACK_AT_ONCE
) -> bool:
    """Compare the watch's new reference pictures with the next `at_once` stored listing pictures.

    False when there is nothing left to look back at. How far it came stands in the rows: a crash
    costs one step. Candidates come through the index, as in a scan. Raises StoreError or Stopping.
    """
    with context.store.reading() as conn:
        watch_id = watches.get_id(conn, rules.name)
        after, references = look_backs.find_pending(conn, watch_id, matching.METHOD)
        if not references:
            return False
        shas = look_backs.find_pictures(conn, rules.marketplaces, after, at_once)
        shown = look_backs.find_listings(conn, rules.marketplaces, shas)
    candidates = _find_candidates(context, rules, references, shas)
    snapshot = load_snapshot(context, candidates, {})
    made = compare_new(snapshot)
    said = snapshot.said | made
    now, new = context.clock(), 0
    with context.store.writing() as conn:
        comparisons.record(conn, made)
        for row in shown:
            sha256 = row.picture_sha256
            bases = find_bases(candidates.get(sha256, ()), sha256, said, rules.record_score)
            listing = MatchedListing(watch_id, row.id, row.marketplace, row.seller)
            new += record_matches(conn, context, rules, listing, bases, now)
        done = len(shas) < at_once
        look_backs.advance(
            conn, references, matching.METHOD, max(shas, default=after), now if done else None
        )
    if done:
        context.cache.indexes.drop(_name_of(rules))
    if new:
        log.info("look back watch=%s pictures=%d new matches=%d", rules.name, len(shas), new)
    return True


def _find_candidates(
    context: ScanContext,
    rules: WatchRules,
    references: list[ReferencePicture],
    shas: list[str],
) -> dict[str, list[ReferencePicture]]:
    """Listing picture -> the new reference pictures that it is worth comparing with."""
    ids = tuple(reference.id for reference in references)
    index = load_indexed(context, _name_of(rules), ids, references).index
    found: dict[str, list[ReferencePicture]] = {}
    for sha256, prints in load_index_prints(context, shas).items():
        try:
            found[sha256] = [candidate.key for candidate in index.query(prints)]
        except PictureError as error:
            log.warning("picture %s can't be looked up: %s", sha256, error)
    return found


def _name_of(rules: WatchRules) -> str:
    """Under which the index of the new pictures is kept from step to step."""
    return f"look back {rules.name}"
