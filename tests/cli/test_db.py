"""`monitor db check` and `upgrade` on databases of other versions of the program."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from monitor.cli import cli
from monitor.errors import DependentsInTheWay
from monitor.storage.db.engine import Store
from monitor.storage.schema.versions import ensure_schema, this_program, upgrade_schema
from tests.e2e.rehearsal import Rehearsal, rehearse
from tests.storage.programs import program, with_next


@pytest.fixture
def rehearsal(database_url: str, tmp_path: Path) -> Iterator[Rehearsal]:
    with rehearse(tmp_path / "home", database_url, copies=1, others=0) as opened:
        yield opened


def db(rehearsal: Rehearsal, command: str) -> tuple[int, list[str]]:
    words = ["--config", str(rehearsal.config), "db", command]
    result = CliRunner().invoke(cli, words, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.return_value or 0, result.stdout.splitlines()


def test_what_a_newer_program_has_made_is_said_and_no_problem(
    rehearsal: Rehearsal, store: Store, tmp_path: Path
) -> None:
    ensure_schema(store, program("7.0.0"))
    newer = "the views are of version 7.0.0, newer than this program"
    assert db(rehearsal, "check") == (0, [newer, "ok"])
    head = this_program().head
    upgrade_schema(store, program("7.0.0", migrations=with_next(tmp_path, "pass", head)))
    at = f"revision 9998 is newer than this program's ({head}); programs from {head} on may work on"
    assert db(rehearsal, "check") == (0, [f"{at} it", newer, "ok"])
    assert db(rehearsal, "upgrade") == (0, ["up to date at 9998"])


def test_views_of_an_older_program_are_named_and_made_anew(
    rehearsal: Rehearsal, store: Store
) -> None:
    version, head = this_program().version, this_program().head
    with store.writing() as conn:
        conn.exec_driver_sql("UPDATE schema_state SET views_version = '0.0.0'")
    ensure_schema(store, program("0.0.1"))
    stale = f"view seller_summary is of version 0.0.1, this program ({version}) has another"
    assert db(rehearsal, "check") == (1, [stale, "1 problems"])
    assert db(rehearsal, "upgrade") == (0, [f"up to date at {head}"])
    assert db(rehearsal, "check") == (0, ["ok"])


def test_what_stands_in_the_way_of_an_upgrade_is_named(rehearsal: Rehearsal, store: Store) -> None:
    with store.writing() as conn:
        conn.exec_driver_sql("DROP VIEW open_matches")
        conn.exec_driver_sql("CREATE TABLE open_matches (id integer)")
    with pytest.raises(DependentsInTheWay, match="open_matches is the name of one of our views"):
        db(rehearsal, "upgrade")
