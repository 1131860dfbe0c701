"""check: whether the matches of a reference picture can be believed, before they are told.

Two questions. Would a plain copy of it be told at all? A blank or tiny picture is `featureless`:
its alert would never come. And does it match what it has nothing to do with? A shop's template is
`unspecific`: its alerts would never end. The number of its matches says nothing of that, the most
copied brand has the most. Random pictures of other listings do.
"""

from __future__ import annotations

import logging
import os
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from monitor import matching
from monitor.errors import NotFound, PictureError
from monitor.model import (
    DEFAULT_ALERT_SCORE,
    CheckState,
    PictureRecord,
    ReferencePicture,
)
from monitor.model.events import ReferenceFeatureless, ReferenceRetired, ReferenceUnspecific
from monitor.scanning.context import ScanContext
from monitor.scanning.options import WatchRules
from monitor.scanning.pictures import record_picture, refresh_all
from monitor.scanning.policy import (
    AGAIN_AFTER_FEW,
    AGAIN_AFTER_GROWTH,
    CONTROLS_WINDOW,
    COPIES_AT_ONCE,
    FEWEST_CONTROLS,
    LEAST_MATCHED,
    MOST_CONTROLS,
    MOST_CONTROLS_WINDOWS,
    MOST_MATCHED_SHARE,
)
from monitor.storage.catalogue import pictures, watches
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Connection
from monitor.storage.telling import alerts, held
from monitor.storage.trust import controls, reference_checks

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sample:
    """What comparing a reference picture with its controls has come to."""

    sampled: int
    matched: int

    @property
    def state(self) -> CheckState | None:
        """None where there are too few controls to judge by."""
        if self.sampled < FEWEST_CONTROLS:
            return None
        is_some = self.matched >= LEAST_MATCHED
        is_unspecific = is_some and self.matched > MOST_MATCHED_SHARE * self.sampled
        return CheckState.UNSPECIFIC if is_unspecific else CheckState.SOUND


def check_references(
    context: ScanContext, rules: WatchRules, *, alerting_only: bool = False
) -> bool:
    """Do the next small part of checking the watch's reference pictures; False if there is none.

    That is looking at a few new ones by themselves, or judging one by its controls. With
    `alerting_only` only those are judged that an alert not yet routed rests on. Results stand in
    rows: a crash costs one step. Raises StoreError.
    """
    return _look_at_new(context, rules) or _judge_next(context, rules, alerting_only=alerting_only)


# -- by itself


def least_copy_score(alert_score: float) -> float:
    """What a plain copy must reach for a watch with this alert score.

    No more than the default: whoever asks for more is told of the best copies only, and wants it
    so.
    """
    return min(alert_score, DEFAULT_ALERT_SCORE)


def _look_at_new(context: ScanContext, rules: WatchRules) -> bool:
    least = least_copy_score(rules.alert_score)
    with context.store.reading() as conn:
        watch_id = watches.get_id(conn, rules.name)
        new = reference_checks.find_new(
            conn,
            watch_id,
            method=matching.METHOD,
            record_score=rules.record_score,
            least_copy_score=least,
            limit=COPIES_AT_ONCE,
        )
    if not new:
        return False
    with ThreadPoolExecutor(max_workers=os.cpu_count() or 1) as pool:
        scores = list(pool.map(lambda item: _copy_score(context.files, item), new))
    now = context.clock()
    with context.store.writing() as conn:
        for reference, score in zip(new, scores, strict=True):
            is_new = reference_checks.record_copy_score(
                conn,
                reference.id,
                method=matching.METHOD,
                record_score=rules.record_score,
                copy_score=score,
                is_featureless=score is not None and score < least,
            )
            if is_new and score is not None:
                _alert_featureless(context, conn, watch_id, reference, score, now)
    return True


def _copy_score(files: PictureFiles, reference: ReferencePicture) -> float | None:
    """None where our own copy of the file can't be used: the scan that needs it will say so."""
    try:
        return matching.plain_copy_score(matching.decode_small(files.read(reference.sha256)))
    except (NotFound, PictureError) as error:
        log.warning("reference picture %s can't be checked: %s", reference.path, error)
        return None


def _alert_featureless(
    context: ScanContext,
    conn: Connection,
    watch_id: int,
    reference: ReferencePicture,
    score: float,
    now: datetime,
) -> None:
    alerts.add(
        conn,
        ReferenceFeatureless(reference.path, reference.asset, score),
        dedup_key=f"featureless:{reference.id}:{now.isoformat()}",
        watch_id=watch_id,
        now=now,
        alert_id=context.new_alert_id(),
    )


# -- by controls


def _judge_next(context: ScanContext, rules: WatchRules, *, alerting_only: bool) -> bool:
    with context.store.reading() as conn:
        watch_id = watches.get_id(conn, rules.name)
        reference = reference_checks.find_pending(conn, watch_id, alerting_only=alerting_only)
        if reference is None:
            return False
        newest = controls.newest_cluster(conn)
        shas = controls.find(
            conn,
            reference.asset_id,
            reference.sha256,
            MOST_CONTROLS,
            window=CONTROLS_WINDOW,
            most_windows=MOST_CONTROLS_WINDOWS,
        )
        records = pictures.find(conn, {reference.sha256, *shas})
    fresh = refresh_all(context.files, records)
    sample = _compare(
        reference, [fresh[sha256] for sha256 in shas if sha256 in fresh], fresh, rules
    )
    now = context.clock()
    with context.store.writing() as conn:
        for sha256, record in fresh.items():
            if record is not records[sha256]:
                record_picture(conn, record, now)  # else it is fingerprinted for each anew
        _conclude(context, conn, watch_id, reference, sample, newest, now)
    log.info(
        "check watch=%s asset=%s picture=%s matched=%d of=%d result=%s",
        rules.name,
        reference.asset,
        reference.path,
        sample.matched,
        sample.sampled,
        sample.state or "too few",
    )
    return True


def _compare(
    reference: ReferencePicture,
    chosen: list[PictureRecord],
    records: dict[str, PictureRecord],
    rules: WatchRules,
) -> Sample:
    """Nothing is sampled where the reference picture itself can't be fingerprinted again."""
    if reference.sha256 not in records:
        return Sample(0, 0)
    ours = records[reference.sha256].fingerprints
    scores: list[float] = []
    for control in chosen:
        try:
            scores.append(matching.compare(ours, control.fingerprints).score)
        except PictureError as error:
            log.warning("picture %s can't be compared: %s", control.sha256, error)
    return Sample(len(scores), sum(score >= rules.record_score for score in scores))


def _conclude(
    context: ScanContext,
    conn: Connection,
    watch_id: int,
    reference: ReferencePicture,
    sample: Sample,
    newest: int,
    now: datetime,
) -> None:
    """Store the judgement; a mark holds what is not yet sent, its end releases what is held."""
    growth = AGAIN_AFTER_FEW if sample.state is None else AGAIN_AFTER_GROWTH
    before = reference_checks.conclude(
        conn,
        reference.id,
        sample.state,
        sampled=sample.sampled,
        matched=sample.matched,
        again_from=max(newest + 1, int(newest * growth)),
        now=now,
    )
    if before is None or sample.state is None:
        return
    was, is_now = (state is CheckState.UNSPECIFIC for state in (before, sample.state))
    if is_now and not was:
        count = held.hold(conn, reference.id)
        _alert_unspecific(context, conn, watch_id, reference, sample, count, now)
    elif was and not is_now:
        count = held.release(conn, now, reference_id=reference.id)
        log.info("picture %s is unspecific no more: %d deliveries are due", reference.path, count)


def _alert_unspecific(
    context: ScanContext,
    conn: Connection,
    watch_id: int,
    reference: ReferencePicture,
    sample: Sample,
    count: int,
    now: datetime,
) -> None:
    alerts.add(
        conn,
        ReferenceUnspecific(
            reference.path, reference.asset, sample.matched, sample.sampled, held=count
        ),
        dedup_key=f"unspecific:{reference.id}:{now.isoformat()}",
        watch_id=watch_id,
        now=now,
        alert_id=context.new_alert_id(),
    )


# -- retired


def alert_retired(
    context: ScanContext, conn: Connection, watch_id: int, retired_at: datetime
) -> None:
    """Tell of pictures that have just left the folder while matches that rest on them are held.

    They stay held: whoever takes a size chart out of the folder does not ask for its matches.
    """
    for item in held.list_retired(conn, watch_id, retired_at):
        alerts.add(
            conn,
            ReferenceRetired(item.path, item.asset, item.matches),
            dedup_key=f"retired:{item.reference_id}:{retired_at.isoformat()}",
            watch_id=watch_id,
            now=retired_at,
            alert_id=context.new_alert_id(),
        )
