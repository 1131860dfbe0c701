"""Whether a reference picture is believed: what checks have said, and a person's word against it.

The rows of assets and of checks lie in rooms that don't know each other, nor what is held for
them: they come together here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime

from monitor.errors import InputError
from monitor.model import CheckState
from monitor.storage.catalogue import assets
from monitor.storage.catalogue.assets import AssetRow
from monitor.storage.db.engine import Connection
from monitor.storage.telling import held
from monitor.storage.trust import reference_checks
from monitor.storage.trust.reference_checks import ReferenceCheck


@dataclass(frozen=True, slots=True)
class CheckedAsset(AssetRow):
    """An asset with what is known of its pictures.

    `marked` counts its pictures that are unspecific or featureless, `held` its matches that are
    held; `checks` say so of each picture in use, and of the retired ones something is held for.
    """

    marked: int = 0
    held: int = 0
    checks: tuple[ReferenceCheck, ...] = ()


@dataclass(frozen=True, slots=True)
class Marked:
    """How many pictures of a watch are marked, by why, and how many deliveries are held."""

    watch: str
    unspecific: int
    featureless: int
    held: int


def list_assets(conn: Connection, *, watch: str | None = None) -> list[CheckedAsset]:
    """Assets by watch and name, also the retired ones."""
    return _join(conn, assets.list_rows(conn, watch=watch))


def get_asset(conn: Connection, name: str, *, watch: str | None = None) -> CheckedAsset:
    """One asset with its pictures and their checks. Raises NotFound, also where two fit."""
    return _join(conn, [assets.get(conn, name, watch=watch)])[0]


def _join(conn: Connection, rows: Sequence[AssetRow]) -> list[CheckedAsset]:
    checks = reference_checks.list_rows(conn, held.count_matches(conn))
    return [_checked(row, checks) for row in rows]


def _checked(row: AssetRow, checks: Mapping[int, Sequence[ReferenceCheck]]) -> CheckedAsset:
    mine = tuple(item for item in checks.get(row.id, ()) if item.retired_at is None or item.held)
    return CheckedAsset(
        **{field.name: getattr(row, field.name) for field in fields(AssetRow)},
        marked=sum(check.is_marked for check in mine),
        held=sum(check.held for check in mine),
        checks=mine,
    )


def count_marked(conn: Connection) -> dict[str, Marked]:
    """For each watch how many of its pictures in use are marked, and what is held."""
    waiting = held.count_deliveries(conn)
    counted = reference_checks.count_marked(conn)
    return {
        name: Marked(name, *counted.get(name, (0, 0)), waiting.get(name, 0))
        for name in counted.keys() | waiting.keys()
    }


def trust(
    conn: Connection, asset_id: int, name: str, path: str | None, by: str, now: datetime
) -> tuple[list[str], int]:
    """Set a person's trust in the picture at `path`, or in all of the asset's unspecific ones.

    What was held because of them is due now: (their paths, how many deliveries). Raises InputError
    if there is none to trust, or if no trust helps: a featureless one is not recognised.
    """
    chosen = _choose(conn, asset_id, name, path)
    if path is None:
        chosen = [item for item in chosen if item.state is CheckState.UNSPECIFIC]
        if not chosen:
            raise InputError(
                f"no picture of asset {name!r} is unspecific; to trust one before it is, name it "
                "with --picture"
            )
    if path is not None and chosen[0].state is CheckState.FEATURELESS:
        raise InputError(
            f"{path} is featureless: not even a plain copy of it would be told, and trust doesn't "
            "change that; put a larger picture, or one with more to see, in its place"
        )
    released = 0
    for item in chosen:
        reference_checks.set_trusted(conn, item.reference_id, by, now)
        released += held.release(conn, now, reference_id=item.reference_id)
    return [item.path for item in chosen], released


def distrust(conn: Connection, asset_id: int, name: str, path: str | None) -> list[str]:
    """Take the trust back from the picture at `path`, or from all of the asset's: they are judged
    again. Returns their paths. Raises InputError if none is trusted.
    """
    chosen = _choose(conn, asset_id, name, path)
    chosen = [item for item in chosen if item.state is CheckState.TRUSTED]
    if not chosen:
        raise InputError(f"no such picture of asset {name!r} is trusted; see `monitor assets show`")
    for item in chosen:
        reference_checks.take_trust_back(conn, item.reference_id)
    return [item.path for item in chosen]


def _choose(
    conn: Connection, asset_id: int, name: str, path: str | None
) -> Sequence[ReferenceCheck]:
    """The asset's pictures, also retired ones; the one at `path`, if given."""
    found = reference_checks.list_rows(conn, {}, asset_id=asset_id).get(asset_id, [])
    if path is None:
        return found
    # of two that were at this path one after the other, the one that is there now
    at_path = [item for item in found if item.path == path]
    current = [item for item in at_path if item.retired_at is None] or at_path[-1:]
    if not current:
        raise InputError(f"asset {name!r} has no picture {path!r}; see `monitor assets show`")
    return current
