"""The daemon killed at random moments while matches stream in and receivers fail.

The short form is in test_crashes.py, the long one in benchmarks/alerts_crash.py.
"""

from __future__ import annotations

import random
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from monitor.storage.db.engine import Store
from monitor.storage.telling import deliveries
from tests.e2e.faulty_receivers import (
    Arrival,
    HttpReceiver,
    MailReceiver,
    Mode,
    Receiver,
    WeComReceiver,
)
from tests.e2e.processes import daemon, start, until
from tests.e2e.rehearsal import Rehearsal, copy

# What a receiver does during one life of the daemon.
_MODES = (Mode.UP, Mode.SLOW) * 4 + (Mode.DOWN, Mode.REFUSE, Mode.HANG, Mode.LOSE)
# So many copies stay in the shop, so that a cycle stays short.
_MOST_GOODS = 24
# Every so many lives, one lasts until something has arrived.
_LONG_LIFE = 4
_QUIET_SECONDS = 300.0
_READY_IN_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class ChannelTally:
    """What became of one channel's deliveries.

    A repeated message is one of which a later one told an alert again, because its answer was lost
    or because the daemon was killed; duplicates count alerts.
    """

    channel: str
    deliveries: int
    missing: int
    messages: int
    refused: int
    lost_answers: int
    repeated_by_kill: int
    repeated_by_lost_answer: int
    unexplained: int
    duplicates: int
    most_receipts: int
    unknown_ids: int


@dataclass
class Crashes:
    """One run: what was killed when, what was for sale, what arrived.

    `usual_seconds` is what this machine needs from the start of the daemon to its first message:
    lives go by it, so that kills hit every step of the way on a slow machine too.
    """

    rehearsal: Rehearsal
    receivers: Mapping[str, Receiver]
    rng: random.Random
    usual_seconds: float = 3.0
    kills: list[float] = field(default_factory=list)
    killed_while_sending: int = 0
    killed_while_scanning: int = 0
    _goods: int = 0

    def begin(self) -> None:
        """The first scan is told by every channel, and timed."""
        began = time.monotonic()
        with daemon(self.rehearsal.config) as process:
            self._offer()
            everybody = self.receivers.values()
            until(lambda: all(item.log.arrivals for item in everybody), _QUIET_SECONDS)
            self.usual_seconds = time.monotonic() - began
            assert process.stop()[0] == 0

    def live_and_die(self) -> None:
        """Start the daemon, bring copies to the shop, kill it at a random moment."""
        rng = self.rng
        for receiver in self.receivers.values():
            receiver.set_mode(rng.choice(_MODES))
        with start(self.rehearsal.folder, self._words()) as process:
            if rng.random() < 0.85:  # others die while they start
                process.await_log("ready watches=", _READY_IN_SECONDS)
            life = rng.uniform(0, 1.5 * self.usual_seconds)
            moments = sorted(rng.uniform(0, life) for _ in range(rng.randint(1, 3)))
            began = time.monotonic()
            for moment in moments:
                time.sleep(max(0.0, began + moment - time.monotonic()))
                self._offer()
                if rng.random() < 0.3:
                    rng.choice(list(self.receivers.values())).set_mode(rng.choice(_MODES))
            time.sleep(max(0.0, began + life - time.monotonic()))
            if len(self.kills) % _LONG_LIFE == _LONG_LIFE - 1:
                self._await_arrival()
            process.kill()
        self.kills.append(time.monotonic())
        self._note_what_was_killed()
        self._clear_away()

    def finish(self) -> None:
        """Everything is up again: wait until all that is for sale is found and told."""
        for receiver in self.receivers.values():
            receiver.set_mode(Mode.UP)
        with daemon(self.rehearsal.config) as process:
            until(self._is_all_found, _QUIET_SECONDS, "all found")
            until(self._is_all_told, _QUIET_SECONDS, "all told")
            assert process.stop()[0] == 0

    def tally(self) -> list[ChannelTally]:
        """Each channel's ledger against what its receiver has taken."""
        rows = self.rehearsal.rows("SELECT alert_id, channel FROM alert_history")
        known = {str(row["alert_id"]) for row in rows}
        return [
            _tally(
                name,
                {str(row["alert_id"]) for row in rows if row["channel"] == name},
                known,
                receiver,
                self.kills,
            )
            for name, receiver in self.receivers.items()
        ]

    def count_untold_matches(self) -> int:
        """(match, channel) pairs of which no message came."""
        rows = self.rehearsal.rows("SELECT alert_id, match_id, channel FROM alert_history")
        told = {
            (row["match_id"], name)
            for name, receiver in self.receivers.items()
            for row in rows
            if any(str(row["alert_id"]) in arrival.ids for arrival in receiver.log.arrivals)
        }
        matches = self.rehearsal.rows("SELECT match_id FROM match_history")
        wanted = {(row["match_id"], name) for row in matches for name in self.receivers}
        return len(wanted - told)

    @property
    def goods(self) -> int:
        """How many copies were for sale, all in all."""
        return self._goods

    def _words(self) -> Sequence[str]:
        return ["--config", str(self.rehearsal.config), "run"]

    def _await_arrival(self) -> None:
        """Let it get through, for a while: else the same work is begun anew in every life."""
        before, end = self._arrived(), time.monotonic() + 10 * self.usual_seconds
        while self._arrived() == before and time.monotonic() < end:
            time.sleep(self.rng.uniform(0, 0.1))

    def _arrived(self) -> int:
        return sum(len(receiver.log.arrivals) for receiver in self.receivers.values())

    def _offer(self) -> None:
        """One more copy of the shirt."""
        path = self._path(self._goods)
        copy(self.rehearsal.brand / "shirt.jpg", path)
        # no two listings share a file
        with path.open("ab") as file:
            file.write(str(self._goods).encode())
        self._goods += 1

    def _path(self, number: int) -> Path:
        return self.rehearsal.shop / f"offer_{number}.jpg"

    def _matched(self) -> set[object]:
        return {row["title"] for row in self.rehearsal.rows("SELECT title FROM match_history")}

    def _is_all_found(self) -> bool:
        return {_title(number) for number in range(self._goods)} <= self._matched()

    def _clear_away(self) -> None:
        """Take out of the shop what has been found, but for the newest."""
        found = self._matched()
        for number in range(self._goods - _MOST_GOODS):
            if _title(number) in found:
                self._path(number).unlink(missing_ok=True)

    def _note_what_was_killed(self) -> None:
        sending = self.rehearsal.rows("SELECT 1 AS n FROM alert_history WHERE state = 'sending'")
        scanning = self.rehearsal.rows(
            "SELECT 1 AS n FROM scan_health WHERE started_at IS NOT NULL AND finished_at IS NULL"
        )
        self.killed_while_sending += bool(sending)
        self.killed_while_scanning += bool(scanning)

    def _is_all_told(self) -> bool:
        """What failed is due in minutes or an hour by now: an operator wouldn't wait either."""
        store = Store.open(self.rehearsal.database_url)
        try:
            with store.writing() as conn:
                deliveries.retry(conn, None, None, datetime.now(UTC))
        finally:
            store.close()
        time.sleep(0.5)
        waiting = self.rehearsal.rows(
            "SELECT alert_id FROM alert_history WHERE state IS NULL OR state <> 'sent'"
        )
        return not waiting


def _title(number: int) -> str:
    """What the sandbox calls the listing of an offer."""
    return f"offer {number}"


def _tally(
    name: str, wanted: set[str], known: set[str], receiver: Receiver, kills: Sequence[float]
) -> ChannelTally:
    arrivals = receiver.log.arrivals
    causes = [_cause(arrivals, index, kills) for index in range(len(arrivals))]
    receipts: dict[str, int] = {}
    for arrival in arrivals:
        for alert_id in arrival.ids:
            receipts[alert_id] = receipts.get(alert_id, 0) + 1
    by_kill = [cause for cause in causes if isinstance(cause, float)]
    return ChannelTally(
        channel=name,
        deliveries=len(wanted),
        missing=len(wanted - receipts.keys()),
        messages=len(arrivals),
        refused=receiver.log.refused,
        lost_answers=sum(not arrival.is_answered for arrival in arrivals),
        # of a channel's messages only one can be in hand when the daemon is killed
        repeated_by_kill=len(set(by_kill)),
        repeated_by_lost_answer=causes.count("lost answer"),
        unexplained=causes.count("unexplained") + len(by_kill) - len(set(by_kill)),
        duplicates=sum(count - 1 for count in receipts.values()),
        most_receipts=max(receipts.values(), default=0),
        unknown_ids=len(receipts.keys() - known) + sum(not arrival.ids for arrival in arrivals),
    )


def _cause(arrivals: Sequence[Arrival], index: int, kills: Sequence[float]) -> float | str | None:
    """Why a message's alerts came again: the kill's moment, or words; None if they didn't."""
    this = arrivals[index]
    again = next((later for later in arrivals[index + 1 :] if later.ids & this.ids), None)
    if again is None:
        return None
    if not this.is_answered:
        return "lost answer"
    return next((kill for kill in kills if this.at < kill < again.at), "unexplained")


@contextmanager
def crashing(rehearsal: Rehearsal, seed: int) -> Iterator[Crashes]:
    """A rehearsal with three channels, whose first scan was told: a hook, mail and a chat."""
    receivers: dict[str, Receiver] = {
        "hook": HttpReceiver(),
        "mail": MailReceiver(),
        "wecom": WeComReceiver(),
    }
    rehearsal.every = "1s"
    rehearsal.channel_url = receivers["hook"].url
    rehearsal.channels = tuple(receivers)
    rehearsal.more = "\n".join(
        f'[channels.{name}]\nurl = "{receivers[name].url}"\n{options}\n'
        # a bot's usual pace of 20 a minute is longer than most lives here
        for name, options in (("mail", 'group = "1s"'), ("wecom", 'group = "0s"\npace = "600/m"'))
    )
    crashes = Crashes(rehearsal, receivers, random.Random(seed))
    try:
        crashes.begin()
        yield crashes
    finally:
        for receiver in receivers.values():
            receiver.close()
