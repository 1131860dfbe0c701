"""When stored pictures were last asked for, and which hosts give theirs."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

import sqlalchemy as sa

from monitor.model import FileVersion
from monitor.scanning.policy import OBSERVE_EVERY
from monitor.storage.catalogue import listings, picture_urls, pictures
from monitor.storage.catalogue.picture_urls import HostTries
from monitor.storage.db.engine import Connection, Store
from monitor.storage.schema.versions import migrations_folder, run_migrations
from tests.storage.rows import START, Shelf, keep, later, listing, sha, stock

URL = "https://cbu01.alicdn.com/1.jpg"
VERSION = FileVersion('"1"', "Tue, 24 Nov 2026 08:00:00 GMT")
LONG = "https://cbu01.alicdn.com/" + "x" * 3000


def _fail(conn: Connection, shelf: Shelf, url: str, problem: str, **at: float) -> None:
    """A listing that was seen without its picture."""
    seen = listing(url, picture_url=url)
    listings.record(
        conn, shelf.scan.id, seen, None, problem, later(**at), observe_every=OBSERVE_EVERY
    )


def test_a_url_is_found_once_its_time_has_come_with_its_version(store: Store) -> None:
    with store.writing() as conn:
        keep(conn, "a")
        pictures.record_url(conn, URL, sha("a"), START, VERSION)
        pictures.record_url(conn, LONG, sha("a"), later(days=-1))
        urls = [URL, LONG, "https://cbu01.alicdn.com/unknown.jpg"]
        assert picture_urls.find_checked_before(conn, urls, later(days=-2)) == []
        older, newer = picture_urls.find_checked_before(conn, urls, later(seconds=1))
        assert (older.url, older.checked_at) == (LONG, later(days=-1))
        assert older.version == FileVersion()
        assert (newer.url, newer.sha256, newer.version) == (URL, sha("a"), VERSION)


def test_a_failed_check_counts_as_asked_and_keeps_the_picture(store: Store) -> None:
    with store.writing() as conn:
        keep(conn, "a")
        pictures.record_url(conn, URL, sha("a"), START, VERSION)
        picture_urls.record_failure(conn, URL, later(days=40))
        assert picture_urls.find_checked_before(conn, [URL], later(days=40)) == []
        (row,) = picture_urls.find_checked_before(conn, [URL], later(days=41))
        assert (row.sha256, row.version, row.checked_at) == (sha("a"), VERSION, later(days=40))
        assert pictures.find_by_url(conn, [URL]) == {URL: sha("a")}


def test_hosts_are_counted_by_url_with_their_commonest_problem(store: Store) -> None:
    with store.writing() as conn:
        shelf = stock(conn)
        pictures.record_url(conn, "https://a.example/old.jpg", sha("copy"), later(days=-40))
        pictures.record_url(conn, "https://a.example/1.jpg", sha("copy"), START)
        pictures.record_url(conn, "https://b.example:8443/1.jpg", sha("copy"), START)
        for number, problem in enumerate(["HTTP 403", "HTTP 403", "too slow"]):
            _fail(conn, shelf, f"https://a.example/bad{number}.jpg", problem)
        _fail(conn, shelf, "https://a.example/ages.jpg", "HTTP 403", days=-2)
        _fail(conn, shelf, "https://a.example/1.jpg", "HTTP 403")  # had by now
        without = listing("none", picture_url=None)
        listings.record(
            conn,
            shelf.scan.id,
            without,
            None,
            "no picture given",
            START,
            observe_every=OBSERVE_EVERY,
        )
        assert picture_urls.list_hosts(conn, later(days=-1)) == [
            HostTries("a.example", 4, 3, "HTTP 403"),
            HostTries("b.example", 1, 0, None),
        ]


def test_a_failed_check_is_a_failed_picture_of_its_host(store: Store) -> None:
    with store.writing() as conn:
        keep(conn, "a")
        for number in range(3):
            url = f"https://a.example/{number}.jpg"
            pictures.record_url(conn, url, sha("a"), later(days=-40))
            picture_urls.record_failure(conn, url, START)
        pictures.record_url(conn, "https://a.example/2.jpg", sha("a"), later(hours=1))
        (found,) = picture_urls.list_hosts(conn, later(days=-1))
        assert found == HostTries("a.example", 3, 2, None)


def test_pictures_from_before_an_upgrade_come_due_over_a_month(empty_url: str) -> None:
    store = Store.open(empty_url)
    with store.migrating() as conn:
        run_migrations(conn, migrations_folder(), "0003")
    with store.writing() as conn:
        keep(conn, *map(str, range(200)))
        conn.execute(
            sa.text("INSERT INTO picture_urls (url, sha256, fetched_at) VALUES (:url, :sha, :at)"),
            [
                {"url": f"https://a.example/{n}.jpg", "sha": sha(str(n)), "at": _text(conn)}
                for n in range(200)
            ],
        )
    with store.migrating() as conn:
        run_migrations(conn, migrations_folder(), "head")
    with store.reading() as conn:
        urls = [f"https://a.example/{n}.jpg" for n in range(200)]
        rows = picture_urls.find_checked_before(conn, urls, later(days=10_000))
    store.close()
    times = sorted({row.checked_at for row in rows})
    assert len(rows) == 200
    assert len(times) == 16
    gaps = [other - one for one, other in pairwise(times)]
    assert all(timedelta(days=1) < gap < timedelta(days=3) for gap in gaps)


def _text(conn: Connection) -> object:
    at = later(days=-5000)
    return at.strftime("%Y-%m-%d %H:%M:%S.%f") if conn.dialect.name == "sqlite" else at
