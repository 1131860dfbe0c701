"""The plain text of an HTML mail: what a reader without HTML sees, links included."""

from __future__ import annotations

import re
from html.parser import HTMLParser

_LINES = frozenset({"br", "div", "dd", "dl", "dt", "hr", "li", "tr", "header", "footer", "section"})
_PARAGRAPHS = frozenset(
    {"p", "h1", "h2", "h3", "h4", "h5", "h6", "ul", "ol", "table", "blockquote"}
)
_UNSEEN = frozenset({"head", "style", "script", "title", "template"})


def plain_text(html: str) -> str:
    """Blocks on lines of their own, cells apart, a link's address after its words.

    Apprise has such a function too, but a link loses its address there.
    """
    reader = _Reader()
    reader.feed(html)
    reader.close()
    lines = [re.sub(" +", " ", line).strip(" ") for line in "".join(reader.parts).split("\n")]
    return re.sub(r"\n{3,}", "\n\n", "\n".join(lines)).strip()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.parts: list[str] = []
        self._unseen = 0
        self._links: list[tuple[str, int]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag in _UNSEEN:
            self._unseen += 1
        elif tag == "a":
            self._links.append((values.get("href") or "", len(self.parts)))
        elif tag == "img":
            self._add(f"[{values['alt']}]" if values.get("alt") else "")
        elif tag in ("td", "th"):
            self._add(" ")
        else:
            self._break(tag)
        if tag == "li":
            self._add("- ")

    def handle_endtag(self, tag: str) -> None:
        if tag in _UNSEEN:
            self._unseen = max(0, self._unseen - 1)
        elif tag == "a" and self._links:
            address, begin = self._links.pop()
            words = "".join(self.parts[begin:]).strip()
            if address and words != address:
                self._add(f" <{address}>" if words else address)
        elif tag not in ("br", "hr"):
            self._break(tag)

    def handle_data(self, data: str) -> None:
        self._add(re.sub(r"[^\S\u00a0]+", " ", data))

    def _break(self, tag: str) -> None:
        if tag in _LINES or tag in _PARAGRAPHS:
            ends = "".join(self.parts[-2:])
            wanted = "\n\n" if tag in _PARAGRAPHS else "\n"
            if tag == "br" or not ends.rstrip(" ").endswith(wanted):
                self._add("\n" if ends.rstrip(" ").endswith("\n") else wanted)

    def _add(self, text: str) -> None:
        if not self._unseen:
            self.parts.append(text)
