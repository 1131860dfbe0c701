"""A marketplace that the config alone describes: a request's template, JMESPath for the answer."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from functools import partial

import jmespath
from jmespath.exceptions import JMESPathError, JMESPathTypeError

from monitor.marketplaces import plug_in as m
from monitor.marketplaces.sites.http_json.options import KINDS, Options
from monitor.marketplaces.sites.http_json.templates import (
    Values,
    fill,
    fill_all,
    fill_json,
    names_in,
)


class HttpJson(m.Account):
    """One account on an interface that the config describes."""

    def __init__(self, name: str, options: Options, outside: m.Outside) -> None:
        given = (options.api_key, options.api_secret)
        super().__init__(
            name, options.base_url, outside, [key.get_secret_value() for key in given if key]
        )
        self.site = options.site
        self._options = options
        self._reader = Reader(options, allow_loopback=self.is_loopback)

    def search(self, query: m.Query) -> m.Page:
        """One page of a search. Raises MarketplaceError, Stopping."""
        page, offset = m.read_page(query.cursor, self._options.max_pages)
        tally = m.Tally()
        answer = self._ask(query, {"page": page, "offset": offset}, tally)
        with self._reading():
            found = self._reader.read(answer.body, answer.url, offset)
        options = self._options
        more = m.has_more(
            page=page,
            got=found.items,
            page_size=options.page_size,
            total=found.total,
            max_pages=options.max_pages,
        )
        cursor = m.write_cursor(page + 1, offset + len(found.observations)) if more else None
        return m.Page(found.observations, found.total, cursor, tally.requests)

    def _ask(self, query: m.Query, place: Values, tally: m.Tally) -> m.Answer:
        options = self._options
        if options.picture_url is not None:
            address = m.require_picture_address(self.name, options.picture_url, query)
            values = {**place, "picture_url": address, "sha256": query.sha256}
            return self._send(partial(self._call, b"", values), self._reader.judge, tally)

        def build(data: bytes) -> m.Call:
            values = {**place, "sha256": query.sha256}
            if options.file_field is None:
                values["image_base64"] = base64.b64encode(data).decode()
            return self._call(data, values)

        return self._send_picture(
            query.picture,
            build,
            self._reader.judge,
            tally,
            max_bytes=options.max_picture_bytes,
            smallest_bytes=min(m.SMALLEST_UPLOAD_BYTES, options.max_picture_bytes),
        )

    def _call(self, data: bytes, given: Values) -> m.Call:
        """A request with the time of now, signed if the config says how."""
        options = self._options
        values: dict[str, str | int] = {
            **given,
            "page_size": options.page_size,
            "timestamp": int(self._outside.now()),
            "timestamp_ms": int(self._outside.now() * 1000),
        }
        if options.api_key is not None:
            values["api_key"] = options.api_key.get_secret_value()
        if options.api_secret is not None:
            values["api_secret"] = options.api_secret.get_secret_value()
        if options.signature != "none":
            values["signature"] = self._sign(values)
        file = ("image.jpg", data, "image/jpeg")
        return m.Call(
            options.method,
            options.base_url,
            params=fill_all(options.query, values),
            headers=fill_all(options.headers, values),
            form=fill_all(options.form, values),
            files={options.file_field: file} if options.file_field else {},
            json=None if options.body is None else fill_json(options.body, values),
        )

    def _sign(self, values: Values) -> str:
        """The signature over every field of query and form but the one that holds it."""
        options = self._options
        secret, key = str(values["api_secret"]), str(values.get("api_key", ""))
        fields = {
            name: fill(text, values)
            for name, text in {**options.query, **options.form}.items()
            if "signature" not in names_in(text)
        }
        if options.signature == "guide_md5":
            return m.sign_guide(secret, key, int(values["timestamp_ms"]))
        if options.signature == "top_md5":
            return m.sign_top(secret, fields)
        if options.signature == "aop_hmac_sha1":
            return m.sign_aop(secret, options.signature_path, fields)
        return m.sign_iop(secret, fields, path=options.signature_path)


@dataclass(frozen=True, slots=True)
class Reader:
    """Answers -> listings or errors, as the options say. Pure."""

    options: Options
    allow_loopback: bool

    def judge(self, answer: m.Answer) -> m.MarketplaceError | None:
        """The refusal that an answer holds, None where it holds none or isn't JSON."""
        try:
            value = m.load_plain_json(answer.body)
        except ValueError:
            return None
        where = self.options.answer
        try:
            error, code = _find(where.error, value), _find(where.code, value)
            is_ok = where.ok is None or m.parse_flag(_find(where.ok, value)) is True
        except m.ProtocolError as problem:
            return problem
        codes = {key: KINDS[kind] for key, kind in self.options.failures.items()}
        if is_ok and not error and m.clean_text(code, 60) not in codes:
            return None
        if answer.status != 200 and not error and not code:
            return None  # the status says more
        words = error if isinstance(error, str) else ""
        return m.refusal(m.clean_text(words, 300), code=m.clean_text(code, 60), codes=codes)

    def read(self, body: bytes, base: str, offset: int = 0) -> m.Parsed:
        """The listings of a good answer; `offset` is how many the search gave before.

        Raises ProtocolError for another shape.
        """
        try:
            value = m.load_plain_json(body)
        except ValueError as error:
            raise m.ProtocolError("the answer is not JSON") from error
        where = self.options.answer

        def observe(item: dict[str, m.Json], rank: int) -> m.Observation | None:
            return self._observe(item, base, rank)

        items = _find(where.items, value)
        total = m.parse_count(_find(where.total, value))
        # where the config says what a good answer is, nothing else is looked at
        told = None if where.ok is not None else _find("@", value)
        m.check_empty(told, items, None if offset else total, place=where.items)
        found = m.collect(items, observe, place=where.items, offset=offset)
        return m.Parsed(found, len(m.listed(items)), total)

    def _observe(self, item: dict[str, m.Json], base: str, rank: int) -> m.Observation | None:
        where = self.options.answer
        listing = self._listing(_find(where.item_id, item), _find(where.url, item), base)
        if listing is None:
            return None
        return m.observe_listing(
            listing,
            m.picture_link(
                _find(where.picture, item), base=base, allow_loopback=self.allow_loopback
            ),
            title=_find(where.title, item),
            price=m.parse_price(
                _find(where.price, item),
                m.parse_currency(_find(where.currency, item), self.options.currency),
            ),
            seller=m.parse_seller(_find(where.seller_id, item), _find(where.seller, item)),
            sales=_find(where.sales, item),
            rank=rank,
            score=_find(where.score, item),
        )

    def _listing(self, raw_id: m.Json, raw_url: m.Json, base: str) -> m.SiteListing | None:
        """None where there is no id or, on an unknown site, no page."""
        site = self.options.site
        if site in m.KNOWN_SITES:
            return m.find_listing_on(site, raw_id, raw_url)
        try:
            url = m.absolute_url(raw_url, base=base) if isinstance(raw_url, str) else None
        except m.FetchRefused:
            url = None
        item_id = m.parse_id(raw_id) or m.parse_id(url)
        return None if url is None or item_id is None else m.SiteListing(site, item_id, url)


def _find(expression: str | None, value: object) -> m.Json:
    """What an expression finds, None without one. Raises ProtocolError where it can't be asked."""
    if expression is None:
        return None
    try:
        found: m.Json = jmespath.search(expression, value)
    except JMESPathTypeError as error:
        # its own words hold the value
        problem = f"{error.function_name}() can't take what is there, {error.actual_type}"
        raise m.ProtocolError(f"{expression} can't be asked of the answer: {problem}") from None
    except (JMESPathError, TypeError, ValueError, ArithmeticError) as error:
        problem = m.quotable(m.clean_text(str(error), 200))
        raise m.ProtocolError(f"{expression} can't be asked of the answer: {problem}") from error
    return found


def _account(options: Options) -> str | None:
    key = options.api_key
    return None if key is None else f"{options.base_url} {key.get_secret_value()}"


ADAPTER = m.Adapter(
    Options,
    HttpJson,
    account=_account,
    summary="any interface that answers in JSON, described in the config alone",
    needs="its request and its answer described by templates and JMESPath",
)
