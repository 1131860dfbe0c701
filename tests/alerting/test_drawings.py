"""An alert's picture: one drawing for each match told in full, over real mail and web hooks."""

from __future__ import annotations

import io
import logging
import os
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from email.message import EmailMessage
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from monitor.alerting.context import AlertContext, Destination, Routes
from monitor.alerting.deliver import deliver_next
from monitor.alerting.drawings import PREFIX, drawn
from monitor.alerting.options import ChannelOptions
from monitor.alerting.policy import DRAWINGS_LEFT_BEHIND
from monitor.alerting.route import route_alerts
from monitor.channels import Channel
from monitor.scanning.policy import LEASE
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Store
from monitor.storage.matches.matches import MatchRow
from monitor.words import list_languages, read_words
from tests.channels.receivers import http_hook, mail_server
from tests.contracts.test_channels import mail_url
from tests.scanning.shop import WATCH, Bench, open_bench

OPTIONS = ChannelOptions(group=timedelta(0), in_full=3)


@dataclass
class Desk:
    """A real scan with alerts that are due on one channel; `temporary` is empty."""

    bench: Bench
    temporary: Path
    options: ChannelOptions = OPTIONS
    channel: Channel = field(init=False)
    files: PictureFiles = field(init=False)

    def __post_init__(self) -> None:
        self.files = self.bench.files

    @property
    def context(self) -> AlertContext:
        return AlertContext(
            store=self.bench.store,
            files=self.files,
            destinations={"legal": Destination(self.channel, self.options)},
            routes=Routes(ops=(), watches={WATCH: ("legal",)}),
            lease=LEASE,
            owner="me",
            clock=self.bench.clock,
            random=random.Random(1),
            new_alert_id=lambda: "al-new",
            temporary=self.temporary,
        )

    def find(self, *seeds: int) -> list[MatchRow]:
        """Scan listings with a copy each, and find them."""
        for seed in seeds:
            self.bench.draw(f"mug {seed}.png", seed)
        self.bench.shop.pages = [[self.bench.offer(f"10{seed}", seed) for seed in seeds]]
        self.bench.scan()
        with self.bench.store.writing() as conn:
            # what a first scan finds waits for its whole cycle
            conn.execute(sa.text("UPDATE alerts SET baseline_cycle_id = NULL"))
        return self.bench.matches()

    def deliver(self) -> bool:
        route_alerts(self.context)
        return deliver_next(self.context, "legal")

    @contextmanager
    def mailed(self) -> Iterator[list[EmailMessage]]:
        with mail_server() as mailbox:
            self.channel = Channel("legal", mail_url(mailbox.port))
            yield mailbox.received


@pytest.fixture
def desk(store: Store, tmp_path: Path) -> Iterator[Desk]:
    (tmp_path / "temporary").mkdir()
    with open_bench(store, tmp_path / "home") as bench:
        yield Desk(bench, tmp_path / "temporary")


def pictures_in(mail: EmailMessage) -> dict[str, Image.Image]:
    """File name -> the picture that came under it, inline or attached."""
    found: dict[str, Image.Image] = {}
    for part in mail.walk():
        if part.get_filename():
            data = part.get_payload(decode=True)
            assert isinstance(data, bytes)
            found[str(part.get_filename())] = Image.open(io.BytesIO(data))
    return found


def text_of(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


def test_a_mail_brings_the_drawing_and_nothing_else(desk: Desk) -> None:
    desk.find(1)
    with desk.mailed() as received:
        assert desk.deliver()
    (mail,) = received
    ((name, drawing),) = pictures_in(mail).items()
    assert name == "why-mug-1-101.jpg"
    assert drawing.format == "JPEG"
    assert 2 * 500 < drawing.width <= 1600
    assert 500 < drawing.height <= 700
    drawing.load()
    assert "points agree, 100 % of your picture" in text_of(mail)
    assert "Not attached" not in text_of(mail)
    assert list(desk.temporary.iterdir()) == []


def test_the_drawing_is_in_the_channels_language(desk: Desk) -> None:
    desk.options = OPTIONS.model_copy(update={"language": "zh"})
    (match,) = desk.find(1)
    with desk.mailed() as received:
        assert desk.deliver()
    ((_, sent),) = pictures_in(received[0]).items()
    for language in list_languages():
        with drawn(desk.context, [match], read_words(language)) as drawings:
            drawing = Image.open(drawings[match.id])
            is_sent = drawing.tobytes() == sent.tobytes()
        assert is_sent == (language == "zh")


def test_each_match_told_in_full_has_its_own(desk: Desk) -> None:
    desk.find(*range(1, 7))
    with desk.mailed() as received:
        desk.deliver()
    names = list(pictures_in(received[0]))
    assert len(names) == OPTIONS.in_full
    assert all(name.startswith("why-mug-") for name in names)


def test_a_refused_message_leaves_nothing_behind(desk: Desk) -> None:
    desk.find(1)
    with mail_server("552 too big") as mailbox:
        desk.channel = Channel("legal", mail_url(mailbox.port))
        assert desk.deliver()
    assert list(desk.temporary.iterdir()) == []


@pytest.mark.parametrize(
    ("field_name", "stays", "gone"),
    [
        ("picture_sha256", "yours-mug-1.png", "listing-101 (no longer stored)"),
        ("reference_sha256", "listing-101.jpg", "yours-mug-1 (no longer stored)"),
    ],
)
@pytest.mark.parametrize("is_damaged", [False, True])
def test_without_a_picture_file_the_other_goes_along_and_it_is_named(
    desk: Desk,
    caplog: pytest.LogCaptureFixture,
    field_name: str,
    stays: str,
    gone: str,
    is_damaged: bool,
) -> None:
    (match,) = desk.find(1)
    file = desk.files.path(getattr(match, field_name))
    file.unlink()
    if is_damaged:
        file.write_bytes(b"other bytes")
    with desk.mailed() as received:
        desk.deliver()
    (mail,) = received
    assert list(pictures_in(mail)) == [stays]
    assert f"Not attached: {gone}." in text_of(mail)
    assert f"match {match.id} is told without its drawing" in caplog.text


class Odd(PictureFiles):
    """Raises what nobody expects."""

    def read(self, sha256: str) -> bytes:
        raise RuntimeError(f"odd {sha256}")


def test_whatever_a_drawing_raises_the_alert_goes_out_with_both_pictures(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    (match,) = desk.find(1)
    desk.files = Odd(desk.files.path("0" * 64).parents[2])
    with desk.mailed() as received:
        assert desk.deliver()
    assert list(pictures_in(received[0])) == ["yours-mug-1.png", "listing-101.jpg"]
    (record,) = [item for item in caplog.records if item.levelno == logging.ERROR]
    assert record.getMessage() == f"match {match.id} is told without its drawing"


def test_without_a_temporary_folder_both_pictures_go_along(
    desk: Desk, caplog: pytest.LogCaptureFixture
) -> None:
    desk.find(1)
    desk.temporary.rmdir()
    with desk.mailed() as received:
        assert desk.deliver()
    assert len(pictures_in(received[0])) == 2
    assert "alerts go out without drawings" in caplog.text


def test_a_match_of_an_earlier_method_is_drawn_as_it_was_stored(desk: Desk) -> None:
    desk.find(1)
    with desk.bench.store.writing() as conn:
        conn.execute(sa.text("UPDATE matches SET method = 'hash-0'"))
    with desk.mailed() as received:
        desk.deliver()
    assert list(pictures_in(received[0])) == ["why-mug-1-101.jpg"]


def test_a_channel_that_takes_no_files_is_told_where_the_lasting_ones_are(desk: Desk) -> None:
    (match,) = desk.find(1)
    with http_hook() as hook:
        desk.channel = Channel("legal", f"gotify://127.0.0.1:{hook.port}/token")
        assert not desk.channel.takes_pictures
        assert desk.deliver()
    told = str(hook.received[0]["message"])
    for sha256 in (match.reference_sha256, match.picture_sha256):
        path = desk.files.path(sha256)
        assert str(path) in told
        assert path.is_file()
    assert str(desk.temporary) not in told


def test_what_a_killed_process_left_is_removed_a_day_later(desk: Desk) -> None:
    (match,) = desk.find(1)
    old, young, others = (desk.temporary / name for name in (f"{PREFIX}a", f"{PREFIX}b", "other"))
    now = desk.bench.clock().timestamp()
    for folder, age in ((old, 2), (young, 0.5), (others, 9)):
        folder.mkdir()
        (folder / "1.jpg").write_bytes(b"left behind")
        os.utime(folder, (now - age * DRAWINGS_LEFT_BEHIND.total_seconds(),) * 2)
    with desk.mailed(), drawn(desk.context, [match], read_words()) as drawings:
        assert list(drawings) == [match.id]
        assert drawings[match.id].stat().st_size > 1_000
    assert sorted(desk.temporary.iterdir()) == sorted([young, others])
