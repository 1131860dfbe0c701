"""People's own statements: read, and nothing else."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from monitor.errors import InputError
from monitor.storage.db.engine import Store
from monitor.storage.schema.sql import run_readonly
from tests.storage.rows import add_match, listing, stock


@pytest.fixture
def filled_url(store: Store, database_url: str) -> str:
    with store.writing() as conn:
        shelf = stock(conn)
        for number in (1, 2):
            add_match(conn, shelf, listing(f"922337203685477580{number}", title="50% off: :mug"))
    return database_url


def test_ids_are_strings_and_prices_numbers(filled_url: str) -> None:
    columns, rows = run_readonly(
        filled_url,
        "SELECT match_id, item_id, price_min, price_max, currency FROM match_history "
        "ORDER BY item_id",
    )
    assert list(columns) == ["match_id", "item_id", "price_min", "price_max", "currency"]
    assert rows[0] == ("1", "9223372036854775801", 12.5, 30.0, "CNY")


def test_percent_signs_and_colons_are_taken_as_written(filled_url: str) -> None:
    statement = "SELECT title FROM match_history WHERE title LIKE '50% off: :m%'"
    assert len(run_readonly(filled_url, statement)[1]) == 2


def test_a_trailing_semicolon_is_fine(filled_url: str) -> None:
    assert run_readonly(filled_url, "SELECT 1 AS one;")[1] == [(1,)]


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE listings SET title = 'x' RETURNING title",
        "WITH gone AS (SELECT 1) DELETE FROM matches",
        "CREATE TABLE mine (id integer)",
        "ALTER TABLE watches ADD COLUMN x text",
        "SELECT 1; SELECT 2",
        "COMMIT",
    ],
)
def test_what_writes_is_refused_and_changes_nothing(filled_url: str, statement: str) -> None:
    with pytest.raises(InputError):
        run_readonly(filled_url, statement)
    rows = run_readonly(filled_url, "SELECT count(*) FROM match_history")[1]
    assert rows == [(2,)]


@pytest.mark.parametrize(
    "statement",
    [
        "ATTACH DATABASE '{}' AS other",
        "VACUUM INTO '{}'",
        "PRAGMA journal_mode = DELETE",
        "PRAGMA query_only = OFF",
        "PRAGMA wal_checkpoint",
    ],
)
def test_sqlite_touches_no_other_file(sqlite_url: str, tmp_path: Path, statement: str) -> None:
    other = tmp_path / "other.db"
    with pytest.raises(InputError):
        run_readonly(sqlite_url, statement.format(other))
    assert not other.exists()
    assert run_readonly(sqlite_url, "PRAGMA journal_mode")[1] == [("wal",)]
    assert run_readonly(sqlite_url, "PRAGMA table_info(watches)")[1]


def test_a_statement_that_never_ends_is_ended(database_url: str) -> None:
    endless = (
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 100000000) "
        "SELECT count(*) FROM n"
    )
    with pytest.raises(InputError, match=r"interrupted|timeout"):
        run_readonly(database_url, endless, longest=timedelta(milliseconds=50))
