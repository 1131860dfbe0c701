"""A caller of the sandbox who can do everything wrong."""

from __future__ import annotations

import io
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image

from monitor.marketplaces.signing import sign_guide
from monitor.sandbox.server import Sandbox


def picture_bytes(seed: int = 0, kind: str = "JPEG") -> bytes:
    buffer = io.BytesIO()
    gradient = Image.linear_gradient("L").rotate(seed * 90).convert("RGB")
    gradient.putpixel((seed, seed), (255, 0, 0))
    gradient.save(buffer, kind)
    return buffer.getvalue()


def stock(folder: Path, count: int = 3) -> Path:
    """A shop folder of `count` small pictures."""
    folder.mkdir()
    for number in range(count):
        (folder / f"good_{number}.jpg").write_bytes(picture_bytes(number))
    return folder


@dataclass(slots=True)
class Caller:
    """`key`, `secret` and `skew` (seconds) are what the caller believes."""

    sandbox: Sandbox
    key: str = "sandbox"
    secret: str = "sandbox-secret"
    skew: float = 0.0

    def search(
        self, picture: bytes | None = None, *, field: str = "image", **params: str
    ) -> httpx.Response:
        stamp = int((time.time() + self.skew) * 1000)
        sign = sign_guide(self.secret, self.key, stamp)
        headers = {"appkey": self.key, "timestamp": str(stamp), "sign": sign}
        data = picture_bytes() if picture is None else picture
        files = {field: ("picture.jpg", data, "image/jpeg")}
        return self.post(headers, files=files, params={"search_type": "2", **params})

    def post(self, headers: dict[str, str], **parts: object) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=10) as client:
            return client.post(self.sandbox.url, headers=headers, **parts)  # type: ignore[arg-type]

    def items(self, picture: bytes | None = None, **params: str) -> list[dict[str, object]]:
        answer = self.search(picture, **params).json()
        assert answer["success"] is True
        found: list[dict[str, object]] = answer["data"]["items"]
        return found


def fetch(url: object) -> httpx.Response:
    with httpx.Client(trust_env=False, timeout=10) as client:
        return client.get(str(url))
