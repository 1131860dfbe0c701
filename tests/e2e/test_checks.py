"""Reference pictures that can't be believed or recognised, from the folder to the message."""

from __future__ import annotations

from PIL import Image

from monitor.cases.trust import get_asset, trust
from monitor.config import load
from monitor.health.report import check_health
from monitor.model import CheckState
from monitor.storage.trust import reference_checks
from tests.e2e.rehearsal import Rehearsal, copy


def _mark(rehearsal: Rehearsal) -> None:
    """As if a sample had said that the mug's picture matches everything."""
    with rehearsal.app() as app, app.store.writing() as conn:
        for row in conn.exec_driver_sql(
            "SELECT id FROM reference_pictures WHERE path = 'mug.jpg'"
        ).all():
            reference_checks.conclude(
                conn,
                row.id,
                CheckState.UNSPECIFIC,
                sampled=200,
                matched=31,
                again_from=10**9,
                now=rehearsal.clock(),
            )


def _facts(rehearsal: Rehearsal) -> tuple[str, ...]:
    config = load(rehearsal.config, {})
    with rehearsal.app() as app:
        health = check_health(app.store, config, rehearsal.clock())
    assert health.is_healthy
    return health.facts


def test_what_an_unspecific_picture_finds_is_summarised_and_sent_once_it_is_trusted(
    rehearsal: Rehearsal,
) -> None:
    rehearsal.scan()
    _mark(rehearsal)
    copy(rehearsal.brand / "mug.jpg", rehearsal.shop / "another.jpg")
    summary = rehearsal.scan()
    assert (len(summary.matches), summary.alerts_held) == (1, 1)
    assert "1 new match of mug.jpg" in rehearsal.receiver.received[-1].body
    assert "31 of 200" in rehearsal.receiver.received[-1].body
    assert "another" not in rehearsal.told
    assert any("held deliveries: 1" in fact for fact in _facts(rehearsal))
    with rehearsal.app() as app, app.store.writing() as conn:
        asset = get_asset(conn, "mug")
        assert (asset.marked, asset.held) == (1, 1)
        now = rehearsal.clock()
        assert trust(conn, asset.id, "mug", None, "anne", now)[1] == 1
    assert rehearsal.scan().alerts_held == 0
    assert rehearsal.told.count("Title: another") == 1
    assert not any("held" in fact for fact in _facts(rehearsal))


def test_a_blank_picture_is_told_of_in_its_first_scan(sqlite_rehearsal: Rehearsal) -> None:
    rehearsal = sqlite_rehearsal
    Image.new("RGB", (500, 500), "white").save(rehearsal.brand / "blank.png")
    for _ in range(2):
        rehearsal.scan()
    assert rehearsal.told.count("blank.png (asset blank) shows too little") == 1
    assert any("featureless" in fact for fact in _facts(rehearsal))
