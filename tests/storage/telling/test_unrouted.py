"""What routes go by comes with each alert that is to be routed, and is found by index."""

from __future__ import annotations

import sqlalchemy as sa

from monitor.alerting.policy import ROUTE_PATIENCE
from monitor.model import AlertEvent, Relation
from monitor.storage.db.engine import Connection, Store
from monitor.storage.telling import alerts
from tests.storage.rows import START, Shelf, add_match, found, stock, sync
from tests.told import event_of


def _add(conn: Connection, shelf: Shelf) -> None:
    match_id = add_match(conn, shelf, score=0.91).id
    for number, match in enumerate((match_id, None)):
        alerts.add(
            conn,
            event=event_of(AlertEvent.MATCHES_HELD if match is None else AlertEvent.NEW_MATCH),
            dedup_key=f"key {number}",
            now=START,
            alert_id=f"al-{number}",
            watch_id=shelf.watch_id,
            match_id=match,
        )


def test_an_alert_comes_with_what_is_known_of_its_match(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        sync(conn, shelf.watch_id, found("mug.jpg", "mug", tags=("vip", "blue")))
        _add(conn, shelf)
        assert alerts.find_unrouted(conn, START, ROUTE_PATIENCE) == [
            alerts.UnroutedAlert(
                "al-0",
                "mugs",
                AlertEvent.NEW_MATCH,
                marketplace="alibaba",
                site="1688",
                tags=("vip", "blue"),
                relation=Relation.SAME,
                score=0.91,
            ),
            alerts.UnroutedAlert("al-1", "mugs", AlertEvent.MATCHES_HELD),
        ]


def test_looking_for_what_is_to_be_routed_goes_through_no_table(sqlite_store: Store) -> None:
    """It is done every second, and alerts, matches and listings are the history of years."""
    asked: list[tuple[str, tuple[object, ...]]] = []

    def note(
        _conn: object, _cursor: object, text: str, values: tuple[object, ...], *_: object
    ) -> None:
        asked.append((text, values))

    with sqlite_store.writing() as conn:
        _add(conn, stock(conn))
        sa.event.listen(sqlite_store.engine, "before_cursor_execute", note)
        alerts.find_unrouted(conn, START, ROUTE_PATIENCE)
        sa.event.remove(sqlite_store.engine, "before_cursor_execute", note)
        text, values = asked[-1]
        plan = conn.exec_driver_sql(f"EXPLAIN QUERY PLAN {text}", values).all()
        details = [str(row.detail) for row in plan]
        for table in ("alerts", "matches", "listings", "assets"):
            assert any(detail.startswith(f"SEARCH {table} ") for detail in details), details
            assert not any(detail.startswith(f"SCAN {table}") for detail in details), details
