"""The two ways to search 1688 by picture through its open gateway."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import ClassVar, Protocol

from monitor.marketplaces import plug_in as m
from monitor.marketplaces.sites.alibaba_1688.gateway import Gateway
from monitor.marketplaces.sites.alibaba_1688.listings import (
    Parsed,
    parse_crossborder,
    parse_image_id,
    parse_linkplus,
)
from monitor.marketplaces.sites.alibaba_1688.places import Place, Region

LINKPLUS_SEARCH = "com.alibaba.linkplus/alibaba.cross.similar.offer.search"
UPLOAD = "com.alibaba.fenxiao.crossborder/product.image.upload"
IMAGE_QUERY = "com.alibaba.fenxiao.crossborder/product.search.imageQuery"

# The most that each search gives in a page.
LINKPLUS_PAGE = 20
CROSSBORDER_PAGE = 50
# The site gives no more of one search (public client, unverified).
MAX_RECORDS = 2000
# What public clients aim for, and what the smallest limit is that one of them names.
UPLOAD_BYTES = 300_000
SMALLEST_BYTES = 100_000
# How long an id is good is not documented: an uploaded picture is sent anew after this time.
IMAGE_ID_LIFETIME = timedelta(hours=6)


class Route(Protocol):
    """One way to search."""

    # As the mode of the options names it, and as a cursor does.
    name: ClassVar[str]
    number: ClassVar[int]
    # What the app must have been granted, as the site's console lists it.
    interfaces: ClassVar[tuple[str, ...]]

    def search(self, query: m.Query, place: Place, tally: m.Tally) -> m.Page:
        """The page at a place. Raises MarketplaceError, Stopping."""


@dataclass(frozen=True, slots=True)
class Searcher:
    """What both routes need of the account. `name` is the marketplace's."""

    name: str
    gateway: Gateway
    is_loopback: bool
    max_pages: int

    def read(self, parse: Callable[..., Parsed], answer: m.Answer, place: Place) -> Parsed:
        with m.naming(self.name):
            return parse(
                answer.body, answer.url, allow_loopback=self.is_loopback, offset=place.seen
            )

    def page(
        self, found: Parsed, place: Place, asked: int, max_pages: int, tally: m.Tally
    ) -> m.Page:
        """What was found at a place, and where the search goes on."""
        count = len(found.observations)
        # a site that gives smaller pages than asked for has more of them
        size = min(found.page_size or asked, asked)
        is_more = m.has_more(
            page=place.page,
            got=found.got,
            page_size=size,
            total=found.total,
            max_pages=min(max_pages, self.max_pages),
        )
        region = place.next_region(count)
        part = region.write() if region is not None else None
        cursor = place.next_page(count).write() if is_more else part
        return m.Page(found.observations, found.total, cursor, tally.requests, next_part=part)


@dataclass(frozen=True, slots=True)
class Linkplus:
    """1688 loads the picture from a public address."""

    name: ClassVar[str] = "linkplus"
    number: ClassVar[int] = 1
    interfaces: ClassVar[tuple[str, ...]] = (LINKPLUS_SEARCH,)

    searcher: Searcher
    picture_url: str

    def search(self, query: m.Query, place: Place, tally: m.Tally) -> m.Page:
        """The page at a place. Raises MarketplaceError, Stopping."""
        searcher = self.searcher
        address = m.require_picture_address(searcher.name, self.picture_url, query)
        fields = {"picUrl": address, "page": str(place.page), "pageSize": str(LINKPLUS_PAGE)}
        answer = searcher.gateway.call(LINKPLUS_SEARCH, fields, tally)
        found = searcher.read(parse_linkplus, answer, place)
        return searcher.page(found, place, LINKPLUS_PAGE, searcher.max_pages, tally)


@dataclass(frozen=True, slots=True)
class Crossborder:
    """The picture is uploaded, and searched by the id that this gives.

    An id is kept for hours, so that pages, retries and other scans of the picture cost no second
    upload. `extras` join the parameters of the search.
    """

    name: ClassVar[str] = "crossborder"
    number: ClassVar[int] = 2
    interfaces: ClassVar[tuple[str, ...]] = (UPLOAD, IMAGE_QUERY)

    searcher: Searcher
    memory: m.Memory
    search_regions: bool = False
    extras: dict[str, str] = field(default_factory=dict)

    def search(self, query: m.Query, place: Place, tally: m.Tally) -> m.Page:
        """The page at a place. Raises MarketplaceError, Stopping."""
        found = m.PictureIds(self.memory, "image", IMAGE_ID_LIFETIME).search(
            query.sha256,
            make_id=lambda: self._upload(query, tally),
            look=lambda image_id: self._find(image_id, place, tally),
            is_believed=lambda found: _is_believed(found, place),
        )
        if self.search_regions and place == Place(self.number):
            place = Place(self.number, regions=found.regions)
        max_pages = MAX_RECORDS // CROSSBORDER_PAGE
        return self.searcher.page(found, place, CROSSBORDER_PAGE, max_pages, tally)

    def _find(self, image_id: str, place: Place, tally: m.Tally) -> Parsed:
        asked: dict[str, object] = {
            "imageId": image_id,
            "beginPage": place.page,
            "pageSize": CROSSBORDER_PAGE,
            **self.extras,
        }
        if place.region is not None:
            asked["region"] = _write_region(place.region)
        fields = {"offerQueryParam": json.dumps(asked, ensure_ascii=False)}
        answer = self.searcher.gateway.call(IMAGE_QUERY, fields, tally)
        return self.searcher.read(parse_crossborder, answer, place)

    def _upload(self, query: m.Query, tally: m.Tally) -> str:
        """The id of the uploaded picture, of a smaller version where the site takes no larger."""
        image_id: str | None = None
        size = 0
        uploads = m.iter_uploads(
            query.picture, max_bytes=UPLOAD_BYTES, smallest_bytes=SMALLEST_BYTES
        )
        for data in uploads:
            size = len(data)
            image_id = self._upload_once(data, tally)
            if image_id:
                return image_id
        name = self.searcher.name
        if image_id is None:
            raise m.ProtocolError(f"{name}: the upload is said to be done, but no image id came")
        raise m.BadImage(f"{name}: the site takes no version of the picture, even at {size} bytes")

    def _upload_once(self, data: bytes, tally: m.Tally) -> str | None:
        """The id; "" where this version of the picture is not taken, None where none is given."""
        asked = {"imageBase64": base64.b64encode(data).decode()}
        try:
            answer = self.searcher.gateway.call(
                UPLOAD, {"uploadImageParam": json.dumps(asked)}, tally
            )
        except m.PictureTooLarge:
            return ""
        with m.naming(self.searcher.name):
            return parse_image_id(answer.body)


def _is_believed(found: Parsed, place: Place) -> bool:
    """Whether a page by a kept id is the search's own: an empty one may mean that it has run out.

    On the first page it isn't believed, on others only where the site still claims to have found
    something. A region may well show nothing that is sold.
    """
    return bool(found.got or place.in_region or (place.page > 1 and found.total))


def _write_region(region: Region) -> str:
    return ",".join(map(str, region))
