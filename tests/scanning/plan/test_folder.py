"""What a watch's folder says."""

from __future__ import annotations

from pathlib import Path

import pytest

from monitor.errors import InputError
from monitor.scanning.plan.folder import read_folder


def _write(folder: Path, **files: bytes) -> None:
    for name, data in files.items():
        path = folder / name.replace("__", "/").replace("_dot_", ".")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def test_a_file_is_an_asset_and_a_sub_folder_is_one_asset(tmp_path: Path) -> None:
    _write(tmp_path, mug_dot_jpg=b"1", lamp__a_dot_png=b"2", lamp__b_dot_png=b"3")
    found = {(entry.path, entry.asset) for entry in read_folder(tmp_path).entries}
    assert found == {("mug.jpg", "mug"), ("lamp/a.png", "lamp"), ("lamp/b.png", "lamp")}


def test_hidden_files_and_litter_are_passed_over(tmp_path: Path) -> None:
    _write(tmp_path, _dot_DS_Store=b"x", Thumbs_dot_db=b"x", mug_dot_jpg=b"1")
    folder = read_folder(tmp_path)
    assert [entry.path for entry in folder.entries] == ["mug.jpg"]
    assert folder.unreadable == ()


def test_assets_csv_gives_name_rights_and_tags(tmp_path: Path) -> None:
    _write(tmp_path, mug_dot_jpg=b"1")
    (tmp_path / "assets.csv").write_text(
        "file,asset,right_kind,certificate,territory,official_url,published_at,tags\n"
        "mug.jpg,Acme Mug,copyright,国作登字-2024-F-1,CN,https://acme.example/mug,2024-01-02,"
        "mugs; best\n",
        encoding="utf-8-sig",
    )
    (entry,) = read_folder(tmp_path).entries
    assert (entry.asset, entry.rights.certificate, entry.tags) == (
        "Acme Mug",
        "国作登字-2024-F-1",
        ("mugs", "best"),
    )


def test_a_row_without_its_file_is_named(tmp_path: Path) -> None:
    _write(tmp_path, mug_dot_jpg=b"1", assets_dot_csv=b"file\ngone.jpg\n")
    (missing,) = read_folder(tmp_path).unreadable
    assert missing.path == "gone.jpg"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"name\nmug.jpg\n", "no column `file`"),
        (b"file,colour\nmug.jpg,red\n", "unknown column `colour`"),
        (b"file,asset\nmug.jpg,a,b,c\n", "more cells"),
        (b"file\n\xff\xfe\n", "not a CSV file in UTF-8"),
    ],
)
def test_a_bad_assets_csv_is_refused_with_its_reason(
    tmp_path: Path, content: bytes, message: str
) -> None:
    _write(tmp_path, mug_dot_jpg=b"1", assets_dot_csv=content)
    with pytest.raises(InputError, match=message):
        read_folder(tmp_path)


def test_a_missing_folder_is_an_error_and_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="can't read the picture folder"):
        read_folder(tmp_path / "gone")


def test_a_dangling_link_is_reported_and_the_rest_is_read(tmp_path: Path) -> None:
    _write(tmp_path, mug_dot_jpg=b"1")
    (tmp_path / "dead.jpg").symlink_to(tmp_path / "nowhere")
    folder = read_folder(tmp_path)
    assert [entry.path for entry in folder.entries] == ["mug.jpg"]
    assert [item.path for item in folder.unreadable] == ["dead.jpg"]


def test_a_folder_within_a_sub_folder_is_named(tmp_path: Path) -> None:
    _write(tmp_path, lamp__a_dot_png=b"2", lamp__old__b_dot_png=b"3")
    folder = read_folder(tmp_path)
    assert [entry.path for entry in folder.entries] == ["lamp/a.png"]
    assert [item.path for item in folder.unreadable] == ["lamp/old"]
