"""The HTML report of a real scan: what it shows of a match, and what it says where it can't."""

from __future__ import annotations

import base64
import io
import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from monitor.marketplaces.testing import Reply
from monitor.report.build import Report, Shown, build_report, summary, write_report
from monitor.storage.catalogue.files import PictureFiles
from monitor.storage.db.engine import Store
from tests.matching.drawing import draw, encode
from tests.scanning.shop import Bench, open_bench


class Counting(PictureFiles):
    """Counts how often each file is read."""

    def __init__(self, root: Path) -> None:
        super().__init__(root)
        self.read_counts: Counter[str] = Counter()

    def read(self, sha256: str) -> bytes:
        self.read_counts[sha256] += 1
        return super().read(sha256)


@pytest.fixture
def bench(sqlite_store: Store, tmp_path: Path) -> Iterator[Bench]:
    """Two copies of one picture, the second mirrored, and one of another."""
    with open_bench(sqlite_store, tmp_path / "home") as opened:
        opened.draw("mug.png", 1)
        opened.draw("shirt.png", 2)
        offers = [opened.offer("11", 1), opened.offer("12", 1), opened.offer("13", 2)]
        mirrored = draw(1).transpose(Image.Transpose.FLIP_LEFT_RIGHT)
        opened.server.routes["/12.jpg"] = Reply(body=encode(mirrored, "JPEG", quality=70))
        opened.shop.pages = [offers]
        opened.scan()
        assert len(opened.matches()) == 3
        yield opened


def counting(bench: Bench) -> Counting:
    return Counting(bench.files.path("0" * 64).parents[2])


def report(bench: Bench, files: PictureFiles | None = None) -> Report:
    return build_report(bench.store, files or bench.files, bench.clock())


def shown(bench: Bench, item_id: str) -> Shown:
    return next(item for item in report(bench).shown if item.match.item_id == item_id)


def written(bench: Bench, tmp_path: Path) -> str:
    write_report(report(bench), tmp_path / "report.html")
    return (tmp_path / "report.html").read_text(encoding="utf-8")


def picture_in(uri: str | None) -> Image.Image:
    assert uri is not None
    head, data = uri.split(",")
    assert head == "data:image/jpeg;base64"
    return Image.open(io.BytesIO(base64.b64decode(data)))


def change(bench: Bench, statement: str) -> None:
    with bench.store.writing() as conn:
        conn.execute(sa.text(statement))


def test_every_match_has_its_drawing_and_the_reasons_in_words(bench: Bench, tmp_path: Path) -> None:
    built = report(bench)
    for item in built.shown:
        drawing = picture_in(item.drawing)
        assert drawing.width > 2 * 300
        assert drawing.height > built.size.height
        assert (item.reference, item.listing, item.note) == (None, None, "")
    html = written(bench, tmp_path)
    assert html.count("data:image/jpeg;base64,") == 3
    assert 'src="http' not in html
    text = " ".join(re.sub(r"<[^>]*>", " ", html).split())
    assert "the same picture, mirrored" in text
    assert len(re.findall(r"\d+ points agree; 100 % of your picture; ", text)) == 3


def test_the_best_match_comes_first(bench: Bench) -> None:
    scores = [item.match.score for item in report(bench).shown]
    assert scores == sorted(scores, reverse=True)


def test_each_picture_is_read_once(bench: Bench) -> None:
    files = counting(bench)
    report(bench, files)
    assert len(files.read_counts) == 5
    assert set(files.read_counts.values()) == {1}


def test_the_progress_ends_with_all(bench: Bench) -> None:
    seen: list[tuple[int, int]] = []
    build_report(
        bench.store, bench.files, bench.clock(), show=lambda done, total: seen.append((done, total))
    )
    assert seen[-1] == (3, 3)


def test_a_picture_that_is_gone_leaves_the_other_and_a_note(bench: Bench, tmp_path: Path) -> None:
    bench.files.path(shown(bench, "11").match.picture_sha256).unlink()
    item = shown(bench, "11")
    assert (item.drawing, item.listing) == (None, None)
    assert picture_in(item.reference).width <= 400
    assert item.note == "Not drawn: the listing's picture is gone or damaged."
    assert item.note.replace("'", "&#39;") in written(bench, tmp_path)
    assert "1 of them without a drawing" in "; ".join(summary(report(bench)))
    assert shown(bench, "12").drawing is not None


def test_a_damaged_picture_is_said(bench: Bench) -> None:
    match = shown(bench, "11").match
    for sha256 in (match.reference_sha256, match.picture_sha256):
        bench.files.path(sha256).write_bytes(b"other bytes")
    item = shown(bench, "11")
    assert (item.drawing, item.reference, item.listing) == (None, None, None)
    assert item.note == (
        "Not drawn: your picture is gone or damaged and the listing's picture is gone or damaged."
    )


def test_a_match_of_an_earlier_method_is_drawn_as_it_was_stored(bench: Bench) -> None:
    change(bench, "UPDATE matches SET method = 'hash-0', score = 0.7, reasons = NULL")
    item = shown(bench, "11")
    assert picture_in(item.drawing).width > 2 * 300
    assert item.note.startswith("Drawn without its points: it was found with the method hash-0, ")
    assert item.reasons == ()


def test_without_fingerprints_it_is_drawn_as_it_was_stored(bench: Bench) -> None:
    change(bench, "DELETE FROM fingerprints")
    item = shown(bench, "11")
    assert item.drawing is not None
    assert "no sound fingerprint" in item.note


def test_the_more_matches_the_smaller_they_are_drawn(bench: Bench) -> None:
    few = report(bench)
    many = replace(few, shown=few.shown * 50)
    assert many.size.height < few.size.height
    assert many.size.quality < few.size.quality


def test_a_title_from_outside_stays_text(bench: Bench, tmp_path: Path) -> None:
    change(bench, "UPDATE listings SET title = '<script>alert(1)</script>'")
    html = written(bench, tmp_path)
    assert "<script" not in html
    assert "&lt;script&gt;" in html


def test_a_report_without_matches_says_so(sqlite_store: Store, tmp_path: Path) -> None:
    with open_bench(sqlite_store, tmp_path / "home") as empty:
        assert "nothing has been scanned yet" in written(empty, tmp_path)
