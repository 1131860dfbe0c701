"""`[alerts] ping_url` is a secret, and an address."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from tests.config.configs import load_text, problems_of, swap, told

OPS = 'ops = ["ops"]'
URL = "https://hc.example/S3cretUuid"


def test_without_a_ping_url_there_is_none(tmp_path: Path) -> None:
    alerts = load_text(tmp_path).alerts
    assert alerts.ping_url is None
    assert (alerts.ping_every, alerts.ping_fail) == (timedelta(minutes=5), True)


def test_it_may_come_from_the_environment_and_is_not_shown(tmp_path: Path) -> None:
    text = swap(OPS, f'{OPS}\nping_url = {{ env = "PING" }}\nping_every = "1m"\nping_fail = false')
    alerts = load_text(tmp_path, text, {"PING": f"{URL}\n"}).alerts
    assert alerts.ping_url is not None
    assert alerts.ping_url.get_secret_value() == URL
    assert (alerts.ping_every, alerts.ping_fail) == (timedelta(minutes=1), False)
    assert "S3cret" not in repr(alerts)


@pytest.mark.parametrize(
    "url", ["S3cretUuid", "ftp://hc.example/S3cretUuid", "https:///S3cretUuid"]
)
def test_what_is_no_web_address_is_refused_without_being_repeated(tmp_path: Path, url: str) -> None:
    (line,) = told(tmp_path, swap(OPS, f'{OPS}\nping_url = "{url}"'))
    assert "alerts.ping_url: must be a web address" in line
    assert "S3cret" not in line


def test_a_secret_that_is_not_there_is_one_problem(tmp_path: Path) -> None:
    text = swap(OPS, f'{OPS}\nping_url = {{ env = "PING" }}')
    (problem,) = problems_of(tmp_path, text, {})
    assert problem.key == "alerts.ping_url"
    assert "PING is not set" in problem.message
