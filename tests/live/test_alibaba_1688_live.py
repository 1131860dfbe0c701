"""What nobody could find out without an account; each test says so where it fails."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest
from PIL import Image

from monitor.marketplaces.base import Outside, Query
from monitor.marketplaces.sites.alibaba_1688.adapter import Alibaba1688, Options
from monitor.marketplaces.testing import check_observation
from tests.live.conftest import need

pytestmark = pytest.mark.live


def _open(outside: Outside, **options: str) -> Alibaba1688:
    keys = {
        "app_key": need("ALIBABA_1688_APP_KEY"),
        "app_secret": need("ALIBABA_1688_APP_SECRET"),
        "access_token": need("ALIBABA_1688_ACCESS_TOKEN"),
    }
    return Alibaba1688("live", Options.model_validate({**keys, **options}), outside)


def test_the_gateway_takes_our_signature(outside: Outside) -> None:
    site = _open(outside)
    try:
        assert site.probe().text
    finally:
        site.close()


def test_an_uploaded_picture_has_listings_of_the_known_shape(
    outside: Outside, drawn: Image.Image
) -> None:
    """With ALIBABA_1688_PICTURE, the file of a product known to be there: something must come."""
    file = os.environ.get("ALIBABA_1688_PICTURE")
    image = Image.open(file) if file else drawn
    sha256 = hashlib.sha256(Path(file).read_bytes() if file else b"drawn").hexdigest()
    site = _open(outside, mode="crossborder")
    try:
        page = site.search(Query(image, sha256=sha256))
    finally:
        site.close()
    assert page.observations or not file
    for item in page.observations:
        check_observation(item)


def test_a_public_picture_has_listings_of_the_known_shape(
    outside: Outside, drawn: Image.Image
) -> None:
    address = need("ALIBABA_1688_PICTURE_URL")
    folder, _, name = address.rpartition("/")
    site = _open(outside, mode="linkplus", picture_url=f"{folder}/{{path}}")
    try:
        page = site.search(Query(drawn, path=name))
    finally:
        site.close()
    assert page.observations
    for item in page.observations:
        check_observation(item)
