"""`monitor matches explain`: the stored score once more, or what has changed since."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from PIL import Image

from monitor.cli.explaining import Explanation, explain_match, explanation_fields, explanation_lines
from monitor.errors import NotFound
from monitor.marketplaces.testing import Reply
from monitor.storage.db.engine import Store
from tests.matching.drawing import draw, encode
from tests.scanning.shop import Bench, open_bench


@pytest.fixture
def bench(sqlite_store: Store, tmp_path: Path) -> Iterator[Bench]:
    """A real scan that found one copy."""
    with open_bench(sqlite_store, tmp_path / "home") as opened:
        opened.draw("mug.png", 1)
        opened.shop.pages = [[opened.offer("1", 1)]]
        opened.scan()
        yield opened


def explained(bench: Bench, match_id: int | None = None) -> Explanation:
    with bench.store.reading() as conn:
        folder = bench.files.path("0" * 64).parents[2]
        return explain_match(conn, folder, match_id or bench.matches()[0].id)


def change(bench: Bench, statement: str) -> None:
    with bench.store.writing() as conn:
        conn.execute(sa.text(statement))


def sideways(image: Image.Image) -> bytes:
    """Stored turned, with the EXIF tag that says how to turn it back."""
    exif = Image.Exif()
    exif[0x0112] = 6
    return encode(image.transpose(Image.Transpose.ROTATE_90), "JPEG", exif=exif, quality=90)


FILES = {
    "JPEG": lambda image: encode(image, "JPEG", quality=80),
    "PNG": lambda image: encode(image, "PNG"),
    "EXIF orientation": sideways,
}


@pytest.mark.parametrize("ours", FILES)
@pytest.mark.parametrize("theirs", FILES)
def test_a_match_of_a_real_scan_gives_the_same_score(
    sqlite_store: Store, tmp_path: Path, ours: str, theirs: str
) -> None:
    with open_bench(sqlite_store, tmp_path / "home") as bench:
        picture = draw(2, 400, 300)
        bench.folder.joinpath("mug.jpg").write_bytes(FILES[ours](picture))
        offer = bench.offer("1", 2)
        bench.server.routes["/1.jpg"] = Reply(body=FILES[theirs](picture.resize((320, 240))))
        bench.shop.pages = [[offer]]
        bench.scan()
        (match,) = bench.matches()
        found = explained(bench)
        assert found.now is not None
        assert found.now.score == pytest.approx(match.score, abs=1e-6)
        assert (found.now.relation, found.changed) == (match.relation, "")
        assert found.drawing is not None


def test_the_lines_say_that_nothing_has_changed(bench: Bench) -> None:
    lines = list(explanation_lines(explained(bench)))
    assert lines[0].startswith("match    1: mug, 1688 item 1")
    assert lines[1].split()[1:] == lines[2].split()[1:]
    assert "means    the same picture" in lines
    assert "points agree" in lines[-2]
    assert lines[-1] == "changed  nothing"


def test_another_method_is_named(bench: Bench) -> None:
    change(bench, "UPDATE matches SET method = 'hash-0', score = 0.7")
    found = explained(bench)
    assert found.changed.startswith("it was found with the method hash-0, today's is ")
    assert found.drawing is not None


def test_another_score_is_named(bench: Bench) -> None:
    change(bench, "UPDATE matches SET score = score - 0.01")
    found = explained(bench)
    assert found.now is not None
    assert f"the score comes out as {found.now.score:.6f} with the same method" in found.changed
    assert "fingerprint" not in found.changed


def test_a_fingerprint_that_comes_out_otherwise_is_named(bench: Bench) -> None:
    change(bench, "UPDATE matches SET score = score - 0.01")
    change(
        bench,
        "UPDATE fingerprints SET value = x'00' WHERE algorithm LIKE 'hashes%' "
        "AND sha256 = (SELECT picture_sha256 FROM matches)",
    )
    assert "of the listing's picture differs from the stored one" in explained(bench).changed


@pytest.mark.parametrize(
    ("field", "whose"),
    [
        ("reference_sha256", "your picture mug.png can't be read any more"),
        ("picture_sha256", "the listing's picture can't be read any more"),
    ],
)
def test_a_file_that_is_gone_is_named_and_its_stored_fingerprint_compared(
    bench: Bench, field: str, whose: str
) -> None:
    (match,) = bench.matches()
    bench.files.path(getattr(match, field)).unlink()
    found = explained(bench)
    assert found.changed.startswith(whose)
    assert found.drawing is None
    assert found.now is not None
    assert found.now.score == pytest.approx(match.score, abs=1e-6)


def test_a_damaged_file_is_named(bench: Bench) -> None:
    (match,) = bench.matches()
    bench.files.path(match.picture_sha256).write_bytes(b"other bytes")
    assert "was damaged" in explained(bench).changed


def test_without_file_and_fingerprint_nothing_is_compared(bench: Bench) -> None:
    (match,) = bench.matches()
    bench.files.path(match.picture_sha256).unlink()
    change(bench, "DELETE FROM fingerprints")
    found = explained(bench)
    assert (found.now, found.drawing) == (None, None)
    assert "no sound fingerprint" in found.changed
    assert explanation_fields(found)["score"] is None
    assert "now      can't be compared" in list(explanation_lines(found))


def test_an_unknown_match_is_not_found(bench: Bench) -> None:
    with pytest.raises(NotFound, match="no match 999"):
        explained(bench, 999)
