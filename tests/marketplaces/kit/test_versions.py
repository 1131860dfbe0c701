"""A picture that is stored is asked for by its version, and sent only if it is another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from monitor.errors import FetchFailed
from monitor.marketplaces.testing import PATIENT, RecordedSleep, Reply, Request, Scripted
from monitor.model import FileVersion
from monitor.net.downloads import Fetched, PictureFetcher

PICTURE = Reply(body=b"\xff\xd8 a picture")
TAG = '"5f-abc"'
DATE = "Tue, 24 Nov 2026 08:00:00 GMT"


@pytest.fixture
def server() -> Iterator[Scripted]:
    with Scripted(PICTURE) as running:
        yield running


@pytest.fixture
def fetcher() -> Iterator[PictureFetcher]:
    made = PictureFetcher(allow_loopback=True, sleep=RecordedSleep(), limits=PATIENT)
    yield made
    made.close()


def _versioned(request: Request) -> Reply:
    """A server that keeps versions as RFC 9110 says."""
    said = request.headers.get("if-none-match", request.headers.get("if-modified-since"))
    headers = {"ETag": TAG, "Last-Modified": DATE}
    return Reply(304, headers) if said in (TAG, DATE) else replace(PICTURE, headers=headers)


def test_a_file_comes_with_the_version_that_its_server_names(
    server: Scripted, fetcher: PictureFetcher
) -> None:
    server.routes["/a.jpg"] = _versioned
    assert fetcher.fetch(server.url("/a.jpg")).version == FileVersion(TAG, DATE)
    assert fetcher.fetch(server.url("/b.jpg")).version == FileVersion()
    assert not {"if-none-match", "if-modified-since"} & server.requests[0].headers.keys()


@pytest.mark.parametrize(
    "known", [FileVersion(TAG, DATE), FileVersion(TAG), FileVersion(None, DATE)]
)
def test_an_unchanged_file_is_not_sent_again(
    server: Scripted, fetcher: PictureFetcher, known: FileVersion
) -> None:
    server.routes["/a.jpg"] = _versioned
    assert fetcher.fetch_changed(server.url("/a.jpg"), None, known) is None
    asked = server.requests[0].headers
    assert asked.get("if-none-match") == known.etag
    assert ("if-modified-since" in asked) == (known.etag is None)


def test_a_changed_file_and_one_without_version_are_sent(
    server: Scripted, fetcher: PictureFetcher
) -> None:
    server.routes["/a.jpg"] = _versioned
    for known in (FileVersion('"old"', DATE), FileVersion()):
        fetched = fetcher.fetch_changed(server.url("/a.jpg"), None, known)
        assert fetched is not None
        assert fetched.data == PICTURE.body


@pytest.mark.parametrize(
    "headers",
    [
        {"ETag": "*"},
        {"ETag": "unquoted"},
        {"ETag": '"' + "x" * 201 + '"'},
        {"ETag": '"a b"'},
        {"Last-Modified": "yesterday"},
        {"Last-Modified": "Tue, 24 Nov 2026 08:00:00 +0800"},
    ],
)
def test_a_version_that_cant_be_repeated_is_none(
    server: Scripted, fetcher: PictureFetcher, headers: dict[str, str]
) -> None:
    server.replies = [replace(PICTURE, headers=headers)]
    assert fetcher.fetch(server.url()).version == FileVersion()


def test_another_addresss_version_is_not_kept_and_not_asked_about(
    server: Scripted, fetcher: PictureFetcher
) -> None:
    """It may be another file with an older date."""
    server.routes["/real.jpg"] = _versioned
    server.routes["/moved.jpg"] = Reply(302, {"Location": "/real.jpg"})
    server.routes["/gone.jpg"] = Reply(404)
    known = FileVersion(TAG, DATE)
    for url, fallback in (("/moved.jpg", None), ("/gone.jpg", server.url("/real.jpg"))):
        fetched = fetcher.fetch_changed(server.url(url), fallback, known)
        assert fetched == Fetched(PICTURE.body, FileVersion())
        assert "if-none-match" not in server.requests[-1].headers


def test_unchanged_is_no_answer_to_a_plain_question(
    server: Scripted, fetcher: PictureFetcher
) -> None:
    server.replies = [Reply(304)]
    with pytest.raises(FetchFailed, match="HTTP 304"):
        fetcher.fetch(server.url())
    server.replies = [Reply(302, {"Location": "/b.jpg"}), Reply(304)]
    with pytest.raises(FetchFailed, match="HTTP 304"):
        fetcher.fetch_changed(server.url(), None, FileVersion(TAG))


def test_jpeg_and_png_are_asked_for_first(server: Scripted, fetcher: PictureFetcher) -> None:
    fetcher.fetch(server.url())
    assert server.requests[0].headers["accept"].startswith("image/jpeg, image/png, ")
