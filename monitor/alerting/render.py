"""render: a batch of due deliveries -> the one message that tells them all.

Every alert of a batch has its line, link and id in the text, however long the batch is; pictures
and details go with the first few.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path

from monitor.matching import reasons_in_words
from monitor.model import Attachment, Message
from monitor.storage import PictureFiles
from monitor.storage.deliveries import DueDelivery
from monitor.storage.matches import MatchRow

# Matches told with every detail and a drawing; the others of a batch get two lines each.
IN_FULL = 3
# Mail servers commonly refuse messages above 10 MB, and base64 makes pictures a third larger.
MAX_ATTACHED_BYTES = 6_000_000
NOT_GIVEN = "not given"
_MAX_TITLE = 120

_SUFFIXES = (
    (b"\xff\xd8\xff", "jpg"),
    (b"\x89PNG", "png"),
    (b"GIF8", "gif"),
    (b"BM", "bmp"),
    (b"II*\x00", "tif"),
    (b"MM\x00*", "tif"),
)


def told_in_full(batch: Sequence[DueDelivery]) -> list[MatchRow]:
    """The matches that the batch's message tells with every detail, the best first."""
    return [match for _, match in _best_first(batch)[:IN_FULL]]


def render(
    batch: Sequence[DueDelivery], files: PictureFiles, drawings: Mapping[int, Path] | None = None
) -> Message:
    """One message for a batch of one kind, as `deliveries.claim` gives it.

    `drawings` are files by match id; without one, both pictures of the match go along.
    """
    found = _best_first(batch)
    if not found:
        return _render_texts(batch)
    blocks = [_full(item, match) for item, match in found[:IN_FULL]]
    blocks += [_short(item, match) for item, match in found[IN_FULL:]]
    attachments, left_out = _attach(told_in_full(batch), files, drawings or {})
    lines = [*_heading(batch, len(found)), "\n\n".join(blocks)]
    if left_out:
        lines += ["", f"Not attached: {', '.join(left_out)}."]
    return Message(_title(batch, [match for _, match in found]), "\n".join(lines), attachments)


def _best_first(batch: Sequence[DueDelivery]) -> list[tuple[DueDelivery, MatchRow]]:
    found = [(item, item.match) for item in batch if item.match is not None]
    return sorted(found, key=lambda pair: -pair[1].score)


def _title(batch: Sequence[DueDelivery], found: Sequence[MatchRow]) -> str:
    watch = one_line(batch[0].watch or "?", _MAX_TITLE)
    if batch[0].baseline_cycle_id is not None:
        return f"First scan of watch {watch}: {_count(len(found), 'match', 'matches')}"
    if len(found) > 1:
        return f"{len(found)} listings use your pictures"
    match = found[0]
    return (
        f"{one_line(match.asset, 60)} found on {one_line(match.site, 20)} (score {match.score:.2f})"
    )


def _heading(batch: Sequence[DueDelivery], count: int) -> list[str]:
    if batch[0].baseline_cycle_id is None:
        return []
    return [
        f"The first scan of watch {one_line(batch[0].watch or '?', _MAX_TITLE)} is done. "
        f"{_count(count, 'listing was', 'listings were')} already there; "
        "from now on each new one is told as it appears.",
        "",
    ]


def _count(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _full(item: DueDelivery, match: MatchRow) -> str:
    how = f"{match.relation}{', mirrored' if match.mirrored else ''}"
    reasons = ", ".join(reasons_in_words(match.similarity))
    fields = (
        ("Asset", one_line(match.asset)),
        ("Watch", one_line(match.watch)),
        ("Marketplace", f"{one_line(match.marketplace)} ({one_line(match.site)})"),
        ("Title", one_line(match.title)),
        ("Price", str(match.price or NOT_GIVEN)),
        ("Seller", one_line(match.seller or match.seller_id or NOT_GIVEN)),
        ("Score", f"{match.score:.3f} ({how})"),
        *([("Why", reasons)] if reasons else []),
        ("Link", match.url),
        ("First seen", instant_text(match.first_seen_at)),
        ("Match", str(match.id)),
        ("Alert", item.alert_id),
    )
    return "\n".join(f"{name}: {value}" for name, value in fields)


def _short(item: DueDelivery, match: MatchRow) -> str:
    price = str(match.price or NOT_GIVEN)
    head = f"{match.score:.3f}  {one_line(match.asset, 60)}: {one_line(match.title, 80)} ({price})"
    return f"{head}\n{match.url}  [{item.alert_id}]"


def _render_texts(batch: Sequence[DueDelivery]) -> Message:
    texts = [one_line(item.text or item.event.value, 2_000) for item in batch]
    if len(batch) == 1:
        title = f"Infringement Monitor: {batch[0].event.value.replace('_', ' ')}"
    else:
        title = f"Infringement Monitor: {len(batch)} things need your attention"
    lines = [
        f"{text}\n{instant_text(item.created_at)}  [{item.alert_id}]"
        for item, text in zip(batch, texts, strict=True)
    ]
    return Message(title, "\n\n".join(lines))


def _attach(
    matches: Iterable[MatchRow], files: PictureFiles, drawings: Mapping[int, Path]
) -> tuple[tuple[Attachment, ...], list[str]]:
    """Each match's drawing or both its pictures; what is missing or too large is named."""
    attachments: list[Attachment] = []
    left_out: list[str] = []
    total = 0
    for path, name in dict(_iter_pictures(matches, files, drawings)).items():
        try:
            size = path.stat().st_size
            suffix = _suffix(_head(path))
        except OSError:
            left_out.append(f"{name} (no longer stored)")
            continue
        if total + size > MAX_ATTACHED_BYTES:
            left_out.append(f"{name} (too large for a message)")
            continue
        total += size
        attachments.append(Attachment(path, f"{name}.{suffix}"))
    return tuple(attachments), left_out


def _iter_pictures(
    matches: Iterable[MatchRow], files: PictureFiles, drawings: Mapping[int, Path]
) -> Iterator[tuple[Path, str]]:
    for match in matches:
        asset, item = _file_name(match.asset), _file_name(match.item_id)
        if match.id in drawings:
            yield drawings[match.id], f"why-{asset}-{item}"
        else:
            yield files.path(match.reference_sha256), f"yours-{asset}"
            yield files.path(match.picture_sha256), f"listing-{item}"


def _file_name(text: str) -> str:
    """Safe in any mail program: letters and digits of any script, else a dash."""
    return "".join(char if char.isalnum() else "-" for char in text)[:60] or "picture"


def _head(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(12)


def _suffix(head: bytes) -> str:
    """By content: receivers go by the name, and marketplaces' names lie."""
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "webp"
    if head[4:8] == b"ftyp":
        return "avif"
    return next((suffix for magic, suffix in _SUFFIXES if head.startswith(magic)), "bin")


def one_line(text: str, limit: int = 300) -> str:
    """Text from outside on one line: nothing in it may forge another line of the message."""
    plain = "".join(" " if unicodedata.category(char) in _UNSAFE else char for char in text)
    plain = " ".join(plain.split())
    return plain if len(plain) <= limit else plain[: limit - 1] + "…"


# Control and format characters (newlines, text direction), line and paragraph separators.
_UNSAFE = {"Cc", "Cf", "Cs", "Zl", "Zp"}


def instant_text(instant: datetime) -> str:
    return f"{instant:%Y-%m-%d %H:%M} UTC"
