"""The state machine of deliveries does what is drawn at its top, and nobody else does."""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

import monitor
from monitor.model import AlertEvent, DeliveryState
from monitor.storage.db.engine import Connection, Store
from monitor.storage.tables import deliveries
from monitor.storage.telling import alerts, delivery_states, silences
from tests.storage.rows import LEASE, START, later
from tests.told import event_of

OURS, THEIRS = "me", "you"
_LATER: Final = later(hours=1)
_UNTIL: Final = _LATER + LEASE
_CHANNEL: Final = "legal"
# What an event is, of the deliveries of one channel; `ids` are all of them.
_Event = Callable[[Connection, list[int], int], object]
_EVENTS: Final[dict[str, _Event]] = {
    "hold": lambda conn, ids, _: delivery_states.hold(conn, _of(ids)),
    "silence": lambda conn, ids, mark: delivery_states.silence(conn, mark, _of(ids)),
    "catch": lambda conn, ids, _: delivery_states.catch(conn, _of(ids)),
    "hand_over": lambda conn, ids, mark: delivery_states.hand_over(conn, mark, mark, _of(ids)),
    "release": lambda conn, ids, _: delivery_states.release(conn, _LATER, _of(ids)),
    "claim": lambda conn, ids, _: delivery_states.claim(conn, ids, OURS, _LATER, _UNTIL),
    "accept": lambda conn, ids, _: delivery_states.accept(conn, ids, OURS, _LATER),
    "fail": lambda conn, ids, _: delivery_states.fail(conn, ids, OURS, "no", _LATER),
    "give_up": lambda conn, ids, _: delivery_states.give_up(conn, ids, OURS, "no"),
    "give_back": lambda conn, ids, _: delivery_states.give_back(conn, ids, OURS, "stopped"),
    "interrupt": lambda conn, ids, _: delivery_states.interrupt(conn, "cut off", _of(ids)),
    "refuse_all": lambda conn, _, __: delivery_states.refuse_all(
        conn, _CHANNEL, OURS, "no", _LATER
    ),
    "revive": lambda conn, _, __: delivery_states.revive(conn, _CHANNEL, _LATER),
    "retry": lambda conn, ids, _: delivery_states.retry(conn, _LATER, _of(ids)),
}


def _of(ids: list[int]) -> sa.ColumnElement[bool]:
    return deliveries.c.id.in_(ids)


def _drawn() -> dict[str, dict[str, str]]:
    """Event -> state before -> state after, as the table in the module's docstring has it."""
    table = (delivery_states.__doc__ or "").split("-----\n")[1]
    found: dict[str, dict[str, str]] = {}
    event = ""
    for line in table.splitlines():
        event = line[4:17].strip() or event
        for state in re.split(r",\s*", line[17:39].strip()):
            if state and not state.startswith("-"):
                found.setdefault(event, {})[state.split()[0]] = line[39:48].strip()
    return found


def _silence(conn: Connection) -> int:
    return silences.add(
        conn,
        silences.Matcher(item_id="none"),
        starts_at=START,
        expires_at=later(days=9),
        author="anne",
        reason="a test",
        now=START,
    )


def _add(conn: Connection, alert_id: str) -> int:
    """The id of a delivery that is due."""
    failed = event_of(AlertEvent.SCAN_FAILED)
    alerts.add(conn, failed, dedup_key=alert_id, now=START, alert_id=alert_id)
    alerts.route(conn, alert_id, [_CHANNEL], START)
    its = sa.select(deliveries.c.id).where(deliveries.c.alert_id == alert_id)
    return int(conn.execute(its).scalar_one())


def _put(conn: Connection, state: DeliveryState, alert_id: str, mark: int) -> int:
    """A delivery in that state, by the moves that lead there. What is dead was refused, what is
    held was held by the silence `mark`, and so was what waits, while it was in hand.
    """
    number = _add(conn, alert_id)
    if state is DeliveryState.HELD:
        delivery_states.silence(conn, mark, _of([number]))
    if state in (DeliveryState.DUE, DeliveryState.HELD):
        return number
    delivery_states.claim(conn, [number], OURS, START, later(seconds=30))
    if state is DeliveryState.SENT:
        delivery_states.accept(conn, [number], OURS, START)
    elif state is DeliveryState.FAILED:
        delivery_states.silence(conn, mark, _of([number]))
        delivery_states.fail(conn, [number], OURS, "no", later(seconds=5))
    elif state is DeliveryState.DEAD:
        refused = {"channel": _CHANNEL, "owner": OURS, "error": "no", "now": START}
        delivery_states.refuse_all(conn, **refused)  # type: ignore[arg-type]
    return number


def _states(conn: Connection, ids: list[int]) -> list[str]:
    rows = conn.execute(sa.select(deliveries.c.id, deliveries.c.state).where(_of(ids)))
    by_id = {row.id: row.state for row in rows}
    return [by_id[number] for number in ids]


def _check_row(row: sa.Row[tuple[object, ...]]) -> None:
    """What goes along with a state: a lease with what is in hand, a next try with what waits."""
    state = DeliveryState(row.state)
    is_in_hand = state is DeliveryState.SENDING
    assert (row.owner is not None) == (row.lease_until is not None) == is_in_hand
    assert (row.sent_at is not None) == (state is DeliveryState.SENT)
    if state in (DeliveryState.DUE, DeliveryState.FAILED):
        assert row.next_try_at is not None
    elif not is_in_hand:
        assert row.next_try_at is None
    assert row.refused_at is None or state is DeliveryState.DEAD


def test_every_event_of_the_machine_is_drawn() -> None:
    assert set(_drawn()) == set(_EVENTS)


@pytest.mark.parametrize("event", _EVENTS)
def test_an_event_moves_what_is_drawn_and_nothing_else(store: Store, event: str) -> None:
    drawn = _drawn()[event]
    with store.writing() as conn:
        mark = _silence(conn)
        for state in DeliveryState:  # each by itself: to refuse one is to refuse all that wait
            number = _put(conn, state, f"al-{state}", mark)
            if event == "silence" and state in (DeliveryState.HELD, DeliveryState.FAILED):
                delivery_states.unmark(conn, mark)
            if event == "catch" and state is DeliveryState.DUE:
                conn.execute(sa.update(deliveries).where(_of([number])).values(silence_id=mark))
            assert _states(conn, [number]) == [state]
            _EVENTS[event](conn, [number], mark)
            assert _states(conn, [number]) == [drawn.get(state, state)], state
            _check_row(conn.execute(sa.select(deliveries).where(_of([number]))).one())


def test_what_somebody_else_has_in_hand_is_left_to_them(store: Store) -> None:
    with store.writing() as conn:
        number = _add(conn, "al-1")
        delivery_states.claim(conn, [number], THEIRS, START, _UNTIL)
        for event in ("accept", "fail", "give_up", "give_back", "refuse_all"):
            assert _EVENTS[event](conn, [number], 0) == 0
            assert _states(conn, [number]) == ["sending"]
        assert delivery_states.renew(conn, OURS, _UNTIL) == 0
        assert delivery_states.renew(conn, THEIRS, _UNTIL + timedelta(days=1)) == 1


def test_no_order_of_events_leaves_a_row_that_makes_no_sense(store: Store) -> None:
    chance = random.Random(7)
    with store.writing() as conn:
        mark = _silence(conn)
        ids = [_add(conn, f"al-{number}") for number in range(6)]
        for _ in range(250):
            some = sorted(chance.sample(ids, 2))
            before = dict(zip(ids, _states(conn, ids), strict=True))
            event = chance.choice(list(_EVENTS))
            _EVENTS[event](conn, some, mark)
            rows = conn.execute(sa.select(deliveries).where(_of(ids))).all()
            for row in rows:
                _check_row(row)
                moved = _drawn()[event].get(before[row.id], before[row.id])
                assert row.state in (before[row.id], moved), event


def test_a_delivery_is_routed_once_to_a_channel(store: Store) -> None:
    with store.writing() as conn:
        number = _add(conn, "al-1")
        delivery_states.claim(conn, [number], OURS, START, _UNTIL)
        delivery_states.route(conn, "al-1", [_CHANNEL], _LATER, is_held=True)
        assert _states(conn, [number]) == ["sending"]
        delivery_states.route(conn, "al-1", ["mail"], _LATER, is_held=True)
        rows = conn.execute(sa.select(deliveries.c.state).order_by(deliveries.c.id)).scalars()
        assert list(rows) == ["sending", "held"]


# -- nobody else writes these rows


_PACKAGE: Final = Path(monitor.__file__).parent
_HOME: Final = _PACKAGE / "storage/telling/delivery_states.py"
_WRITES: Final = {"insert", "insert_new", "update", "delete"}
_RAW: Final = re.compile(r"\b(UPDATE|INTO|DELETE\s+FROM)\s+deliveries\b", re.IGNORECASE)


def _find_writes(source: str) -> Iterator[int]:
    """The lines of a module that write rows of deliveries."""
    tree = ast.parse(source)
    names = {"deliveries"} | {
        alias.asname
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.name == "deliveries" and alias.asname
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            if _RAW.search(node.value):
                yield node.lineno
        elif isinstance(node, ast.Call):
            function = node.func
            called = function.attr if isinstance(function, ast.Attribute) else ""
            called = function.id if isinstance(function, ast.Name) else called
            if called in _WRITES and any(_names(arg) & names for arg in node.args):
                yield node.lineno


def _names(node: ast.expr) -> set[str]:
    """What an argument is: `deliveries`, `tables.deliveries`, `deliveries.alias()`."""
    if isinstance(node, ast.Call):
        node = node.func.value if isinstance(node.func, ast.Attribute) else node.func
    if isinstance(node, ast.Attribute):
        return {node.attr}
    return {node.id} if isinstance(node, ast.Name) else set()


def test_no_other_module_writes_deliveries() -> None:
    found = {
        f"{path.relative_to(_PACKAGE)}:{line}"
        for path in _PACKAGE.rglob("*.py")
        if path != _HOME
        for line in _find_writes(path.read_text(encoding="utf-8"))
    }
    assert found == set()


@pytest.mark.parametrize(
    "planted",
    [
        'conn.execute(sa.update(deliveries).where(mine).values(state="dead"))',
        "conn.execute(update(tables.deliveries).values(state=DEAD))",
        "conn.execute(insert(conn, deliveries).values(row))",
        "insert_new(conn, deliveries, row)",
        "sa.delete(deliveries)",
        "from x import deliveries as rows\nsa.update(rows.alias())",
        "conn.exec_driver_sql(\"UPDATE deliveries SET state = 'dead'\")",
        "conn.exec_driver_sql('insert  into deliveries VALUES (1)')",
    ],
)
def test_a_write_elsewhere_would_be_found(planted: str) -> None:
    assert list(_find_writes(planted))


def test_the_machine_itself_writes_them() -> None:
    assert len(list(_find_writes(_HOME.read_text(encoding="utf-8")))) >= 5
