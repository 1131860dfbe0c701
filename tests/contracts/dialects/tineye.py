from __future__ import annotations

from monitor.marketplaces.sites.tineye import judge, parse_answer
from monitor.marketplaces.testing import SECRET, Reply, as_json, failures
from tests.contracts.dialects import BuiltIn

URL = "https://api.tineye.com/rest/search/"
HOSTS = ("shop.example",)


def _item(
    item_id: object,
    picture: object = "https://cbu01.alicdn.com/img/a.jpg",
    similarity: object = 55.5,
) -> object:
    page = f"https://detail.1688.com/offer/{item_id}.html"
    return {
        "domain": "1688.com",
        "score": similarity,
        "tags": [],
        "backlinks": [
            {"url": "https://blog.example/a.jpg", "backlink": "https://blog.example/posts/1"},
            {"url": picture, "backlink": page, "crawl_date": "2026-01-02"},
        ],
    }


def answer(matches: list[object], total: int | None = None) -> object:
    return {
        "code": 200,
        "messages": [],
        "stats": {"total_results": len(matches) if total is None else total},
        "results": {"matches": matches},
    }


def refused(code: int, message: str, status: int | None = None) -> Reply:
    """As the service says it: in the body's code and in the status, or in the body alone."""
    said = {"code": code, "messages": [message], "stats": {}, "results": []}
    return as_json(said, code if status is None else status)


def _in_pages() -> tuple[list[Reply], list[str]]:
    elsewhere = {"score": 9, "backlinks": [{"url": "", "backlink": "https://blog.example/2"}]}
    pages: list[list[object]] = [
        [_item("11"), _item("12")],
        [elsewhere, elsewhere],
        [_item("12"), _item("13")],
        [_item("14")],
    ]
    return [as_json(answer(page, 7)) for page in pages], ["11", "12", "12", "13", "14"]


NONE_LEFT = "You have no more searches available. Please purchase another bundle."
DIALECT = BuiltIn(
    "tineye",
    options={
        "api_key": SECRET,
        "hosts": list(HOSTS),
        "limit": 2,
    },
    answer=answer,
    item=_item,
    refusal={"code": 400, "messages": ["nobody knows why"]},
    failures=failures(
        throttled=[
            refused(429, "You have exceeded your 30 search quota (will reset soon)"),
            refused(429, "Too many requests.", 200),
        ],
        quota=[refused(402, NONE_LEFT), refused(402, NONE_LEFT, 200), Reply(402)],
        auth=[
            refused(401, "Please provide a valid API key."),
            refused(401, "Please provide a valid API key.", 200),
        ],
        permission=[refused(403, "Forbidden"), refused(403, "Forbidden", 200)],
        bad_image=[
            refused(400, "The image is too small or too simple to create a unique signature."),
            refused(400, "Couldn't identify image file.", 200),
        ],
        transient=[refused(500, "Internal error"), refused(503, "Internal error", 200)],
        protocol=[
            as_json({"code": 200, "messages": [], "results": []}),
            as_json({"code": 200, "results": {"matches": [{"backlinks": []}]}}),
            as_json({"results": {"matches": []}}),
            as_json(answer([], total=3)),
            refused(400, "Invalid sort order"),
        ],
    ),
    url=URL,
    judge=judge,
    parse=lambda body: parse_answer(body, hosts=HOSTS, allow_loopback=False).observations,
    base="/rest",
    in_pages=_in_pages,
    has_relative_pictures=False,
)
