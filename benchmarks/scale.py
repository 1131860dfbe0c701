"""What thousands of assets cost: loading them, asking the index, a listing, looking back.

    python benchmarks/scale.py IMAGES                        about four minutes
    python benchmarks/scale.py IMAGES --keep FILE            the second time one minute

IMAGES is any folder of pictures; see `corpus.py` for what a manifest adds. Times are of the
processor, not of the clock. Databases are SQLite files in a temporary folder, `--folder` says
where; they take about 1 GB.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")  # one process, as a scan is

import numpy as np
from kinds import KINDS
from scale_pictures import Copy, Known, Pictures, gather
from scale_store import Bench, open_bench

from monitor import matching
from monitor.matching.fingerprint.fingerprint import unpack
from monitor.matching.index.index import NEAR
from monitor.model import Fingerprints
from monitor.scanning.look.look_back import look_back
from monitor.scanning.look.references import load_watch
from monitor.scanning.policy import OBSERVE_EVERY
from monitor.storage.catalogue import assets, listings

RECORD, ALERT = 0.60, 0.85
LOADED: Final = 10_000
ASSETS: Final = (1, 100, 5_000)
PAGES, PER_PAGE = 6, 20
LOOKED_BACK: Final = (1, 20, 500)
STORED: Final = 1_000
_MEGABYTE: Final = 1 << 20


def timed(call: Callable[[], Any]) -> tuple[Any, float]:
    """(what it gives, seconds of the processor)."""
    start = time.process_time()
    result = call()
    return result, time.process_time() - start


# -- the index


def small(prints: Fingerprints) -> Fingerprints:
    return {name: prints[name] for name in matching.INDEX_ALGORITHMS}


def show_index(pictures: Pictures) -> None:
    items = [(known, small(known.prints)) for known in pictures.references]
    index, seconds = timed(lambda: matching.Index.build(items))
    print(f"\n| the index of {len(index)} pictures | |\n|---|---|")
    print(f"| built in | {seconds:.2f} s |")
    asked = [(copy.group, copy.prints) for copy in pictures.copies]
    honest = [("", matching.fingerprint(matching.decode(data))) for data in pictures.honest]
    for name, shown in (("edited copies", asked), ("honest pictures", honest)):
        wrong, spent = _count_wrong(index, shown)
        print(f"| a query, {name} | {spent * 1e3:.2f} ms |")
        print(
            f"| other pictures that it returns, {name} | mean {np.mean(wrong):.2f}, median "
            f"{np.median(wrong):.0f}, 95 % at most {np.percentile(wrong, 95):.0f}, "
            f"most {max(wrong)} |"
        )
    _show_recall(index, pictures)


def _count_wrong(
    index: matching.Index[Known], shown: Sequence[tuple[str, Fingerprints]]
) -> tuple[list[int], float]:
    for _, prints in shown:
        unpack(prints)  # a scan has it in hand
    found, seconds = timed(lambda: [index.query(prints) for _, prints in shown])
    wrong = [
        sum(candidate.key.group != group for candidate in candidates)
        for (group, _), candidates in zip(shown, found, strict=True)
    ]
    return wrong, seconds / len(shown)


def _show_recall(index: matching.Index[Known], pictures: Pictures) -> None:
    """Of the copies that the comparison knows, those that the index returns."""
    rows = []
    for copy in pictures.copies:
        if copy.score >= RECORD:
            near = dict(index.near(copy.prints, 64))
            distance = next(d for known, d in near.items() if known.path == copy.path)
            is_found = copy.path in {found.key.path for found in index.query(copy.prints)}
            rows.append((copy, distance, is_found))
    print("\n| copies that score 0.60 or more | copies | returned | of those from 0.85 on |")
    print("|---|---|---|---|")
    _show_row("**all**", rows)
    _show_row(f"near-duplicates (hashes within {NEAR} bits)", [r for r in rows if r[1] <= NEAR])
    _show_row("near-duplicates (within 16 bits)", [r for r in rows if r[1] <= 16])
    _show_row("the others: partial copies", [r for r in rows if r[1] > 16])
    for kind in KINDS:
        of_kind = [row for row in rows if row[0].kind == kind]
        if not all(is_found for _, _, is_found in of_kind):
            _show_row(kind, of_kind)
    print("\nEvery kind that is not listed: all returned.")


def _show_row(name: str, rows: Sequence[tuple[Copy, int, bool]]) -> None:
    told = [is_found for copy, _, is_found in rows if copy.score >= ALERT]
    found = [is_found for _, _, is_found in rows]
    if rows:
        share = f"{np.mean(told):.4f}" if told else ""
        print(f"| {name} | {len(rows)} | {np.mean(found):.4f} | {share} |")


# -- loading


def show_loading(folder: Path, references: Sequence[Known]) -> None:
    many = [
        replace(references[number % len(references)], path=f"{number}.jpg")
        for number in range(LOADED)
    ]
    with open_bench(folder, "loading") as bench:
        bench.add(many)
    context = multiprocessing.get_context("spawn")
    with context.Pool(1) as pool:
        figures = pool.apply(_load_in_a_fresh_process, (folder,))
    print(f"\n| {LOADED} reference pictures from SQLite, with their index | |\n|---|---|")
    for name, figure in figures.items():
        print(f"| {name} | {figure} |")


def _load_in_a_fresh_process(folder: Path) -> dict[str, str]:
    with open_bench(folder, "loading") as bench:
        matching.Index.build([])
        before = _resident()
        _, first = timed(lambda: load_watch(bench.context, bench.watch_id))
        after, most = _resident(), _resident("VmHWM")
        _, again = timed(lambda: load_watch(bench.context, bench.watch_id))
    return {
        "time": f"{first:.2f} s",
        "memory": f"{after - before:.0f} MB, {most - before:.0f} MB while loading",
        "time of the next scan": f"{again * 1e3:.1f} ms",
    }


def _resident(name: str = "VmRSS") -> float:
    """Megabytes of this process; `VmHWM` is the most so far."""
    for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
        if line.startswith(name):
            return int(line.split()[1]) * 1024 / _MEGABYTE
    raise RuntimeError("no such line; this needs Linux")


# -- a listing


def show_listings(folder: Path, pictures: Pictures) -> None:
    """New listings of one asset's search: two honest ones for each copy."""
    copies = [copy for copy in pictures.copies if copy.path == pictures.copies[0].path]
    chosen = next(known for known in pictures.references if known.path == copies[0].path)
    others = [known for known in pictures.references if known.group != chosen.group]
    total = PAGES * PER_PAGE
    shown = list(pictures.honest[: total * 2 // 3])
    shown += [copy.data for copy in copies[: total - len(shown)]]
    shown = [shown[place] for place in np.random.default_rng(3).permutation(len(shown))]
    print("\n| assets in the watch | a new listing | to one asset | compared | a known listing |")
    print("|---|---|---|---|---|")
    first = 0.0
    for count in ASSETS:
        with open_bench(folder, f"listings-{count}") as bench:
            reference = bench.add([chosen, *others[: count - 1]])[0]
            scan = bench.claim(reference)
            load_watch(bench.context, bench.watch_id)
            new = _scan(bench, scan, shown)
            compared = _count(bench, "comparisons") / len(shown)
            known = _scan(bench, scan, shown)
        first = first or new
        print(
            f"| {count} | {new * 1e3:.1f} ms | {new / first:.2f} x | {compared:.2f} "
            f"| {known * 1e3:.2f} ms |"
        )
    _show_parts(shown, chosen.prints)


def _scan(bench: Bench, scan: Any, shown: Sequence[bytes]) -> float:
    """Seconds of the processor for a listing, everything but the download."""
    pages = [
        bench.page(str(number), shown[number * PER_PAGE : (number + 1) * PER_PAGE])
        for number in range(len(shown) // PER_PAGE)
    ]

    return timed(lambda: bench.look_at(scan, pages))[1] / (len(pages) * PER_PAGE)


def _count(bench: Bench, table: str) -> int:
    with bench.store.reading() as conn:
        counted = conn.exec_driver_sql(f"SELECT count(*) FROM {table}")  # noqa: S608
        return int(counted.scalar_one())


def _show_parts(shown: Sequence[bytes], original: Fingerprints) -> None:
    prints, seconds = timed(lambda: [matching.fingerprint(matching.decode(data)) for data in shown])
    _, compared = timed(lambda: [matching.compare(original, seen) for seen in prints])
    print(f"\nOf it: decode and fingerprints {seconds / len(shown) * 1e3:.1f} ms,")
    print(f"the comparison with the searched asset {compared / len(shown) * 1e3:.1f} ms.")


# -- looking back


def show_look_back(folder: Path, pictures: Pictures) -> None:
    """Listings with the last references' pictures, then the first references come as new."""
    stored = pictures.references[-STORED:]
    print(
        "\n| new reference pictures | a stored listing picture | candidates each |\n|---|---|---|"
    )
    for count in LOOKED_BACK:
        with open_bench(folder, f"look-back-{count}") as bench:
            _store_listings(bench, stored, pictures.references[0])
            bench.context.cache.indexes.drop(f"watch {bench.watch_id}")
            before = _count(bench, "comparisons")
            bench.add(pictures.references[1 : 1 + count])
            _, seconds = timed(lambda: _look_back(bench))
            compared = (_count(bench, "comparisons") - before) / STORED
        print(f"| {count} | {seconds / STORED * 1e3:.2f} ms | {compared:.3f} |")


def _store_listings(bench: Bench, stored: Sequence[Known], first: Known) -> None:
    """As if scans had seen them: their fingerprints are given, their pictures' files are not."""
    bench.add([first, *stored])
    with bench.store.reading() as conn:
        references = assets.iter_references(conn, bench.watch_id)
    by_path = {reference.path: reference.sha256 for reference in references}
    (reference,) = bench.add([first])
    scan = bench.claim(reference)
    page = bench.page("stored", [b""] * len(stored))
    with bench.store.writing() as conn:
        for seen, known in zip(page.observations, stored, strict=True):
            listings.record(
                conn,
                scan.id,
                seen,
                by_path[known.path],
                None,
                bench.context.clock(),
                observe_every=OBSERVE_EVERY,
            )
    _look_back(bench)


def _look_back(bench: Bench) -> None:
    while look_back(bench.context, bench.rules):
        pass


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure what thousands of assets cost.")
    parser.add_argument("images", type=Path)
    parser.add_argument("--references", type=int, default=max(ASSETS))
    parser.add_argument("--sample", type=int, default=40, help="originals that are edited")
    parser.add_argument("--keep", type=Path, help="keep fingerprints and edits here (pickle)")
    parser.add_argument("--folder", type=Path, help="where the databases are made")
    arguments = parser.parse_args()
    pictures = gather(arguments.images, arguments.references, arguments.sample, arguments.keep)
    print(f"{len(pictures.references)} reference pictures, {len(pictures.copies)} edited copies")
    show_index(pictures)
    with tempfile.TemporaryDirectory(dir=arguments.folder) as folder:
        show_listings(Path(folder), pictures)
        show_look_back(Path(folder), pictures)
        show_loading(Path(folder), pictures.references)


if __name__ == "__main__":
    main()
