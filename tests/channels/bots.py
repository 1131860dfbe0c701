"""The bots that say no with HTTP 200: WeCom, DingTalk, Feishu and Lark, as receivers on loopback.

Their `channel_url` works in any process: it carries the receiver's address.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from urllib.parse import quote

from tests.channels.wire import Answer, Got, HttpReceiver, Refused, Request

KEY = "693a91f6-7aoc-4bc4-97a0-0ec2sifa5aaa"


class BotReceiver(HttpReceiver):
    """A bot takes JSON, answers JSON, and `per_minute` messages at most, where that is given.

    `secret` is what messages are to be signed with, for the bots that know signatures. `error` is
    what it answers in mode `error_code`; `path` and `token` make up its address.
    """

    scheme = ""
    path = ""
    ok: dict[str, object] = {}  # noqa: RUF012 - never written to
    too_fast: dict[str, object] = {}  # noqa: RUF012

    def __init__(
        self,
        *,
        port: int = 0,
        per_minute: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        secret: str | None = None,
    ) -> None:
        super().__init__(port=port)
        self._secret = secret
        self.error = self.too_fast
        self._per_minute = per_minute
        self._clock = clock
        self._taken_at: list[float] = []

    @property
    def channel_url(self) -> str:  # type: ignore[override]
        return f"{self.scheme}://{KEY}/?base_url={quote(f'http://{self.host}', safe='')}"

    def error_answer(self) -> Answer:
        return says(self.error)

    def take(self, request: Request) -> Answer:
        self.check_address(request)
        if not request.content_type.startswith("application/json"):
            raise self.refuse(f"content type {request.content_type}", -1)
        try:
            payload = json.loads(request.body)
        except ValueError as error:
            raise self.refuse(f"no JSON: {error}", -1) from error
        got = self.read(payload, len(request.body))
        if self._is_too_fast():
            raise Refused("too fast", says(self.too_fast))
        self.messages.append(got)
        return says(self.ok)

    def check_address(self, request: Request) -> None:
        raise NotImplementedError

    def read(self, payload: dict[str, dict[str, str]], size_bytes: int) -> Got:
        """The message in the payload. Raises Refused."""
        raise NotImplementedError

    def refuse(self, why: str, code: int) -> Refused:
        return Refused(why, says({"errcode": code, "errmsg": why}))

    def _is_too_fast(self) -> bool:
        if self._per_minute is None:
            return False
        now = self._clock()
        self._taken_at = [at for at in self._taken_at if now - at < 60]
        if len(self._taken_at) >= self._per_minute:
            return True
        self._taken_at.append(now)
        return False


def says(payload: dict[str, object]) -> Answer:
    return Answer(200, json.dumps(payload, ensure_ascii=False).encode())


class WeComReceiver(BotReceiver):
    """A WeCom group bot: text of at most 2,048 bytes, Markdown of at most 4,096.

    https://developer.work.weixin.qq.com/document/path/91770
    """

    scheme = "wecombot"
    ok = {"errcode": 0, "errmsg": "ok"}  # noqa: RUF012
    too_fast = {"errcode": 45009, "errmsg": "api freq out of limit"}  # noqa: RUF012
    limits = {"text": 2048, "markdown": 4096}  # noqa: RUF012

    def check_address(self, request: Request) -> None:
        if request.path != "/cgi-bin/webhook/send" or request.query.get("key") != KEY:
            raise self.refuse("invalid webhook url", 93000)

    def read(self, payload: dict[str, dict[str, str]], size_bytes: int) -> Got:
        kind = str(payload.get("msgtype"))
        if kind not in self.limits:
            raise self.refuse(f"invalid message type {kind}", 40008)
        content = payload[kind]["content"]
        size = len(content.encode())
        if size > self.limits[kind]:
            raise self.refuse(f"{kind}.content exceed max length: {size}", 40058)
        if not content.strip():
            raise self.refuse("empty content", 44004)
        return Got("", content, size_bytes=size)


class DingTalkReceiver(BotReceiver):
    """A DingTalk custom bot: requests of at most 20,000 bytes; checks the signature if asked to."""

    scheme = "dingtalk"
    ok = {"errcode": 0, "errmsg": "ok"}  # noqa: RUF012
    too_fast = {  # noqa: RUF012
        "errcode": 130101,
        "errmsg": "send too fast, exceed 20 times per minute",
    }
    token = "a1b2c3d4e5f6"

    @property
    def channel_url(self) -> str:  # type: ignore[override]
        who = f"{self._secret}@{self.token}" if self._secret else self.token
        return f"{self.scheme}://{who}/?base_url={quote(f'http://{self.host}', safe='')}"

    def check_address(self, request: Request) -> None:
        if request.path != "/robot/send" or request.query.get("access_token") != self.token:
            raise self.refuse("token is not exist", 300005)
        if self._secret and not self._is_signed(request, self._secret):
            raise self.refuse("sign not match", 310000)

    def _is_signed(self, request: Request, secret: str) -> bool:
        stamp = request.query.get("timestamp", "")
        digest = hmac.new(secret.encode(), f"{stamp}\n{secret}".encode(), hashlib.sha256).digest()
        return request.query.get("sign") == base64.b64encode(digest).decode()

    def read(self, payload: dict[str, dict[str, str]], size_bytes: int) -> Got:
        if size_bytes > 20_000:
            raise self.refuse("message too long, exceed 20000 bytes", 460101)
        kind = str(payload.get("msgtype"))
        if kind == "markdown":
            content = payload["markdown"]
            if not content["title"] or not content["text"]:
                raise self.refuse("empty title or text", 40035)
            return Got("", content["text"], size_bytes=size_bytes)
        if kind != "text" or not payload["text"]["content"].strip():
            raise self.refuse(f"message type {kind}", 400105)
        return Got("", payload["text"]["content"], size_bytes=size_bytes)


class FeishuReceiver(BotReceiver):
    """A Feishu custom bot: requests of at most 20 KB; checks the signature if asked to."""

    scheme = "feishu"
    ok = {  # noqa: RUF012
        "StatusCode": 0,
        "StatusMessage": "success",
        "code": 0,
        "data": {},
        "msg": "success",
    }
    too_fast = {  # noqa: RUF012
        "code": 11232,
        "data": {},
        "msg": "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]",
    }

    def refuse(self, why: str, code: int) -> Refused:
        return Refused(why, says({"code": code, "msg": why, "data": {}}))

    def check_address(self, request: Request) -> None:
        if request.path.rstrip("/") != f"/open-apis/bot/v2/hook/{KEY}":
            raise self.refuse("param invalid: incoming webhook access token invalid", 19001)

    def read(self, payload: dict[str, dict[str, str]], size_bytes: int) -> Got:
        if self._secret and not self._is_signed(payload, self._secret):
            raise self.refuse("sign match fail or timestamp is not within one hour", 19021)
        if size_bytes > 20 * 1024:
            raise self.refuse(f"request too large: {size_bytes}", 9499)
        if str(payload.get("msg_type")) != "text" or not payload["content"]["text"].strip():
            raise self.refuse("Bad Request", 9499)
        return Got("", payload["content"]["text"], size_bytes=size_bytes)

    def _is_signed(self, payload: dict[str, dict[str, str]], secret: str) -> bool:
        key = f"{payload.get('timestamp')}\n{secret}".encode()
        digest = hmac.new(key, b"", hashlib.sha256).digest()
        return str(payload.get("sign")) == base64.b64encode(digest).decode()


class LarkReceiver(FeishuReceiver):
    """Feishu outside China."""

    scheme = "lark"
