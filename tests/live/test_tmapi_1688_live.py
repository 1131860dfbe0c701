from __future__ import annotations

import pytest
from PIL import Image

from monitor.marketplaces.base import Outside, Query
from monitor.marketplaces.sites.tmapi_1688 import Options, Tmapi1688
from monitor.marketplaces.testing import check_observation
from tests.live.conftest import need

pytestmark = pytest.mark.live


def test_a_search_has_the_known_shape(outside: Outside, drawn: Image.Image) -> None:
    """The picture is the one at the address: the site loads it from there."""
    address = need("TMAPI_PICTURE_URL")
    options = {"api_key": need("TMAPI_API_KEY"), "picture_url": f"{address}?{{path}}"}
    site = Tmapi1688("live", Options.model_validate(options), outside)
    try:
        page = site.search(Query(drawn, path="live"))
    finally:
        site.close()
    assert page.total is not None
    for item in page.observations:
        check_observation(item)
