"""Which of the two routes of the official gateway is taken, and what options it needs."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from PIL import Image
from pydantic import ValidationError

from monitor.errors import (
    MarketplaceError,
    PermissionDenied,
    QuotaExhausted,
    Transient,
)
from monitor.marketplaces.base import Query
from monitor.marketplaces.sites.alibaba_1688.adapter import Options
from monitor.marketplaces.testing import Reply, Scripted, as_json
from tests.marketplaces.sites.aop_gateway import (
    DECLINED,
    LINKPLUS,
    QUERY,
    UPLOAD,
    App,
    offers,
    stored,
    uploaded,
)

PICTURE = Image.new("RGB", (900, 820), "orange")
FILED = Query(PICTURE, sha256="ab" * 32, path="acme/mug 1.jpg")
PICTURE_URL = "https://brands.example/{path}"


@pytest.fixture
def app() -> Iterator[App]:
    with Scripted(Reply(404)) as server:
        made = App(server)
        made.answers(UPLOAD, uploaded("1164408192156408878"))
        made.answers(QUERY, stored("crossborder.json"))
        made.answers(LINKPLUS, stored("linkplus.json"))
        yield made
        made.close()


def test_auto_takes_linkplus_where_a_picture_has_an_address(app: App) -> None:
    site = app.open(picture_url=PICTURE_URL)
    site.search(FILED)
    assert app.paths == [LINKPLUS]
    site.search(Query(PICTURE))
    assert app.paths[1:] == [UPLOAD, QUERY]


def test_auto_goes_over_to_crossborder_and_remembers_it_for_a_day(
    app: App, caplog: pytest.LogCaptureFixture
) -> None:
    app.answers(LINKPLUS, DECLINED)
    page = app.open(picture_url=PICTURE_URL).search(FILED)
    assert (len(page.observations), page.requests) == (3, 3)
    assert "com.alibaba.linkplus:alibaba.cross.similar.offer.search-1" in caplog.text
    app.open(picture_url=PICTURE_URL).search(FILED)
    assert app.paths == [LINKPLUS, UPLOAD, QUERY, QUERY]
    app.memory.now += timedelta(days=1).total_seconds() + 1
    app.answers(LINKPLUS, stored("linkplus.json"))
    app.open(picture_url=PICTURE_URL).search(FILED)
    assert app.paths[4:] == [LINKPLUS]


@pytest.mark.parametrize("declined", [UPLOAD, QUERY])
def test_auto_goes_back_to_linkplus_when_crossborder_is_declined_too_late(
    app: App, declined: str
) -> None:
    app.answers(LINKPLUS, DECLINED, stored("linkplus.json"))
    site = app.open(picture_url=PICTURE_URL)
    site.search(FILED)
    app.answers(declined, DECLINED)
    page = site.search(replace(FILED, sha256="cd" * 32))
    assert len(page.observations) == 2
    site.search(FILED)
    assert app.paths[-1] == LINKPLUS


def test_when_both_are_declined_the_error_says_what_to_ask_for(app: App) -> None:
    for path in (LINKPLUS, UPLOAD):
        app.answers(path, DECLINED)
    site = app.open(picture_url=PICTURE_URL)
    for _ in range(2):
        with pytest.raises(PermissionDenied) as caught:
            site.search(FILED)
        for interface in (
            "com.alibaba.linkplus:alibaba.cross.similar.offer.search-1",
            "com.alibaba.fenxiao.crossborder:product.image.upload-1",
            "com.alibaba.fenxiao.crossborder:product.search.imageQuery-1",
        ):
            assert interface in str(caught.value)
    # a new grant shows with the next search
    app.answers(UPLOAD, uploaded("7"))
    assert len(site.search(FILED).observations) == 3
    site.search(FILED)
    assert app.paths[-4:] == [LINKPLUS, UPLOAD, QUERY, QUERY]


@pytest.mark.parametrize(
    ("options", "declined"),
    [
        ({"mode": "crossborder", "picture_url": PICTURE_URL}, UPLOAD),
        ({"mode": "linkplus", "picture_url": PICTURE_URL}, LINKPLUS),
        ({}, UPLOAD),
    ],
)
def test_a_mode_that_is_set_never_switches(
    app: App, options: dict[str, object], declined: str
) -> None:
    app.answers(declined, DECLINED)
    for _ in range(2):
        with pytest.raises(PermissionDenied, match=r"acme: .*needs a permission \(solution\)"):
            app.open(**options).search(FILED)
    assert app.paths == [declined, declined]


def test_auto_stays_on_the_route_that_a_search_began_with(app: App) -> None:
    app.answers(LINKPLUS, DECLINED)
    app.answers(QUERY, offers(*range(1, 51), total=60), offers(*range(51, 61), total=60))
    site = app.open(picture_url=PICTURE_URL)
    page = site.search(FILED)
    app.memory.kept.pop("declined linkplus")
    last = site.search(replace(FILED, cursor=page.next_cursor))
    assert [item.rank for item in last.observations] == list(range(51, 61))
    assert app.paths.count(LINKPLUS) == 1


@pytest.mark.parametrize("kind", [QuotaExhausted, Transient])
def test_auto_does_not_switch_on_other_failures(app: App, kind: type[MarketplaceError]) -> None:
    replies = {
        QuotaExhausted: as_json({"errorCode": "gw.NoUsageLeftError"}),
        Transient: Reply(503),
    }
    app.answers(LINKPLUS, replies[kind])
    with pytest.raises(kind):
        app.open(picture_url=PICTURE_URL).search(FILED)
    assert set(app.paths) == {LINKPLUS}


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"mode": "linkplus"}, "needs picture_url"),
        ({"mode": "linkplus", "picture_url": PICTURE_URL, "filters": ["new7"]}, "no filters"),
        ({"mode": "linkplus", "picture_url": PICTURE_URL, "search_regions": True}, "no search_reg"),
        ({"country": "zh"}, "not into it"),
        ({"country": "zh-CN"}, "pattern"),
        ({"sort": "price"}, "pattern"),
        ({"filters": ["a,b"]}, "pattern"),
        ({"picture_url": "https://brands.example/a.jpg"}, "must hold {path}"),
    ],
)
def test_options_that_cant_be_heeded_are_refused(options: dict[str, object], words: str) -> None:
    given = {"app_key": "1", "app_secret": "s", "access_token": "t", **options}
    with pytest.raises(ValidationError, match=words):
        Options.model_validate(given)
