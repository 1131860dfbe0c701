"""assets.csv and file names are the owner's own: anything may stand in them."""

from __future__ import annotations

import contextlib
import csv
import io
import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from monitor.errors import InputError
from monitor.scanning.plan.folder import CSV_COLUMNS, read_assets_csv, read_csv_rows, read_folder

_CELLS = st.text(st.characters(codec="utf-8"), max_size=12)
_PROPERTY = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@_PROPERTY
@given(
    content=st.one_of(st.binary(max_size=200), _CELLS.map(lambda text: f"file\n{text}".encode()))
)
@example(b"file,asset\n\x00,\x00\n")
@example(b'file\n"never closed\n')
@example(b"file\n" + b"x" * 200_000)
@example(b"\xef\xbb\xbf\xef\xbb\xbffile\n")
@example(b"file\rmug.jpg\rcup.jpg\r")
def test_any_bytes_are_rows_or_a_reason(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "assets.csv"
    path.write_bytes(content)
    with contextlib.suppress(InputError):
        assert all(row["file"] == row["file"].strip() != "" for row in read_csv_rows(path))


@_PROPERTY
@given(rows=st.lists(st.fixed_dictionaries(dict.fromkeys(CSV_COLUMNS, _CELLS)), max_size=5))
def test_what_a_spreadsheet_writes_comes_back(tmp_path: Path, rows: list[dict[str, str]]) -> None:
    buffer = io.StringIO(newline="")
    writer = csv.DictWriter(buffer, CSV_COLUMNS)
    writer.writeheader()
    writer.writerows(rows)
    path = tmp_path / "assets.csv"
    path.write_text(buffer.getvalue(), encoding="utf-8-sig", newline="")
    found = read_assets_csv(path)
    named = {row["file"].strip(): row for row in rows if row["file"].strip()}
    assert found.keys() == named.keys()
    for name, row in named.items():
        assert found[name].asset == row["asset"].strip()
        assert found[name].rights.certificate == (row["certificate"].strip() or None)
        assert all(tag == tag.strip() != "" for tag in found[name].tags)


_NAMES = st.text(st.characters(codec="utf-8", exclude_characters="/\x00"), min_size=1, max_size=40)


@_PROPERTY
@given(names=st.sets(_NAMES, max_size=5))
@example({"..mug.jpg", "a\nb.jpg", "-rf", "mug", "mug.jpg.png", " mug .jpg"})
def test_files_of_any_name_are_assets(
    tmp_path_factory: pytest.TempPathFactory, names: set[str]
) -> None:
    folder = tmp_path_factory.mktemp("brand")
    written = set()
    for name in names - {"assets.csv"}:
        if name not in (".", "..") and len(os.fsencode(name)) < 255:
            (folder / name).write_bytes(name.encode())
            written.add(name)
    shown = {entry.path for entry in read_folder(folder).entries}
    passed_over = {"thumbs.db", "desktop.ini", "ehthumbs.db"}
    assert shown == {
        name for name in written if not name.startswith(".") and name.lower() not in passed_over
    }


def test_a_name_that_is_no_utf_8_is_read(tmp_path: Path) -> None:
    (tmp_path / os.fsdecode(b"m\xfcg.jpg")).write_bytes(b"1")
    (entry,) = read_folder(tmp_path).entries
    assert os.fsencode(entry.asset) == b"m\xfcg"


def test_a_link_to_a_folder_is_a_sub_folder_and_one_to_itself_is_reported(tmp_path: Path) -> None:
    brand, elsewhere = tmp_path / "brand", tmp_path / "elsewhere"
    brand.mkdir()
    elsewhere.mkdir()
    (elsewhere / "1.jpg").write_bytes(b"1")
    (brand / "lamp").symlink_to(elsewhere)
    (brand / "loop.jpg").symlink_to(brand / "loop.jpg")
    folder = read_folder(brand)
    assert [(entry.path, entry.asset) for entry in folder.entries] == [("lamp/1.jpg", "lamp")]
    assert [item.path for item in folder.unreadable] == ["loop.jpg"]


def test_a_list_for_a_sub_folder_names_its_files_with_the_folder(tmp_path: Path) -> None:
    (tmp_path / "lamp").mkdir()
    (tmp_path / "lamp/a.jpg").write_bytes(b"1")
    (tmp_path / "assets.csv").write_text("file,asset\n lamp/a.jpg , Lamp \n", encoding="utf-8")
    (entry,) = read_folder(tmp_path).entries
    assert (entry.path, entry.asset) == ("lamp/a.jpg", "Lamp")


def test_a_folder_named_like_the_list_is_refused(tmp_path: Path) -> None:
    (tmp_path / "assets.csv").mkdir()
    with pytest.raises(InputError, match="can't read"):
        read_folder(tmp_path)
