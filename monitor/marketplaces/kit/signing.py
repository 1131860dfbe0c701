"""Request signatures: pure functions of a secret and what is sent.

Parameters are name -> value as they are meant, not URL-encoded; text is signed as UTF-8. Names and
values are ordered by their bytes: Python orders text by code point, which is the same order.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping

AOP_SIGNATURE = "_aop_signature"
# Where TOP and IOP requests carry theirs.
IOP_SIGNATURE = "sign"


def sign_guide(app_secret: str, app_key: str, timestamp_ms: int) -> str:
    """The `sign` header of the 1688 image search guide: 32 upper-case hexadecimal digits.

    UPPER(MD5(secret + "app_key" + key + "timestamp" + milliseconds + secret)), text as UTF-8.
    Source: the guide's own sample; the value equals a TOP md5 signature over these two parameters.
    """
    return sign_top(app_secret, {"app_key": app_key, "timestamp": str(timestamp_ms)})


def sign_aop(app_secret: str, url_path: str, parameters: Mapping[str, str]) -> str:
    """The `_aop_signature` of 1688's open gateway: 40 upper-case hexadecimal digits.

    UPPER(HEX(HMAC_SHA1(secret, url_path + join(sorted(name + value))))), where `url_path` is
    `param2/1/NAMESPACE/API/APP_KEY`: no host, no `/openapi/`, no leading slash, no query. Every
    field counts, the token and `_aop_timestamp` too, except `_aop_signature` itself, which is left
    out if given. What is sorted are the joined texts, not the names: as in the site's own SDKs,
    and not the same where one name starts another (`page`, `pageSize`).
    Source: https://open.1688.com/doc/signature.htm and the SDKs for Python and PHP.
    """
    pairs = sorted(f"{name}{value}" for name, value in _without(AOP_SIGNATURE, parameters))
    return _hmac_hex(app_secret, url_path + "".join(pairs), "sha1")


def sign_top(app_secret: str, parameters: Mapping[str, str]) -> str:
    """The `sign` of a TOP request with `sign_method=md5`: 32 upper-case hexadecimal digits.

    UPPER(MD5(secret + join(name + value, ordered by name) + secret)); `sign` itself is left out if
    given. Send no empty parameters: public clients disagree whether their names are signed.
    Source: the signing page of Taobao's open platform and its SDK for Python.
    """
    text = f"{app_secret}{_join_by_name(parameters)}{app_secret}"
    # The site's choice, not ours: it only has to be the value that the site computes.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()


def sign_iop(app_secret: str, parameters: Mapping[str, str], *, path: str = "") -> str:
    """The `sign` of an IOP request with `sign_method=sha256`: 64 upper-case hexadecimal digits.

    UPPER(HEX(HMAC_SHA256(secret, path + join(name + value, ordered by name)))). Calls under
    `/rest` sign their path after it (`/upload/image`), calls to `/sync` none. File parameters are
    not signed: leave them out of `parameters`; `sign` itself is left out if given.
    Source: the signing pages of the AliExpress and Lazada open platforms.
    """
    return _hmac_hex(app_secret, path + _join_by_name(parameters), "sha256")


def _without(signature: str, parameters: Mapping[str, str]) -> list[tuple[str, str]]:
    return [(name, value) for name, value in parameters.items() if name != signature]


def _join_by_name(parameters: Mapping[str, str]) -> str:
    return "".join(f"{name}{value}" for name, value in sorted(_without(IOP_SIGNATURE, parameters)))


def _hmac_hex(app_secret: str, text: str, digest: str) -> str:
    return hmac.new(app_secret.encode(), text.encode(), digest).hexdigest().upper()
