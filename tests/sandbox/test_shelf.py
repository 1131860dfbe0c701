"""The goods of a folder, and the sandbox's own search by picture."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from PIL import Image, ImageOps

from monitor.sandbox import Sandbox
from monitor.sandbox.drawing import draw_product
from monitor.sandbox.server import Rules
from monitor.sandbox.shelf import LISTINGS_FILE, Shelf, search
from tests.sandbox.callers import Caller, fetch, picture_bytes, stock

SIDE = 300


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "shop"
    made.mkdir()
    return made


def small(seed: int) -> Image.Image:
    return draw_product(seed).resize((SIDE, SIDE))


def scores(folder: Path, picture: Image.Image) -> dict[str, float]:
    """What each good's likeness to a picture is, by its name."""
    shelf = Shelf(folder)
    return {shelf.name_of(good): score for good, score in search(shelf.goods(), picture)}


def test_pictures_are_goods_wherever_they_lie_in_the_folder(folder: Path) -> None:
    for name in ("b.jpg", "a/c.png", "a/b/d.jpg"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        small(1).save(folder / name)
    (folder / ".hidden.jpg").write_bytes(picture_bytes())
    (folder / LISTINGS_FILE).write_text("{}", encoding="utf-8")
    shelf = Shelf(folder)
    assert [shelf.name_of(good) for good in shelf.goods()] == ["a/b/d.jpg", "a/c.png", "b.jpg"]


@pytest.mark.parametrize("name", ["söckchen & co.jpg", "100%.jpg", "a b/c?d#e.jpg", "商品.jpg"])
def test_a_picture_of_any_name_is_served_at_its_address(
    folder: Path, tmp_path: Path, name: str
) -> None:
    path = stock(tmp_path / "other", 1) / "good_0.jpg"
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(path.read_bytes())
    with Sandbox(folder, Rules(rate=1_000)) as sandbox:
        (item,) = Caller(sandbox).items()
        answer = fetch(item["imageUrl"])
    assert answer.content == path.read_bytes()
    assert answer.headers["content-type"] == "image/jpeg"
    assert str(item["imageUrl"]).isascii()


def test_each_format_is_served_as_what_it_is(folder: Path) -> None:
    for kind in ("JPEG", "PNG", "WEBP", "GIF"):
        (folder / f"good.{kind.lower()}").write_bytes(picture_bytes(kind=kind))
    with Sandbox(folder, Rules(rate=1_000)) as sandbox:
        answers = [fetch(item["imageUrl"]) for item in Caller(sandbox).items()]
    kinds = {answer.headers["content-type"] for answer in answers}
    assert kinds == {"image/jpeg", "image/png", "image/webp", "image/gif"}


@pytest.mark.parametrize("data", [b"", b"no picture", picture_bytes()[:100]])
def test_a_file_that_is_no_picture_is_listed_last_and_served_as_it_is(
    tmp_path: Path, data: bytes
) -> None:
    folder = stock(tmp_path / "shop", 2)
    (folder / "broken.jpg").write_bytes(data)
    with Sandbox(folder, Rules(rate=1_000)) as sandbox:
        items = Caller(sandbox).items(picture_bytes(1))
        answer = fetch(items[-1]["imageUrl"])
    assert [item["title"] for item in items] == ["good 1", "good 0", "broken"]
    assert items[-1]["similarity"] == 0
    assert (answer.status_code, answer.content) == (200, data)


def test_a_picture_that_was_removed_is_not_found(tmp_path: Path) -> None:
    folder = stock(tmp_path / "shop", 2)
    with Sandbox(folder, Rules(rate=1_000)) as sandbox:
        address = Caller(sandbox).items(picture_bytes(1))[0]["imageUrl"]
        (folder / "good_1.jpg").unlink()
        assert fetch(address).status_code == 404


def test_what_became_of_a_picture_is_found_before_other_goods(folder: Path) -> None:
    original = small(10)
    banner = original.copy()
    banner.paste("red", (0, SIDE - SIDE // 9, SIDE, SIDE))
    edits = {
        "mirrored": ImageOps.mirror(original),
        "small": original.resize((90, 90)),
        "bordered": ImageOps.expand(original, SIDE // 16, "white"),
        "banner": banner,
        "grey": ImageOps.grayscale(original),
    }
    for name, edited in edits.items():
        edited.convert("RGB").save(folder / f"{name}.png")
    for seed in range(1_000, 1_010):
        small(seed).save(folder / f"other_{seed}.png")
    found = list(scores(folder, original))
    assert {name.removesuffix(".png") for name in found[: len(edits)]} == set(edits)


def test_a_picture_turned_by_its_metadata_is_found_upright(folder: Path) -> None:
    upright = small(28)
    exif = Image.Exif()
    exif[0x0112] = 6  # turn a quarter to the right to see it
    upright.rotate(90, expand=True).save(folder / "turned.jpg", exif=exif, quality=95)
    assert scores(folder, upright)["turned.jpg"] > 0.98


def test_what_has_no_features_is_like_nothing(folder: Path) -> None:
    Image.new("RGB", (200, 200), "grey").save(folder / "plain.png")
    small(1).save(folder / "good.png")
    assert scores(folder, small(1))["plain.png"] == 0
    assert scores(folder, Image.new("RGB", (50, 50), "white")) == {"good.png": 0, "plain.png": 0}


def test_a_file_is_read_again_only_where_it_has_changed(folder: Path) -> None:
    small(1).save(folder / "a.png")
    small(2).save(folder / "b.png")
    shelf = Shelf(folder)
    first = shelf.goods()
    small(3).resize((77, 77)).save(folder / "b.png")
    again = shelf.goods()
    assert again[0] is first[0]
    assert again[1].sha256 != first[1].sha256


def test_listings_json_sets_fields_of_pictures_in_sub_folders(folder: Path) -> None:
    (folder / "sub").mkdir()
    (folder / "sub" / "a.jpg").write_bytes(picture_bytes())
    said = {"sub/a.jpg": {"title": "轻奢", "price": None}}
    (folder / LISTINGS_FILE).write_text(json.dumps(said), encoding="utf-8")
    with Sandbox(folder, Rules(rate=1_000)) as sandbox:
        (item,) = Caller(sandbox).items()
    assert (item["title"], item["price"]) == ("轻奢", None)
