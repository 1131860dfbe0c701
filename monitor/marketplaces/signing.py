"""Request signatures."""

from __future__ import annotations

import hashlib


def sign_guide(app_secret: str, app_key: str, timestamp_ms: int) -> str:
    """The `sign` header of the 1688 image search guide: 32 upper-case hexadecimal digits.

    UPPER(MD5(secret + "app_key" + key + "timestamp" + milliseconds + secret)), text as UTF-8.
    Source: the guide's own sample; the value equals a TOP md5 signature over these two parameters.
    """
    text = f"{app_secret}app_key{app_key}timestamp{timestamp_ms}{app_secret}"
    # The site's choice, not ours: it only has to be the value that the site computes.
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest().upper()
