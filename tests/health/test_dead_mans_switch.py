"""The dead man's switch: pings while all is well, one /fail when it is not, silence otherwise."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from datetime import timedelta

import pytest
from pydantic import SecretStr

from monitor.alerting.options import AlertOptions
from monitor.errors import OutsideError, Stopping
from monitor.health.dead_mans_switch import DeadMansSwitch, fail_url, open_switch
from tests.channels.receivers import free_port, silent_server
from tests.pings import ping_receiver

URL = "https://hc.example/0a1b2c3d-secret"


@dataclass
class Outside:
    """Where the pings go; `monotonic` is in seconds."""

    visited: list[str] = field(default_factory=list)
    is_away: bool = False
    monotonic: float = 0.0

    def visit(self, url: str) -> None:
        if self.is_away:
            raise OutsideError("hc.example: no connection")
        self.visited.append(url)

    def switch(self, *, tells_failure: bool = True) -> DeadMansSwitch:
        return DeadMansSwitch(
            URL,
            timedelta(minutes=5),
            self.visit,
            tells_failure=tells_failure,
            monotonic=lambda: self.monotonic,
        )


def test_while_all_is_well_it_pings_at_most_every_five_minutes() -> None:
    outside = Outside()
    switch = outside.switch()
    for minute in range(11):
        outside.monotonic = 60.0 * minute
        switch.hold(None)
    assert outside.visited == [URL] * 3


def test_a_trouble_is_told_once_and_its_end_at_once() -> None:
    outside = Outside()
    switch = outside.switch()
    for problem in (None, "blocked", "blocked", "another", None, None, "blocked"):
        outside.monotonic += 60
        switch.hold(problem)
    assert outside.visited == [URL, f"{URL}/fail", URL, f"{URL}/fail"]


def test_without_fail_a_trouble_is_silence() -> None:
    outside = Outside()
    switch = outside.switch(tells_failure=False)
    for problem in ("blocked", "blocked", None):
        switch.hold(problem)
    assert outside.visited == [URL]


def test_a_ping_that_fails_is_tried_at_the_next_look_and_logged_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    outside = Outside(is_away=True)
    switch = outside.switch()
    with caplog.at_level(logging.INFO, "monitor.health.dead_mans_switch"):
        for problem in (None, None, "blocked", "blocked"):
            switch.hold(problem)
        outside.is_away = False
        switch.hold("blocked")
        switch.hold(None)
    assert outside.visited == [f"{URL}/fail", URL]
    assert [line for line in caplog.messages if "failed" in line] == [
        "the ping failed: hc.example: no connection; trying again"
    ]
    assert "secret" not in caplog.text


def test_fail_comes_at_the_end_of_the_path() -> None:
    assert fail_url("https://hc.example/ping/uuid") == "https://hc.example/ping/uuid/fail"
    assert fail_url("https://hc.example/uuid/?rid=1") == "https://hc.example/uuid/fail?rid=1"


# -- over real connections


def config(url: str) -> AlertOptions:
    return AlertOptions(ops=[], ping_url=SecretStr(url), ping_every=timedelta(0))


def test_it_really_asks_for_the_address() -> None:
    with ping_receiver() as (url, asked), open_switch(config(url), lambda _: None) as switch:
        assert switch is not None
        switch.hold(None)
        switch.hold("blocked")
    assert asked == ["/uuid-1234", "/uuid-1234/fail"]


def test_a_refusal_and_a_dead_address_stop_nothing_and_show_no_secret(
    caplog: pytest.LogCaptureFixture,
) -> None:
    dead = f"http://127.0.0.1:{free_port()}/uuid-1234"
    with ping_receiver(404) as (url, asked):
        for address in (url, dead):
            with open_switch(config(address), lambda _: None) as switch:
                assert switch is not None
                switch.hold(None)
    assert asked == ["/uuid-1234"]
    assert "127.0.0.1 answered 404" in caplog.text
    assert caplog.text.count("the ping failed") == 2
    assert "uuid-1234" not in caplog.text


def test_a_stop_ends_a_visit_that_hangs() -> None:
    def stopping(seconds: float) -> None:
        raise Stopping("told to stop")

    with silent_server() as port:
        address = f"http://127.0.0.1:{port}/uuid"
        with open_switch(config(address), stopping) as switch:
            assert switch is not None
            with pytest.raises(Stopping):
                switch.hold(None)


def test_without_an_address_there_is_no_switch() -> None:
    with open_switch(AlertOptions(ops=[]), lambda _: None) as switch:
        assert switch is None
