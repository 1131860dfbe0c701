"""The reference pictures of a watch, with the index that finds them in listing pictures.

5,000 reference pictures take a second to load, and every scan needs them: the index is kept while
the store says that nothing has changed.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from monitor import matching
from monitor.model import Fingerprints, ReferencePicture
from monitor.scanning.cache import Indexed
from monitor.scanning.context import ScanContext
from monitor.scanning.pictures import load_index_prints, load_prints
from monitor.scanning.policy import INDEXED_AT_ONCE
from monitor.storage.catalogue import assets


def load_watch(context: ScanContext, watch_id: int) -> Indexed:
    """The watch's pictures in use. Raises StoreError."""
    with context.store.reading() as conn:
        state = assets.find_state(conn, watch_id, matching.INDEX_ALGORITHMS)
        cached = context.cache.indexes.get(f"watch {watch_id}")
        if cached is not None and cached.state == state:
            return cached
        references = assets.iter_references(conn, watch_id)
    return load_indexed(context, f"watch {watch_id}", state, references)


def load_indexed(
    context: ScanContext, name: str, state: object, references: Sequence[ReferencePicture]
) -> Indexed:
    """These pictures with their index, kept under the name until it is asked for another state.

    Those whose fingerprints can't be had are in no index. Raises StoreError.
    """
    cache = context.cache
    with cache.building:
        cached = cache.indexes.get(name)
        if cached is not None and cached.state == state:
            return cached
        index = matching.Index.build(_iter_prints(context, references))
        made = Indexed(state, tuple(references), index)
        cache.indexes.put(name, made, size=len(references))
        return made


def _iter_prints(
    context: ScanContext, references: Sequence[ReferencePicture]
) -> Iterator[tuple[ReferencePicture, Fingerprints]]:
    for start in range(0, len(references), INDEXED_AT_ONCE):
        part = references[start : start + INDEXED_AT_ONCE]
        prints = load_index_prints(context, {reference.sha256 for reference in part})
        for reference in part:
            if reference.sha256 in prints:
                yield reference, prints[reference.sha256]


def load_reference_prints(
    context: ScanContext, sha256s: Collection[str]
) -> dict[str, Fingerprints]:
    """All that a comparison needs of these reference pictures; the same few are asked for often.

    Those whose fingerprints can't be had are left out. Raises StoreError.
    """
    cache = context.cache.prints
    found = {sha256: prints for sha256 in sha256s if (prints := cache.get(sha256)) is not None}
    loaded = load_prints(context, set(sha256s) - found.keys())
    for sha256, prints in loaded.items():
        cache.put(sha256, prints)
    return found | loaded
