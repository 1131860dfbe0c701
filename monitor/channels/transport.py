"""What apprise logs while it sends: never shown, since it names URLs, but read for the reason.

Apprise tells success from failure only; why a send failed stands in its log alone.
"""

from __future__ import annotations

import logging
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import unquote

_REASON_LENGTH = 160
_NOWHERE = logging.NullHandler()
# A token this long is replaced wherever it stands, a shorter one only as a whole word.
_LONG_TOKEN = 8
# What the network says, and what we say for it: these phrases are ours, so they hold no secret.
_PHRASES = {
    "connection refused": "connection refused",
    "timed out": "no answer in time",
    "timeout": "no answer in time",
    "name or service not known": "unknown host name",
    "nodename nor servname": "unknown host name",
    "failed to resolve": "the host name could not be resolved",
    "name resolution": "the host name could not be resolved",
    "network is unreachable": "network unreachable",
    "no route to host": "no route to the host",
    "certificate verify failed": "the server's certificate is not trusted",
    "wrong version number": "the server does not speak TLS there",
    "connection reset": "the server cut the connection",
    "remote end closed": "the server cut the connection",
    "connection unexpectedly closed": "the server cut the connection",
}
_HTTP_ERROR = re.compile(r"\berror=(\d{3})\b")
# Slack's API says no with HTTP 200, too; apprise sees it and logs what it said.
_SLACK_ERROR = re.compile(r'"error"\s*:\s*"([a-z_]{1,40})"')
_SMTP_ERROR = re.compile(r"\((\d{3}), b['\"]")
# Refusals that the same request meets again: wrong token, no right, nothing there.
_PERMANENT_HTTP = frozenset({401, 403, 404, 410})
# 534, 535, 538: authentication refused (RFC 4954); 530: authentication needed.
_PERMANENT_SMTP = frozenset({530, 534, 535, 538})
# No to what was sent, not to who sent it: too large, not understood, not wanted. Some servers fail
# on what one message holds.
_UNWANTED_HTTP = frozenset({400, 406, 413, 414, 415, 422, 431, 451, 500})
# 550, 554: by a policy, a filter of spam say; 552: too large (RFC 5321).
_UNWANTED_SMTP = frozenset({550, 552, 554})

# From the pages of chat.postMessage and of incoming webhooks.
_PERMANENT_SLACK = frozenset(
    {
        "account_inactive",
        "channel_not_found",
        "invalid_auth",
        "is_archived",
        "missing_scope",
        "no_permission",
        "not_authed",
        "not_in_channel",
        "token_expired",
        "token_revoked",
    }
)
_BUSY_SLACK = frozenset(
    {"fatal_error", "internal_error", "ratelimited", "request_timeout", "service_unavailable"}
)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a send failed, safe to show: `permanent` where the channel would take no message at all,
    `about_message` where it may take another one.
    """

    text: str
    permanent: bool = False
    about_message: bool = False


class _Capture(logging.Filter):
    """Keeps what a thread's apprise logs for that thread, and lets nothing through to a handler."""

    def __init__(self) -> None:
        super().__init__()
        self._local = threading.local()

    def filter(self, record: logging.LogRecord) -> bool:
        lines: list[tuple[int, str]] | None = getattr(self._local, "lines", None)
        if lines is not None:
            # a log call of theirs may not fit its own arguments
            with suppress(TypeError, ValueError):
                lines.append((record.levelno, record.getMessage()))
        return False

    @contextmanager
    def active(self) -> Iterator[list[tuple[int, str]]]:
        lines: list[tuple[int, str]] = []
        self._local.lines = lines
        try:
            yield lines
        finally:
            del self._local.lines


_capture = _Capture()


def silence() -> None:
    """Keep apprise's log to ourselves: it writes mistyped URLs whole, secrets and all."""
    logger = logging.getLogger("apprise")
    logger.setLevel(logging.DEBUG)  # the network's own words stand there
    logger.addFilter(_capture)
    # loggers below it pass its filter by
    logger.propagate = False
    logger.addHandler(_NOWHERE)
    # At DEBUG it writes the path of every request, which for many services is the token.
    logging.getLogger("urllib3").setLevel(logging.INFO)


@contextmanager
def captured() -> Iterator[list[tuple[int, str]]]:
    """What apprise logs in this thread inside the block, as (level, text); shown to nobody."""
    silence()
    with _capture.active() as lines:
        yield lines


def explain(lines: list[tuple[int, str]], url: str) -> Reason:
    """Why a send failed, from what was logged; without any part of `url`."""
    text = "\n".join(line for _, line in lines)
    if codes := _HTTP_ERROR.findall(text):
        error = _SLACK_ERROR.search(text)
        if codes[-1] == "200" and error:
            return _explain_slack(error[1])
        return _explain_http(int(codes[-1]))
    if codes := _SMTP_ERROR.findall(text):
        code = int(codes[-1])
        text = f"the mail server answered {code}"
        return Reason(text, code in _PERMANENT_SMTP, code in _UNWANTED_SMTP)
    lowered = text.lower()
    for phrase, ours in _PHRASES.items():
        if phrase in lowered:
            return Reason(ours)
    warnings = [line for level, line in lines if level >= logging.WARNING]
    return Reason(redact(warnings[-1], url) if warnings else "no reason was given")


def _explain_http(code: int) -> Reason:
    try:
        phrase = f" {HTTPStatus(code).phrase}"
    except ValueError:
        phrase = ""
    return Reason(f"HTTP {code}{phrase}", code in _PERMANENT_HTTP, code in _UNWANTED_HTTP)


def _explain_slack(error: str) -> Reason:
    is_permanent = error in _PERMANENT_SLACK
    about_message = not is_permanent and error not in _BUSY_SLACK
    return Reason(f"the service said {error}", is_permanent, about_message)


def redact(text: str, url: str) -> str:
    """`text` as one short line, with every part of `url` (user, host, path, values) taken out."""
    text = " ".join(text.split())
    text = re.sub(r"\S+://\S+", "***", text)
    rest = url.split("://", 1)[-1]
    parts = set(re.split(r"[/:@?&=#;,+\s]+", rest)) | set(re.split(r"[/?&#\s]+", rest))
    parts |= {unquote(part) for part in parts}
    for part in sorted(parts, key=len, reverse=True):
        if len(part) >= _LONG_TOKEN:
            text = text.replace(part, "***")
        elif len(part) > 1:
            text = re.sub(rf"(?<!\w){re.escape(part)}(?!\w)", "***", text)
    return text[:_REASON_LENGTH]
