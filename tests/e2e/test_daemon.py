"""`monitor run` as a process: what is due is done, once, over restarts and reloads."""

from __future__ import annotations

import signal
import time
from datetime import UTC, datetime, timedelta

import sqlalchemy as sa

from monitor.daemon.policy import TICK
from monitor.sandbox.receiver import JsonReceiver
from monitor.storage.db.engine import Store
from monitor.storage.tables import watches
from tests.e2e.processes import daemon, run, service_manager, start, until
from tests.e2e.rehearsal import Rehearsal, copy

BASELINE = "First scan of watch acme: 2 matches"


def searches(rehearsal: Rehearsal) -> int:
    return rehearsal.sandbox.counts["searches"]


def await_told(rehearsal: Rehearsal, text: str) -> None:
    until(lambda: text in rehearsal.told, what=f"{text!r} told")


def next_due_at(rehearsal: Rehearsal) -> datetime:
    store = Store.open(rehearsal.database_url)
    with store.reading() as conn:
        found = conn.execute(sa.select(watches.c.next_due_at)).scalar_one()
    store.close()
    assert isinstance(found, datetime)
    return found


def set_next_due_at(rehearsal: Rehearsal, instant: datetime) -> None:
    store = Store.open(rehearsal.database_url)
    with store.writing() as conn:
        conn.execute(sa.update(watches).values(next_due_at=instant))
    store.close()


def test_the_baseline_is_told_and_then_each_new_copy(rehearsal: Rehearsal) -> None:
    rehearsal.every = "1s"
    with service_manager() as manager:
        with daemon(rehearsal.config, {"NOTIFY_SOCKET": manager.address}) as process:
            assert "READY=1" in manager.lines
            await_told(rehearsal, BASELINE)
            copy(rehearsal.brand / "shirt.jpg", rehearsal.shop / "brand_new.jpg")
            await_told(rehearsal, "shirt found on 1688")
            assert process.stop()[0] == 0
        assert manager.lines[-1] == "STOPPING=1"
        assert manager.lines.count("READY=1") == 1
    assert len(rehearsal.receiver.received) == 2


def test_a_restart_neither_rescans_nor_skips(sqlite_rehearsal: Rehearsal) -> None:
    rehearsal = sqlite_rehearsal
    config = rehearsal.config
    with daemon(config) as process:
        await_told(rehearsal, BASELINE)
        assert process.stop()[0] == 0
    due, done = next_due_at(rehearsal), searches(rehearsal)
    assert timedelta(hours=5.9) < due - datetime.now(UTC) < timedelta(hours=6)

    with daemon(config) as process:
        time.sleep(TICK.total_seconds())  # nothing is what we wait for
        process.stop()
    assert searches(rehearsal) == done
    assert next_due_at(rehearsal) == due

    # three due times were missed while nothing ran
    missed = datetime.now(UTC) - timedelta(hours=19)
    set_next_due_at(rehearsal, missed)
    with daemon(config) as process:
        until(lambda: searches(rehearsal) == 2 * done)
        time.sleep(TICK.total_seconds())
        process.stop()
    assert searches(rehearsal) == 2 * done
    until_next = next_due_at(rehearsal) - datetime.now(UTC)
    assert timedelta(hours=5.9) < until_next < timedelta(hours=6)
    # that it was down for so long is the one thing that is new
    assert len(rehearsal.receiver.received) == 2
    assert rehearsal.told.count("Watch acme is late") == 1


def test_a_reload_takes_a_new_channel_and_a_new_watch(sqlite_rehearsal: Rehearsal) -> None:
    config = sqlite_rehearsal.config
    with JsonReceiver() as second, service_manager() as manager:
        with daemon(config, {"NOTIFY_SOCKET": manager.address}) as process:
            await_told(sqlite_rehearsal, BASELINE)
            done = searches(sqlite_rehearsal)
            sqlite_rehearsal.more = (
                f'[channels.second]\nurl = "{second.url}"\ngroup = "0s"\n\n'
                '[[watch]]\nname = "again"\nimages = "brand"\nmarketplaces = ["rehearsal"]\n'
                'every = "6h"\nchannels = ["second"]\n'
            )
            assert sqlite_rehearsal.config == config
            process.send(signal.SIGHUP)
            until(lambda: second.received, what="the new watch's baseline")
            assert second.received[0].title == "First scan of watch again: 2 matches"
            assert process.stop()[0] == 0
        # the old watch kept its due time
        assert searches(sqlite_rehearsal) == 2 * done
        lines = manager.lines
        reloading = lines.index("RELOADING=1")
        assert lines[reloading + 1].startswith("MONOTONIC_USEC=")
        assert "READY=1" in lines[reloading:]
    assert len(sqlite_rehearsal.receiver.received) == 1


def test_a_reload_that_cannot_work_keeps_the_old_config(sqlite_rehearsal: Rehearsal) -> None:
    rehearsal = sqlite_rehearsal
    rehearsal.every = "1s"
    config, good_url = rehearsal.config, rehearsal.database_url
    with daemon(config) as process:
        config.write_text("[[watch\n", encoding="utf-8")
        process.send(signal.SIGHUP)
        process.await_log("not TOML")
        assert "reload refused, the old config stays" in process.log

        no_database = rehearsal.folder / "no database"
        no_database.write_text("this is a text and no database at all", encoding="utf-8")
        rehearsal.database_url = f"sqlite:///{no_database}"
        assert rehearsal.config == config
        process.send(signal.SIGHUP)
        process.await_log("the new config can't start, back to the old one")

        rehearsal.database_url = good_url
        await_told(rehearsal, BASELINE)
        copy(rehearsal.brand / "shirt.jpg", rehearsal.shop / "brand_new.jpg")
        await_told(rehearsal, "shirt found on 1688")
        assert process.stop()[0] == 0


def test_a_config_with_problems_does_not_start(sqlite_rehearsal: Rehearsal) -> None:
    config = sqlite_rehearsal.config
    config.write_text("[[watch]]\nname = 1\n", encoding="utf-8")
    with start(config.parent, ["--config", str(config), "run"]) as process:
        assert process.wait() == 2
        assert "config.toml:2" in process.log
        assert "Traceback" not in process.log


def test_a_channel_that_is_down_is_tried_again_on_time_across_a_restart(
    sqlite_rehearsal: Rehearsal,
) -> None:
    def delivery() -> dict[str, object]:
        (row,) = sqlite_rehearsal.rows(
            "SELECT min(attempts) AS attempts, min(next_try_at) AS next_try_at, "
            "min(state) AS state FROM alert_history WHERE event = 'new_match'"
        )
        return row

    def wait_until_next_try() -> timedelta:
        text = f"{delivery()['next_try_at']}+00:00"
        return datetime.fromisoformat(text) - datetime.now(UTC)

    sqlite_rehearsal.receiver.status = 503
    config = sqlite_rehearsal.config
    with daemon(config) as process:
        until(lambda: delivery()["state"] == "failed")
        first = wait_until_next_try()
        assert timedelta(seconds=3) < first <= timedelta(seconds=5.5)
        assert process.stop()[0] == 0
    with daemon(config) as process:
        # not at once, because it was restarted
        assert delivery()["attempts"] == 1
        until(lambda: delivery()["attempts"] == 2 and delivery()["state"] == "failed")
        assert timedelta(seconds=13) < wait_until_next_try() <= timedelta(seconds=16.5)
        # the operator mends it and does not want to wait
        sqlite_rehearsal.receiver.status = 200
        run(config.parent, "--config", str(config), "alerts", "retry", "--all")
        until(lambda: delivery()["state"] == "sent")
        process.stop()
    assert sqlite_rehearsal.told.count(BASELINE) == 1
