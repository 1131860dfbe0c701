"""store -> one self-contained HTML file: reference and listing pictures side by side."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from monitor import matching
from monitor.errors import InputError, NotFound, PictureError, StoreError
from monitor.matching import Image
from monitor.storage import PictureFiles, Store, matches, scans
from monitor.storage.matches import MatchRow
from monitor.storage.scans import ScanHealth

# Thumbnails keep a report of hundreds of matches at a size that a mail can carry.
_THUMBNAIL = (320, 320)


@dataclass(frozen=True, slots=True)
class Shown:
    """A match with its pictures as data URIs; None where the file is gone."""

    match: MatchRow
    reference: str | None
    listing: str | None


@dataclass(frozen=True, slots=True)
class Report:
    """What one report says."""

    made_at: datetime
    shown: tuple[Shown, ...]
    found: int
    scans: tuple[ScanHealth, ...]

    @property
    def failed(self) -> list[ScanHealth]:
        """The scans that did not see everything: their silence proves nothing."""
        return [scan for scan in self.scans if scan.outcome not in ("ok", "empty")]


def build_report(
    store: Store,
    files: PictureFiles,
    now: datetime,
    *,
    watch: str | None = None,
    min_score: float | None = None,
    limit: int = 500,
) -> Report:
    """The best `limit` matches with their pictures, and the health of the newest scans.

    Raises StoreError.
    """
    with store.reading() as conn:
        rows = matches.list_rows(conn, watch=watch, min_score=min_score)
        health = scans.list_health(conn, limit=200)
    chosen = [row for row in health if watch is None or row.watch == watch]
    thumbnails = _Thumbnails(files)
    shown = tuple(thumbnails.show(row) for row in rows[:limit])
    return Report(now, shown, len(rows), tuple(chosen))


def write_report(report: Report, path: Path) -> None:
    """Write the report as one HTML file. Raises InputError if the file can't be written."""
    # escaping is on: titles and seller names come from outside
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    html = environment.from_string(_TEMPLATE).render(report=report)
    try:
        path.write_text(html, encoding="utf-8")
    except OSError as error:
        raise InputError(f"can't write the report {path}: {error.strerror}") from error


class _Thumbnails:
    """Each picture is read and made smaller once."""

    def __init__(self, files: PictureFiles) -> None:
        self._files = files
        self._known: dict[str, str | None] = {}

    def show(self, row: MatchRow) -> Shown:
        return Shown(row, self._uri(row.reference_sha256), self._uri(row.picture_sha256))

    def _uri(self, sha256: str) -> str | None:
        if sha256 not in self._known:
            self._known[sha256] = self._make(sha256)
        return self._known[sha256]

    def _make(self, sha256: str) -> str | None:
        try:
            image = matching.decode(self._files.read(sha256)).image
        except (NotFound, StoreError, PictureError):
            return None
        return data_uri(image)


def data_uri(image: Image) -> str:
    """A JPEG thumbnail as `data:` URI, so that the report needs no other file."""
    small = image.copy()
    small.thumbnail(_THUMBNAIL)
    buffer = io.BytesIO()
    small.save(buffer, "JPEG", quality=80)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode("ascii")


def summary(report: Report) -> Iterable[str]:
    """What the report holds, in lines."""
    yield f"{report.found} matches, {len(report.shown)} shown"
    if report.failed:
        yield f"{len(report.failed)} scans did not see everything"


_TEMPLATE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy"
 content="default-src 'none'; img-src data:; style-src 'unsafe-inline'">
<title>Matches: {{ report.found }}</title>
<style>
:root { color-scheme: light dark; --line: #8884; --soft: #8882; }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem }
h1 { font-size: 1.5rem; margin: 0 } .soft { opacity: .7 }
.match { border: 1px solid var(--line); border-radius: .6rem; margin: 1rem 0; padding: 1rem;
  display: grid; grid-template-columns: 1fr 1fr 1.3fr; gap: 1rem; break-inside: avoid }
figure { margin: 0; min-width: 0 }
figure img, .gone { width: 100%; height: 14rem; object-fit: contain; background: var(--soft);
  border-radius: .3rem; display: grid; place-items: center }
figcaption { font-size: .85rem; opacity: .7; margin-top: .3rem; overflow-wrap: anywhere }
.facts h2 { font-size: 1.05rem; margin: 0 0 .4rem; overflow-wrap: anywhere }
dl { display: grid; grid-template-columns: auto 1fr; gap: .1rem .8rem; margin: 0; font-size: .9rem }
dt { opacity: .7 } dd { margin: 0; overflow-wrap: anywhere }
.score { font-weight: 700; font-variant-numeric: tabular-nums }
.warn { border-left: 4px solid #d00; padding: .3rem .8rem; background: #d001 }
table { border-collapse: collapse; font-size: .85rem; width: 100% }
td, th { text-align: left; padding: .25rem .5rem; border-bottom: 1px solid var(--line) }
@media (max-width: 45rem) { .match { grid-template-columns: 1fr 1fr }
  .facts { grid-column: 1 / -1 } }
</style>
</head>
<body>
<h1>{{ report.found }} match{{ "" if report.found == 1 else "es" }}</h1>
<p class="soft">Made {{ report.made_at.strftime("%Y-%m-%d %H:%M") }} UTC.
{% if report.shown|length < report.found %}The {{ report.shown|length }} best are shown.
{% endif %}A score says how much alike two pictures are; whether a listing infringes, people decide.
</p>
{% if report.failed %}
<p class="warn">{{ report.failed|length }} of the last {{ report.scans|length }} scans did not see
everything: that a copy is missing here does not mean that there is none.</p>
{% endif %}
{% for item in report.shown %}
<section class="match">
<figure>{% if item.reference %}<img src="{{ item.reference }}" alt="Your picture">
{% else %}<div class="gone">no longer stored</div>{% endif %}
<figcaption>Yours: {{ item.match.reference_path }}</figcaption></figure>
<figure>{% if item.listing %}<img src="{{ item.listing }}" alt="The listing's picture">
{% else %}<div class="gone">no longer stored</div>{% endif %}
<figcaption>Listing: {{ item.match.site }} {{ item.match.item_id }}</figcaption></figure>
<div class="facts">
<h2>{{ item.match.title[:200] }}</h2>
<dl>
<dt>Asset</dt><dd>{{ item.match.asset }}</dd>
<dt>Score</dt><dd><span class="score">{{ "%.3f"|format(item.match.score) }}</span>
 {{ item.match.relation }}{{ ", mirrored" if item.match.mirrored else "" }}</dd>
<dt>Marketplace</dt><dd>{{ item.match.marketplace }}</dd>
<dt>Price</dt><dd>{{ item.match.price or "not given" }}</dd>
<dt>Seller</dt><dd>{{ item.match.seller or item.match.seller_id or "not given" }}</dd>
<dt>Link</dt><dd>{% if item.match.url.startswith(("https://", "http://")) -%}
<a href="{{ item.match.url }}" rel="noreferrer noopener">{{ item.match.url }}</a>
{%- else %}{{ item.match.url }}{% endif %}</dd>
<dt>First seen</dt><dd>{{ item.match.first_seen_at.strftime("%Y-%m-%d %H:%M") }} UTC</dd>
<dt>Verdict</dt><dd>{{ item.match.verdict.value }}</dd>
<dt>Match</dt><dd>{{ item.match.id }}</dd>
</dl>
</div>
</section>
{% else %}
<p>No matches{% if not report.scans %}: nothing has been scanned yet{% endif %}.</p>
{% endfor %}
<h2>Newest scans</h2>
<table>
<tr><th>Started</th><th>Watch</th><th>Marketplace</th><th>Picture</th><th>Outcome</th>
<th>Listings</th><th>New matches</th></tr>
{% for scan in report.scans[:50] %}
<tr><td>{{ scan.started_at.strftime("%Y-%m-%d %H:%M") if scan.started_at else "not yet" }}</td>
<td>{{ scan.watch }}</td><td>{{ scan.marketplace }}</td><td>{{ scan.reference_picture }}</td>
<td>{{ scan.outcome or "open" }}{% if scan.error %}: {{ scan.error }}{% endif %}</td>
<td>{{ scan.listings_seen }}</td><td>{{ scan.matches_new }}</td></tr>
{% endfor %}
</table>
</body>
</html>
"""
