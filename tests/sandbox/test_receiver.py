from __future__ import annotations

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
