"""A message that its service refuses: the others go out, and it arrives as plainly as need be."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from math import log2
from types import SimpleNamespace
from typing import cast

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.alerting.context import Destination
from monitor.alerting.isolate import Isolation, Share
from monitor.alerting.policy import MOST_ALONE
from monitor.alerting.rendering import Plainness
from monitor.channels import Channel
from monitor.errors import ChannelError
from monitor.model.events import NewMatch
from monitor.storage.telling import alerts, channels
from monitor.storage.telling.alerts import AlertRow
from monitor.storage.telling.deliveries import DueDelivery
from tests.alerting.desk import Desk
from tests.channels.bots import DingTalkReceiver
from tests.channels.wire import Got
from tests.storage.rows import add_match, listing, stock

BAD = "unwanted word"


class FussyReceiver(DingTalkReceiver):
    """Refuses a text in which `unwanted` finds something, as DingTalk does; `refused` counts."""

    unwanted = BAD
    refused = 0

    def read(self, payload: dict[str, dict[str, str]], size_bytes: int) -> Got:
        got = super().read(payload, size_bytes)
        if re.search(self.unwanted, got.text):
            self.refused += 1
            raise self.refuse("text is not allowed", 430102)
        return got


@pytest.fixture
def fussy(desk: Desk) -> Iterator[FussyReceiver]:
    with FussyReceiver() as receiver:
        old = desk.context.destinations["legal"]
        new = Destination(
            Channel("legal", receiver.channel_url), old.options.model_copy(update={"in_full": 2})
        )
        desk.context = replace(
            desk.context, destinations={**desk.context.destinations, "legal": new}
        )
        yield receiver


def add_matches(desk: Desk, count: int, titles: dict[int, str] | None = None) -> list[int]:
    """Matches with alerts `al-0`, `al-1`..., all due at once; the matches' ids."""
    ids = []
    with desk.store.writing() as conn:
        shelf = stock(conn)
        for number in range(count):
            seen = listing(f"77{number:03}", title=(titles or {}).get(number, "Mug"))
            ids.append(add_match(conn, shelf, seen).id)
            tell(desk, conn, number, ids[-1])
    return ids


def tell(desk: Desk, conn: object, number: int, match_id: int) -> None:
    alerts.add(
        conn,  # type: ignore[arg-type]
        event=NewMatch(),
        dedup_key=f"key {number}",
        now=desk.clock(),
        alert_id=f"al-{number}",
        match_id=match_id,
    )
    alerts.route(conn, f"al-{number}", ["legal"], desk.clock())  # type: ignore[arg-type]


def try_twice(desk: Desk) -> None:
    desk.deliver()
    desk.clock.advance(seconds=6)
    desk.deliver()


def told(receiver: FussyReceiver) -> list[str]:
    return re.findall(r"\bal-\d+\b", receiver.text)


def row(desk: Desk, alert_id: str) -> AlertRow:
    with desk.store.reading() as conn:
        return next(item for item in alerts.list_rows(conn) if item.alert_id == alert_id)


def test_a_refused_title_stops_no_other_alert_and_its_own_arrives_as_a_link(
    desk: Desk, fussy: FussyReceiver
) -> None:
    add_matches(desk, 9, {4: BAD})
    try_twice(desk)
    assert sorted(told(fussy)) == [f"al-{number}" for number in range(9)]
    (plain,) = [item.text for item in fussy.messages if "al-4" in item.text]
    assert "detail.1688.com/offer/77004.html" in plain
    assert "Mug" not in plain
    assert set(desk.states().values()) == {("sent", 2)}
    assert "everything but its link" in (row(desk, "al-4").left_out or "")
    with desk.store.reading() as conn:
        assert channels.find(conn, "legal").failures == 0


def test_a_refused_link_leaves_the_id_and_the_command_that_shows_the_rest(
    desk: Desk, fussy: FussyReceiver
) -> None:
    fussy.unwanted = "77002"
    ids = add_matches(desk, 4)
    try_twice(desk)
    assert sorted(told(fussy)) == ["al-0", "al-1", "al-2", "al-3"]
    (plain,) = [item.text for item in fussy.messages if "al-2" in item.text]
    assert f"monitor matches show {ids[2]}" in plain
    assert "everything but its id" in (row(desk, "al-2").left_out or "")


def test_what_is_refused_for_its_kind_is_no_flood(desk: Desk, fussy: FussyReceiver) -> None:
    fussy.unwanted = r"1688\.com"  # no link passes
    add_matches(desk, 60)
    try_twice(desk)
    assert sorted(told(fussy)) == sorted(f"al-{number}" for number in range(60))
    assert len(fussy.messages) <= MOST_ALONE + log2(64) + 1


def test_a_channel_that_refuses_everything_is_asked_a_few_times_only(
    desk: Desk, fussy: FussyReceiver
) -> None:
    fussy.unwanted = "."
    add_matches(desk, 64)
    desk.deliver()
    assert fussy.refused == 1
    desk.clock.advance(seconds=6)
    desk.deliver()
    assert fussy.refused - 1 <= log2(64) + 6
    assert set(desk.states().values()) == {("failed", 2)}
    fussy.unwanted = BAD
    desk.clock.advance(minutes=1)
    desk.deliver()
    assert len(fussy.messages) == 1
    assert len(set(told(fussy))) == 64


def test_a_text_that_is_refused_for_an_hour_does_not_give_the_channel_up(
    desk: Desk, fussy: FussyReceiver
) -> None:
    fussy.unwanted = "."
    add_matches(desk, 1)
    for _ in range(12):
        desk.deliver()
        desk.clock.advance(minutes=10)
    assert desk.states()["al-0"][0] == "failed"


def test_an_alert_that_is_taken_in_no_form_waits_alone_with_what_follows_of_its_listing(
    desk: Desk, fussy: FussyReceiver
) -> None:
    fussy.unwanted = r"al-1\b"
    ids = add_matches(desk, 4)
    with desk.store.writing() as conn:
        tell(desk, conn, 4, ids[1])
    try_twice(desk)
    assert sorted(told(fussy)) == ["al-0", "al-2", "al-3"]
    states = desk.states()
    assert {states["al-1"], states["al-4"]} == {("failed", 2)}
    assert "430102" in (row(desk, "al-1").last_error or "")
    fussy.unwanted = BAD
    desk.clock.advance(minutes=1)
    desk.deliver()
    assert sorted(told(fussy)) == [f"al-{number}" for number in range(5)]


def test_operator_alerts_are_told_without_their_text_too(desk: Desk, fussy: FussyReceiver) -> None:
    desk.add(1, text=BAD)
    desk.add(2, text="the marketplace is paused")
    try_twice(desk)
    assert sorted(told(fussy)) == ["al-1", "al-2"]
    assert "[al-1] this channel refused its text: monitor alerts list --json" in fussy.text


def test_a_server_that_fails_is_asked_once_at_first(desk: Desk, fussy: FussyReceiver) -> None:
    add_matches(desk, 8, {1: BAD})
    desk.deliver()
    assert (fussy.refused, fussy.messages) == (1, [])


def test_each_part_that_was_taken_stays_taken_when_a_later_one_is_refused(
    desk: Desk, fussy: FussyReceiver
) -> None:
    titles = dict.fromkeys(range(300), "x" * 70) | {290: BAD}
    add_matches(desk, 300, titles)
    try_twice(desk)
    assert sorted(told(fussy)) == sorted(f"al-{number}" for number in range(300))
    assert {state for state, _ in desk.states().values()} == {"sent"}


# -- whatever is refused


def items(count: int) -> list[DueDelivery]:
    made = [SimpleNamespace(id=number, attempts=2, match=None) for number in range(count)]
    return cast(list[DueDelivery], made)


@given(
    count=st.integers(1, 120),
    refused=st.sets(st.integers(0, 119), max_size=40),
    without_link=st.sets(st.integers(0, 119), max_size=40),
)
def test_every_alert_is_taken_once_in_the_fullest_form_that_its_service_takes(
    count: int, refused: set[int], without_link: set[int]
) -> None:
    isolation = Isolation.of(items(count))
    taken: list[int] = []
    messages = 0

    def is_refused(share: Share, number: int) -> bool:
        if share.plainness is Plainness.FULL:
            return number in refused
        return share.plainness is Plainness.LINK and number in refused & without_link

    while isolation.shares:
        share = isolation.shares.popleft()
        messages += 1
        if any(is_refused(share, item.id) for item in share.items):
            isolation.refuse(share, [], ChannelError("no", about_message=True))
        else:
            isolation.note_taken(share)
            taken += [item.id for item in share.items]
    assert sorted(taken) == list(range(count))
    assert isolation.aside == []
    assert messages <= 3 * (log2(count) + 3) * (MOST_ALONE + 1) + 2 * len(refused)
