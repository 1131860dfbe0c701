from __future__ import annotations

import shutil
import ssl
import subprocess
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from monitor.errors import FetchFailed, FetchRefused, Stopping
from monitor.marketplaces.testing import (
    PATIENT,
    QUICK,
    RecordedSleep,
    Reply,
    Request,
    Scripted,
)
from monitor.net.downloads import (
    HOST_CONCURRENCY,
    HOST_SPACING,
    HostLanes,
    PictureFetcher,
)
from monitor.net.wire import ExchangeLimits
from tests.net.test_addresses import REFUSED

PICTURE = Reply(body=b"\xff\xd8 a picture")
MISSING = Reply(404)


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(PICTURE) as running:
        yield running


@pytest.fixture
def sleep() -> RecordedSleep:
    return RecordedSleep()


@pytest.fixture
def fetcher(sleep: RecordedSleep) -> Iterator[PictureFetcher]:
    made = PictureFetcher(allow_loopback=True, sleep=sleep, limits=PATIENT)
    yield made
    made.close()


def test_a_picture_is_fetched_without_referer_or_packing(
    server: Scripted, fetcher: PictureFetcher
) -> None:
    assert fetcher.fetch(server.url("/a.jpg?x=1")).data == PICTURE.body
    request = server.requests[0]
    assert (request.method, request.path) == ("GET", "/a.jpg?x=1")
    assert "referer" not in request.headers
    assert request.headers["accept-encoding"] == "identity"


def test_a_missing_picture_is_fetched_from_the_fallback(
    server: Scripted, fetcher: PictureFetcher
) -> None:
    server.routes["/big.jpg"] = MISSING
    assert fetcher.fetch(server.url("/big.jpg"), server.url("/small.jpg")).data == PICTURE.body
    assert [request.path for request in server.requests] == ["/big.jpg", "/small.jpg"]


def test_a_missing_fallback_is_told(server: Scripted, fetcher: PictureFetcher) -> None:
    server.replies = [MISSING]
    with pytest.raises(FetchFailed, match=r"127\.0\.0\.1: there is no such picture"):
        fetcher.fetch(server.url("/big.jpg"), server.url("/small.jpg"))
    assert len(server.requests) == 2


REFERER = "https://shop.example/"


@pytest.fixture
def introduced(sleep: RecordedSleep) -> Iterator[PictureFetcher]:
    """It gives 127.0.0.1 a Referer, and nobody else."""
    made = PictureFetcher(
        allow_loopback=True, sleep=sleep, limits=PATIENT, referers={"127.0.0.1": REFERER}
    )
    yield made
    made.close()


def test_a_forbidden_picture_is_asked_for_once_more_with_the_sites_referer(
    server: Scripted, introduced: PictureFetcher
) -> None:
    server.replies = [Reply(403), PICTURE]
    assert introduced.fetch(server.url()).data == PICTURE.body
    assert ["referer" in request.headers for request in server.requests] == [False, True]
    assert server.requests[1].headers["referer"] == REFERER


def test_a_picture_that_stays_forbidden_fails(server: Scripted, introduced: PictureFetcher) -> None:
    server.replies = [Reply(403)]
    with pytest.raises(FetchFailed, match="HTTP 403"):
        introduced.fetch(server.url())
    assert len(server.requests) == 2


def test_no_other_host_gets_the_referer(server: Scripted, introduced: PictureFetcher) -> None:
    server.replies = [Reply(403)]
    with pytest.raises(FetchFailed, match="HTTP 403"):
        introduced.fetch(f"http://localhost:{server.port}/a.jpg")
    server.replies = [Reply(302, {"Location": f"http://localhost:{server.port}/b"}), Reply(403)]
    with pytest.raises(FetchFailed, match="HTTP 403"):
        introduced.fetch(server.url())
    assert len(server.requests) == 3
    assert not any("referer" in request.headers for request in server.requests)


@pytest.mark.parametrize("bad", [Reply(500), Reply(429), Reply(body=b"12345678", cut=True)])
def test_what_may_pass_is_tried_twice_more(
    server: Scripted, fetcher: PictureFetcher, sleep: RecordedSleep, bad: Reply
) -> None:
    server.replies = [bad, bad, PICTURE]
    assert fetcher.fetch(server.url()).data == PICTURE.body
    assert sleep.calls == [0.5, 1.0]
    server.replies = [bad]
    with pytest.raises(FetchFailed):
        fetcher.fetch(server.url())
    assert len(server.requests) == 6


def test_an_empty_file_fails(server: Scripted, fetcher: PictureFetcher) -> None:
    server.replies = [Reply(body=b"")]
    with pytest.raises(FetchFailed, match="empty"):
        fetcher.fetch(server.url())


@pytest.mark.parametrize(
    "reply",
    [
        Reply(body=b"x" * 200_001),
        Reply(headers={"Content-Encoding": "gzip"}, body=b"x"),
        Reply(headers={"Content-Encoding": "br"}, body=b"x"),
    ],
)
def test_a_body_that_is_too_large_or_packed_is_refused(
    server: Scripted, fetcher: PictureFetcher, reply: Reply
) -> None:
    server.replies = [reply]
    with pytest.raises(FetchRefused, match=r"over 200000 bytes|packed"):
        fetcher.fetch(server.url())


def test_a_drip_ends_at_the_limit(server: Scripted, sleep: RecordedSleep) -> None:
    server.replies = [Reply(body=b"x" * 5000, drip=True)]
    fetcher = PictureFetcher(allow_loopback=True, sleep=sleep, limits=QUICK)
    with pytest.raises(FetchFailed, match="time limit"):
        fetcher.fetch(server.url())
    fetcher.close()


def test_a_stop_ends_the_wait_for_a_silent_server(server: Scripted, sleep: RecordedSleep) -> None:
    server.replies = [Reply(silent=True)]
    sleep.stop = Stopping("stop")
    fetcher = PictureFetcher(allow_loopback=True, sleep=sleep)
    with pytest.raises(Stopping):
        fetcher.fetch(server.url())
    fetcher.close()


def test_three_redirects_are_followed_and_no_more(
    server: Scripted, fetcher: PictureFetcher
) -> None:
    for number in range(4):
        server.routes[f"/{number}"] = Reply(302, {"Location": f"/{number + 1}"})
    assert fetcher.fetch(server.url("/1")).data == PICTURE.body
    with pytest.raises(FetchRefused, match="more than 3 redirects"):
        fetcher.fetch(server.url("/0"))


@pytest.mark.parametrize(
    ("location", "reason"),
    [
        ("file:///etc/passwd", "file:"),
        ("http://169.254.169.254/latest?secret=geheim", "not a public address"),
        ("https://10.0.0.1/", "not a public address"),
        ("https://user:geheim@127.0.0.1/", "user name"),
        ("https://8.8.8.8:22/", "port 22"),
        ("http://[::1", "no address"),
    ],
)
def test_a_redirect_is_checked_like_the_first_address(
    server: Scripted, fetcher: PictureFetcher, location: str, reason: str
) -> None:
    server.replies = [Reply(302, {"Location": location})]
    with pytest.raises(FetchRefused, match=reason) as caught:
        fetcher.fetch(server.url())
    assert "geheim" not in str(caught.value)


@pytest.mark.parametrize("address", [a for a in REFUSED if "." in a or ":" in a])
def test_a_name_that_leads_to_a_private_address_is_refused(
    server: Scripted, sleep: RecordedSleep, address: str
) -> None:
    fetcher = PictureFetcher(
        allow_loopback=False, sleep=sleep, resolve=lambda *_: ["8.8.8.8", address]
    )
    with pytest.raises(FetchRefused, match="not a public address"):
        fetcher.fetch("https://pictures.example/a.jpg?x=geheim")
    fetcher.close()
    assert (server.connections, sleep.calls) == (0, [])


@pytest.mark.parametrize(
    "host", ["127.0.0.1", "127.1", "0x7f.1", "2130706433", "localhost", "[::1]", "[::ffff:7f00:1]"]
)
def test_loopback_in_every_spelling_is_refused_unless_allowed(
    server: Scripted, sleep: RecordedSleep, host: str
) -> None:
    fetcher = PictureFetcher(allow_loopback=False, sleep=sleep)
    for url in (f"http://{host}:{server.port}/a.jpg", f"https://{host}/a.jpg"):
        with pytest.raises(FetchRefused):
            fetcher.fetch(url)
    fetcher.close()
    assert server.connections == 0


def test_no_other_private_address_comes_in_with_loopback(fetcher: PictureFetcher) -> None:
    for host in ("10.0.0.1", "192.168.0.1", "169.254.169.254", "[fe80::1]", "[fd00::1]"):
        with pytest.raises(FetchRefused, match="not a public address"):
            fetcher.fetch(f"http://{host}/a.jpg")


def test_a_name_is_resolved_once_for_check_and_use(sleep: RecordedSleep) -> None:
    answers = iter([["127.0.0.1"], ["10.0.0.1"]])
    with Scripted(PICTURE) as server:
        fetcher = PictureFetcher(
            allow_loopback=True, sleep=sleep, resolve=lambda *_: next(answers), limits=PATIENT
        )
        assert fetcher.fetch(f"http://localhost:{server.port}/a.jpg").data == PICTURE.body
        fetcher.close()
    assert next(answers) == ["10.0.0.1"]


@pytest.mark.parametrize(
    "url", ["", "a.jpg", "file:///etc/passwd", "https://8.8.8.8:25/a", "data:,x", "https://\x00/"]
)
def test_an_address_that_is_none_is_refused(fetcher: PictureFetcher, url: str) -> None:
    with pytest.raises(FetchRefused):
        fetcher.fetch(url)


def test_a_host_gets_few_downloads_at_once(sleep: RecordedSleep) -> None:
    running, most, lock = 0, 0, threading.Lock()
    gate = threading.Barrier(HOST_CONCURRENCY)

    def serve(request: Request) -> Reply:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        gate.wait(5)  # passes only when all allowed ones are here together
        with lock:
            running -= 1
        return PICTURE

    with Scripted(PICTURE) as server:
        server.routes["/a.jpg"] = serve
        fetcher = PictureFetcher(allow_loopback=True, sleep=sleep, limits=PATIENT)
        with ThreadPoolExecutor(HOST_CONCURRENCY * 2) as pool:
            urls = [server.url(f"/a.jpg?{number}") for number in range(HOST_CONCURRENCY * 4)]
            assert {found.data for found in pool.map(fetcher.fetch, urls)} == {PICTURE.body}
        fetcher.close()
    assert most == HOST_CONCURRENCY


def test_starts_on_a_public_host_are_spaced(sleep: RecordedSleep) -> None:
    fetcher = PictureFetcher(
        allow_loopback=False, sleep=sleep, resolve=lambda *_: ["10.0.0.1"], monotonic=lambda: 5.0
    )
    for _ in range(3):
        with pytest.raises(FetchRefused):
            fetcher.fetch("https://pictures.example/a.jpg")
    fetcher.close()
    assert sleep.calls == pytest.approx([HOST_SPACING, HOST_SPACING * 2])


def test_fetchers_that_share_lanes_are_spaced_together(sleep: RecordedSleep) -> None:
    lanes = HostLanes(sleep, lambda: 5.0)
    for _ in range(2):
        fetcher = PictureFetcher(
            allow_loopback=False, sleep=sleep, resolve=lambda *_: ["10.0.0.1"], lanes=lanes
        )
        with pytest.raises(FetchRefused):
            fetcher.fetch("https://pictures.example/a.jpg")
        fetcher.close()
    assert sleep.calls == pytest.approx([HOST_SPACING])


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh key and a certificate for pictures.localhost, in one file."""
    if shutil.which("openssl") is None:
        pytest.skip("there is no openssl to make a certificate with")
    folder = tmp_path_factory.mktemp("tls")
    file = folder / "both.pem"
    words = "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2"
    name = ["-subj", "/CN=x", "-addext", "subjectAltName=DNS:pictures.localhost"]
    out = ["-keyout", str(folder / "key.pem"), "-out", str(folder / "cert.pem")]
    subprocess.run(["openssl", *words.split(), *name, *out], check=True, capture_output=True)
    file.write_text((folder / "key.pem").read_text() + (folder / "cert.pem").read_text())
    return file


@pytest.mark.parametrize(
    ("host", "is_right"), [("pictures.localhost", True), ("other.localhost", False)]
)
def test_over_https_the_name_is_checked_though_an_address_is_dialled(
    certificate: Path, sleep: RecordedSleep, host: str, is_right: bool
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    limits = ExchangeLimits(connect=5, read=5, total=10, max_bytes=1000)
    with Scripted(Reply(body=b"x" * 20, drip=True), ssl_context=context) as server:
        fetcher = PictureFetcher(
            allow_loopback=True,
            sleep=sleep,
            resolve=lambda *_: ["127.0.0.1"],
            limits=limits,
            ssl_context=ssl.create_default_context(cafile=str(certificate)),
        )
        url = f"https://{host}:{server.port}/a.jpg"
        if is_right:
            assert fetcher.fetch(url).data == b"x" * 20
        else:
            with pytest.raises(FetchFailed, match="CERTIFICATE_VERIFY_FAILED"):
                fetcher.fetch(url)
        fetcher.close()
