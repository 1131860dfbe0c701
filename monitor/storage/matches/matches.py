"""Matches: asset x listing, with the best similarity seen and a person's verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import cache

import sqlalchemy as sa

from monitor.errors import Unknown
from monitor.model import Basis, Price, Region, Relation, Similarity, Verdict, best_basis
from monitor.storage.catalogue.comparisons import region_of, similarity_of, similarity_values
from monitor.storage.catalogue.listings import price_of
from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.text import clean
from monitor.storage.db.upsert import PART, insert_new
from monitor.storage.tables import (
    alerts,
    assets,
    deliveries,
    listings,
    matches,
    pictures,
    reference_pictures,
    sellers,
    watches,
)
from monitor.storage.trust import reference_checks

# Who is named as having decided, where the config's own_sellers did.
BY_OWN_SELLERS = "own_sellers"


@dataclass(frozen=True, slots=True)
class MatchChange:
    """What recording a sighting has changed; `score_before` is None for a new match.

    `has_moved` says that it rests on another reference picture than before, `seen_reference_id` is
    the best of those that it was seen with now.
    """

    id: int
    created: bool
    score_before: float | None
    score: float
    verdict: Verdict
    has_moved: bool
    seen_reference_id: int


@dataclass(frozen=True, slots=True)
class MatchRow:
    """A match with everything that people are told of it."""

    id: int
    watch: str
    asset: str
    score: float
    relation: Relation
    mirrored: bool
    method: str
    region: Region | None
    marketplace: str
    site: str
    item_id: str
    url: str
    title: str
    price: Price | None
    seller_id: str | None
    seller: str | None
    provider_score: float | None
    verdict: Verdict
    verdict_at: datetime | None
    verdict_by: str | None
    verdict_note: str | None
    first_seen_at: datetime
    last_seen_at: datetime
    times_seen: int
    reference_sha256: str
    reference_path: str
    picture_sha256: str
    cluster_id: int | None = None
    first_alerted_at: datetime | None = None
    reasons: Mapping[str, float] | None = None
    gone_at: datetime | None = None
    reappeared_at: datetime | None = None
    price_before: str | None = None
    price_changed_at: datetime | None = None

    @property
    def similarity(self) -> Similarity:
        """The best comparison seen, as it was stored."""
        return Similarity(
            self.score,
            self.relation,
            self.method,
            region=self.region,
            mirrored=self.mirrored,
            reasons=self.reasons,
        )


def record(
    conn: Connection,
    *,
    watch_id: int,
    asset_id: int,
    listing_id: int,
    bases: Sequence[Basis],
    marketplace: str,
    provider_score: float | None,
    own_seller: bool,
    now: datetime,
    alert_score: float = 1.0,
) -> MatchChange:
    """Write that a listing was seen with a picture like the asset's, as each of `bases` says.

    The best of them and of what the match rested on before is kept: see `best_basis`. A verdict is
    never touched, but that an own seller's match, still unreviewed, is authorised.
    """
    key = {"watch_id": watch_id, "asset_id": asset_id, "listing_id": listing_id}
    source = {"marketplace": marketplace, "provider_score": provider_score}
    created, old = _insert_or_lock(conn, key, {**source, **_basis_values(bases[0])}, now)
    # Another scan may have moved the match, and a check may have marked a reference picture, since
    # this page was judged. So both are read as they are now, and the row is held until the end:
    # who comes second compares with what the first has written.
    rested_on = Basis(old.reference_id, old.picture_sha256, similarity_of(old))
    unspecific = _find_unspecific(conn, [rested_on, *bases])
    seen = best_basis(bases, alert_score, unspecific)
    chosen = best_basis([rested_on, seen], alert_score, unspecific)
    values: dict[str, object] = {"last_seen_at": now, "times_seen": old.times_seen + 1}
    if chosen is not rested_on:
        values |= {**source, **_basis_values(chosen)}
    verdict = Verdict(old.verdict)
    if own_seller and verdict is Verdict.UNREVIEWED:
        verdict = Verdict.AUTHORISED
        values |= {"verdict": verdict.value, "verdict_at": now, "verdict_by": BY_OWN_SELLERS}
    conn.execute(sa.update(matches).where(matches.c.id == old.id).values(values))
    return MatchChange(
        id=old.id,
        created=created,
        score_before=None if created else old.score,
        score=chosen.similarity.score,
        verdict=verdict,
        has_moved=not created and chosen.reference_id != old.reference_id,
        seen_reference_id=seen.reference_id,
    )


def _basis_values(basis: Basis) -> dict[str, object]:
    return {
        "reference_id": basis.reference_id,
        "picture_sha256": basis.picture_sha256,
        **similarity_values(basis.similarity),
    }


def _insert_or_lock(
    conn: Connection, key: dict[str, int], best: dict[str, object], now: datetime
) -> tuple[bool, sa.Row[tuple[object, ...]]]:
    """(whether it is new, the match's row, held until the transaction ends)."""
    new = {
        **key,
        "verdict": Verdict.UNREVIEWED.value,
        "first_seen_at": now,
        "last_seen_at": now,
        "times_seen": 0,
        **best,
    }
    created = insert_new(conn, matches, new)
    wanted = [matches.c[name] == value for name, value in key.items()]
    locked = sa.select(matches).where(*wanted).with_for_update(key_share=True)
    return created, conn.execute(locked).one()


def _find_unspecific(conn: Connection, bases: Sequence[Basis]) -> frozenset[int]:
    """Those of their reference pictures that are; not asked where it makes no difference."""
    references = {basis.reference_id for basis in bases}
    if len(references) == 1:
        return frozenset()
    return reference_checks.find_unspecific(conn, references)


def set_verdict(
    conn: Connection, match_id: int, verdict: Verdict, by: str, note: str | None, now: datetime
) -> None:
    """Write a person's verdict. Raises NotFound."""
    done = conn.execute(
        sa.update(matches)
        .where(matches.c.id == match_id)
        .values(
            verdict=verdict.value, verdict_at=now, verdict_by=clean(by), verdict_note=clean(note)
        )
    )
    if done.rowcount == 0:
        raise Unknown("match", match_id)


def list_rows(
    conn: Connection,
    *,
    first_seen_from: datetime | None = None,
    watch: str | None = None,
    verdict: Verdict | None = None,
    min_score: float | None = None,
    limit: int | None = None,
) -> list[MatchRow]:
    """Matches that fit all given conditions, the best score first."""
    statement = _select()
    if first_seen_from is not None:
        statement = statement.where(matches.c.first_seen_at >= first_seen_from)
    if watch is not None:
        statement = statement.where(watches.c.name == watch)
    if verdict is not None:
        statement = statement.where(matches.c.verdict == verdict.value)
    if min_score is not None:
        statement = statement.where(matches.c.score >= min_score)
    ordered = statement.order_by(matches.c.score.desc(), matches.c.id).limit(limit)
    return [_row(row) for row in conn.execute(ordered)]


def get(conn: Connection, match_id: int) -> MatchRow:
    """Raises NotFound."""
    found = find(conn, [match_id])
    if not found:
        raise Unknown("match", match_id)
    return found[match_id]


def find(conn: Connection, match_ids: list[int]) -> dict[int, MatchRow]:
    """Those of these matches that exist, by id."""
    found: dict[int, MatchRow] = {}
    for start in range(0, len(match_ids), PART):
        part = {"ids": match_ids[start : start + PART]}
        found.update({row.id: _row(row) for row in conn.execute(_select_by_id(), part)})
    return found


@cache
def _select_by_id() -> sa.Select[tuple[object, ...]]:
    """Built once: putting it together takes longer than running it."""
    return _select().where(matches.c.id.in_(sa.bindparam("ids", expanding=True)))


def _select() -> sa.Select[tuple[object, ...]]:
    instant = deliveries.c.sent_at.type
    # One inside the other: PostgreSQL would read all deliveries for each match where it has no
    # statistics of the tables yet.
    its_first = (
        sa.select(sa.func.min(deliveries.c.sent_at, type_=instant))
        .where(deliveries.c.alert_id == alerts.c.id)
        .scalar_subquery()
    )
    told = (
        sa.select(sa.func.min(its_first, type_=instant))
        .where(alerts.c.match_id == matches.c.id)
        .scalar_subquery()
    )
    return sa.select(
        matches,
        watches.c.name.label("watch"),
        assets.c.name.label("asset"),
        reference_pictures.c.sha256.label("reference_sha256"),
        reference_pictures.c.path.label("reference_path"),
        listings.c.site,
        listings.c.item_id,
        listings.c.url,
        listings.c.title,
        listings.c.price_min,
        listings.c.price_max,
        listings.c.currency,
        listings.c.price_text,
        sellers.c.seller_id.label("site_seller_id"),
        sellers.c.name.label("seller"),
        pictures.c.cluster_id,
        told.label("first_alerted_at"),
    ).select_from(
        matches.join(watches, watches.c.id == matches.c.watch_id)
        .join(assets, assets.c.id == matches.c.asset_id)
        .join(reference_pictures, reference_pictures.c.id == matches.c.reference_id)
        .join(listings, listings.c.id == matches.c.listing_id)
        .join(pictures, pictures.c.sha256 == matches.c.picture_sha256)
        .outerjoin(sellers, sellers.c.id == listings.c.seller_id)
    )


def _row(row: sa.Row[tuple[object, ...]]) -> MatchRow:
    return to_noun(
        MatchRow,
        row,
        relation=Relation(row.relation),
        mirrored=bool(row.mirrored),
        region=region_of(row.region),
        price=price_of(row),
        seller_id=row.site_seller_id,
        verdict=Verdict(row.verdict),
    )
