from __future__ import annotations

from email.message import EmailMessage
from pathlib import Path

import pytest
from PIL import Image

from monitor.channels import Channel
from monitor.channels.html_text import plain_text
from monitor.channels.mail import thread_id
from monitor.errors import ChannelError
from monitor.model import Attachment, Message, MessageFormat
from tests.channels.receivers import MailReceiver

HTML = (
    "<html><head><style>p {color: red}</style></head><body><h1>马克杯 &amp; more</h1>"
    '<p>Listing: <a href="https://x.example/a?b=1&amp;c=2">Mug</a></p>'
    '<img src="cid:why-马克杯.jpg" alt="both pictures"><table><tr><td>Price</td>'
    "<td>CNY 12.50</td></tr></table></body></html>"
)


@pytest.fixture
def pictures(tmp_path: Path) -> tuple[Attachment, Attachment]:
    paths = tmp_path / "aa", tmp_path / "bb"
    Image.new("RGB", (20, 20), "red").save(paths[0], "JPEG")
    Image.new("RGB", (30, 20), "blue").save(paths[1], "PNG")
    return Attachment(paths[0], "why-马克杯.jpg"), Attachment(paths[1], "listing 马.png")


def sent(message: Message, option: str = "") -> list[EmailMessage]:
    with MailReceiver() as receiver:
        Channel("legal", receiver.channel_url + option).send(message)
        return receiver.mails


def content_of(part: EmailMessage) -> object:
    return part.get_payload(decode=True)


def test_html_arrives_with_a_plain_part_and_its_pictures_inline(
    pictures: tuple[Attachment, Attachment],
) -> None:
    (mail,) = sent(Message("马克杯 found", HTML, pictures, MessageFormat.HTML))
    html, plain = mail.get_body(("html",)), mail.get_body(("plain",))
    assert html is not None
    assert plain is not None
    parts = {
        part.get_content_type(): part
        for part in mail.walk()
        if part.get_content_maintype() == "image"
    }
    inline, attached = parts["image/jpeg"], parts["image/png"]
    assert content_of(inline) == pictures[0].path.read_bytes()
    assert inline.get_content_disposition() == "inline"
    assert inline.get_filename() == "why-马克杯.jpg"
    # the id is ASCII, and the HTML refers to it
    cid = str(inline["Content-ID"]).strip("<>")
    assert cid.isascii()
    assert f'src="cid:{cid}"' in html.get_content()
    # what the HTML doesn't show is attached
    assert content_of(attached) == pictures[1].path.read_bytes()
    assert attached.get_content_disposition() == "attachment"
    assert attached.get_filename() == "listing 马.png"
    assert "马克杯 & more" in plain.get_content()
    assert "Mug <https://x.example/a?b=1&c=2>" in plain.get_content()
    assert [part.get_content_type() for part in mail.walk()] == [
        "multipart/mixed",
        "multipart/alternative",
        "text/plain",
        "multipart/related",
        "text/html",
        "image/jpeg",
        "image/png",
    ]


def test_a_name_may_be_written_as_an_address_in_the_html(
    pictures: tuple[Attachment, Attachment],
) -> None:
    html = '<img src="cid:listing%20%E9%A9%AC.png"><img src=\'cid:a &amp; b.jpg\'><img src="cid:x">'
    named = (pictures[1], Attachment(pictures[0].path, "a & b.jpg"))
    (mail,) = sent(Message("t", html, named, MessageFormat.HTML))
    body = mail.get_body(("html",))
    assert body is not None
    assert body.get_content().count("@infringement-monitor") == 2
    assert "cid:x" in body.get_content()
    shown = [part for part in mail.walk() if part.get_content_disposition() == "inline"]
    assert len(shown) == 2


def test_mails_of_one_asset_are_one_thread_with_one_message_id_each() -> None:
    mails = [
        *sent(Message("first", "b", thread="asset 7: 马克杯")),
        *sent(Message("second", "<p>b</p>", format=MessageFormat.HTML, thread="asset 7: 马克杯")),
        *sent(Message("other", "b", thread="asset 8")),
        *sent(Message("none", "b")),
    ]
    first, second, other, none = (str(mail["References"]) for mail in mails)
    assert first == second == thread_id("asset 7: 马克杯")
    assert other not in (first, none)
    assert none == "None"
    assert [mail["In-Reply-To"] for mail in mails] == [first, second, other, None]
    assert all(len(mail.get_all("Message-ID", [])) == 1 for mail in mails)
    assert len({str(mail["Message-ID"]) for mail in mails}) == 4


def test_a_mail_says_that_it_comes_from_a_machine_and_from_which() -> None:
    (mail,) = sent(Message("t", "b"))
    assert mail["List-Id"] == "Infringement Monitor <infringement-monitor.example.org>"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["From"] == "monitor@example.org"


def test_recipients_and_headers_of_the_url_are_kept() -> None:
    options = (
        "&cc=cc@example.org&bcc=hidden@example.org&reply=desk@example.org&name=Monitor"
        "&%2BX-Team=legal&%2BList-Id=%3Cown.example.org%3E"
    )
    (mail,) = sent(Message("t", "b"), options)
    assert mail["Cc"] == "cc@example.org"
    assert mail["Reply-To"] == "desk@example.org"
    assert "hidden@example.org" not in mail.as_string()
    assert mail["From"] == "Monitor <monitor@example.org>"
    assert mail["X-Team"] == "legal"
    assert mail.get_all("List-Id") == ["<own.example.org>"]


def test_each_recipient_gets_a_mail() -> None:
    mails = sent(Message("t", "b"), ",more@example.org".join(["&to=a@example.org", ""]))
    assert sorted(str(mail["To"]) for mail in mails) == ["a@example.org", "more@example.org"]


def test_a_subject_that_would_be_two_headers_is_one() -> None:
    (mail,) = sent(Message("found\r\nBcc: all@example.org\n\x0bmore", "b"))
    assert mail["Bcc"] is None
    assert str(mail["Subject"]).startswith("found Bcc: all@example.org")


def test_plain_text_has_no_html_and_keeps_its_lines() -> None:
    (mail,) = sent(Message("t", "one\n\n  two <b> & 马克杯\n" + "x" * 2_000))
    assert mail.get_content_type() == "text/plain"
    text = mail.get_content().replace("\r\n", "\n")
    assert text.startswith("one\n\n  two <b> & 马克杯\n" + "x" * 2_000)


def test_html_above_a_megabyte_goes_out_whole_and_above_five_is_refused() -> None:
    rows = "".join(f"<p>row {number:06d} 马克杯</p>" for number in range(50_000))
    (mail,) = sent(Message("t", rows, format=MessageFormat.HTML))
    body = mail.get_body(("html",))
    assert body is not None
    assert body.get_content().count("<p>row") == 50_000
    with MailReceiver() as receiver, pytest.raises(ChannelError, match="too large") as caught:
        Channel("legal", receiver.channel_url).send(
            Message("t", rows * 4, format=MessageFormat.HTML)
        )
    assert caught.value.about_message


def test_html_is_told_as_text_where_html_is_not_read() -> None:
    (mail,) = sent(Message("t", HTML, format=MessageFormat.HTML), "&format=text")
    assert mail.get_content_type() == "text/plain"
    assert "Mug <https://x.example/a?b=1&c=2>" in mail.get_content()


def test_the_plain_text_of_html() -> None:
    html = """<html><head><title>x</title><style>a {}</style></head><body>
      <h1>Two   matches</h1>
      <p>First<br>second line</p><ul><li>one</li><li>two <b>bold</b></li></ul>
      <table><tr><th>Price</th><td>12&nbsp;CNY</td></tr><tr><th>Seller</th><td>x</td></tr></table>
      <a href="https://x.example/">https://x.example/</a> <a href="https://y.example/"></a>
      <a>nowhere</a><img src="cid:a.jpg" alt="both"><script>alert(1)</script></body></html>"""
    lines = [line for line in plain_text(html).split("\n") if line]
    assert lines == [
        "Two matches",
        "First",
        "second line",
        "- one",
        "- two bold",
        "Price 12\xa0CNY",
        "Seller x",
        "https://x.example/ https://y.example/ nowhere[both]",
    ]
