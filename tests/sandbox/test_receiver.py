from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import httpx

from monitor.sandbox.receiver import JsonReceiver, ReceivedAlert


def post(receiver: JsonReceiver) -> int:
    body = {"title": "a", "message": "b", "attachments": [{"filename": "x.jpg", "base64": ""}]}
    with httpx.Client(trust_env=False) as client:
        return client.post(receiver.url.replace("json://", "http://"), json=body).status_code


def test_what_arrives_is_kept_and_what_is_refused_is_not() -> None:
    with JsonReceiver() as receiver:
        assert post(receiver) == 200
        receiver.status = 503
        assert post(receiver) == 503
    assert receiver.received == [ReceivedAlert("a", "b", ("x.jpg",))]


def test_messages_of_many_senders_arrive_whole_and_once() -> None:
    with JsonReceiver() as receiver:
        address = receiver.url.replace("json://", "http://")

        def send(number: int) -> int:
            with httpx.Client(trust_env=False) as client:
                body = {"title": f"t{number}", "message": "b" * 100_000}
                return client.post(address, json=body).status_code

        with ThreadPoolExecutor(8) as pool:
            assert set(pool.map(send, range(16))) == {200}
    assert {alert.title for alert in receiver.received} == {f"t{number}" for number in range(16)}
    assert {(len(alert.body), alert.attachments) for alert in receiver.received} == {(100_000, ())}
