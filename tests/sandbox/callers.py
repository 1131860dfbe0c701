"""Callers of the sandbox who can do everything wrong, one for each dialect."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import time
from dataclasses import dataclass
from pathlib import Path

import httpx
from PIL import Image

from monitor.marketplaces.kit.signing import sign_aop, sign_guide
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


LINKPLUS = "com.alibaba.linkplus/alibaba.cross.similar.offer.search"
UPLOAD = "com.alibaba.fenxiao.crossborder/product.image.upload"
IMAGE_QUERY = "com.alibaba.fenxiao.crossborder/product.search.imageQuery"


@dataclass(slots=True)
class AlibabaCaller:
    """`key`, `secret`, `token` and `skew` (seconds) are what the caller believes."""

    sandbox: Sandbox
    key: str = "sandbox"
    secret: str = "sandbox-secret"
    token: str | None = "sandbox-token"
    skew: float = 0.0

    def call(self, api: str, **fields: str) -> httpx.Response:
        path = f"param2/1/{api}/{self.key}"
        if self.token is not None:
            fields.setdefault("access_token", self.token)
        fields.setdefault("_aop_timestamp", str(int((time.time() + self.skew) * 1000)))
        fields.setdefault("_aop_signature", sign_aop(self.secret, path, fields))
        if not fields["_aop_signature"]:
            del fields["_aop_signature"]
        return self.post(path, fields)

    def post(self, path: str, fields: dict[str, str]) -> httpx.Response:
        with httpx.Client(trust_env=False, timeout=10) as client:
            return client.post(f"{self.sandbox.urls['alibaba_1688']}/{path}", data=fields)

    def linkplus(self, url: str, **fields: str) -> httpx.Response:
        return self.call(LINKPLUS, picUrl=url, **{"page": "1", **fields})

    def upload(self, picture: bytes | None = None) -> httpx.Response:
        data = picture_bytes() if picture is None else picture
        param = {"imageBase64": base64.b64encode(data).decode()}
        return self.call(UPLOAD, uploadImageParam=json.dumps(param))

    def query(self, image_id: str, **param: object) -> httpx.Response:
        asked = {"imageId": image_id, "beginPage": 1, "pageSize": 20, "country": "en", **param}
        return self.call(IMAGE_QUERY, offerQueryParam=json.dumps(asked))

    def search(self) -> httpx.Response:
        """One search by URL, as a caller with a picture in the shop's own window."""
        return self.linkplus(f"{self.sandbox.shop.origin}{PICTURE_PATH}")


def gateway_error(answer: httpx.Response) -> tuple[int, str]:
    said = answer.json()
    assert set(said) == {"error_code", "error_message", "exception", "request_id"}
    return answer.status_code, said["error_code"]


# `good_0.jpg` of `stock`, as the sandbox serves it
PICTURE_PATH = f"/pictures/{hashlib.sha256(picture_bytes()).hexdigest()[:16]}/good_0.jpg"


@dataclass(slots=True)
class EbayCaller:
    """`client` and `secret` are what the caller believes; `token` is fetched when it is needed."""

    sandbox: Sandbox
    client: str = "sandbox-client"
    secret: str = "sandbox-client-secret"
    token: str | None = None

    def exchange(self, **form: str) -> httpx.Response:
        scope = "https://api.ebay.com/oauth/api_scope"
        form = {"grant_type": "client_credentials", "scope": scope, **form}
        with httpx.Client(trust_env=False, timeout=10) as client:
            return client.post(
                f"{self.sandbox.urls['ebay']}/identity/v1/oauth2/token",
                auth=(self.client, self.secret),
                data={name: value for name, value in form.items() if value},
            )

    def search(self, picture: bytes | None = None, **params: str | int) -> httpx.Response:
        path = "/buy/browse/v1/item_summary/search_by_image"
        return self.post(self.sandbox.urls["ebay"] + path, picture, params=params)

    def post(
        self,
        url: str,
        picture: bytes | None = None,
        *,
        marketplace: str = "EBAY_US",
        body: object = None,
        **parts: object,
    ) -> httpx.Response:
        if self.token is None:
            self.token = self.exchange().json()["access_token"]
        data = base64.b64encode(picture_bytes() if picture is None else picture).decode()
        headers = {
            "Authorization": f"Bearer {self.token}",
            "X-EBAY-C-MARKETPLACE-ID": marketplace,
        }
        with httpx.Client(trust_env=False, timeout=10) as client:
            return client.post(
                url,
                headers=headers,
                json={"image": data} if body is None else body,
                **parts,  # type: ignore[arg-type]
            )
