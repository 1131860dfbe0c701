"""What silences change is looked up row by row, whatever PostgreSQL believes of its tables."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from monitor.storage.db.engine import Connection, Store
from monitor.storage.telling import held, silences
from monitor.storage.telling.silences import Matcher
from tests.storage.rows import START, later, stock


@pytest.fixture
def pg_store(pg_url: str) -> Iterator[Store]:
    opened = Store.open(pg_url)
    yield opened
    opened.close()


@contextmanager
def _plans(conn: Connection) -> Iterator[list[list[str]]]:
    """The plans of the updates of deliveries, by what their matches are, that the block makes."""
    asked: list[tuple[str, object]] = []

    def note(_conn: object, _cursor: object, text: str, values: object, *_: object) -> None:
        if text.startswith("UPDATE deliveries") and "matches" in text:
            asked.append((text, values))

    plans: list[list[str]] = []
    sa.event.listen(conn.engine, "before_cursor_execute", note)
    try:
        yield plans
    finally:
        sa.event.remove(conn.engine, "before_cursor_execute", note)
    for text, values in asked:
        rows = conn.exec_driver_sql(f"EXPLAIN {text}", values)  # type: ignore[arg-type]
        plans.append([str(row[0]) for row in rows])


@pytest.mark.parametrize(
    "matcher",
    [
        Matcher(seller="s1", site="1688"),
        Matcher(watch="mugs", asset="mug"),
        Matcher(item_id="1", site="1688"),
        Matcher(cluster_id=1),
    ],
)
def test_a_silence_joins_no_queue_to_its_history(pg_store: Store, matcher: Matcher) -> None:
    """Without statistics it takes a table for small, and would go through it for each row."""
    with pg_store.writing() as conn:
        stock(conn)
        with _plans(conn) as plans:
            for _ in range(2):  # what the one lets go, the other takes over
                silence_id = silences.add(
                    conn,
                    matcher,
                    starts_at=START,
                    expires_at=later(hours=1),
                    author="anne",
                    reason="they pay",
                    now=START,
                )
            silences.remove(conn, silence_id, START)
            held.release(conn, START)
        assert len(plans) == 5
        for plan in plans:
            assert plan[0].startswith("Update on deliveries"), plan
            assert "Scan" in plan[1], plan
            assert " on deliveries" in plan[1], plan
