"""What the options of the built-in adapters have in common."""

from __future__ import annotations

import re
from typing import Annotated
from urllib.parse import quote, urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, SecretStr

from monitor.errors import BadImage
from monitor.marketplaces.base import Query

# They go into a header or an address as they are.
Key = Annotated[str, Field(pattern=r"^[\x21-\x7e]+$")]
Secret = Annotated[SecretStr, Field(min_length=1)]


def _check_header(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[\x21-\x7e]+", value.get_secret_value()):
        raise ValueError("must be letters, digits and signs of ASCII, without spaces")
    return value


# A secret that goes into a header as it is.
HeaderSecret = Annotated[SecretStr, AfterValidator(_check_header)]
MaxPages = Annotated[int, Field(ge=1, le=200)]


class Options(BaseModel):
    """Unknown keys are errors, and no message repeats a value: it may be a secret."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


def _check_address(value: str) -> str:
    """An http(s) address without user name or fragment."""
    try:
        parts = urlsplit(value)
        is_address = bool(parts.hostname) and parts.port != 0
    except ValueError:
        is_address = False
    if not is_address or parts.scheme not in ("http", "https") or not value.isascii():
        raise ValueError("must be a whole address, such as https://api.example.com/search")
    if parts.username is not None or parts.fragment or re.search(r"\s", value):
        raise ValueError("must hold no user name, no # and no spaces")
    return value


def _check_picture_url(value: str) -> str:
    """An address in which `{path}` or `{sha256}` stands for the reference picture."""
    if "{path}" not in value and "{sha256}" not in value:
        raise ValueError("must hold {path} or {sha256}, which stand for the picture")
    _check_address(value.replace("{path}", "a/b.jpg").replace("{sha256}", "0" * 64))
    return value


Address = Annotated[str, AfterValidator(_check_address)]
# For sites that don't take a picture but the address of one: where a watch's folder can be reached.
PictureUrl = Annotated[str, AfterValidator(_check_picture_url)]


def join(base_url: str, path: str) -> str:
    """An address below a base address, whether or not that ends in a slash."""
    return f"{base_url.rstrip('/')}/{path.lstrip('/')}"


def picture_address(template: str, query: Query) -> str | None:
    """Where a site can load the reference picture from; None for a picture that is in no folder."""
    if not query.path:
        return None
    path = quote(query.path, safe="/")
    return template.replace("{path}", path).replace("{sha256}", query.sha256)


def require_picture_address(name: str, template: str, query: Query) -> str:
    """Where a site can load the reference picture from; `name` is the marketplace's.

    Raises BadImage for a picture that is in no folder.
    """
    address = picture_address(template, query)
    if address is None:
        raise BadImage(
            f"{name}: this picture has no public address: it is in no watch's folder, so "
            "picture_url gives it no address that the site could load it from"
        )
    return address
