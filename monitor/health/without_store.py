"""What the daemon can still tell when it ends because its database can't be used."""

from __future__ import annotations

import logging
import threading

from monitor.app import interruptible_sleep
from monitor.channels import Channel
from monitor.config import Config
from monitor.errors import ChannelError, MonitorError, SchemaMismatch
from monitor.health.dead_mans_switch import open_switch
from monitor.health.findings import Finding, StoreUnusable, describe
from monitor.model import Message
from monitor.words import read_words

log = logging.getLogger(__name__)


def tell_without_store(config: Config, error: MonitorError, *, has_run: bool) -> None:
    """Ping the failure; where a running daemon ends for an outdated schema, tell the operator.

    No alert can be written then, so the message goes to each channel of `[alerts] ops` once, with
    no second try and no id. A daemon that never ran leaves it to the ping and its exit code: it is
    started again and again, and would tell every time.
    """
    never = threading.Event()
    with open_switch(config.alerts, interruptible_sleep(never)) as switch:
        if switch is not None:
            switch.hold(describe(Finding.of("", StoreUnusable(str(error)))))
    if not has_run or not isinstance(error, SchemaMismatch):
        return
    for name in config.alerts.ops:
        words = read_words(config.channels[name].language)
        said = words.say("stopped.text", error=str(error))
        channel = Channel(name, config.channels[name].url.get_secret_value())
        try:
            channel.send(Message(words.say("stopped.title"), said))
        except ChannelError as refused:
            log.warning("could not tell %s that the daemon has stopped: %s", name, refused)
