"""Pictures copied into a watch's folder."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from monitor.errors import InputError
from monitor.scanning.plan.folder import read_assets_csv, read_folder
from monitor.scanning.plan.importing import import_pictures
from tests.matching.drawing import draw, encode


def _show(done: int, total: int) -> None:
    assert 0 < done <= total


def _picture(path: Path, colour: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (60, 40), colour).save(path)


def test_good_pictures_are_copied_and_bad_ones_listed(tmp_path: Path) -> None:
    _picture(tmp_path / "new/mug.png", "red")
    _picture(tmp_path / "new/lamp/a.png", "blue")
    (tmp_path / "new/broken.jpg").write_bytes(b"\xff\xd8\xff\xe0 not really")
    result = import_pictures(tmp_path / "new", tmp_path / "brand", _show)
    assert sorted(result.copied) == ["lamp/a.png", "mug.png"]
    assert [item.path for item in result.bad] == ["broken.jpg"]
    assert {entry.asset for entry in read_folder(tmp_path / "brand").entries} == {"mug", "lamp"}


def test_a_second_import_copies_nothing(tmp_path: Path) -> None:
    _picture(tmp_path / "new/mug.png", "red")
    import_pictures(tmp_path / "new", tmp_path / "brand", _show)
    result = import_pictures(tmp_path / "new", tmp_path / "brand", _show)
    assert (result.copied, result.known) == ((), ("mug.png",))


def test_another_picture_of_the_same_name_does_not_overwrite(tmp_path: Path) -> None:
    _picture(tmp_path / "brand/mug.png", "red")
    _picture(tmp_path / "new/mug.png", "blue")
    import_pictures(tmp_path / "new", tmp_path / "brand", _show)
    names = [entry.path for entry in read_folder(tmp_path / "brand").entries]
    assert names == ["mug-2.png", "mug.png"]


def test_a_csv_list_brings_names_and_rights_along(tmp_path: Path) -> None:
    _picture(tmp_path / "lists/pictures/1.png", "red")
    _picture(tmp_path / "brand/old.png", "green")
    (tmp_path / "brand/assets.csv").write_text("file,asset\nold.png,Old\n", encoding="utf-8")
    (tmp_path / "lists/list.csv").write_text(
        "file,asset,certificate\npictures/1.png,Acme Mug,C-1\ngone.png,Gone,\n", encoding="utf-8"
    )
    result = import_pictures(tmp_path / "lists/list.csv", tmp_path / "brand", _show)
    assert [item.path for item in result.bad] == ["gone.png"]
    entries = {entry.path: entry for entry in read_folder(tmp_path / "brand").entries}
    assert entries["1.png"].asset == "Acme Mug"
    assert entries["1.png"].rights.certificate == "C-1"
    assert entries["old.png"].asset == "Old"


def test_an_empty_source_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    with pytest.raises(InputError, match="holds no file"):
        import_pictures(tmp_path / "new", tmp_path / "brand", _show)


def test_what_shows_too_little_is_copied_and_named(tmp_path: Path) -> None:
    _picture(tmp_path / "new/plain.png", "red")
    (tmp_path / "new/mug.png").write_bytes(encode(draw(1)))
    result = import_pictures(tmp_path / "new", tmp_path / "brand", _show)
    assert sorted(result.copied) == ["mug.png", "plain.png"]
    assert result.featureless == ("plain.png",)


def test_pictures_that_lie_too_deep_are_named_also_where_there_are_no_others(
    tmp_path: Path,
) -> None:
    _picture(tmp_path / "new/lamp/old/a.png", "red")
    result = import_pictures(tmp_path / "new", tmp_path / "brand", _show)
    assert (result.copied, [item.path for item in result.bad]) == ((), ["lamp/old"])


def test_rows_of_the_watch_s_own_list_are_replaced_file_by_file(tmp_path: Path) -> None:
    _picture(tmp_path / "brand/1.png", "red")
    (tmp_path / "brand/assets.csv").write_text(
        "file,asset,tags\n1.png,Old,a\n2.png,Other,b\n", encoding="utf-8"
    )
    _picture(tmp_path / "lists/1.png", "red")
    (tmp_path / "lists/list.csv").write_text("file,asset\n1.png,New\n", encoding="utf-8")
    result = import_pictures(tmp_path / "lists/list.csv", tmp_path / "brand", _show)
    assert (result.copied, result.known) == ((), ("1.png",))
    rows = read_assets_csv(tmp_path / "brand/assets.csv")
    assert {name: row.asset for name, row in rows.items()} == {"1.png": "New", "2.png": "Other"}
    assert rows["2.png"].tags == ("b",)


def test_a_target_that_is_no_folder_is_an_error(tmp_path: Path) -> None:
    _picture(tmp_path / "new/mug.png", "red")
    (tmp_path / "brand").write_bytes(b"a file")
    with pytest.raises(InputError, match="brand"):
        import_pictures(tmp_path / "new", tmp_path / "brand", _show)
