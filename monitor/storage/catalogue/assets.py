"""Assets and their reference pictures, kept in step with a watch's folder."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import sqlalchemy as sa

from monitor.errors import Ambiguous, Unknown
from monitor.model import FoundPicture, ReferencePicture, Rights
from monitor.storage.catalogue import watches as watch_rows
from monitor.storage.db.engine import Connection
from monitor.storage.db.rows import to_noun
from monitor.storage.db.text import clean
from monitor.storage.tables import assets, fingerprints, matches, reference_pictures, watches


@dataclass(frozen=True, slots=True)
class AssetChanges:
    """What a folder has changed since it was last read; paths relative to the folder."""

    added: tuple[str, ...] = ()
    renamed: tuple[str, ...] = ()
    changed: tuple[str, ...] = ()
    retired: tuple[str, ...] = ()
    duplicates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AssetRow:
    """An asset; `reference_pictures` are the paths of its `pictures` in use."""

    id: int
    watch: str
    name: str
    right_kind: str | None
    certificate: str | None
    territory: str | None
    official_url: str | None
    published_at: str | None
    tags: tuple[str, ...]
    pictures: int
    matches: int
    created_at: datetime
    retired_at: datetime | None
    reference_pictures: tuple[str, ...]


def iter_references(conn: Connection, watch_id: int) -> list[ReferencePicture]:
    """The watch's reference pictures in use, by path."""
    rows = conn.execute(
        sa.select(
            reference_pictures.c.id,
            reference_pictures.c.asset_id,
            assets.c.name,
            reference_pictures.c.sha256,
            reference_pictures.c.path,
        )
        .select_from(reference_pictures.join(assets))
        .where(assets.c.watch_id == watch_id, reference_pictures.c.retired_at.is_(None))
        .order_by(reference_pictures.c.path, reference_pictures.c.id)
    )
    return [ReferencePicture(row.id, row.asset_id, row.name, row.sha256, row.path) for row in rows]


def find_state(conn: Connection, watch_id: int, algorithms: Collection[str]) -> tuple[object, ...]:
    """Something that differs once the watch's pictures in use, or their fingerprints, do.

    Equal states of one watch mean the same pictures with as many fingerprints of the algorithms:
    what comes has a new id or counts again, what goes is retired at a later time.
    """
    in_use = reference_pictures.c.retired_at.is_(None)
    mine = assets.c.watch_id == watch_id
    pictures = conn.execute(
        sa.select(
            sa.func.count().filter(in_use),
            sa.func.sum(reference_pictures.c.id).filter(in_use),
            sa.func.max(reference_pictures.c.retired_at),
        )
        .select_from(reference_pictures.join(assets))
        .where(mine)
    ).one()
    prints = conn.execute(
        sa.select(sa.func.count())
        .select_from(reference_pictures.join(assets))
        .join(fingerprints, fingerprints.c.sha256 == reference_pictures.c.sha256)
        .where(mine, in_use, fingerprints.c.algorithm.in_(algorithms))
    ).scalar_one()
    return (*pictures, prints)


def sync(
    conn: Connection,
    watch_id: int,
    found: Sequence[FoundPicture],
    now: datetime,
    unreadable_paths: set[str],
) -> AssetChanges:
    """Make assets and reference pictures what the folder holds; nothing is deleted.

    The same sha256 under a new name is the same picture: its asset, with verdicts and matches,
    follows the name. New bytes under a known path, the old ones gone, are a new picture of the same
    asset. A file that is there but can't be read now keeps its picture. Of two files with the same
    bytes the first counts. An asset's rights are those that its files are given, the first file's
    where two differ; its tags are those of all its files. The rows of the pictures themselves must
    be there.
    """
    watch_rows.lock(conn, watch_id)
    return _Sync(conn, watch_id, now).run(found, unreadable_paths)


@dataclass(slots=True)
class _Sync:
    """One run of `sync`."""

    conn: Connection
    watch_id: int
    now: datetime
    added: list[str] = field(default_factory=list)
    renamed: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    duplicates: list[str] = field(default_factory=list)

    def run(self, found: Sequence[FoundPicture], unreadable_paths: set[str]) -> AssetChanges:
        known = self._load_known()
        unreadable = {clean(path) for path in unreadable_paths}
        chosen: dict[str, FoundPicture] = {}
        for picture in found:
            if picture.sha256 in chosen:
                self.duplicates.append(picture.path)
            else:
                chosen[picture.sha256] = picture
        by_sha256 = {row.sha256: row for row in known}
        replaced = {
            row.path: row for row in known if row.retired_at is None and row.sha256 not in chosen
        }
        origins = {
            sha256: origin
            for sha256, picture in chosen.items()
            if (origin := by_sha256.get(sha256) or replaced.get(clean(picture.path))) is not None
        }
        self._follow_names(chosen, origins)
        for sha256, picture in chosen.items():
            if sha256 in by_sha256:
                self._keep(picture, by_sha256[sha256])
            else:
                self._add(picture, origins.get(sha256))
        retired = self._retire(known, set(chosen), unreadable)
        self._sync_assets(list(chosen.values()))
        return AssetChanges(
            tuple(self.added),
            tuple(self.renamed),
            tuple(self.changed),
            retired,
            tuple(self.duplicates),
        )

    def _load_known(self) -> list[sa.Row[tuple[object, ...]]]:
        """Every reference picture, the retired first, so that one in use wins over them."""
        statement = (
            sa.select(reference_pictures, assets.c.name.label("asset"))
            .select_from(reference_pictures.join(assets))
            .where(assets.c.watch_id == self.watch_id)
            .order_by(reference_pictures.c.retired_at.is_(None), reference_pictures.c.id)
        )
        return list(self.conn.execute(statement).all())

    def _follow_names(
        self,
        chosen: dict[str, FoundPicture],
        origins: dict[str, sa.Row[tuple[object, ...]]],
    ) -> None:
        """Rename an asset when all of its pictures that are still there bear one new name."""
        wanted: dict[int, set[str]] = {}
        names: dict[int, str] = {}
        for sha256, old in origins.items():
            wanted.setdefault(old.asset_id, set()).add(clean(chosen[sha256].asset))
            names[old.asset_id] = old.asset
        renames: dict[str, int] = {}
        for asset_id, new_names in wanted.items():
            if len(new_names) == 1 and new_names != {names[asset_id]}:
                renames.setdefault(new_names.pop(), asset_id)
        self._rename_assets(renames)

    def _rename_assets(self, renames: dict[str, int]) -> None:
        """Give these names, but those that another asset bears and keeps. Two may swap theirs."""
        rows = self.conn.execute(
            sa.select(assets.c.id, assets.c.name).where(assets.c.watch_id == self.watch_id)
        )
        holders = {row.name: row.id for row in rows}
        renames = dict(renames)
        while kept := [name for name in renames if not _is_free(name, holders, renames)]:
            for name in kept:
                del renames[name]
        # first to a name that no file can have: the wanted one may still be borne by the next
        for asset_id in renames.values():
            self._rename_asset(asset_id, f"/{asset_id}")
        for name, asset_id in renames.items():
            self._rename_asset(asset_id, name)

    def _rename_asset(self, asset_id: int, name: str) -> None:
        self.conn.execute(sa.update(assets).where(assets.c.id == asset_id).values(name=name))

    def _keep(self, picture: FoundPicture, old: sa.Row[tuple[object, ...]]) -> None:
        path = clean(picture.path)
        if old.retired_at is not None:
            self.added.append(path)
        elif old.path != path:
            self.renamed.append(path)
        self.conn.execute(
            sa.update(reference_pictures)
            .where(reference_pictures.c.id == old.id)
            .values(path=path, retired_at=None)
        )

    def _add(self, picture: FoundPicture, replaced: sa.Row[tuple[object, ...]] | None) -> None:
        path = clean(picture.path)
        (self.added if replaced is None else self.changed).append(path)
        self.conn.execute(
            sa.insert(reference_pictures).values(
                asset_id=self._asset_id(picture) if replaced is None else replaced.asset_id,
                sha256=picture.sha256,
                path=path,
                added_at=self.now,
            )
        )

    def _asset_id(self, picture: FoundPicture) -> int:
        """The asset of that name, made if it is new."""
        name = clean(picture.asset)
        found = self.conn.execute(
            sa.select(assets.c.id).where(assets.c.watch_id == self.watch_id, assets.c.name == name)
        ).scalar()
        if found is not None:
            return int(found)
        made = self.conn.execute(
            sa.insert(assets)
            .values(watch_id=self.watch_id, name=name, tags=[], created_at=self.now)
            .returning(assets.c.id)
        )
        return int(made.scalar_one())

    def _retire(
        self,
        known: Sequence[sa.Row[tuple[object, ...]]],
        present: set[str],
        unreadable_paths: set[str],
    ) -> tuple[str, ...]:
        gone = [
            row
            for row in known
            if row.retired_at is None
            and row.sha256 not in present
            and row.path not in unreadable_paths
        ]
        for row in gone:
            self.conn.execute(
                sa.update(reference_pictures)
                .where(reference_pictures.c.id == row.id)
                .values(retired_at=self.now)
            )
        return tuple(row.path for row in gone)

    def _sync_assets(self, chosen: Sequence[FoundPicture]) -> None:
        """Rights and tags as assets.csv has them; assets without a picture in use are retired."""
        by_sha256 = {row.sha256: row for row in self._load_known() if row.retired_at is None}
        files: dict[int, list[FoundPicture]] = {}
        for picture in chosen:
            files.setdefault(by_sha256[picture.sha256].asset_id, []).append(picture)
        for asset_id, pictures in files.items():
            values = _told_of(pictures)
            self.conn.execute(sa.update(assets).where(assets.c.id == asset_id).values(values))
        self._retire_assets()

    def _retire_assets(self) -> None:
        in_use = sa.exists().where(
            reference_pictures.c.asset_id == assets.c.id,
            reference_pictures.c.retired_at.is_(None),
        )
        mine = assets.c.watch_id == self.watch_id
        self.conn.execute(sa.update(assets).where(mine, in_use).values(retired_at=None))
        idle = sa.and_(mine, ~in_use, assets.c.retired_at.is_(None))
        self.conn.execute(sa.update(assets).where(idle).values(retired_at=self.now))


def _is_free(name: str, holders: dict[str, int], renames: dict[str, int]) -> bool:
    return name not in holders or holders[name] in renames.values()


def _told_of(files: Sequence[FoundPicture]) -> dict[str, object]:
    """What assets.csv says of an asset: it may say it of one of its files only."""

    def first(of: Callable[[Rights], str | None]) -> str | None:
        return next((clean(value) for file in files if (value := of(file.rights))), None)

    return {
        "right_kind": first(lambda rights: rights.kind),
        "certificate": first(lambda rights: rights.certificate),
        "territory": first(lambda rights: rights.territory),
        "official_url": first(lambda rights: rights.official_url),
        "published_at": first(lambda rights: rights.published_at),
        "tags": list(dict.fromkeys(clean(tag) for file in files for tag in file.tags)),
    }


def list_rows(conn: Connection, *, watch: str | None = None) -> list[AssetRow]:
    """Assets by watch and name, also the retired ones."""
    where = sa.true() if watch is None else watches.c.name == watch
    return _select(conn, where)


def get(conn: Connection, name: str, *, watch: str | None = None) -> AssetRow:
    """One asset with its pictures. Raises NotFound, also where two fit."""
    where = assets.c.name == name
    if watch is not None:
        where = sa.and_(where, watches.c.name == watch)
    rows = _select(conn, where)
    if not rows:
        raise Unknown("asset", name)
    if len(rows) > 1:
        raise Ambiguous("asset", name, len(rows), [row.watch for row in rows], "watches")
    return rows[0]


def _select(conn: Connection, where: sa.ColumnElement[bool]) -> list[AssetRow]:
    counted = (
        sa.select(sa.func.count())
        .where(matches.c.asset_id == assets.c.id)
        .scalar_subquery()
        .label("matches")
    )
    rows = conn.execute(
        sa.select(assets, watches.c.name.label("watch"), counted)
        .select_from(assets.join(watches))
        .where(where)
        .order_by(watches.c.name, assets.c.name)
    ).all()
    paths = _paths(conn)
    return [_row(row, tuple(paths.get(row.id, ()))) for row in rows]


def _paths(conn: Connection) -> dict[int, list[str]]:
    """Asset -> the paths of its pictures in use, in order."""
    rows = conn.execute(
        sa.select(reference_pictures.c.asset_id, reference_pictures.c.path)
        .where(reference_pictures.c.retired_at.is_(None))
        .order_by(reference_pictures.c.path, reference_pictures.c.id)
    )
    found: dict[int, list[str]] = {}
    for row in rows:
        found.setdefault(row.asset_id, []).append(row.path)
    return found


def _row(row: sa.Row[tuple[object, ...]], paths: tuple[str, ...]) -> AssetRow:
    return to_noun(
        AssetRow, row, tags=tuple(row.tags), pictures=len(paths), reference_pictures=paths
    )
