"""Tables that lie beside their images, in a folder or in a zip archive, as people pack data sets."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import BinaryIO

from beholder.data.folders.folder import open_tree
from beholder.data.folders.reading import Reading
from beholder.data.folders.roles import role_of
from beholder.data.folders.tree import Tree
from beholder.data.folders.zip_tree import zip_tree
from beholder.data.images.places import Folder, Place
from beholder.data.images.zipped import ZipArchive
from beholder.data.source import Source
from beholder.data.tables.columns import TableOptions
from beholder.data.tables.files import Open
from beholder.data.tables.rows import Rows, open_rows
from beholder.data.tables.table import TABLE_SUFFIXES, is_table_name, read_rows, table_file
from beholder.errors import DataError, UsageError

_Look = Callable[[str], frozenset[str]]  # `Place.files_in`, remembered: a folder may hold a million images

_METADATA = tuple(f"metadata{suffix}" for suffix in TABLE_SUFFIXES)  # as Hugging Face's ImageFolder has it
_MOST_NAMED = 4  # tables that a sentence names
_USUAL = ("metadata", "train", "labels")  # of several tables in an archive, the first of these


def is_folder_of_metadata(path: Path) -> bool:
    """Whether a folder holds `metadata.csv`, or its like, beside images that lie in no class folders."""
    place = Folder(path)
    return bool(_metadata(place, place.files_in)) and not _has_class_folders(Tree(), str(path))


def metadata_columns(path: Path) -> list[str]:
    """The columns of the table that has the labels of a folder's images; none where there is no such table."""
    place = Folder(path)
    return _columns(place, str(path), _metadata(place, place.files_in))


def is_zip_of_table(path: Path) -> bool:
    """Whether a zip archive holds a table beside images that lie in no class folders.

    Raises:
        DataError: it is damaged, or holds several tables.
    """
    archive = _innermost(ZipArchive(path))
    return bool(_tables_of(archive, archive.files_in)) and not _has_class_folders(zip_tree(archive), archive.told)


def zip_columns(path: Path) -> list[str]:
    """The columns of the table that has the labels of a zip archive's images; none where there is no such table.

    Raises:
        DataError: it is damaged, or holds several tables.
    """
    archive = _innermost(ZipArchive(path))
    return _columns(archive, archive.told, _tables_of(archive, archive.files_in))


def open_folder_of_metadata(path: Path, options: TableOptions, reading: Reading) -> Source:
    """Open a folder whose images have their labels in `metadata.csv`, or one in each folder of a set.

    Raises:
        DataError, UsageError: as `open_table`.
    """
    if options.image_root is not None:
        raise UsageError(f"{str(path)!r} holds its files itself; leave --image-root out, or give the path of a table.")
    place = Folder(path)
    look = cache(place.files_in)
    tables = _metadata(place, look)
    if not tables:
        options.refuse_for(path)
    return _open(place, tables, str(path), options, reading, look)


def open_zip(path: Path, options: TableOptions, reading: Reading) -> Source:
    """Open a zip archive of a folder of images or of a table with its images; it is read where it is.

    Raises:
        DataError: it is damaged, holds something that leaves it, or is neither; else as `open_tree` or `open_table`.
        UsageError: options of a table for a folder of classes, or a folder beside the archive.
    """
    if options.image_root is not None:
        raise UsageError(f"{str(path)!r} holds its files itself; leave --image-root out.")
    archive = _innermost(ZipArchive(path))
    tree = zip_tree(archive)
    look = cache(archive.files_in)
    tables = _tables_of(archive, look)
    if tables and not (options.said() is None and _has_class_folders(tree, archive.told)):
        return _open(archive, tables, str(path), options, reading, look)
    if said := options.said():
        raise UsageError(f"{said} is for tables, and {str(path)!r} holds none; leave it out.")
    return open_tree(archive, tree, str(path), reading)


def _open(
    place: Folder | ZipArchive, tables: Sequence[str], name: str, options: TableOptions, reading: Reading, look: _Look
) -> Source:
    """The source of the rows of all `tables` in `place`; those in folders of their own name files below these."""
    parts = []
    for table in tables:
        folder = table.rpartition("/")[0]
        opened = table_file(f"{place.told}/{table}", _opener(place, table))
        rows = read_rows(opened, options, sets_by="the folders" if folder else None)
        if folder:
            paths = [f"{folder}/{path}" for path in rows.paths]
            rows = replace(rows, paths=paths, sets=[str(role_of(folder))] * len(paths))
        parts.append(rows)
    rows = _joined(parts)
    if unread := _unread(tables, look):
        rows = replace(rows, notes=(unread, *rows.notes))
    return open_rows(rows, place, name, reading, hint=tables[0].rpartition(".")[0])


def _joined(parts: Sequence[Rows]) -> Rows:
    if len(parts) == 1:
        return parts[0]
    notes = dict.fromkeys(note for part in parts for note in part.notes)
    return Rows(
        [path for part in parts for path in part.paths],
        [label for part in parts for label in part.labels],
        [one for part in parts for one in part.sets or ()],
        [number for part in parts for number in part.numbers],
        tuple(notes),
        [one for part in parts for one in part.groups or ()] if parts[0].groups is not None else None,
        parts[0].group_column,
    )


def _opener(place: Folder | ZipArchive, name: str) -> Open:
    def opened() -> AbstractContextManager[BinaryIO]:
        return place.stream(name) if isinstance(place, ZipArchive) else (place.path / name).open("rb")

    return opened


def _columns(place: Folder | ZipArchive, told: str, tables: Sequence[str]) -> list[str]:
    """The columns of the first of `tables` in `place`, which a person calls `told`."""
    return [name for table in tables[:1] for name in table_file(f"{told}/{table}", _opener(place, table)).columns]


def _tables_of(archive: ZipArchive, look: _Look) -> list[str]:
    """The tables of an archive that have its labels, if it has any."""
    return _metadata(archive, look) or _one_of(_tables_in("", look), archive.told)


def _metadata(place: Place, look: _Look) -> list[str]:
    """The table called metadata at the top of `place`, or those in its folders of sets."""
    if own := _metadata_in("", look):
        return own
    return [table for folder in place.folders_in("") if role_of(folder) for table in _metadata_in(folder, look)]


def _metadata_in(folder: str, look: _Look) -> list[str]:
    """The table called metadata directly in a folder, the first of several."""
    there = look(folder)
    return [f"{folder}/{name}".lstrip("/") for name in _METADATA if name in there][:1]


def _tables_in(folder: str, look: _Look) -> list[str]:
    names = [name for name in look(folder) if is_table_name(name) and not name.startswith(".")]
    return [f"{folder}/{name}".lstrip("/") for name in sorted(names)]


def _unread(tables: Sequence[str], look: _Look) -> str | None:
    """A sentence where other tables lie beside those that are read."""
    folders = dict.fromkeys(["", *(table.rpartition("/")[0] for table in tables)])
    others = [one for folder in folders for one in _tables_in(folder, look) if one not in tables]
    if not others:
        return None
    more = f" or {len(others) - _MOST_NAMED:,} more" if len(others) > _MOST_NAMED else ""
    named = " or ".join(map(repr, others[:_MOST_NAMED]))
    return f"Labels are read from {' and '.join(map(repr, tables))}, not from {named}{more}."


def _one_of(tables: Sequence[str], where: str) -> list[str]:
    """Of the tables at the top of an archive the one that has the labels."""
    if len(tables) < 2:
        return list(tables)
    for stem in _USUAL:
        found = [name for name in tables if name.rpartition(".")[0].casefold() == stem]
        if len(found) == 1:
            return found
    named = ", ".join(map(repr, tables[:_MOST_NAMED]))
    raise DataError(f"{where!r} holds several tables ({named}); rename the one that has the labels to labels.csv.")


def _innermost(archive: ZipArchive) -> ZipArchive:
    """The folder of the archive in which the data are: people zip a folder, and not what is in it."""
    while not archive.files_in("") and len(folders := _visible(archive)) == 1 and not role_of(folders[0]):
        archive = ZipArchive(archive.path, f"{archive.inner}/{folders[0]}".lstrip("/"))
    return archive


def _visible(archive: ZipArchive) -> list[str]:
    return [folder for folder in archive.folders_in("") if not folder.startswith((".", "__MACOSX"))]


def _has_class_folders(tree: Tree, root: str) -> bool:
    """Whether images below `root` lie in folders of classes, in those of sets or beside each other."""
    filled = tree.filled(root)
    sets = [folder for folder in filled if role_of(Path(folder).name)]
    if sets:
        return any(len(tree.filled(folder)) > 1 for folder in sets)
    return len(filled) > 1
