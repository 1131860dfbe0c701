"""`monitor run`: the daemon from its start to its end, over reloads."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from contextlib import ExitStack

from monitor.alerting.retry import INTERRUPTED
from monitor.app import App, open_app
from monitor.config import Config
from monitor.daemon.policy import RELEASE_LIMIT
from monitor.daemon.signals import Signals
from monitor.daemon.steps import Daemon
from monitor.daemon.systemd import notify, reloading
from monitor.errors import ConfigError, InputError, Stopping, StoreError
from monitor.health.dead_mans_switch import open_switch
from monitor.health.without_store import tell_without_store
from monitor.storage.leases import release

log = logging.getLogger(__name__)

LoadConfig = Callable[[], Config]


def run(load_config: LoadConfig, notify_address: str | None) -> bool:
    """Run until SIGTERM or SIGINT; SIGHUP loads the config anew and keeps the old one if it is bad.

    Returns whether everything in hand ended in time. Raises ConfigError or StoreError if it can't
    start at all, or SchemaMismatch if its database is upgraded under it.
    """
    signals = Signals()
    with signals.installed():
        config, clean, has_run = load_config(), True, False
        working: Config | None = None
        while not signals.is_stopping:
            try:
                following, clean = _serve(config, load_config, signals, notify_address)
            except Stopping:
                log.info("stopped while starting")
            except (StoreError, InputError) as error:
                has_run = has_run or working is not None or signals.failure is not None
                if working is None or signals.failure is not None:
                    tell_without_store(config, error, has_run=has_run)
                    raise
                log.error("the new config can't start, back to the old one: %s", error)  # noqa: TRY400
                config, working = working, None
            else:
                config, working = following, config
    return clean


def _serve(
    config: Config, load_config: LoadConfig, signals: Signals, notify_address: str | None
) -> tuple[Config, bool]:
    """Run one config until a stop or a good reload; (config to go on with, ended in time)."""

    def status(message: str) -> None:
        notify(message, notify_address)

    stop = signals.new_stop()
    with ExitStack() as stack:
        app = stack.enter_context(open_app(config, stop))
        switch = stack.enter_context(open_switch(config.alerts, app.sleep))
        daemon = Daemon(app, status, switch, signals.give_up)
        clock = daemon.start()
        status(f"READY=1\nSTATUS=watching with {len(config.watches)} watches")
        log.info("ready watches=%d marketplaces=%d channels=%d", *_sizes(config))
        following = _await_signal(config, load_config, signals, status)
        status("STOPPING=1" if signals.is_stopping else reloading())
        stop.set()
        late = clock.drain()
        if late:
            log.error("did not end in time: %s; their rows are taken over later", ", ".join(late))
        elif not _release_in_time(app):
            late = ["giving rows back"]
    if signals.failure is not None:
        raise signals.failure
    log.info("stopped" if signals.is_stopping else "config reloaded")
    return following, not late


def _sizes(config: Config) -> tuple[int, int, int]:
    return len(config.watches), len(config.marketplaces), len(config.channels)


def _await_signal(
    config: Config, load_config: LoadConfig, signals: Signals, status: Callable[[str], None]
) -> Config:
    """Wait for a stop or for a reload that loads; the config to go on with."""
    while True:
        signals.wake.wait()
        signals.wake.clear()
        if signals.is_stopping or signals.failure is not None:
            return config
        try:
            return load_config()
        except ConfigError as error:
            log.error("reload refused, the old config stays:\n%s", error)  # noqa: TRY400
            status("STATUS=reload refused: the new config has problems, see the log")


def _release_in_time(app: App) -> bool:
    """Give back what is still ours; False if the database doesn't answer."""
    thread = threading.Thread(target=_release, args=(app,), name="release", daemon=True)
    thread.start()
    thread.join(RELEASE_LIMIT.total_seconds())
    if thread.is_alive():
        log.error("the database does not answer; our rows are taken over later")
    return not thread.is_alive()


def _release(app: App) -> None:
    """The stop event is set, so a lock of SQLite's is not waited for."""
    try:
        with app.store.writing() as conn:
            release(conn, app.scans.owner, INTERRUPTED)
    except (StoreError, Stopping) as error:
        log.warning("could not give rows back: %s; their leases run out", error)
