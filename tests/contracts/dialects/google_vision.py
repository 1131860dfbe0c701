from __future__ import annotations

from monitor.marketplaces.sites.google_vision import judge, parse_answer
from monitor.marketplaces.testing import SECRET, Reply, as_json, failures
from tests.contracts.dialects import BuiltIn

URL = "https://vision.googleapis.com/v1/images:annotate"
HOSTS = ("shop.example",)


def _item(
    item_id: object,
    title: object = "T恤",
    picture: object = "https://cbu01.alicdn.com/a.jpg",
) -> object:
    return {
        "url": f"https://detail.1688.com/offer/{item_id}.html",
        "pageTitle": title,
        "fullMatchingImages": [{"url": picture}],
    }


def _answer(items: list[object]) -> object:
    web = {"pagesWithMatchingImages": items} if items else {"bestGuessLabels": [{"label": "mug"}]}
    return {"responses": [{"webDetection": web}]}


def _of_picture(code: object, message: str) -> Reply:
    """A failure of the one picture, inside HTTP 200."""
    return as_json({"responses": [{"error": {"code": code, "message": message}}]})


def _of_request(status: int, name: str, message: str, **detail: object) -> Reply:
    error = {"code": status, "message": message, "status": name, "details": [detail]}
    return as_json({"error": error}, status)


_LIMIT = "Quota exceeded for quota metric 'Requests' and limit 'Requests per {}' of service"

DIALECT = BuiltIn(
    "google_vision",
    options={"api_key": SECRET},
    answer=_answer,
    item=_item,
    refusal={"responses": [{"error": {"code": 2, "message": "nobody knows why"}}]},
    failures=failures(
        throttled=[
            _of_request(429, "RESOURCE_EXHAUSTED", _LIMIT.format("minute")),
            _of_picture(8, "Resource has been exhausted (e.g. check quota)."),
        ],
        quota=[
            _of_request(429, "RESOURCE_EXHAUSTED", _LIMIT.format("day")),
            _of_request(
                *(429, "RESOURCE_EXHAUSTED", "Quota exceeded."),
                metadata={"quota_limit": "RequestsPerDayPerProject"},
            ),
            _of_picture(8, _LIMIT.format("day")),
        ],
        auth=[
            _of_request(
                *(400, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key."),
                reason="API_KEY_INVALID",
            ),
            _of_request(401, "UNAUTHENTICATED", "Request is missing credentials."),
            _of_picture(16, "the caller is unknown"),
        ],
        permission=[
            _of_request(403, "PERMISSION_DENIED", "This API method requires billing."),
            _of_request(400, "FAILED_PRECONDITION", "Billing account is closed."),
            _of_picture(7, "the caller may not do this"),
        ],
        bad_image=[
            _of_picture(3, "Bad image data."),
            _of_request(400, "INVALID_ARGUMENT", "Request payload size exceeds the limit."),
        ],
        transient=[
            _of_picture(14, "The service is unavailable"),
            _of_picture(13, "Internal error"),
            _of_request(504, "DEADLINE_EXCEEDED", "Deadline expired"),
            Reply(503),
        ],
        protocol=[
            as_json({"responses": [{}]}),
            as_json({"responses": []}),
            as_json({"responses": [{"webDetection": {"pages": []}}]}),
            _of_request(400, "INVALID_ARGUMENT", "Unknown name 'imag': Cannot find field."),
            _of_request(404, "NOT_FOUND", "Requested entity was not found."),
        ],
    ),
    url=URL,
    judge=judge,
    parse=lambda body: parse_answer(body, hosts=HOSTS, allow_loopback=False),
    has_relative_pictures=False,
)
