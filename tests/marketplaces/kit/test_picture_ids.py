"""A picture's id on a site: used again while it is good, made anew once, never twice."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import pytest

from monitor.errors import (
    AuthError,
    BadImage,
    MarketplaceError,
    ProtocolError,
    QuotaExhausted,
    Throttled,
    Transient,
)
from monitor.marketplaces.kit.picture_ids import PictureIds
from monitor.marketplaces.testing import RecordedMemory

SHA256 = "ab" * 32
LIFETIME = timedelta(hours=6)


@dataclass
class Site:
    """Says what it is told to; numbers the ids that it makes, and remembers what it was asked."""

    answers: list[str | MarketplaceError] = field(default_factory=list)
    uploads: list[str | MarketplaceError] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    made: int = 0
    memory: RecordedMemory = field(default_factory=RecordedMemory)
    renewed_on: tuple[type[MarketplaceError], ...] = (BadImage, ProtocolError)
    dropped_on: tuple[type[MarketplaceError], ...] = ()

    def search(self, sha256: str = SHA256) -> str:
        ids = PictureIds(self.memory, "image", LIFETIME, self.renewed_on, self.dropped_on)
        return ids.search(sha256, self._make, self._look, is_believed=lambda found: found != "")

    def _make(self) -> str:
        self.made += 1
        self.asked.append("upload")
        return _say(self.uploads, f"id-{self.made}")

    def _look(self, image_id: str) -> str:
        self.asked.append(image_id)
        return _say(self.answers, "found")


def _say(script: list[str | MarketplaceError], default: str) -> str:
    said = script.pop(0) if script else default
    if isinstance(said, MarketplaceError):
        raise said
    return said


@pytest.fixture
def site() -> Site:
    """One that has been given the picture and has found something by it."""
    site = Site()
    assert site.search() == "found"
    assert site.asked == ["upload", "id-1"]
    site.asked.clear()
    return site


def test_an_id_is_used_again_until_its_time_is_over(site: Site) -> None:
    site.search()
    site.memory.now += LIFETIME.total_seconds() + 1
    site.search()
    assert site.asked == ["id-1", "upload", "id-2"]


def test_every_picture_and_every_kind_has_an_id_of_its_own(site: Site) -> None:
    site.search("cd" * 32)
    assert site.asked == ["upload", "id-2"]
    assert sorted(site.memory.kept) == [f"image {SHA256}", f"image {'cd' * 32}"]


def test_nothing_is_kept_of_a_picture_without_a_digest() -> None:
    site = Site()
    site.search("")
    site.search("")
    assert site.asked == ["upload", "id-1", "upload", "id-2"]
    assert site.memory.kept == {}


@pytest.mark.parametrize("said", [BadImage("gone"), ProtocolError("what?"), ""])
def test_what_may_mean_that_an_id_has_run_out_makes_a_new_one(
    site: Site, said: str | MarketplaceError
) -> None:
    site.answers = [said]
    assert site.search() == "found"
    assert site.search() == "found"
    assert site.asked == ["id-1", "upload", "id-2", "id-2"]


@pytest.mark.parametrize("first", [BadImage("gone"), ""])
def test_a_new_id_that_is_refused_too_is_not_replaced(
    site: Site, first: str | MarketplaceError
) -> None:
    site.answers = [first, BadImage("still gone")]
    with pytest.raises(BadImage, match="still gone"):
        site.search()
    assert site.asked == ["id-1", "upload", "id-2"]


def test_what_a_new_id_finds_is_believed(site: Site) -> None:
    site.answers = ["", ""]
    assert site.search() == ""
    assert site.asked == ["id-1", "upload", "id-2"]


def test_a_refused_id_is_not_asked_with_again_where_no_new_one_could_be_made(site: Site) -> None:
    site.answers, site.uploads = [BadImage("gone")], [Transient("busy")]
    with pytest.raises(Transient):
        site.search()
    site.search()
    assert site.asked == ["id-1", "upload", "upload", "id-3"]


@pytest.mark.parametrize("error", [Transient("busy"), QuotaExhausted("over"), Throttled("slow")])
def test_a_new_id_is_kept_though_its_search_fails(error: MarketplaceError) -> None:
    site = Site(answers=[error])
    with pytest.raises(type(error)):
        site.search()
    site.search()
    assert site.asked == ["upload", "id-1", "id-1"]


@pytest.mark.parametrize("error", [Transient("busy"), QuotaExhausted("over"), AuthError("who?")])
def test_an_id_outlives_an_error_that_says_nothing_of_it(
    site: Site, error: MarketplaceError
) -> None:
    site.answers = [error]
    with pytest.raises(type(error)):
        site.search()
    site.search()
    assert site.asked == ["id-1", "id-1"]


def test_after_an_error_that_a_site_names_the_next_search_makes_a_new_id(site: Site) -> None:
    site.renewed_on, site.dropped_on = (BadImage,), (Transient, ProtocolError)
    site.answers = [ProtocolError("what?")]
    with pytest.raises(ProtocolError, match=r"what\?"):
        site.search()
    site.search()
    assert site.asked == ["id-1", "upload", "id-2"]
