from __future__ import annotations

from pathlib import Path

import pytest

from tests.config.configs import GOOD, SECRET, load_text, swap, told

LITERAL = f'app_secret = "{SECRET}"'


def app_secret(folder: Path, reference: str, environ: dict[str, str]) -> str:
    config = load_text(folder, swap(LITERAL, f"app_secret = {reference}"), environ)
    secret = config.marketplaces["alibaba"].options.model_dump()["app_secret"]
    value: str = secret.get_secret_value()
    return value


def test_a_secret_may_be_a_literal(tmp_path: Path) -> None:
    assert app_secret(tmp_path, f'"{SECRET}"', {}) == SECRET


def test_a_secret_may_come_from_the_environment(tmp_path: Path) -> None:
    assert app_secret(tmp_path, '{ env = "KEY" }', {"KEY": SECRET}) == SECRET


@pytest.mark.parametrize("end", ["", "\n", "\r\n"])
def test_a_secret_may_come_from_a_file_beside_the_config(tmp_path: Path, end: str) -> None:
    (tmp_path / "key").write_bytes(SECRET.encode() + end.encode())
    assert app_secret(tmp_path, '{ file = "key" }', {}) == SECRET
    assert app_secret(tmp_path, f'{{ file = "{tmp_path}/key" }}', {}) == SECRET


def test_a_secret_may_be_a_systemd_credential(tmp_path: Path) -> None:
    folder = tmp_path / "credentials"
    folder.mkdir()
    (folder / "1688").write_text(f"{SECRET}\n")
    environ = {"CREDENTIALS_DIRECTORY": str(folder)}
    assert app_secret(tmp_path, '{ credential = "1688" }', environ) == SECRET


def test_channel_and_database_urls_and_plain_options_may_stand_elsewhere(tmp_path: Path) -> None:
    text = swap('"json://127.0.0.1:9000/legal"', '{ env = "CHANNEL" }')
    text = swap('"sqlite:///monitor.db"', '{ env = "DATABASE" }', text)
    text = swap('app_key = "key"', 'app_key = { env = "KEY" }', text)
    environ = {
        "CHANNEL": "json://example.org/x\n",
        "DATABASE": "postgresql://u:p@h/n",
        "KEY": "my-key",
    }
    config = load_text(tmp_path, text, environ)
    assert config.channels["legal"].url.get_secret_value() == "json://example.org/x"
    assert config.database.url == "postgresql+psycopg://u:p@h/n"
    dumped = config.marketplaces["alibaba"].options.model_dump()["app_key"]
    shown = dumped if isinstance(dumped, str) else dumped.get_secret_value()
    assert shown == "my-key"


@pytest.mark.parametrize(
    ("reference", "message"),
    [
        ('{ env = "KEY" }', "the environment variable KEY is not set"),
        ('{ env = "EMPTY" }', "the environment variable EMPTY is empty"),
        ('{ file = "gone" }', "/gone can't be read: No such file"),
        ('{ file = "brands" }', "/brands can't be read: Is a directory"),
        ('{ file = "empty" }', "/empty is empty"),
        ('{ file = "binary" }', "/binary is not UTF-8"),
        ('{ file = "huge" }', "/huge is too large"),
        ('{ credential = "x" }', "LoadCredential=x:PATH"),
        ('{ credential = "../x" }', "a name, not a path"),
        ('{ env = "A", file = "B" }', "one of { env ="),
        ('{ environment = "A" }', "one of { env ="),
        ("{ env = 5 }", "env needs a name"),
        ('{ env = "" }', "env needs a name"),
        ("{}", "one of { env ="),
    ],
)
def test_a_missing_secret_is_told_once_by_its_place(
    tmp_path: Path, reference: str, message: str
) -> None:
    (tmp_path / "empty").write_text("\n")
    (tmp_path / "binary").write_bytes(b"\xff\xfe")
    (tmp_path / "huge").write_bytes(b"x" * 100_000)
    text = swap(LITERAL, f"app_secret = {reference}")
    (line,) = told(tmp_path, text, {"EMPTY": "\n"})
    assert line.startswith("8 marketplaces.alibaba.app_secret: ")
    assert message in line


def test_secrets_are_never_shown(tmp_path: Path) -> None:
    url = f"json://user:{SECRET}@example.org/{SECRET}"
    text = swap('"json://127.0.0.1:9000/legal"', f'"{url}"')
    text = swap("sqlite:///monitor.db", f"postgresql://u:{SECRET}@h/n", text)
    assert SECRET not in repr(load_text(tmp_path, text))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"json://127.0.0.1:9000/legal"', f'"slak://{SECRET}/x"'),
        ('"json://127.0.0.1:9000/legal"', f'["{SECRET}"]'),
        ('"sqlite:///monitor.db"', f'"{SECRET}"'),
        (f'"{SECRET}"', f'["{SECRET}"]'),
        ("[alerts]", f'extra = "{SECRET}"\n[alerts]'),
        ('every = "6h"', f'every = "{SECRET}"'),
        ('name = "acme-mugs"', f'name = ["{SECRET}"]'),
    ],
)
def test_problems_never_show_a_value_of_a_secret(tmp_path: Path, old: str, new: str) -> None:
    found = told(tmp_path, swap(old, new, GOOD))
    assert found
    assert SECRET not in "".join(found)
