"""From the search to the receivers: routes say who is told, silences when."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from monitor.alerting.options import Route
from monitor.cases.decide import decide
from monitor.model import Seller, Verdict
from monitor.storage.db.engine import Store
from monitor.storage.telling import silences
from monitor.storage.telling.silences import Matcher
from tests.scanning.office import Office, open_office

LICENSEE = Matcher(site="1688", seller="s1")


@pytest.fixture
def office(store: Store, tmp_path: Path) -> Iterator[Office]:
    """A watch that has been searched for once without finding anything."""
    with open_office(store, tmp_path) as opened:
        for number, name in enumerate(("lamp", "mug"), start=1):
            opened.bench.draw(f"{name}.png", number)
        opened.scan({})
        opened.tell()
        yield opened


def _offer(office: Office, seed: int, *items: str, seller: str = "s1") -> None:
    """One cycle, in which a seller offers copies of the lamp (1) or the mug (2)."""
    name = {1: "lamp", 2: "mug"}[seed]
    shop = Seller(seller, f"Shop {seller}")
    office.scan({name: [office.bench.offer(item, seed, seller=shop) for item in items]})


def _silence(office: Office, matcher: Matcher = LICENSEE, **lasting: float) -> int:
    now = office.bench.clock()
    with office.bench.store.writing() as conn:
        return silences.add(
            conn,
            matcher,
            starts_at=now,
            expires_at=now + timedelta(**lasting),
            author="anne",
            reason="they pay now",
            now=now,
        )


def test_what_a_silence_holds_is_stored_and_told_in_one_message_when_it_ends(
    office: Office,
) -> None:
    _silence(office, days=7)
    _offer(office, 1, "1", "2")
    _offer(office, 2, "3", seller="s2")
    office.tell()
    (told,) = office.legal.received
    assert "Mug 3" in told.body
    assert len(office.bench.matches()) == 3
    assert sorted(str(state) for state in office.states().values()) == ["held", "held", "sent"]

    office.bench.clock.advance(days=6)
    office.tell()
    assert len(office.legal.received) == 1
    office.bench.clock.advance(days=1)
    office.tell()
    office.tell()
    assert office.told() == sorted(office.states())
    (_, late) = office.legal.received
    assert all(f"Mug {item}" in late.body for item in "12")
    assert office.ops.received == []


def test_what_a_failing_channel_has_not_taken_yet_is_silenced_too(office: Office) -> None:
    office.legal.status = 503
    _offer(office, 1, "1", "2")
    office.tell()
    assert set(office.states().values()) == {"failed"}
    silence_id = _silence(office, days=7)
    office.legal.status = 200
    office.bench.clock.advance(days=1)
    office.tell()
    assert office.told() == []
    settled = next(match.id for match in office.bench.matches() if match.item_id == "1")
    with office.bench.store.writing() as conn:
        decide(conn, settled, Verdict.AUTHORISED, "anne", None, office.bench.clock())
        assert silences.remove(conn, silence_id, office.bench.clock()) == 1
    office.tell()
    (late,) = office.legal.received
    assert "Mug 2" in late.body
    assert "Mug 1" not in late.body


def test_what_a_first_scan_finds_is_told_without_what_is_silenced(
    store: Store, tmp_path: Path
) -> None:
    with open_office(store, tmp_path / "other") as office:
        office.bench.draw("lamp.png", 1)
        _offer(office, 1, "0", seller="s2")  # the silenced seller is to be known
        _silence(office, LICENSEE, days=7)
        shop = Seller("s1", None)
        offers = [office.bench.offer(item, 1, seller=shop) for item in "12"]
        office.bench.draw("lamp/more.png", 1)
        office.scan({"lamp": [*offers, office.bench.offer("3", 1, seller=Seller("s2", None))]})
        office.bench.clock.advance(minutes=11)
        office.tell()
        text = "\n".join(item.body for item in office.legal.received)
        assert all(f"Mug {item}" in text for item in "03")
        assert not any(f"Mug {item}" in text for item in "12")


def test_each_receiver_gets_what_the_routes_give_it(office: Office) -> None:
    """The mug is told to `ops` besides; the last one to nobody."""
    csv = office.bench.folder / "assets.csv"
    csv.write_text("file,tags\nmug.png,VIP\n", encoding="utf-8")
    office.rules = (
        Route(channels=("ops",), tags=frozenset({"vip"}), min_score=0.9, also=True),
        Route(channels=(), tags=frozenset({"none"})),
    )
    _offer(office, 1, "1")
    office.tell()
    _offer(office, 2, "2")
    office.tell()
    assert [item.body.count("Mug ") for item in office.legal.received] == [1, 1]
    (more,) = office.ops.received
    assert "Mug 2" in more.body

    office.rules = (Route(channels=(), sites=frozenset({"1688"})),)
    _offer(office, 1, "3")
    office.tell()
    assert len(office.legal.received) == 2
    assert len(office.bench.matches()) == 3
    assert list(office.states().values()).count(None) == 1
