"""The options of type `http_json`: a request in templates, an answer in JMESPath."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

import jmespath
from jmespath.exceptions import JMESPathError
from pydantic import AfterValidator, Field, JsonValue, field_validator, model_validator

from monitor.marketplaces import plug_in as m
from monitor.marketplaces.sites.http_json.templates import names_in

# How the option `failures` names the classes.
KINDS: dict[str, m.ErrorKind] = {
    "throttled": m.Throttled,
    "quota": m.QuotaExhausted,
    "auth": m.AuthError,
    "permission": m.PermissionDenied,
    "bad_image": m.BadImage,
    "too_large": m.PictureTooLarge,
    "transient": m.Transient,
    "protocol": m.ProtocolError,
}
Failure = Literal[
    "throttled", "quota", "auth", "permission", "bad_image", "too_large", "transient", "protocol"
]
_PLACEHOLDERS = {
    *("api_key", "api_secret", "page", "offset", "page_size", "timestamp", "timestamp_ms"),
    *("image_base64", "picture_url", "sha256", "signature"),
}


def _check_expression(value: str) -> str:
    try:
        jmespath.compile(value)
    except JMESPathError as error:
        raise ValueError(f"is no JMESPath expression: {str(error).splitlines()[0]}") from error
    return value


Expression = Annotated[str, Field(min_length=1), AfterValidator(_check_expression)]


class AnswerOptions(m.Options):
    """Where things stand in an answer: JMESPath, `items` from the whole, the fields from one item.

    `ok` must be true where it is given; `error` and `code` say why an answer is a refusal.
    """

    items: Expression
    total: Expression | None = None
    ok: Expression | None = None
    error: Expression | None = None
    code: Expression | None = None
    item_id: Expression | None = None
    url: Expression | None = None
    title: Expression | None = None
    picture: Expression
    price: Expression | None = None
    currency: Expression | None = None
    seller_id: Expression | None = None
    seller: Expression | None = None
    sales: Expression | None = None
    score: Expression | None = None


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "http_json"`."""

    site: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9.-]{0,62}$")]
    base_url: m.Address
    method: Literal["GET", "POST"] = "POST"
    headers: dict[str, str] = Field(default_factory=dict)
    query: dict[str, str] = Field(default_factory=dict)
    form: dict[str, str] = Field(default_factory=dict)
    body: dict[str, JsonValue] | None = None
    file_field: Annotated[str, Field(min_length=1)] | None = None
    api_key: m.Secret | None = None
    api_secret: m.Secret | None = None
    signature: Literal["none", "guide_md5", "top_md5", "aop_hmac_sha1", "iop_hmac_sha256"] = "none"
    signature_path: str = ""
    picture_url: m.PictureUrl | None = None
    max_picture_bytes: Annotated[int, Field(ge=20_000, le=20_000_000)] = m.MAX_UPLOAD_BYTES
    page_size: Annotated[int, Field(ge=1, le=1000)] = 20
    max_pages: m.MaxPages = 1
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")] = "CNY"
    answer: AnswerOptions
    failures: dict[str, Failure] = Field(default_factory=dict)

    @field_validator("headers", "query", "form", "body")
    @classmethod
    def _has_known_names(cls, value: dict[str, JsonValue] | None) -> dict[str, JsonValue] | None:
        if unknown := names_in(value) - _PLACEHOLDERS:
            known = ", ".join(sorted(_PLACEHOLDERS))
            raise ValueError(f"{{{sorted(unknown)[0]}}} stands for nothing; known are: {known}")
        return value

    @model_validator(mode="after")
    def _fits_together(self) -> Options:
        for is_wrong, problem in (*self._request_problems(), *self._answer_problems()):
            if is_wrong:
                raise ValueError(problem)
        return self

    def _request_problems(self) -> Iterator[tuple[bool, str]]:
        names = self.names()
        ways = [self.file_field is not None, "image_base64" in names, "picture_url" in names]
        yield (
            sum(ways) != 1,
            "the picture goes out in exactly one way: file_field, {image_base64} or {picture_url}",
        )
        for key in ("api_key", "api_secret", "picture_url"):
            yield key in names and getattr(self, key) is None, f"{{{key}}} needs the option {key}"
        has_form = bool(self.form or self.file_field)
        yield self.body is not None and has_form, "a request has a body or a form, not both"
        is_get = self.method == "GET"
        yield is_get and (self.body is not None or has_form), "a GET has neither body nor form"
        is_signed = self.signature != "none"
        yield is_signed is not ("signature" in names), "signature and {signature} go together"
        yield is_signed and self.api_secret is None, "a signature needs the option api_secret"
        has_place = bool(names & {"page", "offset"})
        yield self.max_pages > 1 and not has_place, "max_pages needs {page} or {offset}"

    def _answer_problems(self) -> Iterator[tuple[bool, str]]:
        answer = self.answer
        is_unknown = self.site not in m.KNOWN_SITES
        yield (
            is_unknown and answer.url is None,
            f"answer.url is needed, as no addresses are known for site {self.site}",
        )
        yield (
            answer.item_id is None and answer.url is None,
            "answer.item_id or answer.url is needed: it tells listings apart",
        )

    def names(self) -> set[str]:
        """Every placeholder in the request."""
        templates = (self.headers, self.query, self.form, self.body or {})
        return set().union(*map(names_in, templates))
