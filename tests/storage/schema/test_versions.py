"""The schema: made by itself, upgraded on demand, never guessed."""

from __future__ import annotations

import shutil
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor.errors import SchemaMismatch, StoreError
from monitor.storage.db.engine import Store
from monitor.storage.schema.versions import (
    check_schema,
    ensure_schema,
    migrations_folder,
    run_migrations,
    this_program,
    upgrade_schema,
)
from monitor.storage.schema.views import VIEWS
from monitor.storage.tables import metadata
from monitor.storage.telling import troubles
from tests.check_migrations import differences
from tests.storage.rows import add_match, stock


def test_an_empty_database_gets_the_schema_of_the_tables(empty_url: str) -> None:
    assert differences(empty_url) == []


def test_several_processes_may_create_it_at_once(empty_url: str) -> None:
    stores = [Store.open(empty_url) for _ in range(3)]
    errors: list[StoreError] = []

    def create(store: Store) -> None:
        try:
            ensure_schema(store)
        except StoreError as error:
            errors.append(error)

    threads = [threading.Thread(target=create, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert check_schema(stores[0]) == []
    for store in stores:
        store.close()


def test_another_revision_is_refused_and_both_are_named(store: Store) -> None:
    with store.writing() as conn:
        conn.exec_driver_sql("UPDATE alembic_version SET version_num = '0000'")
    with pytest.raises(SchemaMismatch, match=rf"0000.*{this_program().head}"):
        ensure_schema(store)
    with pytest.raises(SchemaMismatch, match="newer version"):
        upgrade_schema(store)


def test_a_database_of_another_program_is_left_alone(empty_url: str) -> None:
    store = Store.open(empty_url)
    with store.writing() as conn:
        conn.exec_driver_sql("CREATE TABLE invoices (id integer)")
    with pytest.raises(StoreError, match="another program"):
        ensure_schema(store)
    store.close()


def test_an_upgrade_of_a_current_database_changes_nothing(store: Store) -> None:
    assert upgrade_schema(store) == (this_program().head, this_program().head)
    assert check_schema(store) == []


def test_a_missing_view_is_reported(store: Store) -> None:
    with store.writing() as conn:
        conn.exec_driver_sql("DROP VIEW open_matches")
    assert check_schema(store) == ["view open_matches is missing"]


NEXT = """
import sqlalchemy as sa
from alembic import op
revision = "9999"
down_revision = "{head}"
branch_labels = None
depends_on = None

def upgrade():
    with op.batch_alter_table("watches") as batch:
        batch.add_column(sa.Column("note", sa.Text))
        batch.alter_column("trigger", existing_type=sa.Text(), nullable=False, server_default="x")
"""


def test_a_table_is_rebuilt_below_its_views_and_keeps_its_children(
    store: Store, tmp_path: Path
) -> None:
    """SQLite refuses to rebuild a table that a view depends on, and empties its children."""
    with store.writing() as conn:
        conn.exec_driver_sql(
            "INSERT INTO watches (name, record_score, alert_score, trigger) "
            "VALUES ('w', 0.6, 0.85, 'every 6h')"
        )
        conn.exec_driver_sql(
            "INSERT INTO cycles (watch_id, due_at) "
            "SELECT id, '2026-01-01 00:00:00.000000' FROM watches"
        )
    folder = tmp_path / "migrations"
    shutil.copytree(migrations_folder(), folder)
    (folder / "versions/9999_next.py").write_text(
        NEXT.format(head=this_program().head), encoding="utf-8"
    )
    with store.migrating() as conn:
        run_migrations(conn, folder, "head")
    with store.reading() as conn:
        assert conn.exec_driver_sql("SELECT note FROM watches").all() == [(None,)]
        assert conn.exec_driver_sql("SELECT count(*) FROM cycles").scalar() == 1
        assert set(VIEWS) <= set(sa.inspect(conn).get_view_names())


def test_every_constraint_has_a_name() -> None:
    unnamed = [
        f"{table.name}: {constraint}"
        for table in metadata.tables.values()
        for constraint in table.constraints
        if constraint.name is None
    ]
    assert unnamed == []


def test_a_migration_that_fails_leaves_everything_as_it_was(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(migrations_folder(), folder)
    broken = NEXT.format(head=this_program().head) + '    op.execute("nonsense")\n'
    (folder / "versions/9999_next.py").write_text(broken, encoding="utf-8")
    with pytest.raises(StoreError), store.migrating() as conn:
        run_migrations(conn, folder, "head")
    assert check_schema(store) == []
    with store.reading() as conn:
        assert "note" not in {column["name"] for column in sa.inspect(conn).get_columns("watches")}


def test_a_migration_that_would_lose_parents_is_undone(sqlite_store: Store) -> None:
    with sqlite_store.writing() as conn:
        add_match(conn, stock(conn))
    with pytest.raises(StoreError, match="without their parent"), sqlite_store.migrating() as conn:
        conn.exec_driver_sql("DELETE FROM watches")
    assert check_schema(sqlite_store) == []
    with sqlite_store.reading() as conn:
        assert conn.exec_driver_sql("SELECT count(*) FROM match_history").scalar() == 1
        assert conn.exec_driver_sql("PRAGMA foreign_keys").scalar() == 1


def test_views_made_on_top_of_ours_stop_no_upgrade(store: Store) -> None:
    with store.writing() as conn:
        conn.exec_driver_sql("CREATE VIEW aaa AS SELECT * FROM open_matches")
        conn.exec_driver_sql("CREATE VIEW zzz AS SELECT * FROM aaa")
    with store.migrating() as conn:
        run_migrations(conn, migrations_folder(), "head")
    assert check_schema(store) == []


def test_an_upgrade_knows_which_searches_returned_the_matches_of_before(empty_url: str) -> None:
    store = Store.open(empty_url)
    try:
        with store.migrating() as conn:
            run_migrations(conn, migrations_folder(), "0007")
            for statement in (*OLD_ROWS, *OLD_MATCH):
                conn.exec_driver_sql(statement)
        upgrade_schema(store)
        with store.reading() as conn:
            rows = conn.exec_driver_sql(
                "SELECT reference_id, marketplace, listing_id, last_scan_id, missed, missed_from"
                " FROM appearances"
            ).all()
            assert [tuple(row) for row in rows] == [(6, "m", 7, 1, 0, None)]
        assert check_schema(store) == []
    finally:
        store.close()


def test_an_upgrade_knows_which_searches_returned_the_listings_of_before(empty_url: str) -> None:
    store = Store.open(empty_url)
    try:
        with store.migrating() as conn:
            run_migrations(conn, migrations_folder(), "0002")
            for statement in OLD_ROWS:
                conn.exec_driver_sql(statement)
        upgrade_schema(store)
        with store.reading() as conn:
            rows = conn.exec_driver_sql("SELECT asset_id, listing_id FROM sightings").all()
            assert [tuple(row) for row in rows] == [(5, 7)]
        assert check_schema(store) == []
    finally:
        store.close()


def test_an_upgrade_keeps_what_lasted_by_kind_and_subject(empty_url: str) -> None:
    store = Store.open(empty_url)
    try:
        with store.migrating() as conn:
            run_migrations(conn, migrations_folder(), "0014")
            for statement in OLD_TROUBLES:
                conn.exec_driver_sql(statement)
        upgrade_schema(store)
        with store.reading() as conn:
            found = [
                (row.kind, row.subject, row.facts, row.text) for row in troubles.list_open(conn)
            ]
        assert found == [
            ("disk_low", "host:/srv/a:b", None, "Only 1 GB is free."),
            ("watch_late", "acme: mugs", None, "It is late."),
            ("watch_unplanned", "acme", None, "It can't be planned."),
        ]
        assert check_schema(store) == []
    finally:
        store.close()


OLD_TROUBLES = (
    "INSERT INTO troubles VALUES ('disk:host:/srv/a:b', 'Only 1 GB is free.',"
    " '2026-01-01 00:00:00.000000', '2026-01-02 00:00:00.000000')",
    "INSERT INTO troubles VALUES ('late:acme: mugs', 'It is late.',"
    " '2026-01-01 00:00:00.000000', '2026-01-02 00:00:00.000000')",
    "INSERT INTO troubles VALUES ('plan:acme', 'It can''t be planned.',"
    " '2026-01-01 00:00:00.000000', '2026-01-02 00:00:00.000000')",
)
# listing 8 was returned too, and matches nothing
OLD_MATCH = (
    "INSERT INTO matches (id, watch_id, asset_id, listing_id, reference_id, picture_sha256,"
    " marketplace, score, relation, method, mirrored, verdict, first_seen_at, last_seen_at,"
    " times_seen) VALUES (9, 1, 5, 7, 6, 'a', 'm', 0.9, 'same', 'c', false, 'unreviewed',"
    " '2026-01-01', '2026-01-02', 2)",
    "INSERT INTO listings (id, site, item_id, url, title, first_seen_at, last_seen_at,"
    " last_observed_at, times_seen)"
    " VALUES (8, 's', '2', 'u', 't', '2026-01-01', '2026-01-02', '2026-01-02', 2)",
    "INSERT INTO observations (listing_id, scan_id, observed_at, title, rank)"
    " VALUES (8, 1, '2026-01-01', 't', 1)",
)
OLD_ROWS = (
    "INSERT INTO watches (id, name, record_score, alert_score) VALUES (1, 'w', 0.6, 0.85)",
    "INSERT INTO assets (id, watch_id, name, tags, created_at)"
    " VALUES (5, 1, 'mug', '[]', '2026-01-01')",
    "INSERT INTO pictures (sha256, format, width, height, size_bytes, created_at)"
    " VALUES ('a', 'PNG', 1, 1, 1, '2026-01-01')",
    "INSERT INTO reference_pictures (id, asset_id, sha256, path, added_at)"
    " VALUES (6, 5, 'a', 'mug.png', '2026-01-01')",
    "INSERT INTO cycles (id, watch_id, due_at) VALUES (1, 1, '2026-01-01')",
    "INSERT INTO scans (id, cycle_id, watch_id, marketplace, reference_id, state, due_at, attempts,"
    " listings_seen, listings_new, pictures_fetched, pictures_failed, matches_new, requests)"
    " VALUES (1, 1, 1, 'm', 6, 'finished', '2026-01-01', 1, 0, 0, 0, 0, 0, 0)",
    "INSERT INTO listings (id, site, item_id, url, title, first_seen_at, last_seen_at,"
    " last_observed_at, times_seen)"
    " VALUES (7, 's', '1', 'u', 't', '2026-01-01', '2026-01-02', '2026-01-02', 2)",
    "INSERT INTO observations (listing_id, scan_id, observed_at, title, rank)"
    " VALUES (7, 1, '2026-01-01', 't', 1), (7, 1, '2026-01-02', 't', 1)",
)
