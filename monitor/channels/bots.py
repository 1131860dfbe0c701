"""Our versions of apprise's bots of WeCom, DingTalk, Feishu and Lark: they read the answer.

Each is a subclass that sends for itself and takes over the URL's scheme by the registry's own
`add(..., force=True)`. Three options are added to the URL: `base_url` (a private installation
of the service; https, or anything on loopback), for WeCom `format=markdown`, for Feishu and Lark
`secret`.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import ipaddress
import json
import re
import time
from typing import ClassVar
from urllib.parse import unquote, urlsplit

import requests
from apprise import NotifyBase, NotifyFormat
from apprise.exception import AppriseImproperlyConfigured
from apprise.plugins.dingtalk import NotifyDingTalk
from apprise.plugins.feishu import NotifyFeishu
from apprise.plugins.lark import NotifyLark
from apprise.plugins.wecombot import NotifyWeComBot

from monitor.channels.answers import DINGTALK, FEISHU, WECOM, Answers, Refusal

WECOM_TEXT_BYTES = 2048
WECOM_MARKDOWN_BYTES = 4096
# DingTalk refuses a request above 20,000 bytes, Feishu and Lark one above 20 KB; the text's share.
DINGTALK_REQUEST_BYTES = 20_000
FEISHU_REQUEST_BYTES = 20 * 1024
# Per bot. WeCom and DingTalk say so; Feishu allows 100 a minute and 5 a second, and less in the
# first seconds of an hour, when everybody's jobs start.
PACE_PER_MINUTE = 20


class Bot(NotifyBase):
    """What the four have in common. `refusal` is why the last message was not taken."""

    answers: ClassVar[Answers]
    max_request_bytes: ClassVar[int]
    takes_markdown: ClassVar[bool] = False
    base_url: str
    # Large enough that apprise neither cuts nor splits: characters are not what counts here.
    body_maxlen = 32_768
    overflow_amalgamate_title = False

    def __init__(self, **kwargs: object) -> None:
        """Raises AppriseImproperlyConfigured where messages and keys would go in the clear."""
        super().__init__(**kwargs)
        self.refusal: Refusal | None = None
        query = kwargs.get("qsd")
        self.options: dict[str, str] = query if isinstance(query, dict) else {}
        if given := self.options.get("base_url"):
            self.base_url = _checked(given)

    def resolve_format(self, body_format: NotifyFormat | str | None = None) -> NotifyFormat:
        """That of the message: apprise's way to Markdown puts backslashes that nobody reads."""
        is_markdown = self.takes_markdown and body_format == NotifyFormat.MARKDOWN
        return NotifyFormat.MARKDOWN if is_markdown else NotifyFormat.TEXT

    @property
    def asks_for_markdown(self) -> bool:
        return self.takes_markdown and self.options.get("format") == "markdown"

    def post(self, path: str, payload: object, params: dict[str, str]) -> bool:
        """Send `payload`; True only where the answer says that it was taken."""
        # As UTF-8: written as \uXXXX, a Chinese character would take six bytes of the limit.
        body = json.dumps(payload, ensure_ascii=False).encode()
        if len(body) > self.max_request_bytes:
            self.refusal = Refusal(None, "", "the message is too large", about_message=True)
            return False
        try:
            answer = requests.post(
                f"{self.base_url}{path}",
                data=body,
                params=params,
                headers={
                    "User-Agent": self.app_id,
                    "Content-Type": "application/json; charset=utf-8",
                },
                verify=self.verify_certificate,
                timeout=self.request_timeout,
                allow_redirects=self.redirects,
            )
        except requests.RequestException as error:
            self.logger.debug("Socket Exception: %s", error)
            return False
        if answer.status_code != requests.codes.ok:
            self.logger.warning("Failed to send: error=%d", answer.status_code)
            return False
        self.refusal = self.answers.refusal(answer.content)
        return self.refusal is None


def _checked(base_url: str) -> str:
    parts = urlsplit(base_url)
    if not parts.hostname or not (parts.scheme == "https" or _is_loopback(parts.hostname)):
        raise AppriseImproperlyConfigured("base_url has to be https")
    return base_url.rstrip("/")


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


class WeComBot(Bot, NotifyWeComBot):
    """Text of at most 2,048 bytes, Markdown (in a URL with `format=markdown`) of at most 4,096.

    Text unless asked for: WeCom's Markdown has no escapes, so that a title from outside could
    write links, and personal WeChat doesn't show it.
    """

    answers = WECOM
    base_url = "https://qyapi.weixin.qq.com"
    max_request_bytes = 20_000
    takes_markdown = True

    def send(self, body: str, *args: object, **kwargs: object) -> bool:  # noqa: ARG002
        kind, limit = "text", WECOM_TEXT_BYTES
        if kwargs.get("body_format") == NotifyFormat.MARKDOWN:
            kind, limit = "markdown", WECOM_MARKDOWN_BYTES
        if len(body.encode()) > limit:
            self.refusal = Refusal(None, "", "the text is too long", about_message=True)
            return False
        payload = {"msgtype": kind, kind: {"content": body}}
        return self.post("/cgi-bin/webhook/send", payload, {"key": self.key})


class DingTalkBot(Bot, NotifyDingTalk):
    """Text, or Markdown in a URL with `format=markdown`."""

    answers = DINGTALK
    base_url = "https://oapi.dingtalk.com"
    max_request_bytes = DINGTALK_REQUEST_BYTES
    takes_markdown = True

    def send(self, body: str, title: str = "", *args: object, **kwargs: object) -> bool:  # noqa: ARG002
        payload: dict[str, object] = {"at": {"atMobiles": self.targets, "isAtAll": False}}
        if kwargs.get("body_format") == NotifyFormat.MARKDOWN:
            heading = f"# {title}\n{body}" if title else body
            payload["msgtype"] = "markdown"
            payload["markdown"] = {"title": title or self.app_desc, "text": heading}
        else:
            payload["msgtype"] = "text"
            payload["text"] = {"content": f"{title}\n{body}" if title else body}
        return self.post("/robot/send", payload, {"access_token": self.token, **self._signed()})

    def _signed(self) -> dict[str, str]:
        if not self.secret:
            return {}
        timestamp, sign = self.get_signature()
        # quoted there, and once more with the other parameters
        return {"timestamp": timestamp, "sign": unquote(sign)}


class _Hook(Bot):
    """What Feishu and Lark have in common: text, signed where the URL has a `secret`."""

    answers = FEISHU
    max_request_bytes = FEISHU_REQUEST_BYTES
    # apprise puts the title into the text where there may be no other
    title_maxlen = 0
    token: str

    def send(self, body: str, *args: object, **kwargs: object) -> bool:  # noqa: ARG002
        payload = {"msg_type": "text", "content": {"text": harmless(body)}, **self._signed()}
        return self.post(f"/open-apis/bot/v2/hook/{self.token}", payload, {})

    def _signed(self) -> dict[str, str]:
        """The key is the time and the secret, the message is empty: so says Feishu's page."""
        secret = self.options.get("secret")
        if not secret:
            return {}
        timestamp = str(int(time.time()))
        digest = hmac.new(f"{timestamp}\n{secret}".encode(), b"", hashlib.sha256).digest()
        return {"timestamp": timestamp, "sign": base64.b64encode(digest).decode()}


class FeishuBot(_Hook, NotifyFeishu):
    base_url = "https://open.feishu.cn"


class LarkBot(_Hook, NotifyLark):
    """Feishu outside China."""

    base_url = "https://open.larksuite.com"


def harmless(text: str) -> str:
    """Feishu takes `<at user_id="all">` in a text for a call to everyone; titles are strangers'."""
    return re.sub(r"<(?=/?at\b)", "＜", text, flags=re.IGNORECASE)


BOTS = (WeComBot, DingTalkBot, FeishuBot, LarkBot)
