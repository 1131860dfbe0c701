"""The drawn pictures: always the same, their copies are found, other goods are not."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from monitor import matching
from monitor.sandbox.drawing import EDITS, draw_brand, draw_product, draw_shop

RECORD_SCORE, ALERT_SCORE = 0.50, 0.80


@pytest.fixture(scope="module")
def drawn(tmp_path_factory: pytest.TempPathFactory) -> tuple[list[Path], list[Path]]:
    """(brand pictures, shop pictures)."""
    folder = tmp_path_factory.mktemp("drawn")
    brand = draw_brand(folder / "brand")
    return brand, list(draw_shop(folder / "shop", brand))


def score(one: Path, other: Path) -> float:
    first, second = (
        matching.fingerprint(matching.decode(path.read_bytes())) for path in (one, other)
    )
    return matching.compare(first, second).score


def test_a_drawing_follows_from_its_seed() -> None:
    first, again, other = (draw_product(seed).tobytes() for seed in (28, 28, 29))
    assert first == again
    assert first != other
    assert hashlib.sha256(first).hexdigest() == hashlib.sha256(again).hexdigest()


def test_the_shop_shows_each_edit_and_is_mostly_other_goods(
    drawn: tuple[list[Path], list[Path]],
) -> None:
    brand, shop = drawn
    copies = [path for path in shop if path.name.startswith("copy_")]
    assert len(copies) == 2 * len(brand) == 12
    assert {path.stem.rsplit("_", 1)[1] for path in copies} == set(EDITS)
    assert len(shop) == 66
    assert len({path.read_bytes() for path in [*brand, *shop]}) == len(brand) + len(shop)


def test_every_copy_is_alerted_and_no_other_good_is_recorded(
    drawn: tuple[list[Path], list[Path]],
) -> None:
    brand, shop = drawn
    prints = {
        path: matching.fingerprint(matching.decode(path.read_bytes())) for path in [*brand, *shop]
    }
    missed, false = [], []
    for original in brand:
        name = original.stem.replace(" ", "_").lower()
        for path in shop:
            found = matching.compare(prints[original], prints[path]).score
            if path.name.startswith(f"copy_{name}_"):
                missed += [(path.name, found)] if found < ALERT_SCORE else []
            else:
                false += [(original.name, path.name, found)] if found >= RECORD_SCORE else []
    assert (missed, false) == ([], [])


@pytest.mark.parametrize("edit", list(EDITS))
def test_each_edit_of_each_brand_picture_is_found(
    drawn: tuple[list[Path], list[Path]], tmp_path: Path, edit: str
) -> None:
    for number, original in enumerate(drawn[0]):
        edited = tmp_path / f"{number}.jpg"
        with matching.decode(original.read_bytes()).image as picture:
            EDITS[edit](picture).save(edited, quality=82)
        assert score(original, edited) >= ALERT_SCORE, original.name
