from __future__ import annotations

import logging
import os
import socket
from pathlib import Path

import pytest

from monitor.daemon.systemd import notify


def receive(address: str | bytes) -> socket.socket:
    server = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    server.bind(address)
    server.settimeout(2)
    return server


def test_a_message_arrives_at_a_socket_in_the_file_system(tmp_path: Path) -> None:
    address = str(tmp_path / "notify")
    with receive(address) as server:
        assert notify("READY=1\nSTATUS=watching", address)
        assert server.recv(1000) == b"READY=1\nSTATUS=watching"


def test_a_message_arrives_at_an_abstract_socket() -> None:
    name = f"monitor-test-{os.getpid()}"
    with receive(b"\0" + name.encode()) as server:
        assert notify("WATCHDOG=1", f"@{name}")
        assert server.recv(1000) == b"WATCHDOG=1"


@pytest.mark.parametrize("address", [None, ""])
def test_nothing_happens_without_systemd(
    address: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    assert not notify("READY=1", address)
    assert not caplog.records


@pytest.mark.parametrize("address", ["/nowhere/at/all", "@nobody-listens-here", "x" * 300, "a\0b"])
def test_a_socket_that_fails_is_logged_and_no_error(
    address: str, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.WARNING)
    assert not notify("READY=1", address)
    assert "systemd could not be notified" in caplog.text
