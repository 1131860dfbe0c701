from __future__ import annotations

import gzip
import logging
import socket
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import timedelta
from typing import Protocol

import pytest

from monitor.errors import (
    AuthError,
    Blocked,
    MarketplaceError,
    ProtocolError,
    QuotaExhausted,
    Stopping,
    Throttled,
    Transient,
)
from monitor.marketplaces.kit.client import PoliteClient, Tally
from monitor.marketplaces.testing import (
    PATIENT,
    QUICK,
    WEB_PAGE,
    RecordedPace,
    RecordedSleep,
    Reply,
    Scripted,
    as_json,
    make_outside,
)
from monitor.net.wire import (
    AddressRefused,
    Answer,
    AnswerRefused,
    Call,
    ExchangeLimits,
    NoAnswer,
    Wire,
)

OK = as_json({"ok": True})


class Caller:
    """A polite client against one scripted server."""

    def __init__(self, server: Scripted, limits: ExchangeLimits = PATIENT) -> None:
        self.server = server
        self.pace = RecordedPace()
        self.sleep = RecordedSleep()
        self.tally = Tally()
        outside = make_outside(self.pace, self.sleep, limits=limits)
        self.client = PoliteClient("alibaba", outside)

    def send(self, refusal: MarketplaceError | None = None) -> Answer:
        call = Call(
            "POST",
            self.server.url("/search?fixed=1"),
            params={"token": "geheim"},
            headers={"sign": "GEHEIM"},
            files={"image": ("a.jpg", b"\xff\xd8picture", "image/jpeg")},
        )
        return self.client.send(lambda: call, lambda _: refusal, self.tally)


class Connect(Protocol):
    def __call__(self, server: Scripted, limits: ExchangeLimits = PATIENT) -> Caller: ...


@pytest.fixture
def connect() -> Iterator[Connect]:
    """Makes callers that are closed at the end."""
    with ExitStack() as stack:

        def make(server: Scripted, limits: ExchangeLimits = PATIENT) -> Caller:
            caller = Caller(server, limits)
            stack.callback(caller.client.close)
            return caller

        yield make


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(OK) as running:
        yield running


def test_a_call_is_made_in_turn_and_arrives_whole(server: Scripted, connect: Connect) -> None:
    caller = connect(server)
    assert caller.send().body == OK.body
    assert (caller.pace.waits, caller.tally.requests, caller.sleep.calls) == (1, 1, [])
    request = server.requests[0]
    assert request.path == "/search?fixed=1&token=geheim"
    boundary = request.headers["content-type"].partition("boundary=")[2]
    assert request.body.startswith(f"--{boundary}\r\n".encode())
    assert b"\xff\xd8picture" in request.body
    assert request.headers["accept-encoding"] == "identity"
    assert request.headers["user-agent"].startswith("infringement-monitor/")


@pytest.mark.parametrize(
    "bad", [Reply(500), Reply(503), Reply(429), Reply(body=b"12345678", cut=True)]
)
def test_what_may_pass_is_tried_again_in_turn(
    server: Scripted, bad: Reply, connect: Connect
) -> None:
    server.replies = [bad, bad, bad, OK]
    caller = connect(server)
    caller.send()
    assert (caller.pace.waits, caller.tally.requests, len(server.requests)) == (4, 4, 4)
    first, second, third = caller.sleep.calls
    assert 1 <= first <= 1.5
    assert 2 <= second <= 3
    assert 4 <= third <= 6


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(Reply(500), Transient), (Reply(429), Throttled), (Reply(body=b"1234", cut=True), Transient)],
)
def test_after_three_retries_the_error_is_told(
    server: Scripted, reply: Reply, kind: type[MarketplaceError], connect: Connect
) -> None:
    server.replies = [reply]
    caller = connect(server)
    with pytest.raises(kind, match=r"^alibaba: "):
        caller.send()
    assert len(server.requests) == 4


@pytest.mark.parametrize(
    ("reply", "kind"),
    [(Reply(401), AuthError), (Reply(403, {}, b"<p>"), Blocked), (WEB_PAGE, Blocked)],
)
def test_what_cant_pass_is_not_tried_again(
    server: Scripted, reply: Reply, kind: type[MarketplaceError], connect: Connect
) -> None:
    server.replies = [reply]
    with pytest.raises(kind, match=r"^alibaba: "):
        connect(server).send()
    assert len(server.requests) == 1


def test_retry_after_is_slept_and_holds_the_account(server: Scripted, connect: Connect) -> None:
    server.replies = [Reply(429, {"Retry-After": "17"}), Reply(503, {"Retry-After": "18"}), OK]
    caller = connect(server)
    caller.send()
    assert caller.sleep.calls == [17.0, 18.0]
    assert caller.pace.holds == [timedelta(seconds=17), timedelta(seconds=18)]


@pytest.mark.parametrize("status", [429, 503])
def test_a_long_retry_after_holds_the_account_instead_of_the_scan(
    server: Scripted, status: int, connect: Connect
) -> None:
    server.replies = [Reply(status, {"Retry-After": "3600"})]
    caller = connect(server)
    with pytest.raises(Throttled, match="long time") as caught:
        caller.send()
    assert caught.value.retry_after == timedelta(hours=1)
    assert caller.pace.holds == [timedelta(hours=1)]
    assert (len(server.requests), caller.sleep.calls) == (1, [])


def test_a_refusal_in_words_decides(server: Scripted, connect: Connect) -> None:
    with pytest.raises(QuotaExhausted, match="alibaba: used up"):
        connect(server).send(QuotaExhausted("used up"))


def test_a_throttle_in_words_is_retried(server: Scripted, connect: Connect) -> None:
    with pytest.raises(Throttled):
        connect(server).send(Throttled("ban", retry_after=timedelta(seconds=3)))
    assert len(server.requests) == 4


def test_a_used_up_pace_stops_before_the_call(server: Scripted, connect: Connect) -> None:
    caller = connect(server)
    caller.pace.refusal = QuotaExhausted("all 5 calls are used up")
    with pytest.raises(QuotaExhausted):
        caller.send()
    assert (server.requests, caller.tally.requests) == ([], 0)


def test_a_stop_ends_the_wait_between_tries(server: Scripted, connect: Connect) -> None:
    server.replies = [Reply(500)]
    caller = connect(server)
    caller.sleep.stop = Stopping("stop")
    with pytest.raises(Stopping):
        caller.send()
    assert len(server.requests) == 1


def test_a_stop_ends_the_wait_for_a_silent_server(server: Scripted, connect: Connect) -> None:
    server.replies = [Reply(silent=True)]
    caller = connect(server)
    caller.sleep.stop = Stopping("stop")
    with pytest.raises(Stopping):
        caller.send()


def test_a_server_that_is_down_is_transient(connect: Connect) -> None:
    with Scripted(OK) as gone:
        pass
    caller = connect(gone)
    with pytest.raises(Transient, match=r"127\.0\.0\.1: no connection"):
        caller.send()
    assert caller.tally.requests == 4


@pytest.mark.parametrize("slow", [Reply(silent=True), Reply(body=b"x" * 5000, drip=True)])
def test_a_slow_answer_ends_at_the_limit(server: Scripted, slow: Reply, connect: Connect) -> None:
    server.replies = [slow, OK]
    caller = connect(server, QUICK)
    assert caller.send().status == 200
    assert len(server.requests) == 2


def test_slow_headers_end_at_the_limit() -> None:
    stop = threading.Event()
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def drip() -> None:
            client, _ = listener.accept()
            with client:
                while not stop.wait(0.02):
                    try:
                        client.sendall(b"x")
                    except OSError:
                        return

        thread = threading.Thread(target=drip)
        thread.start()
        wire = Wire(QUICK, RecordedSleep())
        with pytest.raises(NoAnswer, match="time limit"):
            wire.exchange(Call("GET", f"http://127.0.0.1:{listener.getsockname()[1]}/"))
        stop.set()
        thread.join()
        wire.close()


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"x" * 200_001),
        Reply(headers={"Content-Length": "9999999999999999999"}),
        Reply(headers={"Content-Encoding": "gzip"}, body=gzip.compress(b"0" * 10_000_000)),
    ],
)
def test_an_answer_that_is_too_large_or_packed_is_refused(
    server: Scripted, reply: Reply, connect: Connect
) -> None:
    server.replies = [reply]
    with pytest.raises(ProtocolError, match=r"over 200000 bytes|packed"):
        connect(server).send()
    assert len(server.requests) == 1


def test_a_header_that_a_server_made_up_is_not_repeated(server: Scripted) -> None:
    server.replies = [Reply(headers={"Content-Encoding": "geheim"}, body=b"x")]
    wire = Wire(PATIENT, RecordedSleep())
    with pytest.raises(AnswerRefused, match="packed, which") as caught:
        wire.exchange(Call("GET", server.url()))
    wire.close()
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("key", ["geheim ", " geheim", "geheim\nx: y", "geh\x00eim", "gehäim"])
def test_a_key_that_no_header_can_hold_is_refused_without_being_repeated(
    server: Scripted, key: str
) -> None:
    wire = Wire(PATIENT, RecordedSleep())
    with pytest.raises(AddressRefused, match="the header X-Key holds") as caught:
        wire.exchange(Call("GET", server.url(), headers={"X-Key": key}))
    wire.close()
    assert server.requests == []
    assert "geh" not in str(caught.value)
    assert caught.value.__cause__ is caught.value.__context__ is None


def test_an_endless_answer_is_cut(server: Scripted) -> None:
    chunk = b"10000\r\n" + b"x" * 65_536 + b"\r\n"
    server.replies = [Reply(headers={"Transfer-Encoding": "chunked"}, body=chunk * 50)]
    wire = Wire(PATIENT, RecordedSleep())
    with pytest.raises(AnswerRefused):
        wire.exchange(Call("GET", server.url()))
    wire.close()


def test_redirects_are_not_followed(server: Scripted, connect: Connect) -> None:
    server.replies = [Reply(302, {"Location": "/login"})]
    with pytest.raises(Blocked):
        connect(server).send()
    assert len(server.requests) == 1


def test_cookies_are_not_kept(server: Scripted, connect: Connect) -> None:
    server.replies = [Reply(200, {"Set-Cookie": "id=1"}, b"{}")]
    caller = connect(server)
    caller.send()
    caller.send()
    assert "cookie" not in server.requests[1].headers


def test_connections_are_used_again(server: Scripted, connect: Connect) -> None:
    caller = connect(server)
    caller.send()
    caller.send()
    assert server.connections == 1


def test_the_system_proxy_is_not_used(
    server: Scripted, monkeypatch: pytest.MonkeyPatch, connect: Connect
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("ALL_PROXY", "http://127.0.0.1:1")
    assert connect(server).send().status == 200


def test_no_log_or_message_holds_a_query_or_header(
    server: Scripted, caplog: pytest.LogCaptureFixture, connect: Connect
) -> None:
    caplog.set_level(logging.DEBUG)
    server.replies = [
        Reply(500),
        Reply(200, {"Content-Type": "application/json"}, b"{}"),
        Reply(401),
    ]
    caller = connect(server)
    caller.send()
    with pytest.raises(AuthError) as caught:
        caller.send()
    assert "geheim" not in (caplog.text + str(caught.value)).lower()
    assert "HTTP 500" in caplog.text


def test_exactly_the_resolved_address_is_dialled_with_the_name_kept(server: Scripted) -> None:
    asked = []

    def resolve(host: str, port: int) -> list[str]:
        asked.append((host, port))
        return ["127.0.0.1"]

    wire = Wire(PATIENT, RecordedSleep(), resolve=resolve)
    answer = wire.exchange(Call("GET", f"http://pictures.example:{server.port}/a"))
    assert answer.status == 200
    assert asked == [("pictures.example", server.port)]
    assert server.requests[0].headers["host"] == f"pictures.example:{server.port}"
    wire.close()


def test_the_next_address_is_tried_where_one_is_dead(server: Scripted) -> None:
    wire = Wire(PATIENT, RecordedSleep(), resolve=lambda *_: ["::1", "127.0.0.1"])
    assert wire.exchange(Call("GET", f"http://two.example:{server.port}/")).status == 200
    wire.close()


@pytest.mark.parametrize("host", ["nowhere.invalid", "a" * 64 + ".example"])
def test_a_name_that_is_not_found_is_no_answer(host: str) -> None:
    def resolve(host: str, port: int) -> list[str]:
        raise OSError("not known")

    wire = Wire(PATIENT, RecordedSleep(), resolve=resolve)
    with pytest.raises(NoAnswer, match="name was not found"):
        wire.exchange(Call("GET", f"http://{host}/"))
    wire.close()
