from __future__ import annotations

from collections.abc import Sequence

from monitor.marketplaces.sites.serpapi_lens import judge, parse_answer
from monitor.marketplaces.testing import SECRET, Reply, Scripted, as_json, failures
from monitor.model import Observation
from tests.contracts.dialects import BuiltIn

URL = "https://serpapi.com/search.json"
DONE = {"id": "64c32cfeb68f8bc186aaa013", "status": "Success"}
NOTHING = "Google Lens hasn't returned any results for this query."


def _item(
    item_id: object,
    title: object = "T恤",
    price: object = 1,
    picture: object = "https://encrypted-tbn0.gstatic.com/images?q=tbn:a",
) -> object:
    number = price if isinstance(price, int | float) else None
    return {
        "position": 1,
        "title": title,
        "link": f"https://detail.1688.com/offer/{item_id}.html",
        "source": "1688",
        "thumbnail": picture,
        "price": {"value": price, "extracted_value": number, "currency": "CN¥"},
    }


def _answer(items: list[object]) -> object:
    found = {"exact_matches": items} if items else {"error": NOTHING}
    return {"search_metadata": DONE, "search_parameters": {"engine": "google_lens"}, **found}


def _parse(body: bytes) -> Sequence[Observation]:
    is_exact = b'"visual_matches"' not in body
    return parse_answer(
        body,
        search="exact_matches" if is_exact else "visual_matches",
        country="us",
        hosts=("shop.example",),
        allow_loopback=False,
    )


def _refused(status: int, words: str) -> Reply:
    return as_json({"error": words}, status)


def _failed(words: str | None, status: str = "Success") -> Reply:
    said = {"error": words} if words is not None else {}
    return as_json({"search_metadata": {**DONE, "status": status}, **said})


def _take_uploads(server: Scripted) -> None:
    message = {"message": "Image uploaded successfully.", "image_id": "xokJFnic22FmYZ6S"}
    server.routes["/image"] = as_json(message)


DIALECT = BuiltIn(
    "serpapi_lens",
    options={"api_key": SECRET},
    base="",
    prepare=_take_uploads,
    answer=_answer,
    item=_item,
    refusal={"search_metadata": DONE, "error": "nobody knows why"},
    failures=failures(
        throttled=[
            _refused(429, "You exceeded the hourly throughput limit of your plan."),
            _failed("Too many concurrent searches."),
        ],
        quota=[
            _refused(429, "Your account has run out of searches."),
            _failed("Your searches for the month are exhausted. You can upgrade plans."),
        ],
        auth=[
            _refused(401, "Invalid API key. Your API key should be here: https://serpapi.com/"),
            _failed("Invalid API key."),
            _refused(400, "Missing `api_key` parameter."),
        ],
        permission=[
            _refused(403, "Your account was deleted."),
            _refused(403, "Go away."),
        ],
        bad_image=[
            _refused(400, "Invalid image format. Supported format: jpg, jpeg, png, webp"),
            _failed("We couldn't read the image."),
        ],
        transient=[
            _failed("We couldn't get valid results for this search.", "Error"),
            _failed(None, "Error"),
            _failed(None, "Processing"),
            _failed(NOTHING, "Queued"),
            _refused(503, "Something went wrong on our end."),
        ],
        protocol=[
            _failed(None),
            _failed("Google Search hasn't returned any results", "Archived"),
            as_json({"search_metadata": DONE, "visual_matches": []}),
            as_json({"error": NOTHING}),
            _refused(400, "Unsupported `zz` country - country parameter."),
            _refused(410, "The search expired."),
        ],
    ),
    url=URL,
    judge=judge,
    parse=_parse,
    has_relative_pictures=False,
)
