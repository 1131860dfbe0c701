"""What a site says in words or codes -> the error it means. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import timedelta

from monitor.errors import (
    AuthError,
    BadImage,
    MarketplaceError,
    PermissionDenied,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.answers import PictureTooLarge

Kind = type[MarketplaceError]

# What refusals say, in the order in which they are tried. Sources: error tables of the gateways of
# Alibaba's platforms and of resellers, English and Chinese.
_MEANINGS: tuple[tuple[re.Pattern[str], Kind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (r"usage ?left|quota|run out of searches|no (searches|credits|balance)|insufficient balance"
         r"|额度|余额|配额|次数已?用完", QuotaExhausted),
        (r"(image|picture|图片|图像).{0,40}(too (large|big)|exceed|过大|太大|超过)|^413\b",
         PictureTooLarge),
        (r"frequency|qos|too many|call ?limit|exceed.{0,20}(call|limit|rate)|throttl"
         r"|rate.?limit|limited-by|ban will last|频率|频繁|限流|流控|^429\b", Throttled),
        (r"permission|\bacl\b|acl.?decline|forbidden|unsupport.{0,3}api|api.?unsupport"
         r"|invalidapipath|无权|权限|^403\b", PermissionDenied),
        (r"signature|\bsign\b|app.?key|api.?key|secret|timestamp|access.?token|\btoken\b"
         r"|unauthori[sz]ed|authenticat|签名|时间戳|密钥|^401\b", AuthError),
        (r"image|picture|图片|图像", BadImage),
        (r"busy|time.?out|try again|temporar|繁忙|超时|稍后|^50[0-9]\b", Transient),
    )
)  # fmt: skip
# As the gateways of Taobao and AliExpress write it.
_BAN = re.compile(r"ban will last (?:for )?(\d{1,6})", re.IGNORECASE)
_LOOKS_SECRET = re.compile(r"[0-9A-Za-z+/=_-]{24,}")


def hide(text: str, secrets: Iterable[str] = ()) -> str:
    """A message without what is, or could be, a key, a signature or a token; 300 characters."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 4:  # a shorter one would blot out half the message
            text = text.replace(secret, "***")
    return text[:300]


def quote(text: str) -> str:
    """What a site said, as a message may repeat it: long tokens hidden.

    Longer than a message will be: `hide` cuts it, after the secrets are out, as half of one at the
    cut would not be recognised.
    """
    return _LOOKS_SECRET.sub("***", text)[:600]


def meaning_of(words: str) -> Kind:
    """The error that a refusal's words stand for; ProtocolError where they say nothing known."""
    return next((kind for pattern, kind in _MEANINGS if pattern.search(words)), ProtocolError)


def refusal(
    words: str,
    *,
    code: str = "",
    codes: Mapping[str, Kind] | None = None,
    waits: Mapping[str, timedelta] | None = None,
) -> MarketplaceError:
    """The error for a refusal: by its code where `codes` knows it, else by its words.

    `waits` is how long to stay away after a code where the site doesn't say it. A "ban will last N
    seconds" is waited for a second longer.
    """
    kind = (codes or {}).get(code) or meaning_of(f"{code} {words}".strip())
    text = f"the site says: {quote(f'{code} {words}'.strip()) or 'no reason given'}"
    if kind in (Throttled, Transient):
        ban = _BAN.search(words)
        wait = timedelta(seconds=int(ban[1]) + 1) if ban else (waits or {}).get(code)
        return Throttled(text, retry_after=wait) if kind is Throttled else Transient(text)
    return kind(text)
