"""What the client adds to bare calls: a proxy, bodies of all kinds, holds, and no secrets."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from datetime import timedelta

import pytest

from monitor.errors import MarketplaceError, Throttled, Transient
from monitor.marketplaces.kit.client import PoliteClient, Tally
from monitor.marketplaces.kit.refusals import refusal
from monitor.marketplaces.testing import (
    PATIENT,
    RecordedPace,
    RecordedSleep,
    Reply,
    Scripted,
    as_json,
    make_outside,
)
from monitor.net.wire import Answer, Call, Wire

OK = as_json({"ok": True})


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(OK) as running:
        yield running


def exchange(call: Call, **options: str) -> Answer:
    wire = Wire(PATIENT, RecordedSleep(), proxy=options.get("proxy"))
    try:
        return wire.exchange(call)
    finally:
        wire.close()


def test_a_form_and_a_json_body_arrive_as_such(server: Scripted) -> None:
    exchange(Call("POST", server.url(), form={"text": "测试 &=", "page": "1"}))
    exchange(Call("POST", server.url(), json={"image": "aGk=", "n": [1, None]}))
    form, body = server.requests
    assert form.headers["content-type"] == "application/x-www-form-urlencoded"
    assert form.body == b"text=%E6%B5%8B%E8%AF%95+%26%3D&page=1"
    assert body.headers["content-type"] == "application/json"
    assert json.loads(body.body) == {"image": "aGk=", "n": [1, None]}


def test_calls_go_through_a_proxy_with_its_password(server: Scripted) -> None:
    proxy = server.url("").replace("http://", "http://anna:geheim@")
    answer = exchange(Call("GET", "http://api.example.invalid/search?a=1"), proxy=proxy)
    assert answer.status == 200
    (request,) = server.requests
    assert request.path == "http://api.example.invalid/search?a=1"
    sent = request.headers["proxy-authorization"].removeprefix("Basic ")
    assert base64.b64decode(sent) == b"anna:geheim"


def test_a_proxy_that_refuses_is_no_answer_of_the_site() -> None:
    with Scripted(Reply(407)) as proxy:
        outside = make_outside(proxy=proxy.url(""))
        client = PoliteClient("acme", outside)
        with pytest.raises(Transient, match=r"acme: api.example.invalid: the proxy refused"):
            client.send(
                lambda: Call("GET", "https://api.example.invalid/"), lambda _: None, Tally()
            )
        client.close()


def test_whoever_is_throttled_holds_everybody_even_if_no_time_was_said(server: Scripted) -> None:
    server.replies = [Reply(429), OK]
    pace, sleep = RecordedPace(), RecordedSleep()
    client = PoliteClient("acme", make_outside(pace, sleep))
    client.send(lambda: Call("GET", server.url()), lambda _: None, Tally())
    client.close()
    assert pace.holds == [timedelta(seconds=sleep.calls[0])]


def test_a_ban_said_in_words_holds_everybody_a_second_longer(server: Scripted) -> None:
    server.replies = [as_json({"said": "This ban will last for 7 more seconds"}), OK]
    pace, sleep = RecordedPace(), RecordedSleep()
    client = PoliteClient("acme", make_outside(pace, sleep))

    def judge(answer: Answer) -> MarketplaceError | None:
        return refusal(answer.body.decode()) if b"ban" in answer.body else None

    client.send(lambda: Call("GET", server.url()), judge, Tally())
    client.close()
    assert pace.holds == [timedelta(seconds=8)]
    assert sleep.calls == [8.0]


def test_what_a_site_echoes_of_our_secrets_is_hidden(
    server: Scripted, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    server.replies = [as_json({"echo": "sign=geheim-1234 was wrong"})]
    client = PoliteClient("acme", make_outside(), secrets=["geheim-1234"])

    def judge(answer: Answer) -> MarketplaceError:
        return Throttled(f"the site says: {answer.body.decode()}")

    with pytest.raises(Throttled, match=r"sign=\*\*\* was wrong") as caught:
        client.send(lambda: Call("GET", server.url(), params={"s": "geheim-1234"}), judge, Tally())
    client.close()
    assert "geheim-1234" not in str(caught.value) + caplog.text
