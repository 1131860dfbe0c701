from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from monitor.errors import AuthError
from monitor.marketplaces.base import Adapter, Query
from tests.marketplaces.scripted import Scripted, as_json, make_outside

DOCUMENT = Path(__file__).parents[2] / "docs" / "adding-a-marketplace.md"


@pytest.fixture
def adapter() -> Adapter[Any]:
    (code,) = re.findall(r"```python\n(.*?)```", DOCUMENT.read_text(encoding="utf-8"), re.DOTALL)
    names: dict[str, object] = {}
    exec(compile(code, str(DOCUMENT), "exec", dont_inherit=True), names)  # noqa: S102
    found = names["ADAPTER"]
    assert isinstance(found, Adapter)
    return found


def test_the_documented_adapter_works(adapter: Adapter[Any]) -> None:
    item = {"id": 7, "name": "mug", "img": "/a.jpg", "price": "9.90"}
    outside = make_outside()
    with Scripted(as_json({"results": [item]}), as_json({"error": "bad_token"})) as server:
        options = adapter.options.model_validate({"base_url": server.url(), "token": "t"})
        marketplace = adapter.build("mine", options, outside)
        query = Query(Image.new("RGB", (50, 50)))
        (found,) = marketplace.search(query).observations
        assert (found.item_id, found.url) == ("7", "https://shop.example/item/7")
        assert found.picture_url == server.url("/a.jpg")
        with pytest.raises(AuthError, match="mine: the token is refused"):
            marketplace.search(query)
        marketplace.close()
