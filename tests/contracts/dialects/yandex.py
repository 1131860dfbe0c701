from __future__ import annotations

from monitor.marketplaces.sites.yandex import judge, parse_answer
from monitor.marketplaces.testing import SECRET, Reply, as_json, failures
from tests.contracts.dialects import BuiltIn

URL = "https://searchapi.api.cloud.yandex.net/v2/image/search_by_image"


def _item(
    item_id: object,
    title: object = "T恤",
    picture: object = "https://cbu01.alicdn.com/a.jpg",
) -> object:
    return {
        "url": picture,
        "format": "IMAGE_FORMAT_JPEG",
        "width": "800",
        "height": "800",
        "passage": "",
        "host": "detail.1688.com",
        "pageTitle": title,
        "pageUrl": f"https://detail.1688.com/offer/{item_id}.html",
    }


def _answer(items: list[object], page: int = 0, last: int = 0) -> object:
    found = {"images": items} if items else {}
    return {**found, "page": str(page), "maxPage": str(last), "id": "6100123/aBcD"}


def _refused(status: int, code: int, message: str) -> Reply:
    return as_json({"code": code, "message": message, "details": []}, status)


def _in_pages() -> tuple[list[Reply], list[str]]:
    pages = [[_item("11"), _item("12")], [_item("12"), _item("13")]]
    return [as_json(_answer(page, number, 1)) for number, page in enumerate(pages)], [
        "11",
        "12",
        "12",
        "13",
    ]


DIALECT = BuiltIn(
    "yandex",
    options={"api_key": SECRET, "folder_id": "b1gfolder"},
    answer=_answer,
    item=_item,
    refusal={"code": 2, "message": "nobody knows why", "details": []},
    failures=failures(
        throttled=[
            _refused(429, 8, "Rate quota limit exceed: allowed 10 requests per second."),
            _refused(200, 8, "Rate quota limit exceed: allowed 36000 requests per hour."),
        ],
        quota=[
            _refused(429, 8, "Limit of requests per day exceeded."),
            _refused(200, 8, "The daily quota is used up."),
        ],
        auth=[
            _refused(401, 16, "Unknown api key"),
            _refused(200, 16, "The caller is unknown"),
            _refused(400, 3, "Invalid API key format"),
        ],
        permission=[
            _refused(403, 7, "Permission to [resource-manager.folder b1gfolder] denied"),
            _refused(200, 7, "denied"),
            _refused(
                *(400, 3),
                "Specified folder ID 'a' does not match with service account folder ID 'b'",
            ),
            as_json({"error": {"httpCode": 403, "message": "nothing more is said"}}, 403),
        ],
        bad_image=[
            _refused(400, 3, "image data can't be decoded"),
            _refused(400, 3, "data: length must be at most 3145728"),
            _refused(400, 3, "Request size is too large"),
        ],
        transient=[
            _refused(503, 14, "upstream connect error"),
            _refused(200, 14, "upstream connect error"),
            _refused(200, 13, "Internal error"),
            _refused(200, 4, "deadline exceeded"),
        ],
        protocol=[
            as_json({"id": "6100123/aBcD", "results": []}),
            as_json({"page": "0", "maxPage": "0"}),
            as_json({"images": None, "id": "6100123/aBcD"}),
            _refused(400, 3, "Invalid JSON: cannot find field"),
            _refused(404, 5, "nobody is here"),
        ],
    ),
    url=URL,
    judge=judge,
    parse=lambda body: (
        parse_answer(body, hosts=("shop.example",), allow_loopback=False).observations
    ),
    in_pages=_in_pages,
    has_relative_pictures=False,
)
