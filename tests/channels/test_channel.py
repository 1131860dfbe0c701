from __future__ import annotations

import base64
import logging
from datetime import timedelta
from pathlib import Path

import pytest
from PIL import Image

from monitor.channels import Channel
from monitor.channels.transport import captured, explain, redact
from monitor.channels.urls import open_service
from monitor.errors import ChannelError
from monitor.model import Attachment, Message
from tests.channels.receivers import (
    dripping_server,
    free_port,
    http_hook,
    mail_server,
    silent_server,
)

SECRET = "S3cretTokenValue"


@pytest.fixture
def picture(tmp_path: Path) -> Attachment:
    """Stored by hash, as the product does: no suffix to guess the type from."""
    path = tmp_path / "0a1b2c3d"
    Image.new("RGB", (40, 30), "red").save(path, "JPEG")
    return Attachment(path, "listing mug.jpg")


def hook_channel(port: int, options: str = "") -> Channel:
    return Channel("legal", f"json://user:{SECRET}@127.0.0.1:{port}/in{options}")


def mail_channel(port: int) -> Channel:
    url = f"mailto://127.0.0.1:{port}?from=monitor@example.org&to=legal@example.org&mode=insecure"
    return Channel("legal", url)


def test_a_web_hook_gets_title_text_and_picture(picture: Attachment) -> None:
    with http_hook() as hook:
        hook_channel(hook.port).send(Message("3 new\nmatches", "Mug <b>&\nline two", (picture,)))
    (received,) = hook.received
    assert received["title"] == "3 new matches"
    assert received["message"] == "Mug <b>&\nline two"
    attachments = received["attachments"]
    assert isinstance(attachments, list)
    assert attachments[0]["filename"] == "listing mug.jpg"
    assert attachments[0]["mimetype"] == "image/jpeg"
    assert base64.b64decode(attachments[0]["base64"]) == picture.path.read_bytes()


def test_a_mail_arrives_with_its_pictures_as_jpeg(picture: Attachment) -> None:
    with mail_server() as mailbox:
        mail_channel(mailbox.port).send(Message("马克杯 found", "text 马克杯", (picture, picture)))
    (mail,) = mailbox.received
    assert mail["Subject"] == "马克杯 found"
    parts = list(mail.iter_attachments())
    assert [part.get_content_type() for part in parts] == ["image/jpeg", "image/jpeg"]
    assert parts[0].get_filename() == "listing mug.jpg"
    assert parts[0].get_payload(decode=True) == picture.path.read_bytes()
    body = mail.get_body(("plain",))
    assert body is not None
    assert "text 马克杯" in body.get_content()


def test_a_picture_that_is_gone_is_named_and_the_rest_goes_out(
    picture: Attachment, tmp_path: Path
) -> None:
    gone = Attachment(tmp_path / "gone", "reference.png")
    with http_hook() as hook:
        hook_channel(hook.port).send(Message("t", "b", (gone, picture)))
    (received,) = hook.received
    assert str(received["message"]).startswith("b\n\nPicture reference.png is missing on disk: ")
    attachments = received["attachments"]
    assert isinstance(attachments, list)
    assert len(attachments) == 1


def test_an_empty_text_is_sent_too() -> None:
    with http_hook() as hook:
        hook_channel(hook.port).send(Message("only a title", ""))
    assert hook.received[0]["message"] == "only a title"


def test_a_long_text_is_split_without_waiting() -> None:
    text = "\n".join(f"listing {number}" for number in range(9000))
    with http_hook() as hook:
        hook_channel(hook.port).send(Message("many", text))
    assert len(hook.received) > 1
    assert "listing 8999" in str(hook.received[-1]["message"])


@pytest.mark.parametrize("status", [500, 503, 429, 302, 400])
def test_a_refusal_that_may_pass_is_an_error(status: int) -> None:
    with http_hook(status) as hook, pytest.raises(ChannelError, match=f"legal.*HTTP {status}") as e:
        hook_channel(hook.port).send(Message("t", "b"))
    assert not e.value.permanent


@pytest.mark.parametrize(
    ("status", "expected"), [(400, True), (413, True), (500, True), (401, False), (429, False)]
)
def test_a_no_to_one_message_is_not_one_to_the_channel(status: int, expected: bool) -> None:
    with http_hook(status) as hook, pytest.raises(ChannelError) as caught:
        hook_channel(hook.port).send(Message("t", "b"))
    assert caught.value.about_message is expected


@pytest.mark.parametrize("status", [401, 403, 404, 410])
def test_a_refusal_that_stays_is_permanent(status: int) -> None:
    with http_hook(status) as hook, pytest.raises(ChannelError) as caught:
        hook_channel(hook.port).send(Message("t", "b"))
    assert caught.value.permanent


def test_optional_and_retry_in_the_url_change_nothing() -> None:
    with http_hook(500) as hook, pytest.raises(ChannelError):
        hook_channel(hook.port, "?optional=yes&retry=3&wait=9").send(Message("t", "b"))
    assert len(hook.received) == 1


def test_a_port_where_nobody_listens_is_an_error() -> None:
    with pytest.raises(ChannelError, match="connection refused") as caught:
        hook_channel(free_port()).send(Message("t", "b"))
    assert not caught.value.permanent


def test_a_mail_server_that_is_down_is_an_error() -> None:
    with pytest.raises(ChannelError, match="connection refused"):
        mail_channel(free_port()).send(Message("t", "b"))


def test_a_mail_that_is_refused_is_an_error() -> None:
    with mail_server("552 too big") as mailbox, pytest.raises(ChannelError, match="552") as caught:
        mail_channel(mailbox.port).send(Message("t", "b"))
    assert not caught.value.permanent
    assert caught.value.about_message


def test_a_server_that_never_answers_ends_in_time() -> None:
    with silent_server() as port, pytest.raises(ChannelError, match="no answer in time"):
        hook_channel(port, "?rto=0.1").send(Message("t", "b"))


def test_a_mail_server_that_never_answers_ends_in_time() -> None:
    with silent_server() as port:
        channel = Channel("legal", mail_channel(port).url + "&cto=0.1")
        with pytest.raises(ChannelError, match="no answer in time"):
            channel.send(Message("t", "b"))


def test_a_server_that_drips_is_given_up(picture: Attachment) -> None:
    with dripping_server() as port:
        channel = hook_channel(port)
        channel.limit = timedelta(seconds=0.2)
        took = channel.takes_pictures
        with pytest.raises(ChannelError, match="may have arrived"):
            channel.send(Message("t", "b", (picture,)))
    assert (took, channel.takes_pictures) == (True, False)
    with http_hook() as hook:
        channel.url = hook_channel(hook.port).url
        channel.limit = timedelta(seconds=8)
        channel.send(Message("t", "b", (picture,)))
    # what ran out of time with pictures goes on without
    assert hook.received[0]["attachments"] == []
    assert str(picture.path) in str(hook.received[0]["message"])


@pytest.mark.parametrize("url", ["slak://T1/A/" + SECRET, "slack://" + SECRET, SECRET, "", "://"])
def test_a_url_that_is_wrong_is_a_permanent_error_without_the_secret(url: str) -> None:
    with pytest.raises(ChannelError, match="channel legal") as caught:
        Channel("legal", url).send(Message("t", "b"))
    assert caught.value.permanent
    assert SECRET not in str(caught.value)


def test_nothing_secret_is_logged_or_shown(
    caplog: pytest.LogCaptureFixture, capfd: pytest.CaptureFixture[str]
) -> None:
    caplog.set_level(logging.DEBUG)
    with http_hook(500, SECRET.encode()) as hook:
        channel = Channel(
            "legal", f"json://user:{SECRET}@127.0.0.1:{hook.port}/{SECRET}?+X={SECRET}"
        )
        with pytest.raises(ChannelError) as caught:
            channel.send(Message("t", "b"))
    with pytest.raises(ChannelError):
        Channel("legal", f"slak://T1/A/{SECRET}").send(Message("t", "b"))
    shown = capfd.readouterr()
    everything = caplog.text + shown.out + shown.err + str(caught.value) + repr(channel)
    assert SECRET not in everything


@pytest.mark.parametrize(
    ("options", "connect", "read"),
    [
        ("", 3.0, 6.0),
        ("?cto=1&rto=2.5", 1.0, 2.5),
        ("?cto=60&rto=600", 3.0, 6.0),
        ("?cto=0&rto=-1", 3.0, 6.0),
        ("?cto=nan&rto=inf", 3.0, 6.0),
        ("?cto=x&rto=", 3.0, 6.0),
    ],
)
def test_timeouts_may_be_lowered_by_the_url_but_not_raised(
    options: str, connect: float, read: float
) -> None:
    service = open_service(f"json://127.0.0.1/{options}")
    assert service is not None
    assert (service.socket_connect_timeout, service.socket_read_timeout) == (connect, read)


def test_a_url_that_asks_for_cutting_is_not_obeyed() -> None:
    service = open_service("json://127.0.0.1/?overflow=truncate")
    assert service is not None
    assert service.overflow_mode.value == "split"


def test_redaction_takes_out_every_part_of_the_url() -> None:
    url = "slack://T0AB/B1C2/abcdefgh%20x?to=ops"
    text = "no T0AB for T0ABX,\n abcdefgh x at https://host/T0AB and ops stops"
    assert redact(text, url) == "no *** for T0ABX, *** at *** and *** stops"


def test_a_reason_in_the_services_own_words_is_redacted_and_short() -> None:
    lines = [(logging.WARNING, f"channel_not_found for {SECRET} " + "x" * 500)]
    reason = explain(lines, f"slack://{SECRET}")
    assert reason.text.startswith("channel_not_found for *** xxx")
    assert len(reason.text) <= 160


def test_a_log_call_that_does_not_fit_its_arguments_is_left_out() -> None:
    with captured() as lines:
        logging.getLogger("apprise").warning("%s %s", "one")  # noqa: PLE1206
        logging.getLogger("apprise").warning("fine")
    assert lines == [(logging.WARNING, "fine")]
