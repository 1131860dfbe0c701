"""A watch, a shop and a receiver in one temporary folder: what the end-to-end tests share."""

from __future__ import annotations

import io
import json
import random
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from PIL import Image, ImageOps

from monitor.app import App, open_app
from monitor.config import load
from monitor.daemon.once import Summary, scan_now
from monitor.sandbox import Sandbox
from monitor.sandbox.drawing import draw_product
from monitor.sandbox.receiver import JsonReceiver
from monitor.sandbox.server import Rules

# before any real clock, which the commands under test go by
START = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)


@dataclass
class Clock:
    """Time that moves when a test says so."""

    now: datetime = START

    def __call__(self) -> datetime:
        self.now += timedelta(milliseconds=1)
        return self.now

    def advance(self, **parts: float) -> None:
        self.now += timedelta(**parts)


@dataclass
class Rehearsal:
    """`brand` and `shop` are folders; `database_url` is any of both databases.

    `channel_url` stands in for the receiver's own, `more` is written at the config's end;
    `alerts_lines` and `channels` (of the watch) say who is told.
    """

    folder: Path
    database_url: str
    sandbox: Sandbox
    receiver: JsonReceiver
    clock: Clock = field(default_factory=Clock)
    watch_name: str = "acme"
    watch_lines: tuple[str, ...] = ()
    marketplace_lines: tuple[str, ...] = ()
    every: str = "6h"
    channel_url: str | None = None
    alerts_lines: tuple[str, ...] = ()
    channels: tuple[str, ...] = ("hook",)
    more: str = ""

    @property
    def brand(self) -> Path:
        return self.folder / "brand"

    @property
    def shop(self) -> Path:
        return self.folder / "shop"

    @property
    def config(self) -> Path:
        """The config file, written anew from what the test has set."""
        path = self.folder / "config.toml"
        rules = self.sandbox.rules
        lines = [
            f'[database]\nurl = "{self.database_url}"',
            '[storage]\npictures = "pictures"',
            f'[marketplaces.rehearsal]\ntype = "guide_1688"\nbase_url = "{self.sandbox.url}"\n'
            f'app_key = "{rules.app_key}"\napp_secret = "{rules.app_secret}"\n'
            f'rate = "{rules.rate}/s"\n' + "\n".join(self.marketplace_lines),
            f'[channels.hook]\nurl = "{self.channel_url or self.receiver.url}"\ngroup = "0s"',
            '[alerts]\nops = ["hook"]\n' + "\n".join(self.alerts_lines),
            f'[[watch]]\nname = "{self.watch_name}"\nimages = "brand"\n'
            f'marketplaces = ["rehearsal"]\nevery = "{self.every}"\n'
            f"channels = {json.dumps(self.channels)}\n" + "\n".join(self.watch_lines),
            self.more,
        ]
        path.write_text("\n\n".join(lines) + "\n", encoding="utf-8")
        return path

    @contextmanager
    def app(self) -> Iterator[App]:
        rng = random.Random(1)
        config = load(self.config, {})
        with open_app(config, threading.Event(), clock=self.clock, rng=rng) as app:
            yield app

    def scan(self) -> Summary:
        """One `monitor scan`, as a process of its own would do it."""
        self.clock.advance(hours=1)
        with self.app() as app:
            return scan_now(app, ["acme"], _show)

    def rows(self, statement: str) -> list[dict[str, object]]:
        """What a user's own query says."""
        from monitor.storage.schema.sql import run_readonly

        columns, rows = run_readonly(self.database_url, statement)
        return [dict(zip(columns, row, strict=True)) for row in rows]

    @property
    def told(self) -> str:
        """Everything that arrived at the receiver, as one text."""
        return "\n".join(f"{item.title}\n{item.body}" for item in self.receiver.received)


def _show(done: int, total: int) -> None:
    assert 0 <= done <= total


def draw(path: Path, seed: int) -> Path:
    """A drawn product picture as a JPEG file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(_drawn(seed))
    return path


@cache
def _drawn(seed: int) -> bytes:
    buffer = io.BytesIO()
    draw_product(seed).resize((450, 450)).save(buffer, "JPEG", quality=90)
    return buffer.getvalue()


def copy(source: Path, target: Path, *, mirrored: bool = False) -> Path:
    """What a shop makes of a picture: smaller, recompressed, perhaps mirrored."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with Image.open(source) as picture:
        made = ImageOps.mirror(picture) if mirrored else picture
        made.resize((380, 380)).save(target, "JPEG", quality=60)
    return target


@contextmanager
def rehearse(
    folder: Path, database_url: str, *, copies: int = 2, others: int = 4
) -> Iterator[Rehearsal]:
    """Two brand pictures, `copies` copies of the first and `others` other goods in the shop."""
    for name, seed in (("mug", 10), ("shirt", 28)):
        draw(folder / f"brand/{name}.jpg", seed)
    for number in range(copies):
        copy(folder / "brand/mug.jpg", folder / f"shop/copy_{number}.jpg", mirrored=number % 2 == 1)
        # no two listings share a file
        with (folder / f"shop/copy_{number}.jpg").open("ab") as file:
            file.write(bytes([number]))
    for number in range(others):
        draw(folder / f"shop/other_{number}.jpg", 1_000 + number)
    with (
        Sandbox(folder / "shop", Rules(rate=1_000, slow_seconds=5)) as sandbox,
        JsonReceiver() as receiver,
    ):
        yield Rehearsal(folder, database_url, sandbox, receiver)
