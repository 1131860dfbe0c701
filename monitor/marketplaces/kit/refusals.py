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
from monitor.marketplaces.kit.answers import LONGEST_RETRY_AFTER, PictureTooLarge

ErrorKind = type[MarketplaceError]

# What refusals say, in the order in which they are tried. Sources: error tables of the gateways of
# Alibaba's platforms and of resellers, English and Chinese. What is about the account comes before
# what is about the picture: the word "image" is in the name of every image search.
_SHORT = (
    r"per ?(second|minute|hour)|hourly|[0-9] ?/ ?(s|sec|min)\b|concurren|\bqps\b"
    r"|每秒|每分钟|每小时|并发"
)
_LONG = r"daily|per ?day|monthly|per ?month|今日|每日|每天|当日|当天|本月|每月"
_OVER = r"limit|quota|exceed|reached|used|上限|超|次数|限制"
_FILE = r"image|picture|photo|file|图片|图像|照片|文件"
_MEANINGS: tuple[tuple[re.Pattern[str], ErrorKind], ...] = tuple(
    (re.compile(pattern, re.IGNORECASE), kind)
    for pattern, kind in (
        (_SHORT, Throttled),
        (r"usage ?left|quota|run out of searches|no (searches|credits|balance)|insufficient balance"
         r"|额度|余额|配额|次数.{0,6}(用完|不足)|欠费|充值|recharge|套餐.{0,8}(到期|过期|用完)"
         r"|(package|plan|subscription).{0,20}expired"
         rf"|({_LONG}).{{0,30}}({_OVER})|({_OVER}).{{0,20}}({_LONG})", QuotaExhausted),
        # a limit is one of size where the file itself exceeds it, or the words name a size
        (rf"({_FILE}).{{0,40}}(too (large|big)|过大|太大)"
         rf"|({_FILE})s?\s?(exceed|超过|超出)"
         rf"|({_FILE}).{{0,40}}(exceed|超过|超出).{{0,30}}(size|bytes|[0-9] ?[km]b?\b|大小)"
         r"|(size|大小|体积).{0,20}(exceed|too (large|big)|超|过大)|^413\b", PictureTooLarge),
        (r"frequency|qos|too many|call ?limit|exceed.{0,20}(call|limit|rate)|throttl"
         r"|rate.?limit|limited-by|ban will last|频率|频繁|限流|流控|次数.{0,12}(上限|超)|^429\b",
         Throttled),
        (r"permission|\bacl\b|acl.?decline|forbidden|unsupport.{0,3}api|api.?unsupport"
         r"|invalidapipath|access.?denied|not (been )?(subscribed|activated|enabled|purchased)"
         r"|not authori[sz]ed|white.?(list|ip)|account.{0,20}(suspend|disabl|block|froz)"
         r"|无权|权限|未(开通|订购|订阅|购买|授权)|白名单|停用|冻结|^403\b", PermissionDenied),
        (r"signature|\bsign\b|app.?key|api.?key|secret|timestamp|access.?token|\btoken\b"
         r"|unauthori[sz]ed|authenticat|签名|时间戳|密钥|^401\b"
         r"|(key|授权|账号|帐号).{0,12}(过期|到期|无效|错误|不存在|expired)", AuthError),
        (r"busy|try.{0,12}later|temporar|unavailable|internal.{0,8}error|繁忙|稍后|系统(错误|异常)",
         Transient),
        # our request is wrong, though it may be the picture's field that is named
        (r"(missing|required).{0,20}(param|argument|field)|缺少.{0,10}参数"
         r"|(param|argument|field).{0,40}(missing|required)", ProtocolError),
        (r"image|picture|photo|图片|图像|照片"
         r"|(load|fetch|download|retrieve|下载|获取).{0,40}https?://", BadImage),
        (r"time.?out|try again|超时|^50[0-9]\b", Transient),
    )
)  # fmt: skip
# An address that a site repeats is ours or one of its help: what stands in it is no refusal.
_ADDRESS = re.compile(r"(https?://)([^\s/?#]*)\S*", re.IGNORECASE)
# As the gateways of Taobao and AliExpress write it.
_BAN = re.compile(r"ban will last (?:for )?(\d{1,6})", re.IGNORECASE)
# So much of a secret is taken for one.
_PART = 8
_LOOKS_SECRET = re.compile(r"[0-9A-Za-z+/=_-]{24,}")


def hide(text: str, secrets: Iterable[str] = ()) -> str:
    """A message without what is, or could be, a key, a signature or a token; 300 characters."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= 4:  # a shorter one would blot out half the message
            text = text.replace(secret, "***")
        # a site's words are cut to length before they come here: the start of one may be left
        for length in range(len(secret) - 1, _PART - 1, -1):
            text = text.replace(secret[:length], "***")
    return text[:300]


def quotable(text: str) -> str:
    """What a site said, as a message may repeat it: of addresses the host only, long tokens hidden.

    Longer than a message will be: `hide` cuts it, after the secrets are out.
    """
    return _LOOKS_SECRET.sub("***", _ADDRESS.sub(r"\1\2/…", text))[:600]


def meaning_of(words: str) -> ErrorKind:
    """The error that a refusal's words stand for; ProtocolError where they say nothing known.

    Words in addresses don't count.
    """
    words = _ADDRESS.sub(r"\1", words)
    return next((kind for pattern, kind in _MEANINGS if pattern.search(words)), ProtocolError)


def refusal(
    words: str,
    *,
    code: str = "",
    codes: Mapping[str, ErrorKind] | None = None,
    waits: Mapping[str, timedelta] | None = None,
) -> MarketplaceError:
    """The error for a refusal: by its code where `codes` knows it, else by its words.

    `waits` is how long to stay away after a code where the site doesn't say it. A "ban will last N
    seconds" is waited for a second longer.
    """
    kind = (codes or {}).get(code) or meaning_of(f"{code} {words}".strip())
    text = f"the site says: {quotable(f'{code} {words}'.strip()) or 'no reason given'}"
    if kind in (Throttled, Transient):
        ban = _BAN.search(words)
        wait = (waits or {}).get(code)
        if ban:
            wait = min(timedelta(seconds=int(ban[1]) + 1), LONGEST_RETRY_AFTER)
        return Throttled(text, retry_after=wait) if kind is Throttled else Transient(text)
    return kind(text)
