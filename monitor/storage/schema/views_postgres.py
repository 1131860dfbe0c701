"""Our views on PostgreSQL, made anew around what people granted and built on them.

A view is replaced in place where that suffices: columns were added at its end. Grants and views on
top don't notice. Else it is dropped by name, after the views on top of it, and all of them are made
again with owner, grants, options, comments, rules, triggers and indexes. Nothing is ever dropped by
cascade: what can't be made again (a function, a policy) makes the server refuse, and we pass on
what it names.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from graphlib import TopologicalSorter

import psycopg
import sqlalchemy as sa
from sqlalchemy import exc

from monitor.errors import DependentsInTheWay, StoreError
from monitor.storage.db.engine import Connection

# SQLSTATE: a column of a view was dropped, renamed, moved or has another type
_NOT_IN_PLACE = "42P16"
# SQLSTATE: others depend on it
_DEPENDED_ON = "2BP01"
# the second: the type of a column that a view uses can't be changed
_IN_THE_WAY = (_DEPENDED_ON, "0A000")
# what no second try mends; locks and lost connections are OperationalErrors
_REFUSALS = (exc.ProgrammingError, exc.NotSupportedError, exc.InternalError, exc.DataError)

_FIND = sa.text("""
SELECT c.relname, c.oid FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
 WHERE n.nspname = current_schema() AND c.relkind = 'v'
""")
# our schema is that of our tables: a role with a schema of its own may meet them from there
_MAY_MAKE = sa.text("""
SELECT NOT pg_is_in_recovery() AND current_setting('default_transaction_read_only') = 'off'
   AND has_schema_privilege(n.oid, 'CREATE') AND n.nspname = current_schema()
   AND (SELECT bool_and(pg_has_role(c.relowner, 'USAGE')) FROM pg_class AS c
         WHERE c.relnamespace = n.oid AND c.relname = ANY (:names))
  FROM pg_class AS t JOIN pg_namespace AS n ON n.oid = t.relnamespace
 WHERE t.oid = to_regclass('schema_state')
""")
# each view with one that is on top of it
_EDGES = sa.text("""
SELECT DISTINCT d.refobjid AS below, r.ev_class AS on_top
  FROM pg_depend AS d JOIN pg_rewrite AS r ON r.oid = d.objid
 WHERE d.classid = 'pg_rewrite'::regclass AND d.refclassid = 'pg_class'::regclass
   AND r.rulename = '_RETURN' AND r.ev_class <> d.refobjid
""")
_DESCRIBE = sa.text("""
SELECT format('%I.%I', n.nspname, c.relname) AS name, c.relname AS short_name,
       n.nspname = current_schema() AS is_in_our_schema,
       CASE c.relkind WHEN 'm' THEN 'MATERIALIZED VIEW' ELSE 'VIEW' END AS kind,
       CASE WHEN c.relkind = 'm' THEN ' USING ' || quote_ident(a.amname) ELSE '' END
         || coalesce(' WITH (' || array_to_string(c.reloptions, ', ') || ')', '')
         || coalesce(' TABLESPACE ' || quote_ident(t.spcname), '') AS options,
       rtrim(pg_get_viewdef(c.oid), ';') AS definition,
       c.relkind = 'm' AND c.relispopulated AS is_filled,
       CASE WHEN pg_get_userbyid(c.relowner) <> current_user
            THEN quote_ident(pg_get_userbyid(c.relowner)) END AS other_owner
  FROM pg_class AS c
  JOIN pg_namespace AS n ON n.oid = c.relnamespace
  LEFT JOIN pg_am AS a ON a.oid = c.relam
  LEFT JOIN pg_tablespace AS t ON t.oid = c.reltablespace
 WHERE c.oid = :view
""")
# Each row is a statement that gives the new view what the old one had.
_ATTACHED = sa.text("""
SELECT format('ALTER VIEW %s ALTER COLUMN %I SET DEFAULT %s', CAST(:name AS text), a.attname,
              pg_get_expr(d.adbin, d.adrelid))
  FROM pg_attrdef AS d JOIN pg_attribute AS a ON a.attrelid = d.adrelid AND a.attnum = d.adnum
 WHERE d.adrelid = :view
UNION ALL
SELECT pg_get_indexdef(indexrelid) FROM pg_index WHERE indrelid = :view
UNION ALL
SELECT pg_get_statisticsobjdef(oid) FROM pg_statistic_ext WHERE stxrelid = :view
UNION ALL
SELECT pg_get_ruledef(oid) FROM pg_rewrite WHERE ev_class = :view AND rulename <> '_RETURN'
UNION ALL
SELECT pg_get_triggerdef(oid) FROM pg_trigger WHERE tgrelid = :view AND NOT tgisinternal
UNION ALL
SELECT CASE WHEN d.objsubid = 0 THEN format('COMMENT ON %s %s IS %L', CAST(:kind AS text),
                                            CAST(:name AS text), d.description)
            ELSE format('COMMENT ON COLUMN %s.%I IS %L', CAST(:name AS text), a.attname,
                        d.description) END
  FROM pg_description AS d
  LEFT JOIN pg_attribute AS a ON a.attrelid = d.objoid AND a.attnum = d.objsubid
 WHERE d.objoid = :view AND d.classoid = 'pg_class'::regclass
UNION ALL
SELECT format('GRANT %s ON TABLE %s TO %s%s', x.privilege_type, CAST(:name AS text),
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_class AS c, aclexplode(coalesce(c.relacl, acldefault('r', c.relowner))) AS x
 WHERE c.oid = :view
UNION ALL
SELECT format('GRANT %s (%I) ON TABLE %s TO %s%s', x.privilege_type, a.attname,
              CAST(:name AS text),
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END,
              CASE WHEN x.is_grantable THEN ' WITH GRANT OPTION' ELSE '' END)
  FROM pg_attribute AS a, aclexplode(a.attacl) AS x
 WHERE a.attrelid = :view AND NOT a.attisdropped
""")
# what default privileges gave to a new view, which the old one need not have had
_REVOKE = sa.text("""
SELECT DISTINCT format('REVOKE ALL ON TABLE %s FROM %s', CAST(:name AS text),
              CASE x.grantee WHEN 0 THEN 'PUBLIC' ELSE x.grantee::regrole::text END)
  FROM pg_class AS c, aclexplode(c.relacl) AS x WHERE c.oid = to_regclass(:name)
""")


@dataclass(frozen=True, slots=True)
class _Taken:
    """A view that was dropped, and what it takes to make it again."""

    own_name: str | None  # of one of ours
    name: str  # with its schema, quoted
    kind: str
    options: str
    definition: str
    attached: Sequence[str]
    is_filled: bool
    other_owner: str | None

    def __str__(self) -> str:
        return f"{self.kind.lower()} {self.name}"


def may_make(conn: Connection, names: Collection[str]) -> bool:
    """Whether this role may replace these views and tables, and the server takes writes at all."""
    return bool(conn.execute(_MAY_MAKE, {"names": list(names)}).scalar())


def renew(conn: Connection, selects: Mapping[str, str], migrate: Callable[[], None] | None) -> None:
    """Migrate, then make our views as `selects` has them; see `views.renew_views`."""
    if migrate is not None:
        _migrate(conn, selects, migrate)
    rest = [name for name, select in selects.items() if not _replace(conn, name, select)]
    if rest:
        _put_back(conn, _take_down(conn, rest), selects)


def _migrate(conn: Connection, selects: Mapping[str, str], migrate: Callable[[], None]) -> None:
    """With every view in its place if that is possible, else without ours and those on top."""
    try:
        with conn.begin_nested():
            migrate()
    except exc.DBAPIError as error:
        if _state(error) not in _IN_THE_WAY:
            raise
    else:
        return
    taken = _take_down(conn, selects)
    with _naming_dependents(_IN_THE_WAY):
        migrate()
    _put_back(conn, taken, selects)


def _replace(conn: Connection, name: str, select: str) -> bool:
    """Make or replace a view in place; False if its columns have changed too much for that."""
    view = _find(conn).get(name)
    # options that are not said again would be lost
    options = conn.execute(_DESCRIBE, {"view": view}).one().options if view else ""
    try:
        with conn.begin_nested():
            _run(conn, f"CREATE OR REPLACE VIEW {name}{options} AS {select}")
    except _REFUSALS as error:
        if _state(error) == _NOT_IN_PLACE:
            return False
        # most likely another role owns it
        raise StoreError(f"view {name} can't be made anew: {_reason(error)}") from error
    return True


def _find(conn: Connection) -> dict[str, int]:
    """The object ids of the views in our schema, by name."""
    return {row.relname: row.oid for row in conn.execute(_FIND)}


def _take_down(conn: Connection, names: Collection[str]) -> list[_Taken]:
    """Drop views of ours and those on top of them; each stands before those on top of it."""
    views = _find(conn)
    order = _with_those_on_top(conn, {views[name] for name in names if name in views})
    taken = [_describe(conn, view, names) for view in order]
    for item in reversed(taken):
        with _naming_dependents(), _naming(str(item)):
            _run(conn, f"DROP {item.kind} {item.name}")
    return taken


def _with_those_on_top(conn: Connection, views: Collection[int]) -> Iterable[int]:
    below: dict[int, set[int]] = {view: set() for view in views}
    edges = [(row.below, row.on_top) for row in conn.execute(_EDGES)]
    reached = list(views)
    while reached:
        view = reached.pop()
        for lower, upper in edges:
            if lower == view:
                if upper not in below:
                    reached.append(upper)
                below.setdefault(upper, set()).add(lower)
    return TopologicalSorter(below).static_order()


def _describe(conn: Connection, view: int, names: Collection[str]) -> _Taken:
    row = conn.execute(_DESCRIBE, {"view": view}).one()
    parameters = {"view": view, "name": row.name, "kind": row.kind}
    is_ours = row.is_in_our_schema and row.short_name in names
    return _Taken(
        own_name=row.short_name if is_ours else None,
        name=row.name,
        kind=row.kind,
        options=row.options,
        definition=row.definition,
        attached=conn.execute(_ATTACHED, parameters).scalars().all(),
        is_filled=row.is_filled,
        other_owner=row.other_owner,
    )


def _put_back(conn: Connection, taken: Sequence[_Taken], selects: Mapping[str, str]) -> None:
    for item in taken:
        select = selects[item.own_name] if item.own_name else item.definition
        with _naming(str(item)):
            _make_again(conn, item, select)


def _make_again(conn: Connection, item: _Taken, select: str) -> None:
    is_view = item.kind == "VIEW"
    # filled below, as its owner: its functions must not run with our rights
    empty = "" if is_view else " WITH NO DATA"
    _run(conn, f"CREATE {item.kind} {item.name}{item.options} AS {select}{empty}")
    if item.other_owner:
        _run(conn, f"ALTER {item.kind} {item.name} OWNER TO {item.other_owner}")
    revokes = conn.execute(_REVOKE, {"name": item.name}).scalars().all()
    for statement in (*revokes, *item.attached):
        _run(conn, statement)
    if item.is_filled:
        _run(conn, f"REFRESH MATERIALIZED VIEW {item.name}")


def _run(conn: Connection, statement: str) -> None:
    """As written: a percent sign in it is no parameter."""
    conn.exec_driver_sql(statement, execution_options={"no_parameters": True})


def _state(error: exc.DBAPIError) -> str | None:
    return error.orig.sqlstate if isinstance(error.orig, psycopg.Error) else None


def _reason(error: exc.DBAPIError) -> str:
    """The server's own words, but for a value that it can't use: that may be anything."""
    if not isinstance(error.orig, psycopg.Error) or isinstance(error, exc.DataError):
        return type(error.orig).__name__
    return error.orig.diag.message_primary or type(error.orig).__name__


@contextmanager
def _naming_dependents(states: Sequence[str] = (_DEPENDED_ON,)) -> Iterator[None]:
    """What the server says depends on something stands in the way."""
    try:
        yield
    except exc.DBAPIError as error:
        detail = error.orig.diag.message_detail if isinstance(error.orig, psycopg.Error) else None
        if _state(error) not in states or not detail:
            raise
        raise DependentsInTheWay(detail.splitlines()) from error


@contextmanager
def _naming(what: str) -> Iterator[None]:
    """What can't be dropped or made again stands in the way, with the server's reason."""
    try:
        yield
    except _REFUSALS as error:
        if _state(error) == _DEPENDED_ON:
            raise
        raise DependentsInTheWay([f"{what}: {_reason(error)}"]) from error
