from __future__ import annotations

import os
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from pydantic import ValidationError

from monitor.errors import FetchFailed, FetchRefused, ProtocolError, Transient
from monitor.marketplaces.base import PictureSource, Probing, Query
from monitor.marketplaces.registry import create, options_model
from monitor.marketplaces.sites.folder.adapter import PAGE_SIZE, Folder, Options
from monitor.marketplaces.sites.folder.table import read_rows
from monitor.marketplaces.testing import make_outside
from monitor.model import Observation

QUERY = Query(Image.new("RGB", (50, 50)))
Open = Callable[..., Folder]


@pytest.fixture
def dump(tmp_path: Path) -> Path:
    folder = tmp_path / "dump"
    folder.mkdir()
    return folder


@pytest.fixture
def opened(dump: Path) -> Open:
    def make(**options: object) -> Folder:
        model = Options.model_validate({"path": str(dump), **options})
        return Folder("Fair 2026", model, make_outside())

    return make


def put(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"picture of " + os.fsencode(name))


def search_all(folder: Folder) -> list[Observation]:
    found: list[Observation] = []
    cursor: str | None = None
    while True:
        page = folder.search(Query(QUERY.picture, cursor))
        found += page.observations
        cursor = page.next_cursor
        if cursor is None:
            return found


def test_it_is_made_from_its_options_like_any_other(dump: Path) -> None:
    put(dump, "a.jpg")
    options = options_model("folder").model_validate({"path": str(dump)})
    made = create("folder", "dump", options, make_outside())
    assert isinstance(made, PictureSource)
    assert isinstance(made, Probing)
    (item,) = made.search(QUERY).observations
    assert (item.site, made.site, made.is_loopback) == ("dump", "dump", False)


def test_every_picture_below_it_is_a_listing_with_its_bytes(opened: Open, dump: Path) -> None:
    put(
        dump, "b.PNG", "sub/deeper/a mug#1?.jpg", "c.webp", "notes.txt", ".hidden.jpg", ".git/x.jpg"
    )
    folder = opened()
    found = search_all(folder)
    assert [item.title for item in found] == ["b", "c", "a mug#1?"]
    assert found[0].item_id == "b.PNG"
    assert [folder.fetch(item.picture_url or "").data for item in found] == [
        b"picture of b.PNG",
        b"picture of c.webp",
        b"picture of sub/deeper/a mug#1?.jpg",
    ]
    assert all(0 < len(item.item_id) <= 64 and " " not in item.item_id for item in found)
    assert folder.search(QUERY).requests == 0


def test_a_long_folder_is_given_in_pages_without_gaps(opened: Open, dump: Path) -> None:
    put(dump, *(f"{number:04d}.jpg" for number in range(PAGE_SIZE * 2 + 1)))
    found = search_all(opened())
    assert [item.title for item in found] == [f"{n:04d}" for n in range(PAGE_SIZE * 2 + 1)]
    assert [item.rank for item in found] == list(range(1, len(found) + 1))


def test_a_changed_file_has_another_address_an_unchanged_one_the_same(
    opened: Open, dump: Path
) -> None:
    put(dump, "a.jpg", "b.jpg")
    before = search_all(opened())
    (dump / "b.jpg").write_bytes(b"another picture")
    after = search_all(opened())
    assert after[0].picture_url == before[0].picture_url
    assert after[1].picture_url != before[1].picture_url
    assert [item.item_id for item in after] == [item.item_id for item in before]


def test_a_folder_that_is_away_or_empty_is_an_error_not_an_empty_page(
    opened: Open, dump: Path
) -> None:
    with pytest.raises(Transient, match=r"no picture in it; is it mounted"):
        opened().search(QUERY)
    assert opened(may_be_empty=True).search(QUERY).observations == ()
    dump.rmdir()
    with pytest.raises(Transient, match=r"Fair 2026: .*is it mounted"):
        opened(may_be_empty=True).search(QUERY)


def test_only_files_in_the_folder_are_given_out(opened: Open, dump: Path, tmp_path: Path) -> None:
    (tmp_path / "secret.jpg").write_bytes(b"secret")
    put(dump, "a.jpg")
    (dump / "link.jpg").symlink_to(tmp_path / "secret.jpg")
    folder = opened()
    (link,) = [item for item in search_all(folder) if item.title == "link"]
    with pytest.raises(FetchRefused, match="not in the folder"):
        folder.fetch(link.picture_url or "")
    with pytest.raises(FetchRefused):
        folder.fetch(f"file://{tmp_path}/secret.jpg")
    with pytest.raises(FetchFailed, match=r"gone\.jpg can't be read"):
        folder.fetch(f"file://{dump}/gone.jpg")
    for foreign in ("https://example.com", "//example.com", "file://example.com", ""):
        with pytest.raises(FetchRefused, match="must begin with file:///"):
            folder.fetch(f"{foreign}{dump}/a.jpg")


def test_the_csv_names_the_listings(opened: Open, dump: Path) -> None:
    put(dump, "a.jpg", "sub/b.jpg", "c.jpg")
    text = (
        "File,title,url,price,currency,seller,seller_id,sales,colour\n"
        "a.jpg,红杯,https://detail.1688.com/offer/1.html,12.50,,某某公司,b2b-1,700+,red\n"
        "sub\\b.jpg,Mug,javascript:alert(1),$3,USD,,,,\n"
    )
    (dump / "listings.csv").write_text(text, encoding="gb18030")
    first, third, second = search_all(opened())
    assert (first.title, first.url) == ("红杯", "https://detail.1688.com/offer/1.html")
    assert first.price is not None
    assert (first.price.minimum, first.price.currency, first.sales) == (
        Decimal("12.50"),
        "CNY",
        700,
    )
    assert first.seller is not None
    assert (first.seller.seller_id, first.seller.name) == ("b2b-1", "某某公司")
    assert second.title == "Mug"
    assert second.url.startswith("file://")
    assert second.price is not None
    assert second.price.currency == "USD"
    assert (third.title, third.price, third.seller) == ("c", None, None)
    assert opened().probe().text == "3 pictures, 2 of them in listings.csv"


def test_a_csv_without_its_first_column_is_refused(opened: Open, dump: Path) -> None:
    put(dump, "a.jpg")
    (dump / "listings.csv").write_text("picture,title\na.jpg,x\n", encoding="utf-8")
    with pytest.raises(ProtocolError, match=r"Fair 2026: listings.csv has no column `file`"):
        opened().search(QUERY)


@given(st.binary(max_size=400))
def test_any_bytes_as_csv_are_rows_or_a_known_error(
    tmp_path_factory: pytest.TempPathFactory, data: bytes
) -> None:
    file = tmp_path_factory.getbasetemp() / "any.csv"
    file.write_bytes(b"file,title,price,url\n" + data)
    try:
        rows = read_rows("dump", file)
    except ProtocolError:
        return
    assert all(rows)


def test_a_name_in_no_encoding_is_no_reason_to_fail(opened: Open, dump: Path) -> None:
    (dump / os.fsdecode(b"\xff\xfe.jpg")).write_bytes(b"odd")
    folder = opened()
    (item,) = search_all(folder)
    item.item_id.encode()
    item.title.encode()
    assert folder.fetch(item.picture_url or "").data == b"odd"


def test_a_relative_path_is_refused() -> None:
    with pytest.raises(ValidationError, match="absolute"):
        Options.model_validate({"path": "dumps"})
