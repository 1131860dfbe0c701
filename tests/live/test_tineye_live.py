from __future__ import annotations

import pytest
from PIL import Image

from monitor.marketplaces.base import Outside, Query
from monitor.marketplaces.sites.tineye import Options, TinEye
from monitor.marketplaces.testing import check_observation
from tests.live.conftest import need

pytestmark = pytest.mark.live


def test_a_search_has_the_known_shape(outside: Outside, drawn: Image.Image) -> None:
    options = Options.model_validate({"api_key": need("TINEYE_API_KEY"), "limit": 10})
    site = TinEye("live", options, outside)
    try:
        standing = site.probe()
        page = site.search(Query(drawn))
    finally:
        site.close()
    assert standing.calls_left is not None
    assert page.total is not None
    for item in page.observations:
        check_observation(item)
        assert item.provider_score is not None
