"""Alerts under fire: the real daemon killed again and again while matches stream in.

    PYTHONPATH=. python benchmarks/alerts_crash.py --kills 200     both databases, half an hour
    PYTHONPATH=. python benchmarks/alerts_crash.py --kills 50 --database sqlite --seed 7

A sandbox marketplace gets new copies of a picture; the daemon searches it every second and tells
three channels on loopback: a web hook, a mail server, a WeCom bot. At random moments it is killed
by SIGKILL; the receivers go down and come back, refuse, take a message and hang, or cut the
connection. At the end everything is up, and each channel's ledger is held against what arrived.
Exits 1 if anything is missing, unknown or unexplained.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

from databases import KINDS, new_database

from tests.e2e.crashes import ChannelTally, Crashes, crashing
from tests.e2e.rehearsal import rehearse

_COLUMNS = (
    "channel",
    "deliveries",
    "missing",
    "messages",
    "refused",
    "lost_answers",
    "repeated_by_lost_answer",
    "repeated_by_kill",
    "unexplained",
    "duplicates",
    "most_receipts",
    "unknown_ids",
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--kills", type=int, default=200)
    parser.add_argument("--database", choices=KINDS, action="append")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--minutes", type=float, default=60.0, help="stop killing after so long")
    options = parser.parse_args()
    bad = [
        name
        for name in options.database or KINDS
        if not run(name, options.kills, options.seed, options.minutes)
    ]
    sys.exit(1 if bad else 0)


def run(database: str, kills: int, seed: int, minutes: float) -> bool:
    """One run on one database, printed; whether the contract was kept."""
    with (
        tempfile.TemporaryDirectory() as folder,
        new_database(database) as url,
        rehearse(Path(folder) / "home", url, copies=0, others=2) as rehearsal,
        crashing(rehearsal, seed) as crashes,
    ):
        began = time.monotonic()
        while len(crashes.kills) < kills and time.monotonic() - began < minutes * 60:
            crashes.live_and_die()
            _progress(crashes, kills)
        crashes.finish()
        return _show(database, crashes, time.monotonic() - began)


def _progress(crashes: Crashes, kills: int) -> None:
    arrived = sum(len(item.log.arrivals) for item in crashes.receivers.values())
    sys.stderr.write(f"\r{len(crashes.kills)} of {kills} kills, {arrived} messages")
    sys.stderr.flush()


def _show(database: str, crashes: Crashes, seconds: float) -> bool:
    tallies, untold = crashes.tally(), crashes.count_untold_matches()
    print(
        f"\n{database}: {len(crashes.kills)} kills in {seconds / 60:.1f} min, of which "
        f"{crashes.killed_while_scanning} in mid-scan and {crashes.killed_while_sending} in "
        f"mid-delivery; {crashes.goods} matches, {untold} (match, channel) pairs untold"
    )
    print("| " + " | ".join(name.replace("_", " ") for name in _COLUMNS) + " |")
    print("|---" * len(_COLUMNS) + "|")
    for tally in tallies:
        print("| " + " | ".join(str(getattr(tally, name)) for name in _COLUMNS) + " |")
    return untold == 0 and all(_is_kept(tally, len(crashes.kills)) for tally in tallies)


def _is_kept(tally: ChannelTally, kills: int) -> bool:
    repeated = tally.repeated_by_kill + tally.repeated_by_lost_answer
    return (
        tally.missing == tally.unknown_ids == tally.unexplained == 0
        and repeated <= kills + tally.lost_answers
    )


if __name__ == "__main__":
    main()
