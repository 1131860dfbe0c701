"""What each service takes, and how a text has to be written for it."""

from __future__ import annotations

import html
import json
import threading
from collections.abc import Callable
from dataclasses import dataclass

from apprise import AttachBase, NotifyBase, NotifyFormat
from apprise.manager_plugins import NotificationManager
from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.mattermost import NotifyMattermost
from apprise.plugins.ntfy import NotifyNtfy
from apprise.plugins.rocketchat import NotifyRocketChat
from apprise.plugins.slack import NotifySlack, SlackMode
from apprise.plugins.telegram import NotifyTelegram
from apprise.plugins.workflows import NotifyWorkflows

from monitor.channels import bots
from monitor.channels.capacity import Capacity
from monitor.channels.mail import MAIL_BYTES, Mail
from monitor.model import MessageFormat

# A title longer than this goes into the text; Slack's blocks take 150 characters.
TITLE_LENGTH = 150
# What joins a title and a text: "# ", a line break of two characters. Where apprise puts both into
# one, it also keeps room for a counter of its own.
_JOINT = 8
_JOINT_OF_ONE = 20
_CHATS = (NotifySlack, NotifyMattermost, NotifyRocketChat, NotifyWorkflows)
_FORMATS = {
    MessageFormat.TEXT: NotifyFormat.TEXT,
    MessageFormat.MARKDOWN: NotifyFormat.MARKDOWN,
    MessageFormat.HTML: NotifyFormat.HTML,
}
_registered = threading.Lock()
_REGISTERED: list[type[NotifyBase]] = []


class Discord(NotifyDiscord):
    """A webhook whose texts call nobody, unless its URL says whom: `@everyone` in a title would."""

    def _send(
        self,
        payload: dict[str, object],
        attach: list[AttachBase] | None = None,
        params: dict[str, str] | None = None,
        rate_limit: int = 1,
        **kwargs: object,
    ) -> bool:
        if not self.ping:
            payload["allowed_mentions"] = {"parse": []}
        return super()._send(payload, attach, params, rate_limit, **kwargs)


def register() -> None:
    """Put our versions of apprise's plug-ins in their place; once for the process."""
    with _registered:
        if _REGISTERED:
            return
        manager = NotificationManager()
        for plugin in (*bots.BOTS, Mail, Discord):
            manager.add(plugin, force=True)
            _REGISTERED.append(plugin)


@dataclass(frozen=True, slots=True)
class Kind:
    """What a service takes. On the wire a text takes `size` of `room`, where an `&` may be five
    characters and an emoji two: callers are told less, in `capacity`. `write` is how a plain text
    is written for the service and `send_as` the format it then has.
    """

    capacity: Capacity
    size: Callable[[str], int]
    room: int
    write: Callable[[str], str] = str
    send_as: NotifyFormat = NotifyFormat.TEXT

    def format_of(self, message_format: MessageFormat) -> NotifyFormat:
        if message_format is MessageFormat.TEXT:
            return self.send_as
        return _FORMATS[message_format]


def kind_of(service: NotifyBase, message_format: MessageFormat | None = None) -> Kind:
    """What a service takes of messages in a format; None: the one that it takes best."""
    match service:
        case Mail():
            kind = _mail(service, message_format)
        case bots.Bot():
            kind = _bot(service, message_format)
        case NotifyTelegram():
            kind = _telegram(service)
        case NotifyDiscord():
            kind = _discord(service)
        case NotifySlack():
            kind = _slack(service)
        case NotifyNtfy():
            kind = _ntfy(service)
        case _:
            kind = _other(service)
    return kind


def _mail(service: Mail, message_format: MessageFormat | None) -> Kind:
    is_html = service.resolve_format(NotifyFormat.HTML) == NotifyFormat.HTML
    best = MessageFormat.HTML if is_html else MessageFormat.TEXT
    # HTML can't be cut, and no mail server minds it.
    is_cut = message_format not in (MessageFormat.HTML, None)
    size = MAIL_BYTES if is_cut or message_format is None else service.body_maxlen
    return Kind(Capacity(size, in_bytes=True, takes_pictures=True, format=best), _bytes, size)


def _bot(service: bots.Bot, message_format: MessageFormat | None) -> Kind:
    best = MessageFormat.MARKDOWN if service.asks_for_markdown else MessageFormat.TEXT
    is_markdown = service.takes_markdown and (message_format or best) is MessageFormat.MARKDOWN
    size = _json_bytes
    # Less the rest of the request: the title a second time, phone numbers, the signature.
    room = service.max_request_bytes - 1_500
    told = room - room // 10
    if isinstance(service, bots.WeComBot):
        size = _bytes
        limit = bots.WECOM_MARKDOWN_BYTES if is_markdown else bots.WECOM_TEXT_BYTES
        room = told = limit - _JOINT
    capacity = Capacity(
        told,
        in_bytes=True,
        takes_pictures=False,
        format=best,
        is_compact=True,
        pace_per_minute=bots.PACE_PER_MINUTE,
    )
    return Kind(capacity, size, room)


def _discord(service: NotifyDiscord) -> Kind:
    """Discord reads Markdown in whatever comes, so a plain text has no chance there."""
    room = service.body_maxlen - _JOINT_OF_ONE
    return Kind(_chat(room, MessageFormat.MARKDOWN, takes_pictures=True), _utf16, room)


def _telegram(service: NotifyTelegram) -> Kind:
    """Plain text written as HTML: its Markdown is refused whole where one escape is missing.

    Apprise would do the same, but loses empty lines. It makes two characters of each line's end.
    """
    room = service.body_maxlen - _JOINT_OF_ONE  # `<b></b><br />` go around the title
    return Kind(
        _chat(room, MessageFormat.TEXT, takes_pictures=True),
        lambda text: _utf16(html.escape(text, quote=False).replace("\n", "\r\n")),
        room,
        write=lambda text: html.escape(text, quote=False),
        send_as=NotifyFormat.HTML,
    )


def _slack(service: NotifySlack) -> Kind:
    """Plain text: what apprise makes of Markdown keeps backslashes that Slack then shows.

    A webhook takes no pictures (apprise drops them and reports success). A section of blocks takes
    3,000 characters: https://docs.slack.dev/reference/block-kit/blocks/section-block
    """
    limit = 3_000 if service.use_blocks else service.body_maxlen
    is_bot = service.mode == SlackMode.BOT
    return Kind(
        _chat(limit - _JOINT, MessageFormat.TEXT, takes_pictures=is_bot),
        lambda text: _utf16(html.escape(text, quote=False)),
        limit - _JOINT,
    )


def _ntfy(service: NotifyNtfy) -> Kind:
    """Of a text above 4,096 bytes ntfy makes a file: https://docs.ntfy.sh/publish/#limitations"""
    room = 4_096 - _JOINT_OF_ONE
    capacity = Capacity(
        room,
        in_bytes=True,
        takes_pictures=bool(service.attachment_support),
        format=MessageFormat.TEXT,
        is_compact=True,
    )
    return Kind(capacity, _bytes, room)


def _other(service: NotifyBase) -> Kind:
    joint = _JOINT_OF_ONE if service.overflow_amalgamate_title else _JOINT
    room = max(1, service.body_maxlen - joint)
    capacity = Capacity(
        max(1, room - room // 20),
        in_bytes=False,
        takes_pictures=bool(service.attachment_support),
        format=MessageFormat.TEXT,
        is_compact=isinstance(service, _CHATS) or service.body_maxlen <= 4_096,
    )
    return Kind(capacity, _utf16, room)


def _chat(room: int, best: MessageFormat, *, takes_pictures: bool) -> Capacity:
    told = room - room // (20 if best is MessageFormat.MARKDOWN else 6)  # escapes of &, < and >
    return Capacity(
        told, in_bytes=False, takes_pictures=takes_pictures, format=best, is_compact=True
    )


def _bytes(text: str) -> int:
    return len(text.encode())


def _json_bytes(text: str) -> int:
    return len(json.dumps(bots.harmless(text), ensure_ascii=False).encode()) - 2


def _utf16(text: str) -> int:
    """Characters as most services count them: one above U+FFFF, an emoji say, is two."""
    return len(text.encode("utf-16-le")) // 2
