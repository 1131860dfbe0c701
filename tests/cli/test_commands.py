"""Every command, on a database that a real scan has filled."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path

import pytest
from click import Group
from click.testing import CliRunner, Result
from PIL import Image

from monitor.cli import COMMANDS, cli
from monitor.config import load
from monitor.errors import MonitorError
from monitor.storage.catalogue.files import PictureFiles
from tests.e2e.rehearsal import Rehearsal, rehearse

ROOT = Path(__file__).parents[2]
DOCUMENT = ROOT / "docs/commands.md"


@pytest.fixture(scope="module")
def scanned(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Rehearsal]:
    home = tmp_path_factory.mktemp("commands")
    with rehearse(home, f"sqlite:///{home / 'monitor.db'}") as rehearsal:
        assert code_of(run(rehearsal, "scan")) == 0
        yield rehearsal


def run(rehearsal: Rehearsal, *words: str) -> Result:
    result = CliRunner().invoke(
        cli, ["--config", str(rehearsal.config), *words], standalone_mode=False
    )
    if result.exception is not None and not isinstance(result.exception, MonitorError):
        raise result.exception
    return result


def code_of(result: Result) -> int:
    if isinstance(result.exception, MonitorError):
        return result.exception.exit_code
    return result.return_value or 0


def test_every_command_and_subcommand_is_documented() -> None:
    page = DOCUMENT.read_text(encoding="utf-8")
    context = cli.make_context("monitor", [], resilient_parsing=True)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        if isinstance(command, Group):
            for sub in command.list_commands(context):
                assert f"`monitor {name} {sub}`" in page
        else:
            assert f"`monitor {name}`" in page


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["status"], "healthy"),
        (["check-config"], "1 watch"),
        (["watches", "list"], "acme"),
        (["assets", "list"], "mug"),
        (["assets", "show", "mug"], "mug.jpg"),
        (["assets", "show", "mug"], "unjudged"),
        (["matches", "list"], "copy 0"),
        (["matches", "list"], "lately"),
        (["matches", "show", "1"], "gone_at"),
        (["matches", "show", "1"], "reference_path"),
        (["listings", "list"], "other 0"),
        (["alerts", "list"], "new_match"),
        (["sql", "SELECT count(*) AS n FROM match_history"], "2"),
        (["export"], "match_id"),
        (["export", "scans", "--format", "jsonl"], '"outcome": "ok"'),
        (["db", "check"], "ok"),
        (["db", "upgrade"], "up to date"),
        (["marketplaces", "test"], "ok, 6 listings of 6"),
        (["marketplaces", "list"], "the dialect of the public guide"),
        (["channels", "test"], "hook"),
    ],
)
def test_a_command_prints_what_was_found(
    scanned: Rehearsal, words: list[str], expected: str
) -> None:
    result = run(scanned, *words)
    assert code_of(result) == 0
    assert expected in result.stdout


@pytest.mark.parametrize(
    "words",
    [
        ["status", "--json"],
        ["watches", "list", "--json"],
        ["assets", "list", "--json"],
        ["matches", "list", "--json"],
        ["matches", "show", "1", "--json"],
        ["listings", "list", "--json"],
        ["sellers", "list", "--json"],
        ["alerts", "list", "--json"],
        ["sql", "SELECT * FROM match_history", "--json"],
        ["marketplaces", "test", "--json"],
        ["marketplaces", "list", "--json"],
    ],
)
def test_json_is_json(scanned: Rehearsal, words: list[str]) -> None:
    assert json.loads(run(scanned, *words).stdout) is not None


def test_sql_as_csv_has_a_header_and_all_rows(scanned: Rehearsal) -> None:
    result = run(scanned, "sql", "SELECT title, score FROM match_history", "--csv")
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert {row["title"] for row in rows} == {"copy 0", "copy 1"}


def test_a_listing_is_shown_with_its_history(scanned: Rehearsal) -> None:
    item = json.loads(run(scanned, "listings", "list", "--json").stdout)[0]["item_id"]
    shown = json.loads(run(scanned, "listings", "show", item, "--json").stdout)
    assert len(shown["history"]) == 1


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (["matches", "show", "999"], 2, "no match 999"),
        (["assets", "show", "nobody"], 2, "no asset 'nobody'"),
        (["listings", "show", "1"], 2, "no listing '1'"),
        (["sellers", "show", "x"], 2, "no seller 'x'"),
        (["scan", "--watch", "nothing"], 2, "no watch 'nothing'"),
        (["marketplaces", "test", "nothing"], 2, "no marketplace 'nothing'"),
        (["alerts", "retry"], 2, "--all"),
        (["alerts", "retry", "al-0"], 2, "no alert 'al-0'"),
        (["sql", "DELETE FROM matches"], 2, "database refuses"),
        (["assets", "import", ".", "--watch", "nothing"], 2, "no watch 'nothing'"),
        (["assets", "trust", "mug"], 2, "no picture of asset 'mug' is unspecific"),
        (["assets", "trust", "mug", "--picture", "cup.jpg"], 2, "has no picture 'cup.jpg'"),
        (["assets", "trust", "mug", "--undo"], 2, "is trusted"),
    ],
)
def test_a_wrong_word_is_answered_with_what_is_wrong(
    scanned: Rehearsal, words: list[str], code: int, message: str
) -> None:
    result = run(scanned, *words)
    assert code_of(result) == code
    assert message in str(result.exception)


def test_a_verdict_is_kept(scanned: Rehearsal) -> None:
    assert "1 decided" in run(scanned, "matches", "decide", "1", "infringing", "--by", "me").stdout
    rows = run(scanned, "matches", "list", "--verdict", "infringing", "--json").stdout
    assert [row["id"] for row in json.loads(rows)] == [1]
    run(scanned, "matches", "decide", "1", "unreviewed")


def test_a_person_trusts_a_picture_and_takes_it_back(scanned: Rehearsal) -> None:
    words = ("assets", "trust", "mug", "--picture", "mug.jpg")
    assert "mug.jpg: trusted; 0 deliveries" in run(scanned, *words, "--by", "anne").stdout
    (check,) = json.loads(run(scanned, "assets", "show", "mug", "--json").stdout)["checks"]
    assert (check["state"], check["trusted_by"]) == ("trusted", "anne")
    assert "judged again" in run(scanned, *words, "--undo").stdout
    (check,) = json.loads(run(scanned, "assets", "show", "mug", "--json").stdout)["checks"]
    assert (check["state"], check["trusted_by"]) == ("unjudged", None)


def _shown_commands() -> list[list[str]]:
    """What the README and docs/operations.md show to be typed with a config, but the daemon."""
    lines = []
    for page in (ROOT / "README.md", ROOT / "docs/operations.md", ROOT / "docs/sql.md"):
        for block in re.findall(r"```sh\n(.*?)```", page.read_text("utf-8"), re.DOTALL):
            lines += [
                shlex.split(line) for line in block.splitlines() if "monitor --config" in line
            ]
    return [line[3:] for line in lines if line[3:] != ["run"]]


def test_what_the_pages_show_can_be_typed(
    scanned: Rehearsal, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)  # the report goes into the current folder
    shown = _shown_commands()
    assert len(shown) >= 11
    for words in shown:
        result = run(scanned, *("1" if word == "17" else word for word in words))
        assert code_of(result) == 0, words
    run(scanned, "matches", "decide", "1", "unreviewed")


def test_the_config_in_the_readme_is_valid(tmp_path: Path) -> None:
    text = (ROOT / "README.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    block = block.replace("/run/secrets/1688", str(tmp_path / "secret"))
    (tmp_path / "secret").write_text("s", encoding="utf-8")
    (tmp_path / "brands/acme").mkdir(parents=True)
    (tmp_path / "config.toml").write_text(textwrap.dedent(block), encoding="utf-8")
    config = load(tmp_path / "config.toml", {"LEGAL_ALERTS_URL": "json://127.0.0.1:9"})
    assert [watch.name for watch in config.watches] == ["acme-mugs"]


def test_a_report_holds_the_pictures_themselves(scanned: Rehearsal, tmp_path: Path) -> None:
    target = tmp_path / "report.html"
    assert "2 matches" in run(scanned, "report", "--out", str(target)).stdout
    html = target.read_text(encoding="utf-8")
    assert html.count("data:image/jpeg;base64,") == 2
    assert 'src="http' not in html


def test_a_backup_goes_back(scanned: Rehearsal, tmp_path: Path) -> None:
    target = tmp_path / "backup.db"
    run(scanned, "db", "backup", str(target))
    assert code_of(run(scanned, "db", "backup", str(target))) == 2  # nothing is overwritten
    result = run(scanned, "db", "restore", str(target))
    assert "the old database is" in result.stdout
    assert len(json.loads(run(scanned, "matches", "list", "--json").stdout)) == 2


def test_a_file_that_is_no_backup_is_refused(scanned: Rehearsal, tmp_path: Path) -> None:
    letter = tmp_path / "letter.txt"
    letter.write_text("Dear aunt, " * 100, encoding="utf-8")
    assert code_of(run(scanned, "db", "restore", str(letter))) == 2
    assert len(json.loads(run(scanned, "matches", "list", "--json").stdout)) == 2


def test_pictures_are_imported_into_the_watch(scanned: Rehearsal, tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"nonsense")
    Image.new("RGB", (300, 300), "white").save(tmp_path / "blank.png")
    try:
        result = run(scanned, "assets", "import", str(tmp_path), "--watch", "acme")
    finally:
        (scanned.brand / "blank.png").unlink(missing_ok=True)
    assert code_of(result) == 1
    assert "not imported: broken.jpg" in result.stdout
    assert "shows too little to be recognised, even in a copy: blank.png" in result.stdout


def test_a_scan_that_the_outside_world_failed_exits_3(scanned: Rehearsal) -> None:
    from monitor.sandbox import Fault

    scanned.sandbox.faults.order(Fault.REFUSED)
    try:
        result = run(scanned, "scan", "--json")
    finally:
        scanned.sandbox.faults.clear()
    assert code_of(result) == 3
    assert {scan["outcome"] for scan in json.loads(result.stdout)["scans"]} == {"failed"}
    assert code_of(run(scanned, "status")) == 1
    assert code_of(run(scanned, "scan")) == 0
    assert code_of(run(scanned, "status")) == 0


def test_a_match_is_explained_from_its_stored_pictures(scanned: Rehearsal, tmp_path: Path) -> None:
    (best, *_) = json.loads(run(scanned, "matches", "list", "--json").stdout)
    out = tmp_path / "why.png"
    result = run(scanned, "matches", "explain", str(best["id"]), "--json", "--out", str(out))
    found = json.loads(result.stdout)
    assert found["score"] == pytest.approx(best["score"])
    assert (found["changed"], found["stored_method"]) == ("", found["method"])
    assert found["reasons"]["inliers"] > 20
    with Image.open(out) as drawing:
        assert 500 < drawing.height <= 700
    shown = run(scanned, "matches", "explain", str(best["id"]))
    assert (code_of(shown), shown.stdout.splitlines()[-1]) == (0, "changed  nothing")


def test_a_match_whose_picture_is_gone_is_explained_as_far_as_can_be(
    scanned: Rehearsal, tmp_path: Path
) -> None:
    match = json.loads(run(scanned, "matches", "show", "1", "--json").stdout)
    file = PictureFiles(scanned.folder / "pictures").path(match["picture_sha256"])
    kept = file.rename(tmp_path / "kept")
    try:
        out = tmp_path / "why.png"
        result = run(scanned, "matches", "explain", "1", "--out", str(out))
    finally:
        kept.rename(file)
    assert code_of(result) == 1
    assert "changed  the listing's picture can't be read any more" in result.stdout
    assert result.stderr.startswith("Error: nothing is drawn: ")
    assert not out.exists()
