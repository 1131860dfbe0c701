from __future__ import annotations

from pathlib import Path

import pytest

from monitor.channels import Channel
from monitor.channels.transport import explain
from monitor.errors import ChannelError
from monitor.model import Attachment, Message, MessageFormat
from tests.channels.receivers import (
    DiscordReceiver,
    JsonReceiver,
    MailReceiver,
    SlackReceiver,
    TelegramReceiver,
    WeComReceiver,
)


def test_a_text_that_is_cut_says_which_part_each_is() -> None:
    with JsonReceiver() as receiver:
        channel = Channel("legal", receiver.channel_url)
        channel.send(Message("Many", "\n".join(f"line {number:05d}" for number in range(6000))))
    total = len(receiver.messages)
    assert total > 1
    assert [got.title for got in receiver.messages] == [
        f"Many ({number}/{total})" for number in range(1, total + 1)
    ]
    # cut between lines
    assert all(got.text.startswith("line ") for got in receiver.messages)


def test_pictures_go_with_the_first_part(tmp_path: Path) -> None:
    picture = tmp_path / "a"
    picture.write_bytes(b"\x89PNG")
    with JsonReceiver() as receiver:
        Channel("legal", receiver.channel_url).send(
            Message("Many", "x\n" * 40_000, (Attachment(picture, "a.png"),))
        )
    counts = [len(got.pictures) for got in receiver.messages]
    assert counts == [1] + [0] * (len(counts) - 1)


def test_a_text_without_a_title_goes_out() -> None:
    for receiver_type in (JsonReceiver, MailReceiver, WeComReceiver, TelegramReceiver):
        with receiver_type() as receiver:
            Channel("legal", receiver.channel_url).send(Message("", "only a text"))
            assert receiver.messages[0].text.strip() == "only a text"


@pytest.mark.parametrize("body", ["", "  \n ", "\ud800", "\x00"])
def test_strange_texts_go_out(body: str) -> None:
    for receiver_type in (JsonReceiver, MailReceiver, WeComReceiver):
        with receiver_type() as receiver:
            Channel("legal", receiver.channel_url).send(Message("title \udfff", body))
            assert len(receiver.messages) == 1
            assert "title ?" in receiver.text


def test_a_note_of_a_missing_picture_stands_inside_the_html(tmp_path: Path) -> None:
    gone = Attachment(tmp_path / "gone", "<b>.png")
    html = "<html><body><p>text</p></body></html>"
    with MailReceiver() as receiver:
        Channel("legal", receiver.channel_url).send(Message("t", html, (gone,), MessageFormat.HTML))
        body = receiver.mails[0].get_body(("html",))
    assert body is not None
    content = body.get_content()
    assert "<p>Picture &lt;b&gt;.png is missing on disk" in content
    assert content.rstrip().endswith("</p></body></html>")


def test_markdown_stays_markdown_where_it_is_read() -> None:
    markdown = "**Mug** \\*sale\\* [listing](https://x.example/a_b)"
    with DiscordReceiver() as receiver:
        Channel("legal", receiver.channel_url).send(
            Message("t", markdown, format=MessageFormat.MARKDOWN)
        )
        assert receiver.messages[0].text == f"t\r\n{markdown}"
    with SlackReceiver() as receiver:
        # what Slack has instead; the receiver reads its entities
        channel = Channel("legal", receiver.channel_url)
        with pytest.raises(ChannelError):
            channel.send(Message("t", markdown, format=MessageFormat.MARKDOWN))
        assert "<https://x.example/a_b|listing>" in receiver.problems[0]


@pytest.mark.parametrize(
    ("error", "permanent", "about_message"),
    [("invalid_auth", True, False), ("ratelimited", False, False), ("msg_too_long", False, True)],
)
def test_slacks_own_words_are_the_reason(error: str, permanent: bool, about_message: bool) -> None:
    lines = [
        (30, "Failed to send to Slack: error=200."),
        (10, f'Response Details:\r\nb\'{{"ok":false,"error":"{error}"}}\''),
    ]
    reason = explain(lines, "slack://x")
    assert reason.text == f"the service said {error}"
    assert (reason.permanent, reason.about_message) == (permanent, about_message)
