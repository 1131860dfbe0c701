"""Slack, Discord and Telegram as receivers on loopback.

Apprise has their addresses in attributes of its classes, so while a receiver's `with` block lasts
every channel of that kind in this process ends there: one receiver of a kind at a time, and not
for a daemon in a process of its own.
"""

from __future__ import annotations

import html
import json
import re
from types import TracebackType
from typing import ClassVar, Self

from apprise.plugins.discord import NotifyDiscord
from apprise.plugins.slack import NotifySlack
from apprise.plugins.telegram import NotifyTelegram

from tests.channels.wire import Answer, Got, HttpReceiver, Refused, Request


class ChatReceiver(HttpReceiver):
    """A receiver that a class of apprise's is pointed to."""

    plugin: ClassVar[type]
    # attribute of the plugin -> path on the receiver
    addresses: ClassVar[dict[str, str]]

    def __enter__(self) -> Self:
        super().__enter__()
        self._before = {name: getattr(self.plugin, name) for name in self.addresses}
        for name, path in self.addresses.items():
            setattr(self.plugin, name, f"http://{self.host}{path}")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        for name, before in self._before.items():
            setattr(self.plugin, name, before)
        super().__exit__(kind, error, trace)


class SlackReceiver(ChatReceiver):
    """Slack: an incoming webhook (`channel_url`, no pictures) and a bot (`bot_url`)."""

    plugin = NotifySlack
    addresses = {"webhook_url": "/services", "api_url": "/api/{}"}  # noqa: RUF012
    channel_url = "slack://T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ/"
    bot_url = "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#general"

    def __init__(self, *, port: int = 0) -> None:
        super().__init__(port=port)
        self._files: dict[str, bytes] = {}

    def error_answer(self) -> Answer:
        return Answer(200, json.dumps({"ok": False, "error": "ratelimited"}).encode())

    def take(self, request: Request) -> Answer:
        if request.path == "/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdevi7FQ":
            self._keep(request)
            return Answer(200, b"ok")
        match request.path.removeprefix("/api/"):
            case "chat.postMessage":
                self._keep(request)
                return _json({"ok": True, "channel": "C123"})
            case "files.getUploadURLExternal":
                url = f"http://{self.host}/upload/F{len(self._files)}"
                return _json({"ok": True, "file_id": url[-2:], "upload_url": url})
            case "files.completeUploadExternal":
                return self._complete(request)
        if request.path.startswith("/upload/"):
            (content,) = (content for _, content in request.parts().values())
            self._files[request.path.removeprefix("/upload/")] = content
            return Answer(200, f"OK - {len(content)}".encode())
        raise Refused(f"unknown path {request.path}", Answer(404, b"no_service"))

    def _keep(self, request: Request) -> None:
        (attachment,) = json.loads(request.body)["attachments"]
        text = attachment["text"]
        if re.search(r"[<>]|&(?!amp;|lt;|gt;)", text):
            raise Refused(f"not escaped: {text}", Answer(400, b"invalid_payload"))
        self.messages.append(Got(html.unescape(attachment["title"]), html.unescape(text)))

    def _complete(self, request: Request) -> Answer:
        payload = json.loads(request.body)
        pictures = tuple(self._files[file["id"]] for file in payload["files"])
        self.messages[-1] = _with(self.messages[-1], pictures)
        return _json({"ok": True, "files": payload["files"]})


class DiscordReceiver(ChatReceiver):
    """A Discord webhook: content of at most 2,000 characters, pictures in a message after it."""

    plugin = NotifyDiscord
    addresses = {"notify_url": "/api/webhooks"}  # noqa: RUF012
    channel_url = "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"

    def error_answer(self) -> Answer:
        return _json({"code": 50035, "message": "Invalid Form Body"}, 400)

    def take(self, request: Request) -> Answer:
        if request.path != "/api/webhooks/4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js":
            raise Refused("Unknown Webhook", _json({"code": 10015}, 404))
        if request.content_type.startswith("multipart/"):
            fields = request.parts()
            pictures = tuple(content for name, content in fields.values() if name)
            self.messages[-1] = _with(self.messages[-1], pictures)
            return Answer(200, b"{}")
        payload = json.loads(request.body)
        content = payload.get("content", "")
        if not 0 < len(content) <= 2000:
            raise Refused(f"content of {len(content)}", self.error_answer())
        if payload.get("allowed_mentions") != {"parse": []}:
            self.problems.append("a title from outside may call everyone")
        self.messages.append(Got("", content))
        return Answer(204, b"")


class TelegramReceiver(ChatReceiver):
    """A Telegram bot: text of at most 4,096 characters once its HTML is read."""

    plugin = NotifyTelegram
    addresses = {"notify_url": "/bot"}  # noqa: RUF012
    channel_url = "tgram://123456789:abcdefg_hijklmnop/12315544/"

    def error_answer(self) -> Answer:
        return self._no("Bad Request: chat not found")

    def _no(self, why: str) -> Answer:
        return _json({"ok": False, "error_code": 400, "description": why}, 400)

    def take(self, request: Request) -> Answer:
        method = request.path.removeprefix("/bot123456789:abcdefg_hijklmnop/").lower()
        if method == "sendmessage":
            payload = json.loads(request.body)
            self.messages.append(Got("", self._read(payload["text"], payload["parse_mode"], 4096)))
        elif method in ("sendphoto", "senddocument"):
            self._keep_picture(request)
        else:
            raise Refused(f"unknown method {request.path}", _json({"ok": False}, 404))
        return _json({"ok": True, "result": {}})

    def _keep_picture(self, request: Request) -> None:
        fields = request.parts()
        pictures = tuple(content for name, content in fields.values() if name)
        if "caption" in fields:
            text = fields["caption"][1].decode()
            mode = fields["parse_mode"][1].decode()
            self.messages.append(Got("", self._read(text, mode, 1024), pictures))
        else:
            self.messages[-1] = _with(self.messages[-1], pictures)

    def _read(self, text: str, parse_mode: str, limit: int) -> str:
        if parse_mode == "HTML":
            # https://core.telegram.org/bots/api#html-style
            if re.search(r"&(?!amp;|lt;|gt;|quot;|#\d+;)", text):
                raise Refused(f"unknown entity in {text}", self._no("can't parse entities"))
            if re.search(r"<(?!/?(b|i|u|s|a|code|pre|blockquote)\b)", text):
                raise Refused(f"unknown tag in {text}", self._no("can't parse entities"))
            text = html.unescape(re.sub(r"</?[a-z][^>]*>", "", text))
        if not 0 < len(text) <= limit:
            raise Refused(f"text of {len(text)}", self._no("message is too long"))
        return text


def _json(payload: dict[str, object], status: int = 200) -> Answer:
    return Answer(status, json.dumps(payload).encode())


def _with(message: Got, pictures: tuple[bytes, ...]) -> Got:
    return Got(message.title, message.text, (*message.pictures, *pictures), message.size_bytes)
