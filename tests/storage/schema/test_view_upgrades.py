"""Views follow the newest program; what people granted on them and built on top of them stays."""

# ruff: noqa: S608

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.script import ScriptDirectory
from sqlalchemy.engine import make_url

from monitor.errors import DependentsInTheWay, SchemaMismatch, StoreError
from monitor.storage.db.engine import Connection, Store
from monitor.storage.schema.backup import backup
from monitor.storage.schema.versions import (
    check_revision,
    check_schema,
    ensure_schema,
    migrations_folder,
    read_state,
    run_migrations,
    this_program,
    upgrade_schema,
)
from monitor.storage.schema.views import VIEWS, selects_of
from tests.storage.programs import ADDED_IN_THE_MIDDLE, program, start, with_next
from tests.storage.rows import add_match, stock
from tests.storage.schema.test_versions import OLD_MATCH, OLD_ROWS

_numbers = itertools.count(1)
ADDED_BY_0012 = ",\n       m.gone_at AS gone_at, m.reappeared_at AS reappeared_at"
# on both databases, of a column that views show: a table made anew, or its column's type changed
SHORTER_NAMES = """
with op.batch_alter_table("watches") as batch:
    batch.alter_column("name", existing_type=sa.Text(), type_=sa.String(200))
"""


@pytest.fixture
def pg_store(pg_url: str) -> Iterator[Store]:
    opened = Store.open(pg_url)
    yield opened
    opened.close()


@pytest.fixture
def analyst(pg_store: Store) -> Iterator[str]:
    """A role that may look at two views, and has a schema of its own."""
    name = f"analyst_{os.getpid()}_{next(_numbers)}"
    with pg_store.writing() as conn:
        run(conn, f"CREATE ROLE {name} LOGIN", f"CREATE SCHEMA {name} AUTHORIZATION {name}")
        run(conn, f"GRANT SELECT ON open_matches, seller_summary TO {name}")
    yield name
    with pg_store.writing() as conn:
        run(conn, f"DROP OWNED BY {name} CASCADE", f"DROP ROLE {name}")


def run(conn: Connection, *statements: str) -> None:
    for statement in statements:
        conn.exec_driver_sql(statement, execution_options={"no_parameters": True})


def write(store: Store, *statements: str) -> None:
    with store.writing() as conn:
        run(conn, *statements)


def rows(store: Store, query: str, role: str | None = None) -> list[tuple[object, ...]]:
    with store.reading() as conn:
        if role is not None:
            run(conn, f"SET LOCAL ROLE {role}")
        return [tuple(row) for row in conn.exec_driver_sql(query)]


def old_view(dialect: str) -> str:
    """As programs before revision 0012 made it."""
    old = VIEWS["match_history"].replace(ADDED_BY_0012, "")
    return f"CREATE VIEW match_history AS {selects_of({'old': old}, dialect)['old']}"


def columns(store: Store, view: str) -> list[str]:
    with store.reading() as conn:
        return [column["name"] for column in sa.inspect(conn).get_columns(view)]


# -- who makes views


def test_a_new_column_reaches_an_existing_database(store: Store) -> None:
    before = columns(store, "seller_summary")
    ensure_schema(store, program())
    assert columns(store, "seller_summary") == [*before, "risk"]
    assert check_schema(store, program()) == []


def test_an_older_program_works_and_leaves_the_views_of_a_newer_one_alone(store: Store) -> None:
    ensure_schema(store, program("0.10.0"))
    older = program("0.9.1", open_matches=ADDED_IN_THE_MIDDLE)
    ensure_schema(store, older)
    assert upgrade_schema(store, older) == (older.head, older.head)
    assert "risk" in columns(store, "seller_summary")
    assert "of" not in columns(store, "open_matches")
    assert check_schema(store, older) == []


def test_a_program_with_the_same_views_is_the_newest_to_have_them(store: Store) -> None:
    ensure_schema(store, program("0.2.0"))
    ensure_schema(store, program("0.4.0"))
    ensure_schema(store, program("0.3.0", open_matches=ADDED_IN_THE_MIDDLE))
    assert "of" not in columns(store, "open_matches")


def test_of_two_checkouts_of_one_version_the_last_one_makes_its_own(store: Store) -> None:
    version = this_program().version
    before = columns(store, "seller_summary")
    ensure_schema(store, program(version))
    assert columns(store, "seller_summary") == [*before, "risk"]
    ensure_schema(store)
    assert columns(store, "seller_summary") == before


def test_a_view_that_is_missing_is_brought_back_by_an_upgrade(store: Store) -> None:
    write(store, "DROP VIEW open_matches")
    upgrade_schema(store)
    assert check_schema(store) == []


def test_a_check_names_the_views_that_are_not_the_programs(store: Store) -> None:
    assert check_schema(store, program()) == [
        f"view seller_summary is of version {this_program().version}, this program (0.2.0) has "
        "another"
    ]
    state = read_state(store)
    assert state is not None
    assert state.views_version == this_program().version
    assert set(state.views) == set(VIEWS)


def test_a_new_view_never_takes_the_place_of_one_of_peoples_own(store: Store) -> None:
    write(store, "CREATE VIEW kpi AS SELECT 1 AS one")
    with pytest.raises(DependentsInTheWay, match="kpi is the name of one of our views now"):
        ensure_schema(store, program(kpi="SELECT 2 AS two"))
    assert rows(store, "SELECT * FROM kpi") == [(1,)]
    write(store, "DROP VIEW kpi", "CREATE TABLE kpi (own integer)")
    with pytest.raises(DependentsInTheWay, match="kpi is the name"):
        ensure_schema(store, program(kpi="SELECT 2 AS two"))
    write(store, "DROP TABLE kpi")
    ensure_schema(store, program(kpi="SELECT 2 AS two"))
    ensure_schema(store, program("0.3.0", kpi="SELECT 3 AS three"))
    assert rows(store, "SELECT three FROM kpi") == [(3,)]


# -- at once, and killed


def test_two_programs_at_once_come_to_the_views_of_the_newer(
    store: Store, database_url: str
) -> None:
    versions = ["0.2.0", "0.3.0"]
    workers = [start(database_url, version, migrations_folder(), "end") for version in versions]
    answers = [worker.communicate(timeout=100)[0].strip() for worker in workers]
    assert answers == ["done"] * len(versions)
    assert check_schema(store, program("0.3.0")) == []


@pytest.mark.parametrize("with_migration", [False, True])
def test_a_kill_midway_leaves_everything_as_it_was(
    store: Store, database_url: str, tmp_path: Path, with_migration: bool
) -> None:
    folder = with_next(tmp_path, SHORTER_NAMES) if with_migration else migrations_folder()
    write(store, "CREATE VIEW mine AS SELECT seller FROM seller_summary")
    before = columns(store, "seller_summary")
    worker = start(database_url, "0.2.0", folder, "hang")
    assert worker.stdout is not None
    assert worker.stdout.readline() == "within\n"
    worker.kill()
    worker.communicate()
    assert check_schema(store) == []
    assert columns(store, "seller_summary") == before
    assert rows(store, "SELECT * FROM mine") == []
    newer = program(migrations=folder)
    upgrade_schema(store, newer)
    assert check_schema(store, newer) == []
    assert rows(store, "SELECT * FROM mine") == []


# -- what people built, on both databases


def test_views_on_top_stay_and_see_the_new_views(store: Store) -> None:
    with store.writing() as conn:
        add_match(conn, stock(conn))
        run(
            conn,
            "CREATE VIEW \"My % of ?\" AS SELECT seller, ':a%' AS x FROM seller_summary"
            " WHERE seller LIKE '%a%' OR 1 = 1",
            'CREATE VIEW again AS SELECT seller FROM "My % of ?"',
        )
    before = rows(store, "SELECT * FROM again")
    assert before
    ensure_schema(
        store,
        program(
            seller_summary=VIEWS["seller_summary"].replace(
                "s.site AS site, ", "s.site AS site, 1 AS risk, "
            )
        ),
    )
    assert columns(store, "seller_summary")[1] == "risk"
    assert rows(store, "SELECT * FROM again") == before
    assert columns(store, "My % of ?") == ["seller", "x"]


def test_views_on_top_stay_when_a_table_is_changed_under_them(store: Store, tmp_path: Path) -> None:
    with store.writing() as conn:
        add_match(conn, stock(conn))
        run(conn, "CREATE VIEW mine AS SELECT watch, asset FROM open_matches")
        run(conn, "CREATE VIEW beside AS SELECT count(*) AS n FROM sellers")
    before = rows(store, "SELECT * FROM mine")
    newer = program(migrations=with_next(tmp_path, SHORTER_NAMES))
    assert upgrade_schema(store, newer) == (this_program().head, "9998")
    assert before == rows(store, "SELECT * FROM mine") != []
    assert rows(store, "SELECT n FROM beside") == [(1,)]
    assert check_schema(store, newer) == []


def test_a_view_that_needs_what_a_migration_takes_away_stops_it(
    store: Store, tmp_path: Path
) -> None:
    write(
        store,
        "CREATE VIEW direct AS SELECT reminded_at FROM watches",
        "CREATE VIEW mine AS SELECT asset FROM open_matches",
    )
    newer = program(migrations=with_next(tmp_path, 'op.drop_column("watches", "reminded_at")'))
    with pytest.raises(DependentsInTheWay, match="view direct") as refused:
        upgrade_schema(store, newer)
    assert "mine" not in str(refused.value)
    assert check_schema(store) == []
    assert rows(store, "SELECT * FROM direct") == rows(store, "SELECT * FROM mine") == []
    write(store, "DROP VIEW direct")
    upgrade_schema(store, newer)
    assert check_schema(store, newer) == []
    assert rows(store, "SELECT * FROM mine") == []


@pytest.mark.parametrize("revision", ["0001", "0011", "0014"])
def test_an_old_database_keeps_its_rows_and_the_views_on_top(empty_url: str, revision: str) -> None:
    store = Store.open(empty_url)
    with store.migrating() as conn:
        run_migrations(conn, migrations_folder(), revision)
        run(conn, *OLD_ROWS, OLD_MATCH[0])
        run(conn, old_view(store.dialect))
        run(conn, "CREATE VIEW mine AS SELECT match_id, asset FROM match_history")
    with pytest.raises(SchemaMismatch, match=f"{revision}.*{this_program().head}"):
        ensure_schema(store)
    assert upgrade_schema(store) == (revision, this_program().head)
    assert check_schema(store) == []
    assert rows(store, "SELECT match_id, asset FROM mine") == [("9", "mug")]
    assert rows(store, "SELECT match_id, gone_at FROM match_history") == [("9", None)]
    ensure_schema(store)
    store.close()


# -- PostgreSQL


def test_grants_and_a_view_in_another_schema_survive_new_columns(
    pg_store: Store, analyst: str
) -> None:
    mine = f"{analyst}.mine"
    write(
        pg_store,
        f"CREATE VIEW {mine} AS SELECT seller FROM seller_summary",
        f"CREATE FUNCTION {analyst}.sellers() RETURNS SETOF seller_summary LANGUAGE sql"
        " AS 'SELECT * FROM seller_summary'",
        f"GRANT SELECT ON {mine} TO {analyst}",
    )
    ensure_schema(pg_store, program())
    assert rows(pg_store, "SELECT risk FROM seller_summary", analyst) == []
    assert rows(pg_store, f"SELECT * FROM {mine}", analyst) == []
    assert rows(pg_store, f"SELECT risk FROM {analyst}.sellers()", analyst) == []


def test_grants_and_a_view_in_another_schema_survive_the_upgrade_of_an_old_database(
    analyst: str, empty_pg_url: str
) -> None:
    store = Store.open(empty_pg_url)
    with store.migrating() as conn:
        run_migrations(conn, migrations_folder(), "0011")
        run(conn, *OLD_ROWS, OLD_MATCH[0], f"CREATE SCHEMA {analyst} AUTHORIZATION {analyst}")
        run(conn, old_view(store.dialect), f"GRANT SELECT ON match_history TO {analyst}")
        run(conn, f"CREATE VIEW {analyst}.mine AS SELECT match_id, asset FROM match_history")
        run(conn, f"ALTER VIEW {analyst}.mine OWNER TO {analyst}")
    upgrade_schema(store)
    assert check_schema(store) == []
    assert rows(store, f"SELECT * FROM {analyst}.mine", analyst) == [("9", "mug")]
    assert rows(store, "SELECT gone_at FROM match_history", analyst) == [(None,)]
    store.close()


@pytest.fixture
def decorated(pg_store: Store, analyst: str) -> str:
    """A view with all that can be on it, and a pile of views of another role on top."""
    mine = f"{analyst}.mine"
    write(
        pg_store,
        "ALTER VIEW open_matches SET (security_barrier = true)",
        "COMMENT ON VIEW open_matches IS 'what is ''open'''",
        "COMMENT ON COLUMN open_matches.asset IS 'whose'",
        f"REVOKE SELECT ON open_matches FROM {analyst}",
        f"GRANT SELECT (watch, asset) ON open_matches TO {analyst} WITH GRANT OPTION",
        "GRANT SELECT ON open_matches TO PUBLIC",
        # would be given to each view that is made anew
        f"ALTER DEFAULT PRIVILEGES GRANT DELETE ON TABLES TO {analyst}",
        "CREATE TABLE heard (asset text)",
        "CREATE RULE hear AS ON INSERT TO open_matches DO INSTEAD"
        " INSERT INTO heard VALUES (new.asset)",
        "CREATE FUNCTION veto() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END'",
        "CREATE TRIGGER vetoed INSTEAD OF DELETE ON open_matches FOR EACH ROW"
        " EXECUTE FUNCTION veto()",
        f"CREATE VIEW {mine} WITH (check_option = cascaded) AS"
        " SELECT watch, asset FROM open_matches WHERE asset LIKE '%'",
        f"ALTER VIEW {mine} ALTER COLUMN watch SET DEFAULT 'none'",
        f"CREATE MATERIALIZED VIEW {analyst}.counted WITH (fillfactor = 80) AS"
        f" SELECT asset, count(*) AS n, current_user::text AS by FROM {mine} GROUP BY asset",
        f"CREATE UNIQUE INDEX by_asset ON {analyst}.counted (asset)",
        f"CREATE STATISTICS {analyst}.both ON asset, n FROM {analyst}.counted",
        f"CREATE MATERIALIZED VIEW {analyst}.empty AS SELECT * FROM {mine} WITH NO DATA",
        f"CREATE VIEW {analyst}.on_top AS SELECT n FROM {analyst}.counted",
        f"ALTER VIEW {mine} OWNER TO {analyst}",
        f"ALTER MATERIALIZED VIEW {analyst}.counted OWNER TO {analyst}",
        f"GRANT SELECT ON {analyst}.on_top TO PUBLIC",
    )
    return analyst


EVERYTHING = """
SELECT c.relname, c.relkind, c.reloptions, c.relowner::regrole::text, c.relispopulated,
       obj_description(c.oid, 'pg_class'),
       (SELECT array_agg(x::text ORDER BY x::text) FROM
          aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS x),
       (SELECT array_agg(a.attname || ' ' || coalesce(a.attacl::text, '-') || ' '
                         || coalesce(col_description(c.oid, a.attnum), '-') ORDER BY a.attname)
          FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attnum > 0
           AND a.attname <> 'of'),
       (SELECT array_agg(pg_get_indexdef(indexrelid)) FROM pg_index WHERE indrelid = c.oid),
       (SELECT array_agg(pg_get_triggerdef(oid)) FROM pg_trigger WHERE tgrelid = c.oid),
       (SELECT array_agg(pg_get_statisticsobjdef(oid)) FROM pg_statistic_ext
         WHERE stxrelid = c.oid),
       (SELECT array_agg(pg_get_expr(adbin, adrelid)) FROM pg_attrdef WHERE adrelid = c.oid),
       (SELECT count(*) FROM pg_rewrite WHERE ev_class = c.oid),
       CASE WHEN c.relname = 'open_matches' THEN '' ELSE pg_get_viewdef(c.oid) END
  FROM pg_class AS c WHERE c.relkind IN ('v', 'm') AND c.relnamespace::regnamespace::text
       NOT IN ('pg_catalog', 'information_schema') ORDER BY c.relname
"""


def test_all_that_is_on_a_view_survives_a_column_in_its_middle(
    pg_store: Store, decorated: str
) -> None:
    with pg_store.writing() as conn:
        add_match(conn, stock(conn))
        run(conn, f"REFRESH MATERIALIZED VIEW {decorated}.counted")
    before = rows(pg_store, EVERYTHING)
    assert len(before) == len(VIEWS) + 4
    ensure_schema(pg_store, program(open_matches=ADDED_IN_THE_MIDDLE))
    assert columns(pg_store, "open_matches")[2] == "of"
    assert rows(pg_store, EVERYTHING) == before
    assert rows(pg_store, f"SELECT asset, n, by FROM {decorated}.counted") == [
        ("mug", 1, decorated)
    ]
    assert rows(pg_store, "SELECT watch, asset FROM open_matches", decorated) == [("mugs", "mug")]
    write(pg_store, "DELETE FROM open_matches")
    assert len(rows(pg_store, "SELECT * FROM open_matches")) == 1


def test_all_that_is_on_a_view_survives_a_change_of_its_tables(
    pg_store: Store, decorated: str, tmp_path: Path
) -> None:
    before = rows(pg_store, EVERYTHING)
    folder = with_next(tmp_path, SHORTER_NAMES)
    upgrade_schema(pg_store, program(migrations=folder, match_history=VIEWS["match_history"]))
    after = rows(pg_store, EVERYTHING)
    # the text of a definition says which type is cast; all else is the same
    assert [row[:-1] for row in after] == [row[:-1] for row in before]
    assert rows(pg_store, "SELECT watch, asset FROM open_matches", decorated) == []


def test_what_cant_be_made_again_is_named_and_nothing_is_changed(
    pg_store: Store, decorated: str
) -> None:
    write(
        pg_store,
        f"CREATE FUNCTION {decorated}.total() RETURNS bigint LANGUAGE sql"
        f" BEGIN ATOMIC SELECT sum(n) FROM {decorated}.counted; END",
        f"CREATE FUNCTION {decorated}.open() RETURNS SETOF open_matches LANGUAGE sql"
        " AS 'SELECT * FROM open_matches'",
    )
    before = rows(pg_store, EVERYTHING)
    newer = program(open_matches=ADDED_IN_THE_MIDDLE)
    with pytest.raises(DependentsInTheWay, match=rf"function {decorated}\.total\(\)") as refused:
        ensure_schema(pg_store, newer)
    assert refused.value.exit_code == 2
    assert rows(pg_store, EVERYTHING) == before
    assert check_schema(pg_store) == []
    write(pg_store, f"DROP FUNCTION {decorated}.total()")
    with pytest.raises(DependentsInTheWay, match=rf"function {decorated}\.open\(\)"):
        ensure_schema(pg_store, newer)
    write(pg_store, f"DROP FUNCTION {decorated}.open()")
    ensure_schema(pg_store, newer)
    assert check_schema(pg_store, newer) == []


def test_a_view_on_a_column_that_is_gone_is_named(pg_store: Store, analyst: str) -> None:
    write(pg_store, f"CREATE VIEW {analyst}.mine AS SELECT infringing FROM seller_summary")
    less = VIEWS["seller_summary"].replace("AS infringing", "AS infringements")
    with pytest.raises(DependentsInTheWay, match=rf"view {analyst}\.mine: column .*infringing"):
        ensure_schema(pg_store, program(seller_summary=less))
    assert rows(pg_store, f"SELECT * FROM {analyst}.mine") == []


def test_a_role_that_only_reads_is_stopped_by_nothing(
    pg_store: Store, pg_url: str, analyst: str
) -> None:
    write(pg_store, f"GRANT SELECT ON alembic_version TO {analyst}")
    reader = Store.open(make_url(pg_url).set(username=analyst).render_as_string())
    ensure_schema(reader, program())
    assert rows(reader, "SELECT * FROM open_matches") == []
    with pytest.raises(StoreError):
        upgrade_schema(reader, program())
    reader.close()
    assert "risk" not in columns(pg_store, "seller_summary")


# -- SQLite


def test_triggers_of_ones_own_survive_on_views_and_tables(
    sqlite_store: Store, tmp_path: Path
) -> None:
    write(
        sqlite_store,
        "CREATE TABLE heard (name text)",
        "CREATE TRIGGER on_view INSTEAD OF INSERT ON seller_summary"
        " BEGIN INSERT INTO heard VALUES (new.seller); END",
        "CREATE TRIGGER on_table AFTER INSERT ON watches"
        " BEGIN INSERT INTO heard VALUES (new.name); END",
    )
    upgrade_schema(sqlite_store, program(migrations=with_next(tmp_path, SHORTER_NAMES)))
    write(
        sqlite_store,
        "INSERT INTO seller_summary (seller) VALUES ('s')",
        "INSERT INTO watches (name, record_score, alert_score) VALUES ('w', 0.5, 0.8)",
    )
    assert rows(sqlite_store, "SELECT name FROM heard") == [("s",), ("w",)]


def test_a_view_that_a_new_column_breaks_is_named(sqlite_store: Store) -> None:
    names = ", ".join(
        f"c{number}" for number in range(len(columns(sqlite_store, "seller_summary")))
    )
    write(
        sqlite_store,
        f"CREATE VIEW mine ({names}) AS SELECT * FROM seller_summary",
        "CREATE VIEW broken AS SELECT x FROM nowhere",
    )
    with pytest.raises(DependentsInTheWay, match="view mine: expected 8 columns") as refused:
        ensure_schema(sqlite_store, program())
    assert "broken" not in str(refused.value)
    assert check_schema(sqlite_store) == []
    assert rows(sqlite_store, "SELECT * FROM mine") == []
    write(sqlite_store, "DROP VIEW mine")
    ensure_schema(sqlite_store, program())
    with sqlite_store.reading() as conn:
        assert "broken" in sa.inspect(conn).get_view_names()


# -- an upgrade that rolls


def test_a_program_goes_on_where_a_newer_revision_lets_it(store: Store, tmp_path: Path) -> None:
    own = this_program()
    notes = 'op.create_table("notes", sa.Column("id", sa.Integer()))'
    upgrade_schema(store, program(migrations=with_next(tmp_path, notes, own.head)))
    ensure_schema(store)
    check_revision(store, own)
    assert check_schema(store) == []
    assert upgrade_schema(store) == ("9998", "9998")
    assert "risk" in columns(store, "seller_summary")
    if store.dialect == "sqlite":
        backup(store, tmp_path / "copy.db")
        assert (tmp_path / "copy.db").exists()


def test_a_program_ends_where_a_newer_revision_doesnt_let_it(store: Store, tmp_path: Path) -> None:
    upgrade_schema(store, program(migrations=with_next(tmp_path, "pass")))
    with pytest.raises(SchemaMismatch, match=rf"9998.*{this_program().head}"):
        ensure_schema(store)
    with pytest.raises(SchemaMismatch, match="newer version"):
        upgrade_schema(store)
    with pytest.raises(SchemaMismatch, match="is at 9998 now"):
        check_revision(store, this_program())
    assert read_state(store) is not None


def test_a_revision_speaks_for_itself_only(store: Store, tmp_path: Path) -> None:
    folder = with_next(tmp_path, "pass", this_program().head)
    upgrade_schema(store, program(migrations=folder))
    write(store, "UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(SchemaMismatch, match="9999"):
        ensure_schema(store)


def test_each_revision_says_which_programs_may_work_on_it() -> None:
    scripts = [*ScriptDirectory(str(migrations_folder())).walk_revisions()][::-1]
    revisions = [script.revision for script in scripts]
    first = revisions.index("0015")
    said = [revisions.index(script.module.works_from) for script in scripts[first:]]
    # what one has shut out, none after it lets in again
    assert said == sorted(said)
    assert all(oldest <= own for own, oldest in enumerate(said, first))
