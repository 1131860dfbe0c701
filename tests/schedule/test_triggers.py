"""When a watch is due, and by how much that may be put off."""

from __future__ import annotations

import random
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.errors import InputError
from monitor.schedule.cron import Cron
from monitor.schedule.triggers import Every, parse_jitter, shortest_gap, with_jitter


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


def test_an_interval_is_counted_from_the_instant() -> None:
    assert Every(timedelta(hours=6)).next_after(at("2026-01-01 00:30")) == at("2026-01-01 06:30")


def test_a_new_watch_on_an_interval_is_due_at_once() -> None:
    assert Every(timedelta(hours=6)).first_after(at("2026-01-01")) == at("2026-01-01")


def test_a_new_watch_on_a_cron_is_due_at_its_next_time() -> None:
    assert Cron("0 6 * * *").first_after(at("2026-01-01")) == at("2026-01-01 06:00")


def test_the_text_is_the_same_for_another_spelling() -> None:
    assert Every(timedelta(minutes=360)).text == Every(timedelta(hours=6)).text == "every 6h"
    assert Cron("0  6 * *   *").text == Cron("0 6 * * *").text == "cron 0 6 * * * UTC"


def test_an_interval_below_a_second_is_refused() -> None:
    with pytest.raises(InputError, match="at least 1s"):
        Every(timedelta(milliseconds=1))


def test_no_jitter_leaves_the_time_alone() -> None:
    trigger = Every(timedelta(hours=1))
    assert with_jitter(trigger, at("2026-01-01"), timedelta(0), random.Random(1)) == at(
        "2026-01-01"
    )


@given(st.randoms(use_true_random=False), st.sampled_from([1, 60, 360, 86_400]))
def test_jitter_stays_below_a_tenth_and_keeps_the_order(rng: random.Random, seconds: int) -> None:
    trigger = Cron("*/30 * * * *")
    due = at("2026-01-01 00:30")
    put_off = with_jitter(trigger, due, timedelta(seconds=seconds), rng)
    assert due <= put_off <= due + min(timedelta(seconds=seconds), timedelta(minutes=3))


def test_the_shortest_gap_of_an_uneven_cron_counts() -> None:
    assert shortest_gap(Cron("0 9,10,17 * * *"), at("2026-01-01")) == timedelta(hours=1)
    assert shortest_gap(Every(timedelta(hours=2)), at("2026-01-01")) == timedelta(hours=2)


def test_jitter_is_a_duration_or_a_part_of_the_time_between() -> None:
    assert parse_jitter("10m") == timedelta(minutes=10)
    assert parse_jitter("0s") == timedelta(0)
    assert parse_jitter("2.5%") == 0.025
    assert parse_jitter("10%") == 0.1


@given(st.text(alphabet="0123456789.%smhd ", max_size=8))
def test_no_text_is_a_jitter_of_more_than_a_tenth(text: str) -> None:
    try:
        jitter = parse_jitter(text)
    except ValueError:
        return
    assert isinstance(jitter, timedelta) or 0 <= jitter <= 0.1
