"""The CSV beside a folder's pictures -> what is known of each listing. Pure but for the file."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from monitor.marketplaces import plug_in as m

COLUMNS = ("file", "title", "url", "price", "currency", "seller_id", "seller", "sales")


@dataclass(frozen=True, slots=True)
class Row:
    """What the CSV says of one picture; `url` is the listing's page."""

    title: str = ""
    url: str | None = None
    price: m.Price | None = None
    seller: m.Seller | None = None
    sales: int | None = None


def read_rows(name: str, file: Path) -> dict[str, Row]:
    """The rows of a CSV by the path in their column `file`; none where there is no such CSV.

    UTF-8, or GB18030 as spreadsheets in China write it. Columns may be left out and others may
    stand beside them; of two rows for one file the later counts. Raises ProtocolError for a file
    without the column `file`, OSError for one that can't be read.
    """
    try:
        text = _decode(file.read_bytes())
    except FileNotFoundError:
        return {}
    rows: dict[str, Row] = {}
    reader = csv.DictReader(io.StringIO(text, newline=""))
    try:
        columns = [(column or "").strip().lower() for column in reader.fieldnames or ()]
        if "file" not in columns:
            known = ", ".join(COLUMNS)
            raise m.ProtocolError(f"{name}: {file.name} has no column `file`; known are: {known}")
        reader.fieldnames = columns
        for record in reader:
            path = (record.get("file") or "").strip().replace("\\", "/")
            if path:
                rows[str(PurePosixPath(path))] = _row(record)
    except csv.Error as error:
        raise m.ProtocolError(f"{name}: {file.name}:{reader.line_num}: {error}") from error
    return rows


def _row(record: dict[str, str | None]) -> Row:
    return Row(
        title=m.clean_title(record.get("title")),
        url=_url(record.get("url")),
        price=m.parse_price(record.get("price"), m.parse_currency(record.get("currency"), "CNY")),
        seller=m.parse_seller(record.get("seller_id"), record.get("seller")),
        sales=m.parse_count(record.get("sales")),
    )


def _url(raw: str | None) -> str | None:
    try:
        return m.absolute_url(raw) if raw else None
    except m.FetchRefused:
        return None


def _decode(data: bytes) -> str:
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError:
        return data.decode("gb18030", errors="replace")
