"""What comparing two pictures has said, once per version of the comparison."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import sqlalchemy as sa

from monitor.model import Region, Relation, Similarity
from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.upsert import PART, insert, lock_catalogue
from monitor.storage.tables import comparisons

Pair = tuple[str, str]


def record(conn: Connection, made: Mapping[Pair, Similarity]) -> None:
    """Keep comparisons; what is there already stays. All pictures must have rows."""
    if not made:
        return
    lock_catalogue(conn)
    rows = [
        {
            "reference_sha256": reference,
            "picture_sha256": picture,
            **similarity_values(similarity),
        }
        for (reference, picture), similarity in made.items()
    ]
    conn.execute(insert(conn, comparisons).on_conflict_do_nothing(), rows)


def find(
    conn: Connection, references: Collection[str], pictures: Collection[str], method: str
) -> dict[Pair, Similarity]:
    """(reference sha256, picture sha256) -> what this version of the comparison has said."""
    found: dict[Pair, Similarity] = {}
    wanted, shown = sorted(references), sorted(pictures)
    for start in range(0, len(shown), PART):
        for other in range(0, len(wanted), PART):
            rows = conn.execute(
                sa.select(comparisons).where(
                    comparisons.c.picture_sha256.in_(shown[start : start + PART]),
                    comparisons.c.reference_sha256.in_(wanted[other : other + PART]),
                    comparisons.c.method == method,
                )
            )
            for row in rows:
                found[row.reference_sha256, row.picture_sha256] = similarity_of(row)
    return found


def similarity_values(similarity: Similarity) -> dict[str, object]:
    """The columns that comparisons and matches share."""
    region = similarity.region
    return {
        "score": similarity.score,
        "relation": similarity.relation.value,
        "method": similarity.method,
        "mirrored": similarity.mirrored,
        "region": None
        if region is None
        else {"reference": region.reference, "candidate": region.candidate},
        "reasons": None if similarity.reasons is None else dict(similarity.reasons),
    }


def similarity_of(row: sa.Row[tuple[object, ...]]) -> Similarity:
    """The similarity in those columns."""
    return to_noun(
        Similarity,
        row,
        relation=Relation(row.relation),
        region=region_of(row.region),
        mirrored=bool(row.mirrored),
    )


def region_of(stored: dict[str, Sequence[Sequence[float]]] | None) -> Region | None:
    if stored is None:
        return None
    reference, candidate = (
        tuple((float(x), float(y)) for x, y in stored[name]) for name in ("reference", "candidate")
    )
    return Region(reference, candidate)
