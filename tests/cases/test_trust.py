"""Which reference pictures people may trust, and how they are shown."""

from __future__ import annotations

import pytest

from monitor.alerting.policy import ROUTE_PATIENCE
from monitor.cases.trust import Marked, count_marked, distrust, get_asset, list_assets, trust
from monitor.errors import InputError
from monitor.model import CheckState
from monitor.storage.db.engine import Connection, Store
from monitor.storage.telling import alerts
from monitor.storage.trust import reference_checks
from tests.storage.rows import (
    START,
    Shelf,
    add_alert,
    add_match,
    add_watch,
    found,
    listing,
    stock,
    sync,
)


def _begin(conn: Connection, reference_id: int, *, is_featureless: bool = False) -> None:
    reference_checks.record_copy_score(
        conn,
        reference_id,
        method="compare-1",
        record_score=0.6,
        copy_score=0.1 if is_featureless else 0.99,
        is_featureless=is_featureless,
    )


def _mark(conn: Connection, shelf: Shelf) -> None:
    """The shelf's reference picture is unspecific from now on."""
    reference_id = shelf.references[0].id
    _begin(conn, reference_id)
    reference_checks.conclude(
        conn,
        reference_id,
        CheckState.UNSPECIFIC,
        sampled=200,
        matched=20,
        again_from=9,
        now=START,
    )


def _tell(conn: Connection, shelf: Shelf) -> None:
    """A match with an alert, routed as it would be."""
    add_alert(conn, shelf, add_match(conn, shelf, listing("1")).id, "al-1")
    for alert in alerts.find_unrouted(conn, START, ROUTE_PATIENCE):
        alerts.route(conn, alert.id, ["legal"], START, is_held=alert.is_held)


def test_only_what_can_be_trusted_is(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        reference = shelf.references[0]
        with pytest.raises(InputError, match="no picture of asset 'mug' is unspecific"):
            trust(conn, reference.asset_id, "mug", None, "me", START)
        with pytest.raises(InputError, match=r"has no picture 'cup\.jpg'"):
            trust(conn, reference.asset_id, "mug", "cup.jpg", "me", START)
        with pytest.raises(InputError, match="no such picture of asset 'mug' is trusted"):
            distrust(conn, reference.asset_id, "mug", None)
        _begin(conn, reference.id, is_featureless=True)
        with pytest.raises(InputError, match="featureless"):
            trust(conn, reference.asset_id, "mug", "mug.jpg", "me", START)


def test_the_marked_are_counted_by_watch(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        add_watch(conn, "mugs", "lamps")
        sync(conn, shelf.watch_id, found("mug.jpg", "mug"), found("white.jpg", "white"))
        assert count_marked(conn) == {}
        _mark(conn, shelf)
        _tell(conn, shelf)
        white = conn.exec_driver_sql(
            "SELECT id FROM reference_pictures WHERE path = 'white.jpg'"
        ).scalar_one()
        _begin(conn, white, is_featureless=True)
        counted = count_marked(conn)
        assert counted == {"mugs": Marked("mugs", 1, 1, 1)}


def test_an_asset_is_shown_with_its_checks_and_what_is_held_for_it(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        sync(conn, shelf.watch_id, found("mug.jpg", "mug"), found("new.jpg", "new"))
        _mark(conn, shelf)
        _tell(conn, shelf)
        mug, new = list_assets(conn, watch="mugs")
        assert (mug.pictures, mug.matches, mug.marked, mug.held) == (1, 1, 1, 1)
        assert [(check.path, check.held) for check in mug.checks] == [("mug.jpg", 1)]
        assert [check.state for check in new.checks] == [CheckState.UNJUDGED]
        assert get_asset(conn, "mug") == mug
        # what has left the folder is shown only while something is held for it
        sync(conn, shelf.watch_id, found("other.jpg", "other"))
        assert [check.path for check in get_asset(conn, "mug").checks] == ["mug.jpg"]
        assert get_asset(conn, "new").checks == ()
