from __future__ import annotations

import logging
from urllib.parse import quote

import pytest

from monitor.channels import Channel, check_url
from monitor.errors import ChannelError
from monitor.model import Message, MessageFormat
from tests.channels.bots import KEY
from tests.channels.receivers import (
    DingTalkReceiver,
    FeishuReceiver,
    LarkReceiver,
    Mode,
    WeComReceiver,
)

SECRET = "SEC0123456789abcdef"


def test_5000_chinese_characters_reach_wecom_in_pieces_of_at_most_2048_bytes() -> None:
    text = "".join(chr(0x4E00 + number % 5000) for number in range(5000))
    with WeComReceiver(per_minute=20) as receiver:
        Channel("legal", receiver.channel_url).send(Message("标题", text))
    assert receiver.problems == []
    assert max(message.size_bytes for message in receiver.messages) <= 2048
    bodies = [message.text.split("\n", 1)[1] for message in receiver.messages]
    assert "".join(bodies) == text
    total = len(bodies)
    assert [message.text.split("\r\n")[0] for message in receiver.messages] == [
        f"标题 ({number}/{total})" for number in range(1, total + 1)
    ]


def test_wecoms_markdown_holds_twice_as_much_in_one_piece() -> None:
    with WeComReceiver() as receiver:
        channel = Channel("legal", receiver.channel_url + "&format=markdown")
        channel.send(Message("标题", "**马**" * 500, format=MessageFormat.MARKDOWN))
    (got,) = receiver.messages
    assert got.text == "# 标题\n" + "**马**" * 500
    assert 2048 < got.size_bytes <= 4096


@pytest.mark.parametrize("receiver_type", [DingTalkReceiver, FeishuReceiver, LarkReceiver])
@pytest.mark.parametrize("char", ["马", '"', "\n.", "\x01", "<at id=x>"])
def test_what_grows_on_the_wire_still_fits(
    receiver_type: type[DingTalkReceiver] | type[FeishuReceiver], char: str
) -> None:
    """A quote is two bytes in JSON, a control character six."""
    with receiver_type() as receiver:
        Channel("legal", receiver.channel_url).send(Message("t", char * 15_000))
    assert receiver.problems == []
    assert len(receiver.messages) > 1
    assert receiver.text.count(char[-1]) == 15_000 or char == "\n."


def test_too_many_messages_are_an_error_that_passes() -> None:
    with WeComReceiver(per_minute=2) as receiver:
        channel = Channel("legal", receiver.channel_url)
        channel.send(Message("t", "1"))
        channel.send(Message("t", "2"))
        with pytest.raises(ChannelError, match="code 45009: too many messages") as caught:
            channel.send(Message("t", "3"))
    assert not caught.value.permanent


def test_parts_that_were_accepted_are_told() -> None:
    with WeComReceiver(per_minute=3) as receiver:
        channel = Channel("legal", receiver.channel_url)
        with pytest.raises(ChannelError, match=r"not accepted \(3 of 8 parts were\): code 45009"):
            channel.send(Message("t", "马" * 5000))


@pytest.mark.parametrize(
    ("receiver_type", "key", "answer"),
    [
        (WeComReceiver, KEY, {"errcode": 93000, "errmsg": f"invalid webhook url {KEY}"}),
        (
            DingTalkReceiver,
            DingTalkReceiver.token,
            {"errcode": 300005, "errmsg": f"{DingTalkReceiver.token} is not exist"},
        ),
        (FeishuReceiver, KEY, {"code": 19024, "msg": f"Key Words Not Found, {KEY}!"}),
        (LarkReceiver, KEY, {"StatusCode": 19001, "StatusMessage": f"param invalid ({KEY})"}),
    ],
)
def test_a_refusal_that_stays_is_permanent_and_shows_no_key(
    receiver_type: type[WeComReceiver],
    key: str,
    answer: dict[str, object],
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    caplog.set_level(logging.DEBUG)
    with receiver_type() as receiver:
        receiver.mode = Mode.ERROR_CODE
        receiver.error = answer
        code = next(iter(answer.values()))
        with pytest.raises(ChannelError, match=f"code {code}: .*") as caught:
            Channel("legal", receiver.channel_url).send(Message("t", "b"))
    assert caught.value.permanent
    shown = capfd.readouterr()
    assert key not in caplog.text + shown.out + shown.err + str(caught.value)


def test_dingtalk_is_signed_so_that_it_is_understood() -> None:
    with DingTalkReceiver(secret=SECRET) as receiver:
        # base64 has signs that a URL must quote, about every second time
        for _ in range(8):
            Channel("legal", receiver.channel_url).send(Message("t", "b"))
        assert len(receiver.messages) == 8
        unsigned = receiver.channel_url.replace(f"{SECRET}@", "")
        with pytest.raises(ChannelError, match=r"310000.*sign not match") as caught:
            Channel("legal", unsigned).send(Message("t", "b"))
    assert caught.value.permanent


@pytest.mark.parametrize("receiver_type", [FeishuReceiver, LarkReceiver])
def test_feishu_is_signed_where_a_secret_is_given(receiver_type: type[FeishuReceiver]) -> None:
    with receiver_type(secret=SECRET) as receiver:
        Channel("legal", receiver.channel_url + f"&secret={SECRET}").send(Message("t", "b"))
        with pytest.raises(ChannelError, match="19021") as caught:
            Channel("legal", receiver.channel_url).send(Message("t", "b"))
    assert len(receiver.messages) == 1
    assert caught.value.permanent


def test_a_title_from_outside_calls_nobody_in_feishu() -> None:
    with FeishuReceiver() as receiver:
        Channel("legal", receiver.channel_url).send(
            Message("t", '<at user_id="all">all</at> and <AT id=x> 1 < 2, <attention>')
        )
    (got,) = receiver.messages
    assert "＜at user_id" in got.text
    assert "＜/at>" in got.text
    assert "＜AT id" in got.text
    assert "1 < 2, <attention>" in got.text


@pytest.mark.parametrize("scheme", ["wecombot", "dingtalk", "feishu", "lark"])
@pytest.mark.parametrize(
    ("base_url", "is_taken"),
    [
        ("https://wecom.example.org", True),
        ("http://127.0.0.1:8080/", True),
        ("http://localhost", True),
        ("http://[::1]:80", True),
        ("http://wecom.example.org", False),
        ("ftp://wecom.example.org", False),
        ("https://", False),
        ("wecom.example.org", False),
    ],
)
def test_a_key_goes_over_https_or_stays_on_the_machine(
    scheme: str, base_url: str, is_taken: bool
) -> None:
    url = f"{scheme}://a1b2c3d4e5f6/?base_url={quote(base_url, safe='')}"
    reason = check_url(url)
    assert (reason is None) is is_taken
    assert "a1b2c3d4e5f6" not in (reason or "")
