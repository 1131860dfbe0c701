"""What every channel promises, whatever service is behind its URL: accepted means that all of it is
on the wire, anything else is a ChannelError. Each service is a real receiver on loopback.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

import pytest
from PIL import Image

from monitor.channels import Channel, check_url
from monitor.channels.urls import open_service
from monitor.errors import ChannelError
from monitor.model import Attachment, Message, MessageFormat
from tests.channels.receivers import (
    DingTalkReceiver,
    DiscordReceiver,
    FeishuReceiver,
    JsonReceiver,
    LarkReceiver,
    MailReceiver,
    Mode,
    SlackReceiver,
    TelegramReceiver,
    WeComReceiver,
    free_port,
)

AnyReceiver: TypeAlias = (
    JsonReceiver
    | MailReceiver
    | SlackReceiver
    | DiscordReceiver
    | TelegramReceiver
    | WeComReceiver
    | DingTalkReceiver
    | FeishuReceiver
    | LarkReceiver
)


@dataclass(frozen=True, slots=True)
class Service:
    """A kind of channel; `secret` is in its URL, `pace` what it takes a minute."""

    receiver: Callable[[], AnyReceiver]
    format: MessageFormat = MessageFormat.TEXT
    takes_pictures: bool = False
    pace: int | None = None
    secret: str = ""
    option: str = ""
    url: str = "channel_url"

    def channel(self, receiver: AnyReceiver, timeout_s: float = 2) -> Channel:
        url = str(getattr(receiver, self.url))
        timeouts = f"rto={timeout_s}&cto={timeout_s}"
        return Channel("legal", url + ("&" if "?" in url else "?") + timeouts + self.option)


TEXT, MARKDOWN, HTML = MessageFormat.TEXT, MessageFormat.MARKDOWN, MessageFormat.HTML
BOT_KEY = "693a91f6-7aoc-4bc4-97a0-0ec2sifa5aaa"
SERVICES = {
    "json": Service(JsonReceiver, takes_pictures=True),
    "mailto": Service(MailReceiver, HTML, takes_pictures=True),
    "mailto-text": Service(MailReceiver, TEXT, takes_pictures=True, option="&format=text"),
    "slack": Service(SlackReceiver, secret="TIiajkdnlazkcOXrIdevi7FQ"),
    "slack-bot": Service(
        SlackReceiver,
        takes_pictures=True,
        secret="4ddbc191d40ee098cbaae6f3523ada2d",
        url="bot_url",
    ),
    "discord": Service(
        DiscordReceiver, MARKDOWN, takes_pictures=True, secret="JHMHI8qBe7bk2ZwO5U711o3dV_js"
    ),
    "tgram": Service(TelegramReceiver, takes_pictures=True, secret="abcdefg_hijklmnop"),
    "wecombot": Service(WeComReceiver, pace=20, secret=BOT_KEY),
    "wecombot-markdown": Service(
        WeComReceiver, MARKDOWN, pace=20, secret=BOT_KEY, option="&format=markdown"
    ),
    "dingtalk": Service(DingTalkReceiver, pace=20, secret=DingTalkReceiver.token),
    "dingtalk-markdown": Service(
        DingTalkReceiver,
        MARKDOWN,
        pace=20,
        secret=DingTalkReceiver.token,
        option="&format=markdown",
    ),
    "feishu": Service(FeishuReceiver, pace=20, secret=BOT_KEY),
    "lark": Service(LarkReceiver, pace=20, secret=BOT_KEY),
}
WORDS = "马克杯 🫖 Mug <b> & more"


@pytest.fixture(params=list(SERVICES))
def service(request: pytest.FixtureRequest) -> Service:
    return SERVICES[str(request.param)]


@pytest.fixture
def picture(tmp_path: Path) -> Attachment:
    path = tmp_path / "0a1b2c3d"
    Image.new("RGB", (20, 20), "red").save(path, "PNG")
    return Attachment(path, "mug 马克杯.png")


def test_a_message_arrives_once_and_whole(service: Service, picture: Attachment) -> None:
    with service.receiver() as receiver:
        sent = service.channel(receiver).send(
            Message(
                "New match: 马克杯", f"{WORDS}\n\nhttps://x.example/a?b=1&c=2\nal-01", (picture,)
            )
        )
        (got,) = receiver.messages
    assert not getattr(receiver, "problems", [])
    assert "New match: 马克杯" in got.whole
    assert f"{WORDS}\n\nhttps://x.example/a?b=1&c=2\nal-01" in got.whole.replace("\r\n", "\n")
    if service.takes_pictures:
        assert got.pictures == (picture.path.read_bytes(),)
        assert sent.left_out == ()
    else:
        assert got.pictures == ()
        assert sent.left_out == ("mug 马克杯.png (the channel takes no pictures)",)
        assert str(picture.path) in got.text


def test_a_picture_that_is_gone_is_told_and_does_not_stop_the_message(
    service: Service, picture: Attachment, tmp_path: Path
) -> None:
    gone = Attachment(tmp_path / "gone", "reference.png")
    with service.receiver() as receiver:
        sent = service.channel(receiver).send(Message("t", "b", (gone, picture)))
        (got,) = receiver.messages
    assert "reference.png is missing on disk" in got.text
    assert sent.left_out[0] == "reference.png (missing on disk)"
    assert len(got.pictures) == int(service.takes_pictures)


def test_the_capacity_says_what_the_service_takes(service: Service) -> None:
    with service.receiver() as receiver:
        capacity = service.channel(receiver).capacity
    assert capacity.takes_pictures is service.takes_pictures
    assert capacity.format is service.format
    assert capacity.pace_per_minute == service.pace


@pytest.mark.parametrize(
    "line", ["x" * 50, "马" * 40, 'Mug & 12 "cm" 马克杯 https://x.example/1?a=b']
)
def test_what_fits_the_capacity_goes_out_as_one_message(service: Service, line: str) -> None:
    with service.receiver() as receiver:
        channel = service.channel(receiver)
        title = "A title of its own"
        room = channel.capacity.max_size - channel.capacity.size(title)
        body = "\n".join([line] * (room // (channel.capacity.size(line) + 1)))
        channel.send(Message(title, body, format=service.format))
        (got,) = receiver.messages
    assert not getattr(receiver, "problems", [])
    assert body.replace("\n", " ") in " ".join(got.text.split())


@pytest.mark.parametrize("over", [0, 1, 2, 50, 700])
def test_nothing_is_lost_at_the_border(service: Service, over: int) -> None:
    """Words by the thousand around the size of one message, then of two: each arrives once."""
    with service.receiver() as receiver:
        channel = service.channel(receiver)
        size = min(channel.capacity.max_size, 40_000)
        words = [f"w{number:05d}马" for number in range((size + over) // 8)]
        lines = [" ".join(words[at : at + 6]) for at in range(0, len(words), 6)]
        channel.send(Message("Title", "\n".join(lines)))
        text = receiver.text
    assert not getattr(receiver, "problems", [])
    assert [word for word in text.split() if word.startswith("w0")] == words


def test_a_title_that_is_too_long_is_told_whole(service: Service) -> None:
    title = "标题 " + " ".join(f"word{number}" for number in range(120))
    with service.receiver() as receiver:
        service.channel(receiver).send(Message(title, "the text"))
        text = receiver.text
    assert title in text
    assert "the text" in text


@pytest.mark.parametrize("mode", [Mode.REFUSE, Mode.ERROR_CODE, Mode.HANG, Mode.ACCEPT_AND_HANG])
def test_what_is_not_accepted_is_an_error_without_the_secret(service: Service, mode: Mode) -> None:
    with service.receiver() as receiver:
        channel = service.channel(receiver, timeout_s=0.3)
        receiver.mode = mode
        with pytest.raises(ChannelError, match="channel legal") as caught:
            channel.send(Message("t", "b"))
        taken = len(receiver.messages)
    assert caught.value.retryable
    assert not caught.value.permanent
    assert taken == (1 if mode is Mode.ACCEPT_AND_HANG else 0)
    assert not service.secret or service.secret not in str(caught.value)


def test_a_service_that_comes_back_gets_the_message(service: Service) -> None:
    with service.receiver() as receiver:
        channel = service.channel(receiver)
        receiver.down()
        with pytest.raises(ChannelError, match="connection refused") as caught:
            channel.send(Message("t", "b"))
        assert not caught.value.permanent
        receiver.up()
        channel.send(Message("t", "b"))
        assert len(receiver.messages) == 1


def test_messages_follow_each_other_without_a_wait(service: Service) -> None:
    with service.receiver() as receiver:
        channel = service.channel(receiver)
        for number in range(3):
            channel.send(Message("t", f"message {number}"))
        texts = [message.text for message in receiver.messages]
    assert ["message" in text for text in texts] == [True, True, True]


def mail_url(port: int) -> str:
    return f"mailto://127.0.0.1:{port}?from=a@example.org&to=b@example.org&mode=insecure"


# Services that have no receiver here, and URLs in other forms: known, with our limits.
URLS = {
    "mailtos": "mailtos://user:pass@example.org?to=b@example.org",
    "ntfy": "ntfy://ntfy.example.org/topic",
    "gotify": "gotify://example.org/abcdefghijklmno",
    "wecombot": f"wecombot://{BOT_KEY}",
    "wecombot, as its own URL": f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={BOT_KEY}",
    "a port where nobody listens": f"json://127.0.0.1:{free_port()}/",
}


@pytest.mark.parametrize("name", sorted(URLS))
def test_a_url_is_known_and_its_timeouts_stay_below_the_stop_time(name: str) -> None:
    url = URLS[name]
    assert check_url(url) is None
    service = open_service(url + ("&" if "?" in url else "?") + "cto=60&rto=60")
    assert service is not None
    assert max(service.socket_connect_timeout, service.socket_read_timeout) < 8
    assert service.request_rate_per_sec == 0
    assert service.overflow_mode.value == "split"
