"""What a seller writes stays text, in every format."""

from __future__ import annotations

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from monitor.alerting.rendering.escaping import foreign, link, web_address
from monitor.channels import Capacity
from monitor.model import AlertEvent, MessageFormat
from monitor.storage.catalogue.files import PictureFiles
from tests.alerting.messages import MAIL, MARKDOWN, PLAIN, WECOM, due, match, write

# What chats and mail programs act on, and what ends or begins markup.
PIECES = [
    "[here](http://evil.example/x)",
    "<http://evil.example>",
    "http://evil.example",
    "www.evil.example",
    "![p](https://evil.example/p.png)",
    "[a]: http://evil.example",
    "<!channel>",
    "<!here|x>",
    "<@U123>",
    "<at user_id='all'>all</at>",
    "@everyone",
    "@here",
    "@all",
    "<b>",
    "<img src=x onerror=alert(1)>",
    "</td></table>",
    '"onmouseover="x',
    "*",
    "**",
    "_",
    "`",
    "```",
    "~~",
    "||",
    "\\",
    "#",
    "&lt;!channel&gt;",
    "\n- ",
    "\n\n# ",
    "\u202e",
    "word",
    " ",
]
TITLES = st.lists(st.sampled_from(PIECES) | st.text(max_size=5), max_size=8).map("".join)
MENTIONS = re.compile(r"@(everyone|here|all|channel)|<[!@#]|<at ")
any_title = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def body_of(folder: Path, title: str, capacity: Capacity) -> str:
    files = PictureFiles(folder)
    found = match(1, files, title=title, seller=title)
    (part,) = write([due(1, found)], files, capacity)
    return part.message.body


class Page(HTMLParser):
    """The elements and links of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.links: list[str | None] = []
        self.sources: list[str | None] = []
        self.handlers: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.handlers += [name for name, _ in attrs if name.startswith("on")]
        self.links += [value for name, value in attrs if name == "href"]
        self.sources += [value for name, value in attrs if name in ("src", "background")]


@any_title
@given(TITLES)
def test_a_title_adds_no_element_to_a_mail(tmp_path: Path, title: str) -> None:
    plain, page = Page(body_of(tmp_path, "Mug", MAIL)), Page(body_of(tmp_path, title, MAIL))
    assert page.tags == plain.tags
    assert page.links == ["https://detail.1688.com/offer/1001.html"]
    assert page.sources == ["cid:yours-mug.jpg", "cid:listing-1001.png"]
    assert page.handlers == []


def test_a_mail_shows_what_was_written_and_not_its_markup(tmp_path: Path) -> None:
    body = body_of(tmp_path, 'Tom & "Jerry" <3 &lt;b&gt;', MAIL)
    assert "Tom &amp; &#34;Jerry&#34; &lt;\u200b3 &amp;lt;b&amp;gt;" in body


@any_title
@given(TITLES)
def test_a_title_is_plain_text_in_markdown(tmp_path: Path, title: str) -> None:
    parse = MarkdownIt("commonmark", {"html": True}).enable(["strikethrough", "table"])

    def shape(text: str) -> list[str]:
        kinds = []
        for token in parse.parse(body_of(tmp_path, text, MARKDOWN)):
            kinds += [child.type for child in token.children or [] if child.type != "text"]
            kinds += [] if token.type == "inline" else [token.type]
        # escaped characters are tokens of their own, and text
        return [kind for kind in kinds if kind not in ("text_special", "entity")]

    assert shape(title) == shape("Mug")


@any_title
@given(TITLES)
@pytest.mark.parametrize("capacity", [PLAIN, WECOM, MARKDOWN], ids=["text", "chat", "markdown"])
def test_a_title_calls_nobody_and_is_no_link(
    tmp_path: Path, capacity: Capacity, title: str
) -> None:
    body = body_of(tmp_path, title, capacity)
    assert not MENTIONS.search(body)
    assert re.findall(r"https?://", body) == ["https://"]
    assert "evil.example" not in body


def test_what_is_shown_reads_as_it_was_written() -> None:
    told = foreign("Mug 3.5 cm, see www.shop.com @home")
    assert told.replace("\u200b", "") == "Mug 3.5 cm, see www.shop.com @home"
    assert "3.5" in told


@pytest.mark.parametrize(
    ("url", "address"),
    [
        ("https://x.example/a?b=1&c=2#d", "https://x.example/a?b=1&c=2#d"),
        ("HTTP://x.example", "HTTP://x.example"),
        ("http://[::1]:80/a", None),
        ("https://x.example/a)b(c d", "https://x.example/a%29b%28c%20d"),
        ("https://x.example/%E5%A4%8F/夏", "https://x.example/%E5%A4%8F/%E5%A4%8F"),
        ('https://x.example/"><script>', "https://x.example/%22%3E%3Cscript%3E"),
        ("https://x.example/@everyone/@bob", "https://x.example/%40everyone/@bob"),
        ("https://x.example\n/a", None),
        ("https:///a", None),
        ("file:///goods/a.png", None),
        ("javascript:alert(1)", None),
        ("data:text/html,x", None),
        ("", None),
    ],
)
def test_only_web_addresses_are_links(url: str, address: str | None) -> None:
    assert web_address(url) == address


@given(st.text(max_size=30).map("https://x.example/{}".format) | st.text(max_size=30))
def test_a_link_ends_where_it_should(url: str) -> None:
    address = web_address(url)
    if address is not None:
        assert not re.search(r"[\s<>()\"'`\\\[\]]", address)
        assert link(MessageFormat.MARKDOWN, url, "Open") == f"[Open]({address})"


@pytest.mark.parametrize("capacity", [PLAIN, MARKDOWN, MAIL], ids=["text", "markdown", "mail"])
def test_a_file_of_a_folder_is_shown_as_text(tmp_path: Path, capacity: Capacity) -> None:
    files = PictureFiles(tmp_path)
    (part,) = write([due(1, match(1, files, url="file:///goods/mug.png"))], files, capacity)
    assert "file:///goods/mug.png" in part.message.body
    assert "href" not in part.message.body
    assert "](" not in part.message.body


def test_commands_in_an_operator_alert_can_be_copied(tmp_path: Path) -> None:
    text = "Run `monitor assets trust poster --picture poster.png` on shop.example"
    item = due(1, None, event=AlertEvent.REFERENCE_UNSPECIFIC, text=text)
    (part,) = write([item], PictureFiles(tmp_path))
    assert text in part.message.body
