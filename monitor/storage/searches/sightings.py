"""Which listings the searches for an asset have returned."""

from __future__ import annotations

from monitor.storage.db.engine import Connection
from monitor.storage.db.upsert import insert
from monitor.storage.tables import sightings


def record(conn: Connection, asset_id: int, listing_id: int) -> None:
    """Note that a search for one of the asset's pictures has returned the listing."""
    statement = insert(conn, sightings).values(asset_id=asset_id, listing_id=listing_id)
    conn.execute(statement.on_conflict_do_nothing())
