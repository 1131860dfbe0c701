"""A stored match -> the comparison made again from the stored picture files."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from monitor import matching
from monitor.errors import NotFound, PictureError
from monitor.model import Fingerprints, Similarity
from monitor.storage.catalogue import pictures
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Connection
from monitor.storage.matches import matches as table


@dataclass(frozen=True, slots=True)
class Explanation:
    """What the match says and what a comparison made now says; None where none can be made.

    `changed` names all that keeps the two from being the same, and is empty where they are.
    """

    match: table.MatchRow
    now: Similarity | None
    changed: str
    drawing: matching.Image | None


@dataclass(frozen=True, slots=True)
class _Side:
    """One of the two pictures: `gone` says why there is no `image`, `differs` that its fingerprint
    comes out otherwise than the stored one.
    """

    prints: Fingerprints
    image: matching.Image | None = None
    gone: str = ""
    differs: str = ""


def explain_match(conn: Connection, folder: Path, match_id: int) -> Explanation:
    """Compare the match's two stored pictures again, and draw that.

    A picture whose file is gone is compared by its stored fingerprint, and nothing is drawn.
    Raises NotFound for an unknown match, StoreError.
    """
    row, files = table.get(conn, match_id), PictureFiles(folder)
    records = pictures.find(conn, (row.reference_sha256, row.picture_sha256))
    known = {sha256: record.fingerprints for sha256, record in records.items()}
    ours = _look(files, row.reference_sha256, known, f"your picture {row.reference_path}")
    theirs = _look(files, row.picture_sha256, known, "the listing's picture")
    found, problem = _compare(ours, theirs)
    now = None if found is None else found.similarity
    changes = [ours.gone, theirs.gone, problem, *_changes(row.similarity, now, ours, theirs)]
    drawing = None
    if found is not None and ours.image is not None and theirs.image is not None:
        drawing = matching.draw_comparison(ours.image, theirs.image, found)
    return Explanation(row, now, "; ".join(change for change in changes if change), drawing)


def explanation_fields(found: Explanation) -> dict[str, object]:
    """For programs."""
    row, now = found.match, found.now
    return {
        "id": row.id,
        "stored_score": row.score,
        "stored_relation": row.relation,
        "stored_method": row.method,
        "score": now and now.score,
        "relation": now and now.relation,
        "method": now and now.method,
        "mirrored": now and now.mirrored,
        "region": now and now.region,
        "reasons": now and now.reasons,
        "changed": found.changed,
    }


def explanation_lines(found: Explanation) -> Iterator[str]:
    """For people: what was told, what comes out now, why, and what has changed."""
    row, now = found.match, found.now
    yield f"match    {row.id}: {row.asset}, {row.site} item {row.item_id}"
    yield f"stored   {row.score:.6f}  {row.relation}  {row.method}"
    if now is None:
        yield "now      can't be compared"
    else:
        yield f"now      {now.score:.6f}  {now.relation}  {now.method}"
        yield f"means    {matching.relation_in_words(now)}"
        yield f"why      {', '.join(matching.reasons_in_words(now))}"
    yield f"changed  {found.changed or 'nothing'}"


def _look(files: PictureFiles, sha256: str, known: dict[str, Fingerprints], whose: str) -> _Side:
    stored = known.get(sha256, {})
    try:
        data = files.read(sha256)
        prints, image = (
            matching.fingerprint(matching.decode_small(data)),
            matching.decode(data).image,
        )
    except (NotFound, PictureError) as error:
        return _Side(stored, gone=f"{whose} can't be read any more ({error})")
    others = [name for name, value in prints.items() if stored.get(name, value) != value]
    differs = (
        f"the fingerprint {others[0]} of {whose} differs from the stored one" if others else ""
    )
    return _Side(prints, image, differs=differs)


def _compare(ours: _Side, theirs: _Side) -> tuple[matching.Comparison | None, str]:
    try:
        return matching.examine(ours.prints, theirs.prints), ""
    except PictureError as error:
        return None, str(error)


def _changes(
    stored: Similarity, now: Similarity | None, ours: _Side, theirs: _Side
) -> Iterator[str]:
    """The method or the score; fingerprints that differ matter only where the score does."""
    change = matching.name_change(stored, now)
    yield change
    if change and now is not None and now.method == stored.method:
        yield ours.differs
        yield theirs.differs
