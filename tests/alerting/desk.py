"""A desk with two channels on receivers of their own, and a clock that a test moves."""

from __future__ import annotations

import itertools
import random
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

from monitor.alerting.context import AlertContext, Destination, Routes
from monitor.alerting.deliver import deliver_next
from monitor.alerting.options import ChannelOptions
from monitor.alerting.retry import INTERRUPTED
from monitor.alerting.route import route_alerts
from monitor.channels import Channel
from monitor.model import AlertEvent
from monitor.sandbox.receiver import JsonReceiver
from monitor.scanning.policy import LEASE
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Store
from monitor.storage.leases import take_over, this_process
from monitor.storage.telling import alerts
from tests.e2e.rehearsal import Clock
from tests.told import add_written

AT_ONCE = timedelta(0)


class Desk:
    """Channels `legal` and `ops` on one receiver each, and a clock."""

    def __init__(self, store: Store, legal: JsonReceiver, ops: JsonReceiver, folder: Path) -> None:
        numbers = itertools.count(1)
        self.store, self.legal, self.ops, self.clock = store, legal, ops, Clock()
        self.context = AlertContext(
            store=store,
            files=PictureFiles(folder),
            destinations={
                name: Destination(Channel(name, receiver.url), ChannelOptions(group=AT_ONCE))
                for name, receiver in (("legal", legal), ("ops", ops))
            },
            routes=Routes(ops=("legal",)),
            lease=LEASE,
            owner=this_process(),
            clock=self.clock,
            random=random.Random(1),
            new_alert_id=lambda: f"al-new-{next(numbers)}",
            sleep=self._sleep,
        )
        self.slept: list[float] = []
        self.on_sleep: Callable[[], None] = lambda: None

    def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.clock.advance(seconds=seconds)
        self.on_sleep()

    def set(self, name: str = "legal", **options: object) -> None:
        """Other options for a channel; what is not named is as by default, without a group."""
        old = self.context.destinations[name]
        new = replace(old, options=ChannelOptions(group=AT_ONCE).model_copy(update=options))
        self.context = replace(self.context, destinations={**self.context.destinations, name: new})

    def restart(self, owner: str) -> None:
        """Another process in place of this one, which is dead and has given nothing back."""
        dead = self.context.owner
        self.context = replace(self.context, owner=owner)
        with self.store.writing() as conn:
            take_over(conn, lambda other: other == dead, INTERRUPTED)

    def add(
        self, number: int, event: AlertEvent = AlertEvent.SCAN_FAILED, text: str | None = None
    ) -> None:
        with self.store.writing() as conn:
            add_written(
                conn,
                event,
                text or f"text {number}",
                dedup_key=f"key {number}",
                now=self.clock(),
                alert_id=f"al-{number}",
            )

    def deliver(self, *names: str) -> None:
        route_alerts(self.context)
        for name in names or ("legal",):
            while deliver_next(self.context, name):
                pass

    def states(self) -> dict[str, tuple[str | None, int | None]]:
        with self.store.reading() as conn:
            return {row.alert_id: (row.state, row.attempts) for row in alerts.list_rows(conn)}

    def ids_at(self, receiver: JsonReceiver) -> list[str]:
        """The ids of the alerts added by number in what arrived, as often as they did."""
        return [
            alert_id
            for message in receiver.received
            for alert_id in dict.fromkeys(re.findall(r"\bal-\d+\b", message.body))
        ]
