"""An app of 1688's open gateway on loopback: checks every signature, answers what it is told to."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import parse_qsl

from PIL import Image

from monitor.marketplaces.kit.signing import sign_aop
from monitor.marketplaces.sites.alibaba_1688.adapter import Alibaba1688, Options
from monitor.marketplaces.testing import (
    RecordedMemory,
    RecordedPace,
    RecordedSleep,
    Reply,
    Request,
    Scripted,
    as_json,
    make_outside,
)

KEY, SECRET, TOKEN = "1234567", "testsecret", "static-token"
LINKPLUS = f"param2/1/com.alibaba.linkplus/alibaba.cross.similar.offer.search/{KEY}"
UPLOAD = f"param2/1/com.alibaba.fenxiao.crossborder/product.image.upload/{KEY}"
QUERY = f"param2/1/com.alibaba.fenxiao.crossborder/product.search.imageQuery/{KEY}"
MILLIS = f"param2/1/system/currentTimeMillis/{KEY}"
TIME = f"param2/1/system/currentTime/{KEY}"
GET_TOKEN = f"http/1/system.oauth2/getToken/{KEY}"

ANSWERS = Path(__file__).parents[1] / "answers" / "alibaba_1688"
DECLINED = as_json(
    {"error_code": "gw.APIACLDecline", "error_message": "AppKey is not allowed(acl)"}, 400
)
UNAUTHENTICATED = Reply(401, {"Content-Type": "text/plain"}, b"Request need user authenticated")


def stored(name: str) -> Reply:
    return Reply(200, {"Content-Type": "application/json"}, (ANSWERS / name).read_bytes())


def uploaded(image_id: object) -> Reply:
    return as_json({"result": {"success": "true", "code": "200", "result": image_id}})


def offers(*ids: int, total: int | None = None, size: int = 50, **more: object) -> Reply:
    """A page of a crossborder search."""
    data = [{"offerId": n, "subject": f"offer {n}"} for n in ids]
    count = len(ids) if total is None else total
    found = {"totalRecords": count, "pageSize": size, "data": data, **more}
    return as_json({"result": {"success": "true", "code": "S0000", "result": found}})


def similar(*ids: int, total: int, size: int = 20) -> Reply:
    """A page of a linkplus search."""
    items = [{"offerId": str(n), "subject": f"offer {n}", "oldPrice": n} for n in ids]
    return as_json({"result": {"total": total, "pageSize": size, "result": items}, "success": True})


@dataclass
class Asked:
    """One call: its path below the base address, and its fields."""

    path: str
    fields: dict[str, str]

    @property
    def query(self) -> dict[str, object]:
        found: dict[str, object] = json.loads(self.fields["offerQueryParam"])
        return found

    @property
    def picture(self) -> tuple[Image.Image, int]:
        """The uploaded picture and its bytes."""
        data = base64.b64decode(
            json.loads(self.fields["uploadImageParam"])["imageBase64"], validate=True
        )
        return Image.open(io.BytesIO(data)), len(data)


Answer = Reply | Callable[[Asked], Reply]


@dataclass
class App:
    """The gateway, and accounts on it that share one memory."""

    server: Scripted
    pace: RecordedPace = field(default_factory=RecordedPace)
    sleep: RecordedSleep = field(default_factory=RecordedSleep)
    memory: RecordedMemory = field(default_factory=RecordedMemory)
    asked: list[Asked] = field(default_factory=list)
    opened: list[Alibaba1688] = field(default_factory=list)

    def answers(self, path: str, *answers: Answer) -> None:
        """One after the other, the last one for ever."""
        left = list(answers)

        def reply(request: Request) -> Reply:
            asked = self._check(path, request)
            self.asked.append(asked)
            answer = left.pop(0) if len(left) > 1 else left[0]
            return answer(asked) if callable(answer) else answer

        self.server.routes[f"/openapi/{path}"] = reply

    def open(self, **options: object) -> Alibaba1688:
        given = {"base_url": self.server.url("/openapi"), "app_key": KEY, "app_secret": SECRET}
        model = Options.model_validate({"access_token": TOKEN, **given, **options})
        outside = make_outside(self.pace, self.sleep, self.memory)
        self.opened.append(Alibaba1688("acme", model, outside))
        return self.opened[-1]

    def close(self) -> None:
        for site in self.opened:
            site.close()

    @property
    def paths(self) -> list[str]:
        return [asked.path for asked in self.asked]

    def _check(self, path: str, request: Request) -> Asked:
        assert request.method == "POST"
        kind = "application/x-www-form-urlencoded; charset=UTF-8"
        assert request.headers["content-type"] == kind
        fields = dict(parse_qsl(request.body.decode("ascii"), strict_parsing=True))
        if path == GET_TOKEN:
            assert "_aop_signature" not in fields
        else:
            assert fields["_aop_signature"] == sign_aop(SECRET, path, fields)
        return Asked(path, fields)
