"""What 1688's open gateway says, whatever it was asked: refusals, tokens, its time. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

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
from monitor.marketplaces.kit.refusals import Kind, meaning_of, refusal
from monitor.marketplaces.kit.tokens import Token
from monitor.marketplaces.kit.values import Json, clean_text, load_json, parse_count, parse_flag
from monitor.net.wire import Answer


class TokenRefused(AuthError):
    """The access token is missing, unknown or has run out; a new one may pass."""


class ClockRefused(AuthError):
    """The time in the request is not the gateway's; a corrected one may pass."""


# The gateway's own codes, from its SDKs and public clients; what isn't here is judged by its words.
_CODES: Mapping[str, Kind] = {
    "gw.QosAppFrequencyLimit": Throttled,
    "gw.NoUsageLeftError": QuotaExhausted,
    "gw.APIACLDecline": PermissionDenied,
    "gw.APIUnsupported": PermissionDenied,
    "gw.SignatureInvalid": AuthError,
    "gw.SignatureMissing": AuthError,
    "gw.AppKeyMissing": AuthError,
    "gw.ParamMissing": ProtocolError,
}
# The gateway doesn't say for how long: public clients begin with 10 s.
_WAITS = {"gw.QosAppFrequencyLimit": timedelta(seconds=10)}
# Without these words a code of this name says nothing of whose fault it is.
_SYSTEM_ERROR = "SYSTEM_ERROR"
_CLOCK_WORDS = re.compile(r"timestamp|时间戳", re.IGNORECASE)
_KEY_WORDS = re.compile(r"signature|\bsign\b|app.?key|app.?secret|client.?(id|secret)|签名", re.I)
_TOKEN_WORDS = re.compile(r"token|user authenticat|unauthori[sz]ed|invalid_grant", re.IGNORECASE)
_UNREADABLE_PICTURE = re.compile(r"handle image error", re.IGNORECASE)

_CODE_KEYS = ("error_code", "errorCode", "code", "error")
_MESSAGE_KEYS = (
    *("error_message", "errorMessage", "message", "msg", "errorMsg"),
    *("error_description", "exception"),
)
_NO_CODES = ("", "0", "200")
# A text that is longer, or begins like JSON, is no plain refusal.
_MAX_PLAIN = 500

_DATETIME = re.compile(r"^[0-9]{17}[+-][0-9]{4}$")
_MILLIS = range(10**12, 10**13)


def judge(answer: Answer) -> MarketplaceError | None:
    """The refusal in an answer's body, as JSON or as plain text; None where there is none."""
    try:
        found = find_refusal(load_json(answer.body))
    except ValueError:
        found = _read_plain(answer.body)
    words = "" if found is None else str(found)
    is_key = _KEY_WORDS.search(words) is not None
    if answer.status == 401 and not is_key and not isinstance(found, AuthError):
        return TokenRefused("the access token is missing or has run out (HTTP 401)")
    return _refine(found, words, is_key=is_key) if isinstance(found, AuthError) else found


def _refine(found: AuthError, words: str, *, is_key: bool) -> AuthError:
    if _CLOCK_WORDS.search(words):
        return ClockRefused(words)
    return TokenRefused(words) if _TOKEN_WORDS.search(words) and not is_key else found


def find_refusal(value: Json) -> MarketplaceError | None:
    """The error that an answer tells of, inside HTTP 200 too; None for no error.

    Codes and flags may stand at the top or in `result`, in either way of writing names.
    """
    if not isinstance(value, dict):
        return None
    for said in (value, value.get("result")):
        if isinstance(said, dict) and _is_refusal(said, is_top=said is value):
            return _refusal(said)
    return None


def _is_refusal(said: dict[str, Json], *, is_top: bool) -> bool:
    code = next(_iter_texts(said, _CODE_KEYS), "")
    if code in _CODES:
        return True
    if "success" in said:
        return parse_flag(said["success"]) is not True
    if "error_code" in said or "errorCode" in said or "error" in said:
        return code not in _NO_CODES
    # an answer that has nothing but words
    return is_top and "result" not in said and next(_iter_texts(said, _MESSAGE_KEYS), "") != ""


def _refusal(said: dict[str, Json]) -> MarketplaceError:
    code = next(_iter_texts(said, _CODE_KEYS), "")
    words = " ".join(_iter_texts(said, _MESSAGE_KEYS))
    if _UNREADABLE_PICTURE.search(words):
        return BadImage("the site could not load or read the picture")
    found = refusal(words, code=code, codes=_CODES, waits=_WAITS)
    if code == _SYSTEM_ERROR and isinstance(found, ProtocolError):
        return Transient(str(found))
    return found


def _iter_texts(said: dict[str, Json], keys: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        if text := clean_text(said.get(key), 200):
            yield text


def _read_plain(body: bytes) -> MarketplaceError | None:
    """Older gateways refuse in plain text, such as `invoke timeout`."""
    text = clean_text(body[: _MAX_PLAIN + 1].decode(errors="replace"), _MAX_PLAIN + 1)
    if len(text) > _MAX_PLAIN or text.startswith(("{", "[", "<")):
        return None
    return None if meaning_of(text) is ProtocolError else refusal(text)


def read_token(body: bytes, now: float, old: Token) -> Token:
    """The token in an answer to a refresh; `now` is epoch seconds.

    A refresh token that isn't given anew stays. Raises ProtocolError where there is no token.
    """
    try:
        value = load_json(body)
    except ValueError as error:
        raise ProtocolError("the answer to a token refresh is not JSON") from error
    access = value.get("access_token") if isinstance(value, dict) else None
    if not isinstance(value, dict) or not isinstance(access, str) or not access.strip():
        raise ProtocolError("the answer to a token refresh holds no access_token")
    following = value.get("refresh_token")
    refresh = following if isinstance(following, str) and following.strip() else old.refresh
    seconds = parse_count(value.get("expires_in"))
    return Token(access.strip(), refresh, now + seconds if seconds else None)


def read_millis(body: bytes) -> int:
    """Milliseconds since the epoch from `system/currentTimeMillis`. Raises ProtocolError."""
    millis = parse_count(_scalar(body))
    if millis is None or millis not in _MILLIS:
        raise ProtocolError("the gateway's time in milliseconds can't be read")
    return millis


def read_datetime(body: bytes) -> int:
    """Milliseconds since the epoch from `system/currentTime` (`"20261010164552223+0800"`).

    Raises ProtocolError.
    """
    text = clean_text(_scalar(body), 40)
    try:
        # the form is checked first: `%d` and others take fewer digits too
        moment = datetime.strptime(_DATETIME.findall(text)[0], "%Y%m%d%H%M%S%f%z")
    except (IndexError, ValueError) as error:
        raise ProtocolError("the gateway's date and time can't be read") from error
    return round(moment.timestamp() * 1000)


def _scalar(body: bytes) -> Json:
    """A text or number, quoted or not."""
    try:
        return load_json(body)
    except ValueError:
        return body[:100].decode(errors="replace")
