"""What 1688's open gateway says, whatever it was asked: refusals, tokens, its time. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from monitor.marketplaces import plug_in as m


class TokenRefused(m.AuthError):
    """The access token is missing, unknown or has run out; a new one may pass."""


class ClockRefused(m.AuthError):
    """The time in the request is not the gateway's; a corrected one may pass."""


# The gateway's own codes, from its SDKs and public clients; what isn't here is judged by its words.
_CODES: Mapping[str, m.ErrorKind] = {
    "gw.QosAppFrequencyLimit": m.Throttled,
    "gw.NoUsageLeftError": m.QuotaExhausted,
    "gw.APIACLDecline": m.PermissionDenied,
    "gw.APIUnsupported": m.PermissionDenied,
    "gw.SignatureInvalid": m.AuthError,
    "gw.SignatureMissing": m.AuthError,
    "gw.AppKeyMissing": m.AuthError,
    "gw.ParamMissing": m.ProtocolError,
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


def judge(answer: m.Answer) -> m.MarketplaceError | None:
    """The refusal in an answer's body, as JSON or as plain text; None where there is none."""
    try:
        found = find_refusal(m.load_json(answer.body))
    except ValueError:
        found = _read_plain(answer.body)
    words = "" if found is None else str(found)
    is_key = _KEY_WORDS.search(words) is not None
    if answer.status == 401 and not is_key and not isinstance(found, m.AuthError):
        return TokenRefused("the access token is missing or has run out (HTTP 401)")
    return _refine(found, words, is_key=is_key) if isinstance(found, m.AuthError) else found


def _refine(found: m.AuthError, words: str, *, is_key: bool) -> m.AuthError:
    if _CLOCK_WORDS.search(words):
        return ClockRefused(words)
    return TokenRefused(words) if _TOKEN_WORDS.search(words) and not is_key else found


def find_refusal(value: m.Json) -> m.MarketplaceError | None:
    """The error that an answer tells of, inside HTTP 200 too; None for no error.

    Codes and flags may stand at the top or in `result`, in either way of writing names.
    """
    if not isinstance(value, dict):
        return None
    for said in (value, value.get("result")):
        if isinstance(said, dict) and _is_refusal(said, is_top=said is value):
            return _refusal(said)
    return None


def _is_refusal(said: dict[str, m.Json], *, is_top: bool) -> bool:
    code = next(_iter_texts(said, _CODE_KEYS), "")
    if code in _CODES:
        return True
    if "success" in said:
        return m.parse_flag(said["success"]) is not True
    if "error_code" in said or "errorCode" in said or "error" in said:
        return code not in _NO_CODES
    # an answer that has nothing but words
    return is_top and "result" not in said and next(_iter_texts(said, _MESSAGE_KEYS), "") != ""


def _refusal(said: dict[str, m.Json]) -> m.MarketplaceError:
    code = next(_iter_texts(said, _CODE_KEYS), "")
    words = " ".join(_iter_texts(said, _MESSAGE_KEYS))
    if _UNREADABLE_PICTURE.search(words):
        return m.BadImage("the site could not load or read the picture")
    found = m.refusal(words, code=code, codes=_CODES, waits=_WAITS)
    if code == _SYSTEM_ERROR and isinstance(found, m.ProtocolError):
        return m.Transient(str(found))
    return found


def _iter_texts(said: dict[str, m.Json], keys: tuple[str, ...]) -> Iterator[str]:
    for key in keys:
        if text := m.clean_text(said.get(key), 200):
            yield text


def _read_plain(body: bytes) -> m.MarketplaceError | None:
    """Older gateways refuse in plain text, such as `invoke timeout`."""
    text = m.clean_text(body[: _MAX_PLAIN + 1].decode(errors="replace"), _MAX_PLAIN + 1)
    if len(text) > _MAX_PLAIN or text.startswith(("{", "[", "<")):
        return None
    return None if m.meaning_of(text) is m.ProtocolError else m.refusal(text)


def read_token(body: bytes, now: float, old: m.Token) -> m.Token:
    """The token in an answer to a refresh; `now` is epoch seconds.

    A refresh token that isn't given anew stays. Raises ProtocolError where there is no token.
    """
    value = m.read_json(body, what="the answer to a token refresh")
    access, following = (m.dig(value, key) for key in ("access_token", "refresh_token"))
    if not isinstance(access, str) or not access.strip():
        raise m.ProtocolError("the answer to a token refresh holds no access_token")
    refresh = following if isinstance(following, str) and following.strip() else old.refresh
    seconds = m.parse_count(m.dig(value, "expires_in"))
    return m.Token(access.strip(), refresh, now + seconds if seconds else None)


def read_millis(body: bytes) -> int:
    """Milliseconds since the epoch from `system/currentTimeMillis`. Raises ProtocolError."""
    millis = m.parse_count(_scalar(body))
    if millis is None or millis not in _MILLIS:
        raise m.ProtocolError("the gateway's time in milliseconds can't be read")
    return millis


def read_datetime(body: bytes) -> int:
    """Milliseconds since the epoch from `system/currentTime` (`"20261010164552223+0800"`).

    Raises ProtocolError.
    """
    text = m.clean_text(_scalar(body), 40)
    try:
        # the form is checked first: `%d` and others take fewer digits too
        moment = datetime.strptime(_DATETIME.findall(text)[0], "%Y%m%d%H%M%S%f%z")
    except (IndexError, ValueError) as error:
        raise m.ProtocolError("the gateway's date and time can't be read") from error
    return round(moment.timestamp() * 1000)


def _scalar(body: bytes) -> m.Json:
    """A text or number, quoted or not."""
    try:
        return m.load_json(body)
    except ValueError:
        return body[:100].decode(errors="replace")
