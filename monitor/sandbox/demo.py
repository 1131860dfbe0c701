"""The whole job on loopback: drawn pictures, a real scan over HTTP, a real alert, a report."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from pathlib import Path

from monitor.app import open_app, utc_now
from monitor.config import load
from monitor.daemon.once import Summary, scan_now
from monitor.errors import InputError
from monitor.report.build import build_report, write_report
from monitor.sandbox.drawing import draw_brand, draw_shop
from monitor.sandbox.receiver import JsonReceiver, ReceivedAlert
from monitor.sandbox.server import Rules, Sandbox

# The demo waits for no one's pace: a rate that leaves the scan a few seconds long.
_RATE = 20
_SHOP_SIZE = 66

Show = Callable[[int, int], None]
ProgressBar = Callable[[str], AbstractContextManager[Show]]


@dataclass(frozen=True, slots=True)
class DemoResult:
    """What a rehearsal came to, and where its files are."""

    folder: Path
    config: Path
    database: Path
    report: Path
    summary: Summary
    alerts: tuple[ReceivedAlert, ...]
    port: int
    rate: int
    searches: int
    pictures: int


def new_folder(parent: Path, now: datetime) -> Path:
    """A fresh folder for one run: each rehearsal finds its matches for the first time."""
    base = parent / f"{now:%Y%m%d-%H%M%S}"
    for number in count(1):
        folder = base if number == 1 else base.with_name(f"{base.name}-{number}")
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue  # another run of this second
        except OSError as error:
            raise InputError(f"can't make the folder {folder}: {error.strerror}") from error
        return folder
    raise AssertionError("numbers don't end")


def run_demo(
    folder: Path, environ: Mapping[str, str], stop: threading.Event, progress_bar: ProgressBar
) -> DemoResult:
    """Rehearse in an empty folder. Raises StoreError, InputError or Stopping."""
    brand, shop = folder / "brand", folder / "shop"
    with progress_bar("drawing pictures") as show:
        show(0, _SHOP_SIZE)
        drawn = draw_brand(brand)
        for number, _ in enumerate(draw_shop(shop, drawn), start=1):
            show(number, _SHOP_SIZE)
    with Sandbox(shop, Rules(rate=_RATE)) as sandbox, JsonReceiver() as receiver:
        path = folder / "config.toml"
        path.write_text(config_text(sandbox, receiver.url), encoding="utf-8")
        config = load(path, environ)
        with open_app(config, stop) as app:
            with progress_bar("scanning") as show:
                summary = scan_now(app, ["demo"], show)
            report = folder / "report.html"
            write_report(build_report(app.store, app.scans.files, utc_now()), report)
        return DemoResult(
            folder=folder,
            config=path,
            database=folder / "monitor.db",
            report=report,
            summary=summary,
            alerts=tuple(receiver.received),
            port=sandbox.port,
            rate=sandbox.rules.rate,
            searches=sandbox.counts["searches"],
            pictures=sandbox.counts["pictures"],
        )


def config_text(sandbox: Sandbox, channel_url: str) -> str:
    """A config as a user would write it, for the servers of this run."""
    rules = sandbox.rules
    return f"""\
# Made by `monitor demo`. Its marketplace and its channel ran on this machine only while the demo
# ran; see the end of the demo's output for how to start the marketplace again.
[database]
url = "sqlite:///monitor.db"

[storage]
pictures = "pictures"

[marketplaces.rehearsal]
type = "guide_1688"
base_url = "{sandbox.url}"
app_key = "{rules.app_key}"
app_secret = "{rules.app_secret}"
rate = "{rules.rate}/s"

[channels.hook]
url = "{channel_url}"

[alerts]
ops = ["hook"]

[[watch]]
name = "demo"
images = "brand"
marketplaces = ["rehearsal"]
every = "6h"
channels = ["hook"]
"""
