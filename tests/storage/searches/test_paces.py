"""The row of a credential: evenly spaced calls and budgets, whoever makes them."""

from __future__ import annotations

import calendar
import itertools
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from monitor.accounts.policy import PACE_RULES
from monitor.model import Budget, days_left, share
from monitor.storage.db.engine import Store
from monitor.storage.schema.versions import (
    check_schema,
    migrations_folder,
    run_migrations,
    upgrade_schema,
)
from monitor.storage.searches import paces
from monitor.storage.searches.paces import Asked, Reason, Refusal, Slot
from monitor.storage.tables import paces as pace_rows
from tests.storage.rows import START, later

FIFTH = timedelta(seconds=0.2)
ASKED = Asked("alibaba", FIFTH, timedelta(minutes=1), PACE_RULES)


def _ask(store: Store, asked: Asked = ASKED, now: datetime = START) -> Slot | Refusal:
    """`opens` is then what there is to wait: the caller's clock stands at 0."""
    with store.writing() as conn:
        return paces.reserve(conn, asked, now, lambda: 0.0)


def _take(store: Store, asked: Asked = ASKED, now: datetime = START) -> Slot:
    slot = _ask(store, asked, now)
    assert isinstance(slot, Slot)
    return slot


def _refused(store: Store, asked: Asked, now: datetime = START) -> Refusal:
    refusal = _ask(store, asked, now)
    assert isinstance(refusal, Refusal)
    return refusal


def _with(budget: Budget) -> Asked:
    return replace(ASKED, budget=budget)


def _row(store: Store) -> sa.RowMapping:
    with store.reading() as conn:
        return conn.execute(sa.text("SELECT * FROM paces")).mappings().one()


def _set(store: Store, **values: object) -> None:
    with store.writing() as conn:
        conn.execute(sa.update(pace_rows).values(values))


def _gaps(slots: list[Slot]) -> list[float]:
    opened = sorted(slot.at for slot in slots)
    return [round(after - before, 3) for before, after in itertools.pairwise(opened)]


def test_calls_are_spaced_by_credential(store: Store) -> None:
    other = replace(ASKED, key="another credential")
    assert _gaps([_take(store) for _ in range(3)]) == [0.2, 0.2]
    assert _take(store, other).opens == 0


def test_a_pause_gives_no_credit(sqlite_store: Store) -> None:
    assert _take(sqlite_store).opens == 0
    assert _take(sqlite_store, now=later(minutes=1)).opens == 0
    assert _take(sqlite_store, now=later(minutes=1)).opens == pytest.approx(0.2)


def test_a_wider_slot_keeps_those_after_it_off(store: Store) -> None:
    wide = _take(store, replace(ASKED, width=timedelta(seconds=0.5)))
    assert _gaps([wide, _take(store)]) == [0.7]


def test_a_clock_that_answers_late_widens_the_slot(pg_url: str) -> None:
    store = Store.open(pg_url)
    _take(store)
    seconds = iter([100.0, 100.05])  # before and after the look
    with store.writing() as conn:
        slot = paces.reserve(conn, ASKED, START, lambda: next(seconds))
    assert isinstance(slot, Slot)
    assert _row(store)["next_at"] - slot.at == pytest.approx(0.24)
    assert slot.opens >= 100.05
    store.close()


def test_callers_of_many_threads_never_share_a_slot(store: Store) -> None:
    slots: list[Slot] = []
    threads = [
        threading.Thread(target=lambda: slots.extend(_take(store) for _ in range(10)))
        for _ in range(4)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert _gaps(slots) == [0.2] * 39


def test_who_would_wait_too_long_takes_nothing(store: Store) -> None:
    # far apart: PostgreSQL's clock is a real one, and runs on while this asks
    slow = replace(ASKED, interval=timedelta(seconds=20), max_wait=timedelta(minutes=5))
    hasty = replace(slow, max_wait=timedelta(seconds=50))
    slots = [_take(store, hasty) for _ in range(3)]
    assert _refused(store, hasty) == Refusal(Reason.QUEUE)
    assert _row(store)["used_today"] == 3
    assert _gaps([*slots, _take(store, slow)]) == [20.0] * 3


def test_a_hold_stops_everybody_and_never_shortens_one(store: Store) -> None:
    taken = _take(store)
    with store.writing() as conn:
        paces.hold(conn, "alibaba", timedelta(seconds=30), START, PACE_RULES.longest_hold)
        paces.hold(conn, "alibaba", timedelta(seconds=10), START, PACE_RULES.longest_hold)
        assert paces.is_held(conn, "alibaba", taken)
    after = _take(store)
    assert after.opens == pytest.approx(30, abs=5)
    with store.writing() as conn:
        assert not paces.is_held(conn, "alibaba", after)
        paces.hold(conn, "alibaba", timedelta(minutes=5), START, PACE_RULES.longest_hold)
    refusal = _refused(store, ASKED)
    assert (refusal.reason, refusal.until is None) == (Reason.HELD, False)


def test_no_hold_is_longer_than_a_day(store: Store) -> None:
    with store.writing() as conn:
        paces.hold(conn, "alibaba", timedelta(days=30), START, PACE_RULES.longest_hold)
    patient = replace(ASKED, max_wait=timedelta(days=2))
    assert _take(store, patient).opens == pytest.approx(86_400, abs=5)


def test_a_hold_before_any_call_counts_too(store: Store) -> None:
    with store.writing() as conn:
        paces.hold(conn, "alibaba", timedelta(seconds=30), START, PACE_RULES.longest_hold)
    assert _take(store).opens == pytest.approx(30, abs=5)


def test_the_budget_of_a_day_is_kept_and_comes_back(sqlite_store: Store) -> None:
    asked = _with(Budget(daily=3))
    for second in range(3):
        _take(sqlite_store, asked, later(seconds=second))
    midnight = datetime(2026, 11, 25, tzinfo=UTC)
    refusal = Refusal(Reason.DAY, 3, midnight)
    assert _refused(sqlite_store, asked, later(seconds=4)) == refusal
    assert _refused(sqlite_store, asked, midnight - timedelta(seconds=1)) == refusal
    assert _take(sqlite_store, asked, midnight).used_today == 1


def test_the_budget_of_a_month_is_kept_and_comes_back(sqlite_store: Store) -> None:
    asked = _with(Budget(monthly=3, is_spread=False))
    for day in range(3):
        _take(sqlite_store, asked, later(days=day))
    refusal = Refusal(Reason.MONTH, 3, datetime(2026, 12, 1, tzinfo=UTC))
    assert _refused(sqlite_store, asked, later(days=4)) == refusal
    assert _take(sqlite_store, asked, later(days=7)).used_this_month == 1


def test_budgets_are_kept_on_the_databases_clock(store: Store) -> None:
    """On PostgreSQL the caller's clock may be wrong by years."""
    now = datetime.now(UTC) if store.dialect == "sqlite" else START - timedelta(days=3000)
    assert _take(store, now=now).used_this_month == 1
    row = _row(store)
    left = days_left(date.fromisoformat(row["day"]))
    _set(store, used_today=2, used_this_month=100)
    day_share = share(1000 - 98, left)
    assert _take(store, _with(Budget(monthly=1000)), now).used_today == 3
    _set(store, used_today=day_share, used_this_month=98 + day_share)
    refusal = _refused(store, _with(Budget(monthly=1000)), now)
    assert (refusal.reason, refusal.limit) == (Reason.SHARE, day_share)
    assert _refused(store, _with(Budget(daily=day_share)), now).reason is Reason.DAY
    assert _refused(store, _with(Budget(monthly=98 + day_share)), now).reason is Reason.MONTH
    # another day's, and another month's, don't count
    _set(store, day="2020-01-01")
    assert _take(store, _with(Budget(daily=1)), now).used_today == 1
    _set(store, day="2020-01-01", month="2020-01")
    assert _take(store, _with(Budget(monthly=1)), now).used_this_month == 1


def test_a_slot_counts_for_the_day_in_which_it_lies(sqlite_store: Store) -> None:
    asked = replace(_with(Budget(daily=1)), interval=timedelta(seconds=20))
    evening = datetime(2026, 11, 30, 23, 59, 50, tzinfo=UTC)
    assert _take(sqlite_store, asked, evening).day == date(2026, 11, 30)
    night = _take(sqlite_store, asked, evening)
    assert (night.day, night.used_today, night.used_this_month) == (date(2026, 12, 1), 1, 1)
    assert _refused(sqlite_store, asked, evening).until == datetime(2026, 12, 2, tzinfo=UTC)


def _overtaken(store: Store, asked: Asked, overtake: Callable[[], object]) -> Slot | Refusal:
    """Reserve while another process changes the row, after it was looked at."""
    calls = itertools.count()

    def monotonic() -> float:
        if next(calls) == 1:  # the first is before the look
            overtake()
        return 0.0

    with store.writing() as conn:
        return paces.reserve(conn, asked, START, monotonic)


def test_who_is_overtaken_never_takes_more_than_the_budget(pg_url: str) -> None:
    store = Store.open(pg_url)
    asked = _with(Budget(daily=2))
    _take(store, asked)
    refusal = _overtaken(store, asked, lambda: _take(store, asked))
    assert isinstance(refusal, Refusal)
    assert (refusal.reason, _row(store)["used_today"]) == (Reason.DAY, 2)
    store.close()


def test_who_is_overtaken_by_a_hold_takes_nothing(pg_url: str) -> None:
    store = Store.open(pg_url)
    _take(store)

    def hold() -> None:
        with store.writing() as conn:
            paces.hold(conn, "alibaba", timedelta(minutes=5), START, PACE_RULES.longest_hold)

    refusal = _overtaken(store, ASKED, hold)
    assert isinstance(refusal, Refusal)
    assert refusal.reason is Reason.HELD
    assert _row(store)["used_today"] == 1
    store.close()


def test_who_is_overtaken_by_midnight_counts_for_the_next_day(pg_url: str) -> None:
    store = Store.open(pg_url)
    asked = replace(_with(Budget(daily=2)), max_wait=timedelta(days=3))
    today = _take(store, asked).day
    tomorrow = datetime(today.year, today.month, today.day, tzinfo=UTC) + timedelta(days=1)
    slot = _overtaken(store, asked, lambda: _set(store, next_at=tomorrow.timestamp()))
    assert isinstance(slot, Slot)
    assert (slot.day, slot.used_today) == (tomorrow.date(), 1)
    store.close()


def test_a_slot_given_up_is_counted_once(store: Store) -> None:
    asked = _with(Budget(daily=1, monthly=1))
    first = _take(store, asked)
    again = _take(store, replace(asked, given_up=first))
    assert (again.used_today, again.used_this_month) == (1, 1)
    assert again.at > first.at
    assert _refused(store, asked).reason is Reason.MONTH


def test_a_slot_given_up_over_midnight_counts_for_both_days(sqlite_store: Store) -> None:
    first = _take(sqlite_store, now=datetime(2026, 11, 24, 23, 59, 59, tzinfo=UTC))
    asked = replace(ASKED, given_up=first)
    again = _take(sqlite_store, asked, datetime(2026, 11, 25, tzinfo=UTC))
    assert (again.used_today, again.used_this_month) == (1, 2)


def test_what_days_used_is_remembered_for_two_months(sqlite_store: Store) -> None:
    for day in range(70):
        for _ in range(1 + day % 2):
            _take(sqlite_store, now=later(days=day))
    with sqlite_store.reading() as conn:
        use = paces.list_use(conn, later(days=69), 3)["alibaba"]
        kept = conn.exec_driver_sql("SELECT count(*) FROM pace_days").scalar()
        tomorrow = paces.list_use(conn, later(days=70), 3)["alibaba"]
    assert (use.today, use.days) == (2, (1, 2, 1))
    assert (tomorrow.today, tomorrow.days) == (0, (2, 1, 2))
    assert kept == PACE_RULES.kept_days + 1


DAYS = st.dates(date(2024, 1, 1), date(2031, 12, 31))


@given(
    st.integers(1, 200_000),
    DAYS,
    st.lists(st.one_of(st.just(1.0), st.floats(0, 1)), min_size=31, max_size=31),
)
def test_a_spread_month_is_never_overdrawn_and_never_leaves_its_last_day_blind(
    quota: int, first: date, appetites: list[float]
) -> None:
    """From any day on, whatever part of its share each day takes."""
    budget, used = Budget(monthly=quota), 0
    last = calendar.monthrange(first.year, first.month)[1]
    for number in range(first.day, last + 1):
        limit = budget.limit_of(date(first.year, first.month, number), used)
        assert limit is not None
        assert limit <= -(-(quota - used) // (last - number + 1))
        # who saved up has at least as much as an even spread from the start gives, less rounding
        assert limit >= min(quota // (last - first.day + 1), quota - used)
        used += int(limit * appetites[number - 1])
    assert used <= quota


@given(st.integers(1, 200_000), DAYS)
def test_who_takes_every_share_has_used_the_whole_month_at_its_end(quota: int, day: date) -> None:
    budget, used = Budget(monthly=quota), 0
    for number in range(1, calendar.monthrange(day.year, day.month)[1] + 1):
        used += budget.limit_of(day.replace(day=number), used) or 0
    assert used == quota


def test_an_upgrade_keeps_what_accounts_have_used(empty_url: str) -> None:
    store = Store.open(empty_url)
    try:
        with store.migrating() as conn:
            run_migrations(conn, migrations_folder(), "0003")
            conn.exec_driver_sql(
                "INSERT INTO paces (name, next_at, day, used_today) VALUES"
                " ('alibaba', 1764000000.25, '2026-11-24', 17)"
            )
        upgrade_schema(store)
        assert dict(_row(store)) == {
            "key": "alibaba",
            "next_at": 1764000000.25,
            "held_until": 0,
            "day": "2026-11-24",
            "month": "2026-11",
            "used_today": 17,
            "used_this_month": 17,
        }
        with store.reading() as conn:
            assert paces.list_use(conn, later(days=1), 7)["alibaba"].days == (17,)
        assert check_schema(store) == []
    finally:
        store.close()


def test_the_row_of_a_marketplace_goes_to_its_account_once(store: Store) -> None:
    _take(store)
    _take(store)

    def carry(name: str, key: str) -> bool:
        with store.writing() as conn:
            return paces.carry_over(conn, name, key)

    assert not carry("unknown", "an account")
    assert carry("alibaba", "an account")
    assert (_row(store)["key"], _row(store)["used_today"]) == ("an account", 2)
    _take(store)  # whoever still calls by the name
    assert not carry("alibaba", "an account")
    with store.reading() as conn:
        today = datetime.now(UTC) if store.dialect == "postgresql" else START
        used = {key: use.today for key, use in paces.list_use(conn, today, 7).items()}
        days = conn.execute(sa.text("SELECT key, used FROM pace_days ORDER BY key")).all()
    assert used == {"alibaba": 1, "an account": 2}
    assert [tuple(row) for row in days] == [("alibaba", 1), ("an account", 2)]
