"""1688 image search through its official open gateway, by either of its two interfaces.

Which one an app may use depends on what it was granted. `crossborder` takes the picture itself,
`linkplus` the address of one; mode `auto` takes what fits and goes over to the other when the
gateway declines.
"""

from __future__ import annotations

import json
import logging
from datetime import timedelta
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from monitor.marketplaces import plug_in as m
from monitor.marketplaces.sites.alibaba_1688.gateway import Gateway
from monitor.marketplaces.sites.alibaba_1688.listings import SITE
from monitor.marketplaces.sites.alibaba_1688.places import Place, read_place
from monitor.marketplaces.sites.alibaba_1688.routes import Crossborder, Linkplus, Route, Searcher

log = logging.getLogger(__name__)

DEFAULT_BASE_URL = "https://gw.open.1688.com/openapi"
# A new grant is noticed after this time at the latest.
DECLINE_LIFETIME = timedelta(days=1)


def _check_country(value: str) -> str:
    """A language of translations; titles in Chinese come anyway."""
    if value.startswith("zh"):
        raise ValueError("the site translates from Chinese, not into it: take en, ja, ko, ru ...")
    return value


Country = Annotated[str, Field(pattern=r"^[a-z]{2}$"), AfterValidator(_check_country)]
Filters = tuple[Annotated[str, Field(pattern=r"^[A-Za-z0-9]+$")], ...]


class Options(m.Options):
    """The keys of `[marketplaces.NAME]` with `type = "alibaba_1688"`."""

    base_url: m.Address = DEFAULT_BASE_URL
    app_key: m.Key
    app_secret: m.Secret
    access_token: m.Secret
    refresh_token: m.Secret | None = None
    mode: Literal["auto", "linkplus", "crossborder"] = "auto"
    picture_url: m.PictureUrl | None = None
    max_pages: m.MaxPages = 10
    # of crossborder only, from here on
    search_regions: bool = False
    country: Country = "en"
    filters: Filters = ()
    sort: Annotated[str, Field(pattern=r"^[A-Za-z]+:(asc|desc)$")] | None = None

    @model_validator(mode="after")
    def _check_mode(self) -> Self:
        """What a mode needs, and what it would not heed."""
        if self.mode == "linkplus" and self.picture_url is None:
            raise ValueError('mode = "linkplus" needs picture_url: 1688 loads pictures from there')
        unheeded = [key for key in ("search_regions", "filters", "sort") if getattr(self, key)]
        if self.mode == "linkplus" and unheeded:
            raise ValueError(f'mode = "linkplus" knows no {", ".join(unheeded)}')
        return self


class Alibaba1688(m.Account):
    """One app on the open gateway."""

    site = SITE

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        app_secret = options.app_secret.get_secret_value()
        access = options.access_token.get_secret_value()
        refresh = options.refresh_token.get_secret_value() if options.refresh_token else None
        secrets = (app_secret, access, options.app_key, *([refresh] if refresh else []))
        super().__init__(name, options.base_url, outside, secrets)
        self._gateway = Gateway(
            name,
            outside,
            self._send,
            base_url=options.base_url,
            app_key=options.app_key,
            app_secret=app_secret,
            start=m.Token(access, refresh),
        )
        self._options = options
        searcher = Searcher(name, self._gateway, self.is_loopback, options.max_pages)
        self._crossborder = Crossborder(
            searcher, outside.memory, options.search_regions, _extras(options)
        )
        url = options.picture_url
        self._linkplus = Linkplus(searcher, url) if url is not None else None

    def search(self, query: m.Query) -> m.Page:
        """One page by the first route that is not declined. Raises MarketplaceError, Stopping.

        A cursor goes on with its route; where that is declined, the search begins anew by the
        other one.
        """
        tally = m.Tally()
        place = read_place(query.cursor)
        refused: list[str] = []
        for route in self._routes(query, place):
            start = place if place and place.route == route.number else Place(route.number)
            try:
                page = route.search(query, start, tally)
            except m.PermissionDenied as error:
                refused.append(self._note_declined(route, error))
                continue
            self._note_granted(route)
            return page
        raise m.PermissionDenied("; ".join(refused))

    def probe(self) -> m.Standing:
        """Whether key and signature are good, and how far the clocks are apart.

        It needs no permission and doesn't look at the token. What was declined is forgotten, so
        that the next search notices a new grant. Raises MarketplaceError, Stopping.
        """
        offset = self._gateway.ask_time(m.Tally())
        for route in (Linkplus, Crossborder):
            self._outside.memory.forget(_declined_key(route.name))
        side = "behind" if offset > 0 else "ahead of"
        clock = f"is {abs(offset):.0f} s {side} the site's" if offset else "agrees with the site's"
        return m.Standing(
            f"app key and secret are good, this machine's clock {clock}; "
            "the access token and permissions show with a search"
        )

    def _routes(self, query: m.Query, place: Place | None) -> list[Route]:
        """The routes to try, in order; those that were declined come last, but come.

        Then nothing else is left, and a search that asks in vain says what is missing.
        """
        mode, linkplus = self._options.mode, self._linkplus
        if mode == "crossborder" or linkplus is None:
            return [self._crossborder]
        if mode == "linkplus":
            return [linkplus]
        if m.picture_address(linkplus.picture_url, query) is None:
            return [self._crossborder]
        routes: list[Route] = [linkplus, self._crossborder]
        if place is not None:
            routes.sort(key=lambda route: route.number != place.route)
        return sorted(routes, key=self._is_declined)

    @property
    def _may_switch(self) -> bool:
        return self._options.mode == "auto" and self._linkplus is not None

    def _is_declined(self, route: Route) -> bool:
        return self._outside.memory.find(_declined_key(route.name)) is not None

    def _note_declined(self, route: Route, error: m.PermissionDenied) -> str:
        """Remember it where there is another route. Gives what is wrong, and what to ask for."""
        wanted = " and ".join(_as_listed(interface) for interface in route.interfaces)
        problem = f"{error}; the app needs a permission (solution) with {wanted}"
        if not self._may_switch:
            return problem
        if not self._is_declined(route):
            log.warning("%s; %s is not tried first again for a day", problem, route.name)
        self._outside.memory.keep(_declined_key(route.name), "declined", DECLINE_LIFETIME)
        return problem

    def _note_granted(self, route: Route) -> None:
        if self._may_switch and self._is_declined(route):
            self._outside.memory.forget(_declined_key(route.name))


def _declined_key(route_name: str) -> str:
    return f"declined {route_name}"


def _as_listed(interface: str) -> str:
    """As the site's console names it: `NAMESPACE:NAME-VERSION`."""
    return f"{interface.replace('/', ':')}-1"


def _extras(options: Options) -> dict[str, str]:
    """The parameters of a crossborder search that the config sets."""
    extras = {"country": options.country}
    if options.filters:
        extras["filter"] = ",".join(options.filters)
    if options.sort is not None:
        key, _, direction = options.sort.partition(":")
        extras["sort"] = json.dumps({key: direction})
    return extras


ADAPTER = m.Adapter(
    Options,
    Alibaba1688,
    account=lambda options: options.app_key,
    summary="1688.com through its official open gateway, by picture upload or picture address",
    needs="an app on open.1688.com that was granted an image search: app_key, app_secret, "
    "access_token",
)
