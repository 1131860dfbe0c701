"""The views: what users query. One definition each; columns are added, never renamed.

They are added at the end: PostgreSQL then replaces a view in its place, and leaves alone what
people granted on it and built on top.

docs/sql.md documents them; both databases give the same values, but for the type of instants
(text on SQLite, timestamptz on PostgreSQL).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Collection, Mapping

from monitor.model import SETTLED_VERDICTS
from monitor.storage.db.engine import Connection
from monitor.storage.schema import views_sqlite

# {text} and {number} are the dialect's types: ids are strings, prices are numbers. {settled} are
# the verdicts that end a match's alerts.
_MATCHES = """
SELECT CAST(m.id AS {text}) AS match_id, w.name AS watch, a.name AS asset,
       r.path AS reference_picture, m.marketplace AS marketplace, l.site AS site,
       l.item_id AS item_id, l.url AS listing_url, l.title AS title, s.seller_id AS seller_id,
       s.name AS seller, CAST(l.price_min AS {number}) AS price_min,
       CAST(l.price_max AS {number}) AS price_max, l.currency AS currency, m.score AS score,
       m.relation AS relation, m.method AS method, m.provider_score AS provider_score,
       m.verdict AS verdict, m.first_seen_at AS first_seen_at, m.last_seen_at AS last_seen_at,
       m.times_seen AS times_seen, m.picture_sha256 AS picture_sha256,
       CAST(p.cluster_id AS {text}) AS cluster_id,
       (SELECT min(d.sent_at) FROM deliveries AS d JOIN alerts AS al ON al.id = d.alert_id
         WHERE al.match_id = m.id) AS first_alerted_at,
       m.gone_at AS gone_at, m.reappeared_at AS reappeared_at
  FROM matches AS m
  JOIN watches AS w ON w.id = m.watch_id
  JOIN assets AS a ON a.id = m.asset_id
  JOIN reference_pictures AS r ON r.id = m.reference_id
  JOIN listings AS l ON l.id = m.listing_id
  JOIN pictures AS p ON p.sha256 = m.picture_sha256
  LEFT JOIN sellers AS s ON s.id = l.seller_id
"""

VIEWS = {
    "match_history": _MATCHES,
    "open_matches": _MATCHES
    + " WHERE m.verdict = 'unreviewed' AND m.score >= w.alert_score AND w.retired_at IS NULL",
    "listing_history": """
SELECT l.site AS site, l.item_id AS item_id, o.observed_at AS observed_at, o.title AS title,
       CAST(o.price_min AS {number}) AS price_min, CAST(o.price_max AS {number}) AS price_max,
       o.currency AS currency, o.sales AS sales, o.rank AS rank,
       o.provider_score AS provider_score
  FROM observations AS o
  JOIN listings AS l ON l.id = o.listing_id
""",
    "seller_summary": """
SELECT s.site AS site, s.seller_id AS seller_id, s.name AS seller,
       (SELECT count(*) FROM listings AS l WHERE l.seller_id = s.id) AS listings,
       (SELECT count(*) FROM matches AS m JOIN listings AS l ON l.id = m.listing_id
         WHERE l.seller_id = s.id) AS matches,
       (SELECT count(*) FROM matches AS m JOIN listings AS l ON l.id = m.listing_id
         WHERE l.seller_id = s.id AND m.verdict = 'infringing') AS infringing,
       s.first_seen_at AS first_seen_at, s.last_seen_at AS last_seen_at
  FROM sellers AS s
""",
    "alert_history": """
SELECT al.id AS alert_id, al.event AS event, CAST(al.match_id AS {text}) AS match_id,
       d.channel AS channel, d.state AS state, d.attempts AS attempts,
       d.last_error AS last_error, al.created_at AS created_at, d.next_try_at AS next_try_at,
       d.sent_at AS sent_at,
       CASE WHEN d.state <> 'held' THEN NULL WHEN d.silence_id IS NOT NULL THEN 'silence'
            WHEN rc.state = 'unspecific' THEN 'unspecific'
            WHEN m.verdict IN ({settled}) THEN 'verdict' END AS held_by,
       CASE WHEN d.state = 'held' THEN CAST(d.silence_id AS {text}) END AS silence_id,
       CAST(al.detail AS {text}) AS detail, d.left_out AS left_out
  FROM alerts AS al
  LEFT JOIN deliveries AS d ON d.alert_id = al.id
  LEFT JOIN matches AS m ON m.id = al.match_id
  LEFT JOIN reference_checks AS rc ON rc.reference_id = m.reference_id
""",
    "silence_history": """
SELECT CAST(si.id AS {text}) AS silence_id, si.watch AS watch, si.asset AS asset,
       si.marketplace AS marketplace, si.site AS site, si.item_id AS item_id,
       si.seller AS seller, CAST(si.cluster_id AS {text}) AS cluster_id,
       si.starts_at AS starts_at, si.expires_at AS expires_at, si.author AS author,
       si.reason AS reason, si.created_at AS created_at, si.ended_at AS ended_at,
       (SELECT count(*) FROM deliveries AS d
         WHERE d.silence_id = si.id AND d.state = 'held') AS held
  FROM silences AS si
""",
    "scan_health": """
SELECT CAST(sc.id AS {text}) AS scan_id, w.name AS watch, sc.marketplace AS marketplace,
       r.path AS reference_picture, sc.started_at AS started_at, sc.finished_at AS finished_at,
       sc.outcome AS outcome, sc.listings_seen AS listings_seen,
       sc.listings_new AS listings_new, sc.pictures_fetched AS pictures_fetched,
       sc.matches_new AS matches_new, sc.requests AS requests, sc.error AS error,
       CASE WHEN sc.is_suspect THEN 1 ELSE 0 END AS is_suspect
  FROM scans AS sc
  JOIN watches AS w ON w.id = sc.watch_id
  JOIN reference_pictures AS r ON r.id = sc.reference_id
""",
}

_TYPES = {
    "sqlite": {"text": "TEXT", "number": "REAL"},
    "postgresql": {"text": "text", "number": "double precision"},
}


def selects_of(templates: Mapping[str, str], dialect: str) -> dict[str, str]:
    """Each view's SELECT by name, in the words of `sqlite` or `postgresql`."""
    settled = ", ".join(f"'{verdict}'" for verdict in SETTLED_VERDICTS)
    words = {**_TYPES[dialect], "settled": settled}
    return {name: text.format(**words).strip() for name, text in templates.items()}


def digest_of(select: str) -> str:
    """What a view's definition is known by in the database."""
    return hashlib.sha256(select.encode()).hexdigest()


def renew_views(
    conn: Connection, selects: Mapping[str, str], migrate: Callable[[], None] | None = None
) -> None:
    """Migrate, then make our views as `selects` has them, within the caller's transaction.

    What people granted on them or built on top of them stays or is made again. Raises
    DependentsInTheWay where that can't be: then the transaction must be rolled back.
    """
    if conn.dialect.name == "sqlite":
        views_sqlite.renew(conn, selects, migrate)
        return
    from monitor.storage.schema import views_postgres  # its driver is an extra

    views_postgres.renew(conn, selects, migrate)


def may_make(conn: Connection, names: Collection[str]) -> bool:
    """Whether this process may replace the views and tables of these names."""
    if conn.dialect.name == "sqlite":
        return views_sqlite.may_make(conn)
    from monitor.storage.schema import views_postgres

    return views_postgres.may_make(conn, names)
