"""The sandbox's own rules, over real HTTP: what it refuses, answers and fails at on order."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import httpx
import pytest

from monitor.errors import InputError
from monitor.sandbox import Fault, Sandbox
from monitor.sandbox.dialects import PLACES
from monitor.sandbox.faults import Faults, Order, Purpose, parse_fault
from monitor.sandbox.server import Pacer, Rules
from tests.sandbox.callers import Caller, fetch, picture_bytes, stock


@pytest.fixture
def caller(sandbox: Sandbox) -> Caller:
    return Caller(sandbox)


class Waits(threading.Event):
    """A stop that never comes, and that nobody waits for: how long is written down."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float | None] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout)
        return False


def refusal(answer: httpx.Response) -> tuple[int, str]:
    said = answer.json()
    assert said["success"] is False
    return answer.status_code, said["message"]


@pytest.mark.parametrize("kind", ["JPEG", "PNG"])
def test_a_right_search_gets_the_most_alike_first(caller: Caller, kind: str) -> None:
    items = caller.items(picture_bytes(1, kind))
    assert items[0]["title"] == "good 1"
    scores = [float(str(item["similarity"])) for item in items]
    assert scores == sorted(scores, reverse=True)
    assert scores[0] > 0.99
    assert fetch(items[0]["imageUrl"]).content == picture_bytes(1)
    assert str(items[0]["detailUrl"]).startswith("detail.1688.com/offer/")


@pytest.mark.parametrize(
    ("key", "secret", "skew", "said"),
    [
        ("sandbox", "wrong", 0, "wrong signature"),
        ("stranger", "sandbox-secret", 0, "unknown appkey"),
        ("sandbox", "sandbox-secret", -400, "timestamp is too far off"),
        ("sandbox", "sandbox-secret", 400, "timestamp is too far off"),
    ],
)
def test_a_caller_it_does_not_know_is_refused(
    caller: Caller, key: str, secret: str, skew: float, said: str
) -> None:
    caller.key, caller.secret, caller.skew = key, secret, skew
    assert refusal(caller.search()) == (401, said)


def test_a_timestamp_that_is_none_is_refused(caller: Caller) -> None:
    answer = caller.post({"appkey": "sandbox", "timestamp": "now", "sign": "0"})
    assert refusal(answer) == (401, "timestamp is not in milliseconds")


def test_a_picture_over_5_mb_is_refused(caller: Caller) -> None:
    assert caller.search(picture_bytes() + bytes(4_900_000)).status_code == 200
    assert refusal(caller.search(picture_bytes() + bytes(5_000_000)))[0] == 413


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "BMP"])
def test_another_format_is_refused(caller: Caller, kind: str) -> None:
    answer = caller.search(picture_bytes(kind=kind))
    assert refusal(answer) == (400, "the picture is not a JPG or PNG")


def test_a_broken_upload_is_refused(caller: Caller) -> None:
    assert refusal(caller.search(picture_bytes()[:300]))[0] == 400
    assert refusal(caller.search(field="file")) == (400, "there is no field `image`")


def test_the_guides_own_mistake_is_refused(caller: Caller) -> None:
    """Its sample sets the header by hand and so loses the boundary."""
    good = caller.search().request.headers
    headers = {name: good[name] for name in ("appkey", "timestamp", "sign")}
    answer = caller.post({**headers, "Content-Type": "multipart/form-data"}, content=b"x")
    assert refusal(answer) == (400, "Content-Type has no boundary")


@pytest.mark.parametrize("kind", ["image/jpeg", "application/x-www-form-urlencoded", ""])
def test_a_picture_that_is_the_whole_body_is_refused(caller: Caller, kind: str) -> None:
    good = caller.search().request.headers
    headers = {name: good[name] for name in ("appkey", "timestamp", "sign")}
    answer = caller.post({**headers, "Content-Type": kind}, content=picture_bytes())
    assert refusal(answer) == (400, "the body is not multipart/form-data")


def test_search_type_1_leaves_out_what_is_less_alike(caller: Caller) -> None:
    assert len(caller.items(search_type="2")) == 3
    assert [item["title"] for item in caller.items(search_type="1")] == ["good 0"]
    assert refusal(caller.search(search_type="3"))[0] == 400


def test_more_calls_than_its_rate_are_throttled(tmp_path: Path) -> None:
    with Sandbox(stock(tmp_path / "shop"), Rules(rate=2), monotonic=lambda: 0.0) as sandbox:
        caller = Caller(sandbox)
        answers = [caller.search() for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert answers[2].headers["Retry-After"] == "1"
    assert sandbox.stats() == {"searches": 3, "guide_1688/search": 3, "throttled": 1}


def test_the_counter_is_strict() -> None:
    now = [0.0]
    pacer = Pacer(2, lambda: now[0])
    allowed = []
    for now[0] in (0.0, 0.5, 0.999, 1.0, 1.25, 1.5):
        allowed.append(pacer.allows())
    assert allowed == [True, True, False, True, False, True]


def test_listings_json_says_what_it_likes(caller: Caller, sandbox: Sandbox) -> None:
    path = sandbox.shelf.path / "listings.json"
    path.write_text(json.dumps({"good_0.jpg": {"price": None, "title": "😀", "shop": 7}}))
    item = caller.items()[0]
    assert (item["price"], item["title"], item["shop"]) == (None, "😀", 7)
    assert len(caller.items()) == 3


@pytest.mark.parametrize("text", ["{", "[]", '{"good_0.jpg": 3}', b"\xff\xfe".decode("latin-1")])
def test_a_listings_json_that_is_none_is_said(caller: Caller, sandbox: Sandbox, text: str) -> None:
    (sandbox.shelf.path / "listings.json").write_text(text, encoding="utf-8")
    status, said = refusal(caller.search())
    assert status == 500
    assert said.startswith("listings.json ")


def test_files_that_come_and_go_are_listings_that_come_and_go(
    caller: Caller, sandbox: Sandbox
) -> None:
    shop = sandbox.shelf.path
    old = {item["itemId"] for item in caller.items()}
    (shop / "new one.jpg").write_bytes(picture_bytes(3))
    found = caller.items(picture_bytes(3))[0]
    assert found["title"] == "new one"
    assert fetch(found["imageUrl"]).status_code == 200
    (shop / "new one.jpg").unlink()
    assert {item["itemId"] for item in caller.items()} == old
    assert fetch(found["imageUrl"]).status_code == 404


def test_a_changed_picture_has_another_address_and_the_same_id(
    caller: Caller, sandbox: Sandbox
) -> None:
    before = caller.items()[0]
    (sandbox.shelf.path / "good_0.jpg").write_bytes(picture_bytes() + b"more")
    after = next(item for item in caller.items() if item["title"] == "good 0")
    assert before["itemId"] == after["itemId"]
    assert before["imageUrl"] != after["imageUrl"]


def test_no_more_items_than_it_may_give(tmp_path: Path) -> None:
    with Sandbox(stock(tmp_path / "shop", 5), Rules(rate=100, max_items=2)) as sandbox:
        answer = Caller(sandbox).search().json()["data"]
    assert (answer["total"], len(answer["items"])) == (5, 2)


@pytest.mark.parametrize(
    ("fault", "status"),
    [
        (Fault.SERVER_ERROR, 500),
        (Fault.THROTTLED, 429),
        (Fault.QUOTA, 429),
        (Fault.UNAUTHORISED, 401),
        (Fault.PERMISSION, 403),
        (Fault.TOO_LARGE, 413),
        (Fault.GARBAGE, 200),
        (Fault.HTML, 200),
        (Fault.REFUSED, 200),
        (Fault.UNKNOWN_SHAPE, 200),
        (Fault.EMPTY, 200),
        (Fault.SLOW, 200),
    ],
)
def test_a_fault_is_served_as_often_as_it_was_ordered(
    caller: Caller, sandbox: Sandbox, fault: Fault, status: int
) -> None:
    sandbox.faults.order(fault, 2)
    sandbox.shop.stop = waits = Waits()
    failed = [caller.search() for _ in range(2)]
    slow = waits.seconds == [0.2, 0.2]
    assert [answer.status_code for answer in failed] == [status] * 2
    assert slow is (fault is Fault.SLOW)
    assert slow or waits.seconds == []
    whole = caller.search()
    assert len(whole.json()["data"]["items"]) == 3
    assert sandbox.stats()[f"fault {fault}"] == 2
    assert (failed[0].content[:60] == whole.content[:60]) is False or fault is Fault.SLOW


def test_a_cut_off_answer_breaks_in_the_middle(caller: Caller, sandbox: Sandbox) -> None:
    sandbox.faults.order(Fault.CUT_OFF, 1)
    with pytest.raises(httpx.RemoteProtocolError):
        caller.search()
    assert caller.search().status_code == 200


def test_pictures_fail_by_themselves(caller: Caller, sandbox: Sandbox) -> None:
    url = caller.items()[0]["imageUrl"]
    for fault in (Fault.PICTURE_MISSING, Fault.PICTURE_HTML, Fault.PICTURE_CUT_OFF):
        sandbox.faults.order(fault, 1)
    assert caller.search().status_code == 200
    assert fetch(url).status_code == 404
    assert fetch(url).headers["content-type"] == "text/html"
    with pytest.raises(httpx.RemoteProtocolError):
        fetch(url)
    assert fetch(url).content == picture_bytes()


def test_every_fault_has_its_test() -> None:
    text = Path(__file__).read_text(encoding="utf-8")
    assert [fault.name for fault in Fault if f"Fault.{fault.name}" not in text] == []


def test_orders_are_read_from_text() -> None:
    assert parse_fault("500") == Order(Fault.SERVER_ERROR)
    assert parse_fault("picture-404=3") == Order(Fault.PICTURE_MISSING, 3)
    assert parse_fault("ebay/search:429=2", PLACES) == Order(Fault.THROTTLED, 2, "ebay/search")
    assert parse_fault("alibaba_1688:cut", PLACES) == Order(Fault.CUT_OFF, None, "alibaba_1688")
    for wrong in ("501", "500=", "500=x", "500=0", "", "eba:500", ":500", "ebay:picture-404"):
        with pytest.raises(InputError):
            parse_fault(wrong, PLACES)


def test_a_stop_does_not_wait_for_slow_answers(tmp_path: Path) -> None:
    with Sandbox(stock(tmp_path / "shop"), Rules(rate=100, slow_seconds=60)) as sandbox:
        sandbox.faults.order(Fault.SLOW)
        waiting = threading.Thread(target=Caller(sandbox).search)
        waiting.start()
        while not sandbox.stats().get("fault slow"):
            time.sleep(0.005)
        began = time.monotonic()
    waiting.join(5)
    assert not waiting.is_alive()
    assert time.monotonic() - began < 3


def test_a_caller_that_hangs_up_is_no_news(
    sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    for _ in range(3):
        with socket.create_connection(("127.0.0.1", sandbox.port)) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            sock.sendall(b"GET /stats HTTP/1.1\r\nHost: x\r\n\r\n")
    assert fetch(f"http://127.0.0.1:{sandbox.port}/stats").status_code == 200
    assert capfd.readouterr().err == ""


def test_a_folder_that_is_none_and_a_port_that_is_taken_are_said(
    tmp_path: Path, sandbox: Sandbox
) -> None:
    with pytest.raises(InputError, match="is not a folder"):
        Sandbox(tmp_path / "nowhere")
    with pytest.raises(InputError, match=f"port {sandbox.port}"):
        Sandbox(tmp_path, port=sandbox.port)


def test_a_request_that_is_nonsense_is_reported_and_ends_nothing(
    caller: Caller, sandbox: Sandbox, capfd: pytest.CaptureFixture[str]
) -> None:
    with socket.create_connection(("127.0.0.1", sandbox.port), timeout=10) as connection:
        connection.sendall(b"POST /router/imageSearch HTTP/1.1\r\nContent-Length: many\r\n\r\n")
        assert connection.recv(1) == b""
    assert "ValueError" in capfd.readouterr().err
    assert len(caller.items()) == 3


def test_what_was_served_is_told_at_stats(caller: Caller, sandbox: Sandbox) -> None:
    caller.items()
    fetch(caller.items()[0]["imageUrl"])
    told = fetch(f"{sandbox.shop.origin}/stats").json()
    assert told == sandbox.stats() == {"guide_1688/search": 2, "searches": 2, "pictures": 1}


def test_a_fault_is_taken_as_often_as_it_was_ordered_by_however_many_at_once() -> None:
    faults = Faults()
    faults.order(Fault.QUOTA, 5)
    with ThreadPoolExecutor(8) as pool:
        taken = list(pool.map(lambda _: faults.take(Purpose.SEARCH, "ebay/search"), range(40)))
    assert taken.count(Fault.QUOTA) == 5
    assert taken.count(None) == 35


def test_faults_are_served_one_after_the_other_until_they_are_cleared() -> None:
    faults = Faults()
    faults.order(Fault.HTML, 1)
    faults.order(Fault.EMPTY)
    taken = [faults.take(Purpose.SEARCH, "ebay/search") for _ in range(3)]
    assert taken == [Fault.HTML, Fault.EMPTY, Fault.EMPTY]
    faults.clear()
    assert faults.take(Purpose.SEARCH, "ebay/search") is None
