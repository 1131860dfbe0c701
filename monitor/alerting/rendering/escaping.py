"""Text from outside made harmless, for each format that a message may have.

A seller writes a listing's title and knows who reads it. It must not forge a line of the message,
become a link, call everyone in a chat, or change how what stands around it is shown.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Final
from urllib.parse import quote, urlsplit

from markupsafe import Markup, escape

from monitor.model import MessageFormat

# Control and format characters (newlines, text direction), line and paragraph separators.
_UNSAFE: Final = {"Cc", "Cf", "Cs", "Zl", "Zp"}
# A space without width: what it parts is read as before, but no program takes it for one word.
_GAP: Final = "\u200b"
# What chat programs act on, without any markup: `@everyone` (Discord), `<!channel>` (Slack),
# `<@user>` (WeCom), `<at ...>` (Feishu), `[text](link)`, and a link by its scheme.
_CALLS: Final = re.compile(r"@(?=\w)|<(?=[!@#&/\w])|\](?=[\[(:])|:(?=//)")
# Mail programs and Telegram make links of `example.com` too.
_HOST_DOT: Final = re.compile(r"(?<=\w)\.(?=[^\W\d_]{2})")
_MARKDOWN: Final = re.compile(r"[\\`*_\[\]<>#|~]")
_EVERYONE: Final = re.compile(r"@(?=everyone|here|channel|all)", re.IGNORECASE)
_CALLS_ONLY: Final = re.compile(rf"{_EVERYONE.pattern}|<(?=[!@#&]|at\b)", re.IGNORECASE)
# What stays as it is in a link: unreserved and reserved characters of RFC 3986 but for brackets,
# which end a link of Markdown, and what has been encoded before.
_KEPT_IN_LINK: Final = "-._~:/?#@!$&*+,;=%"


class Ready(str):
    """Text in the format of its message: it is not escaped again."""

    __slots__ = ()


def one_line(text: str, limit: int = 300) -> str:
    """Text from outside on one line: nothing in it may forge another line of the message."""
    plain = " ".join(_without_unsafe(text).split())
    return plain if len(plain) <= limit else plain[: max(0, limit - 1)] + "…"


def _without_unsafe(text: str) -> str:
    if text.isprintable():  # then nothing of it is unsafe, and there is no need to look at each
        return text
    return "".join(" " if unicodedata.category(char) in _UNSAFE else char for char in text)


def own_name(text: str, limit: int = 300) -> str:
    """A name that the owner has given (asset, watch): it calls nobody and is no link's markup."""
    return _CALLS.sub(lambda found: found[0] + _GAP, one_line(text, limit))


def operator_text(text: str, limit: int) -> str:
    """What we say of the monitor itself: links and commands in it can be copied."""
    return _CALLS_ONLY.sub(lambda found: found[0] + _GAP, one_line(text, limit))


def foreign(text: str, limit: int = 300) -> str:
    """What somebody else has written: no program makes a link or a call of it."""
    return _HOST_DOT.sub("." + _GAP, own_name(text, limit))


def escape_for(form: MessageFormat, value: object) -> str:
    """`value` as it has to stand in a message of this format."""
    if isinstance(value, Ready):
        return value
    text = str(value)
    if form is MessageFormat.HTML:
        return str(escape(text))
    if form is MessageFormat.MARKDOWN:
        return _MARKDOWN.sub(r"\\\g<0>", text)
    return text


@lru_cache(maxsize=64)  # asked thrice for each listing that is told
def web_address(url: str) -> str | None:
    """The address if a link may lead there: http or https, and nothing in it ends a link early."""
    address = one_line(url, len(url))
    try:
        parts = urlsplit(address)
        host = parts.hostname
    except ValueError:
        return None
    start = re.match(r"https?://[^\s/?#<>()\"'\\`*\[\]|]+", address, re.IGNORECASE)
    if not host or start is None or start[0].split("://", 1)[1] != parts.netloc:
        return None
    rest = quote(address[start.end() :], safe=_KEPT_IN_LINK)
    return _EVERYONE.sub("%40", start[0] + rest)


def link(form: MessageFormat, url: str, label: str) -> str:
    """A link in the message's format; what is no web address is shown as text.

    In HTML the address itself is shown, so that it stays in the text that mail programs derive.
    """
    address = web_address(url)
    if address is None:
        plain = _plain_address(url)
        return escape(plain) if form is MessageFormat.HTML else Ready(escape_for(form, plain))
    if form is MessageFormat.HTML:
        return Markup('<a href="{0}">{0}</a>').format(address)
    if form is MessageFormat.MARKDOWN:
        return Ready(f"[{escape_for(form, label)}]({address})")
    return Ready(address)


def _plain_address(url: str) -> str:
    """A picture in a folder of one's own keeps its path as it is."""
    is_file = url.lower().startswith("file:")
    return one_line(url, len(url)) if is_file else foreign(url, len(url))
