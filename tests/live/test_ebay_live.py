from __future__ import annotations

import pytest
from PIL import Image

from monitor.marketplaces.base import Outside, Query
from monitor.marketplaces.sites.ebay.adapter import Ebay, Options
from monitor.marketplaces.testing import check_observation
from tests.live.conftest import need

pytestmark = pytest.mark.live


def test_a_search_has_the_known_shape(outside: Outside, drawn: Image.Image) -> None:
    keys = {"client_id": need("EBAY_CLIENT_ID"), "client_secret": need("EBAY_CLIENT_SECRET")}
    site = Ebay("live", Options.model_validate(keys), outside)
    try:
        standing = site.probe()
        page = site.search(Query(drawn))
    finally:
        site.close()
    assert standing.text
    assert page.total is not None
    for item in page.observations:
        check_observation(item)
