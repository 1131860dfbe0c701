"""A stored match -> the comparison made again from the stored picture files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from monitor import matching
from monitor.cli.picture_files import save_drawing
from monitor.model import Region, Relation
from monitor.storage import Connection, PictureFiles
from monitor.storage import matches as table

# Scores are sums of floats; a difference below this is the processor's.
_EQUAL = 1e-6


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the match says and what a comparison made now says; `changed` is empty if the same."""

    id: int
    stored_score: float
    stored_method: str
    score: float
    relation: Relation
    method: str
    mirrored: bool
    region: Region | None
    changed: str
    reasons: dict[str, float]


def explain_match(conn: Connection, pictures: Path, match_id: int, out: Path | None) -> Explanation:
    """Compare the match's two stored pictures again; with `out`, draw it there.

    Raises NotFound for an unknown match or a file that is gone, PictureError, InputError.
    """
    row, files = table.get(conn, match_id), PictureFiles(pictures)
    ours, theirs = (
        matching.decode(files.read(sha256)) for sha256 in (row.reference_sha256, row.picture_sha256)
    )
    found = matching.examine(matching.fingerprint(ours), matching.fingerprint(theirs))
    now = found.similarity
    if out is not None:
        save_drawing(matching.draw_comparison(ours.image, theirs.image, found), out)
    return Explanation(
        id=row.id,
        stored_score=row.score,
        stored_method=row.method,
        score=now.score,
        relation=now.relation,
        method=now.method,
        mirrored=now.mirrored,
        region=now.region,
        changed=_name_change(row, now.score, now.method),
        reasons=dict(now.reasons or {}),
    )


def _name_change(row: table.MatchRow, score: float, method: str) -> str:
    if row.method != method:
        return f"the method: the match was found with {row.method}, today's is {method}"
    if abs(row.score - score) > _EQUAL:
        return (
            f"the score, by {score - row.score:+.6f}: the same method, another library or machine"
        )
    return ""
