"""`[channels.NAME]`: where a channel's messages go."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, SecretStr

from monitor.channels.urls import check_url
from monitor.options import Options


def _check_url(url: SecretStr) -> SecretStr:
    if reason := check_url(url.get_secret_value()):
        raise ValueError(reason)
    return url


class ServiceOptions(Options):
    """`url` is an apprise URL, a secret as a whole."""

    url: Annotated[SecretStr, AfterValidator(_check_url)]
