"""A person's verdict on a match, and what of its alerts it lets go."""

from __future__ import annotations

from datetime import datetime

from monitor.model import Verdict
from monitor.storage.db.engine import Connection
from monitor.storage.matches import matches
from monitor.storage.telling import held


def decide(
    conn: Connection, match_id: int, verdict: Verdict, by: str, note: str | None, now: datetime
) -> None:
    """Set a person's verdict. Raises NotFound.

    What was held while it was settled is due again if it is so no more.
    """
    matches.set_verdict(conn, match_id, verdict, by, note, now)
    held.release(conn, now, match_id=match_id)
