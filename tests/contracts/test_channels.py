"""What every channel promises, whatever service is behind its URL."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from PIL import Image

from monitor.channels import Channel, check_url
from monitor.channels.urls import open_service
from monitor.errors import ChannelError
from monitor.model import Attachment, Message
from tests.channels.receivers import free_port, http_hook, mail_server

# A channel, and what has arrived there so far as (title, text, number of pictures).
Arrived: TypeAlias = Callable[[], list[tuple[str, str, int]]]
Case: TypeAlias = Callable[[], AbstractContextManager[tuple[Channel, Arrived]]]


@contextmanager
def web_hook() -> Iterator[tuple[Channel, Arrived]]:
    with http_hook() as hook:

        def arrived() -> list[tuple[str, str, int]]:
            return [
                (str(item["title"]), str(item["message"]), str(item["attachments"]).count("base64"))
                for item in hook.received
            ]

        yield Channel("hook", f"json://127.0.0.1:{hook.port}/"), arrived


@contextmanager
def mail() -> Iterator[tuple[Channel, Arrived]]:
    with mail_server() as mailbox:

        def arrived() -> list[tuple[str, str, int]]:
            found = []
            for message in mailbox.received:
                body = message.get_body(("plain",))
                text = body.get_content().rstrip("\r\n").replace("\r\n", "\n") if body else ""
                pictures = len(list(message.iter_attachments()))
                found.append((str(message["Subject"]), text, pictures))
            return found

        yield Channel("mail", mail_url(mailbox.port)), arrived


def mail_url(port: int) -> str:
    return f"mailto://127.0.0.1:{port}?from=a@example.org&to=b@example.org&mode=insecure"


CASES = [pytest.param(web_hook, id="json"), pytest.param(mail, id="mailto")]

# Services that can't be reached from a test: taken as URLs, with our limits.
URLS = {
    "json": "json://127.0.0.1/",
    "mailto": mail_url(25),
    "slack": "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/#general",
    "wecombot": "wecombot://693axxx6-7aoc-4bc4-97a0-0ec2sifa5aaa",
    "tgram": "tgram://123456789:abcdefg_hijklmnop/12315544/",
    "discord": "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js",
    "ntfy": "ntfy://ntfy.example.org/topic",
}
WITHOUT_PICTURES = {"wecombot"}


@pytest.fixture
def picture(tmp_path: Path) -> Attachment:
    path = tmp_path / "picture"
    Image.new("RGB", (20, 20)).save(path, "PNG")
    return Attachment(path, "mug.png")


@pytest.mark.parametrize("case", CASES)
def test_a_message_arrives_once_and_whole(case: Case, picture: Attachment) -> None:
    with case() as (channel, arrived):
        channel.send(Message("New match: 马克杯", "Mug <b> & more 🫖\nal-0123", (picture,)))
        assert arrived() == [("New match: 马克杯", "Mug <b> & more 🫖\nal-0123", 1)]


@pytest.mark.parametrize("case", CASES)
def test_messages_follow_each_other_without_a_wait(case: Case) -> None:
    with case() as (channel, arrived):
        for number in range(3):
            channel.send(Message("t", f"message {number}"))
        assert [text for _, text, _ in arrived()] == ["message 0", "message 1", "message 2"]


@pytest.mark.parametrize("case", CASES)
def test_a_missing_picture_does_not_stop_the_message(case: Case, tmp_path: Path) -> None:
    with case() as (channel, arrived):
        channel.send(Message("t", "b", (Attachment(tmp_path / "gone", "mug.png"),)))
        ((_, text, pictures),) = arrived()
        assert "mug.png is missing" in text
        assert pictures == 0


@pytest.mark.parametrize("url", [f"json://127.0.0.1:{free_port()}/", mail_url(free_port())])
def test_a_service_that_is_down_is_a_retryable_error(url: str) -> None:
    with pytest.raises(ChannelError, match="channel legal") as caught:
        Channel("legal", url).send(Message("t", "b"))
    assert caught.value.retryable
    assert not caught.value.permanent


@pytest.mark.parametrize("scheme", sorted(URLS))
def test_a_service_is_known_and_its_timeouts_stay_below_the_stop_time(scheme: str) -> None:
    url = URLS[scheme]
    assert check_url(url) is None
    service = open_service(url + ("&" if "?" in url else "?") + "cto=60&rto=60")
    assert service is not None
    assert max(service.socket_connect_timeout, service.socket_read_timeout) < 8
    assert service.request_rate_per_sec == 0
    assert service.overflow_mode.value == "split"
    assert service.attachment_support is (scheme not in WITHOUT_PICTURES)
    assert Channel("legal", url).takes_pictures is (scheme not in WITHOUT_PICTURES)
