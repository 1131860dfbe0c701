"""Documentation under test: what it shows is run, what it lists is complete."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import sqlalchemy as sa

from monitor import __version__
from monitor.cli import COMMANDS, cli
from monitor.errors import InputError
from monitor.storage.db.engine import Store
from monitor.storage.schema.sql import run_readonly
from monitor.storage.schema.views import VIEWS

ROOT = Path(__file__).parents[1]
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]
SQL = (ROOT / "docs/sql.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"```sql\n(.*?)```", SQL, re.DOTALL)


def test_every_sql_example_runs(database_url: str) -> None:
    assert len(EXAMPLES) >= 8
    for statement in EXAMPLES:
        columns, _ = run_readonly(database_url, statement)
        assert columns


def test_every_view_and_column_is_documented(store: Store) -> None:
    with store.reading() as conn:
        for view in VIEWS:
            section = SQL.split(f"## `{view}`")[1].split("\n## ")[0]
            if view == "open_matches":  # "the same columns"
                continue
            for column in sa.inspect(conn).get_columns(view):
                assert f"`{column['name']}`" in section, f"{view}.{column['name']}"


@pytest.mark.parametrize(
    "statement",
    [
        "DELETE FROM listings",
        "INSERT INTO clusters (created_at) VALUES ('2026-01-01 00:00:00')",
        "DROP VIEW open_matches",
        "SELECT 1; DELETE FROM listings",
        "SELECT nonsense FROM nowhere",
        "",
        ";",
    ],
)
def test_a_statement_that_writes_or_is_wrong_is_refused(database_url: str, statement: str) -> None:
    with pytest.raises(InputError):
        run_readonly(database_url, statement)


def test_every_command_that_the_pages_show_exists() -> None:
    for page in PAGES:
        for name in re.findall(r"^monitor (?:--config \S+ )?([a-z-]+)", _shell(page), re.MULTILINE):
            assert name in COMMANDS, f"{page.name}: monitor {name}"


def _shell(page: Path) -> str:
    """The lines of a page's shell examples, without their indent."""
    text = page.read_text(encoding="utf-8")
    blocks = re.findall(r"```sh\n(.*?)```", text, re.DOTALL)
    return "\n".join(line.strip() for block in blocks for line in block.splitlines())


def test_every_command_explains_itself() -> None:
    context = cli.make_context("monitor", ["--help"], resilient_parsing=True)
    for name in COMMANDS:
        command = cli.get_command(context, name)
        assert command is not None
        assert command.help, name


def test_every_relative_link_leads_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\(([^)#:]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_the_two_commands_of_the_readme_are_targets_of_the_makefile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    for target in ("run", "test"):
        assert f"make {target}\n" in readme
        assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_locks_hold_hashes_and_no_address() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text(encoding="utf-8")
        assert "--hash=sha256:" in text
        assert "://" not in text


def test_the_newest_release_of_the_changelog_is_the_version() -> None:
    text = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[(\d+\.\d+\.\d+)\] - \d{4}-\d\d-\d\d$", text, re.MULTILINE)
    assert releases[0] == __version__
    assert text.index("\n## Unreleased\n") < text.index(f"\n## [{releases[0]}]")
