"""A table of images and labels, one row an image, as a `Source`: `.csv`, `.tsv`, `.jsonl` and `.parquet`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path, PurePath

from beholder.data.folders.reading import Reading
from beholder.data.images.places import Folder
from beholder.data.source import Source
from beholder.data.tables.columns import TableOptions, choose_columns
from beholder.data.tables.files import Open, TableFile
from beholder.data.tables.json_lines import JsonLinesTable
from beholder.data.tables.parquet import ParquetTable
from beholder.data.tables.roles import roles_of
from beholder.data.tables.rows import Rows, open_rows
from beholder.data.tables.text import TextTable
from beholder.errors import DataError

_KINDS: dict[str, Callable[[str, Open], TableFile]] = {
    ".csv": TextTable,
    ".tsv": TextTable,
    ".jsonl": JsonLinesTable,
    ".parquet": ParquetTable,
}
TABLE_SUFFIXES = tuple(_KINDS)


def is_table_name(name: str | PurePath) -> bool:
    """Whether a file's name ends as that of a table."""
    return PurePath(name).suffix.lower() in _KINDS


def open_table(path: Path, options: TableOptions, reading: Reading) -> Source:
    """Open a table on this machine; its images are in the folder that it lies in, or in `options.image_root`.

    Args:
        path: of the table; never written to.
        options: what the person says of it.
        reading: how the images are read.

    Raises:
        DataError: it cannot be read, its columns cannot be told, or as `open_rows`.
        UsageError: a column that a person named is not there, or no pyarrow for a `.parquet`.
    """
    root = path.parent if options.image_root is None else Path(options.image_root)
    if not root.is_dir():
        raise DataError(f"Cannot find a folder at {str(root)!r}; check the path of --image-root.")
    table = table_file(str(path), lambda: path.open("rb"))
    rows = read_rows(table, options)
    return open_rows(rows, Folder(root, whole=False), str(path), reading, hint=path.stem)


def table_file(where: str, open_bytes: Open) -> TableFile:
    """The table that a person calls `where`, by its suffix."""
    return _KINDS[PurePath(where).suffix.lower()](where, open_bytes)


def read_rows(table: TableFile, options: TableOptions, sets_by: str | None = None) -> Rows:
    """The rows of a table; which set they are of is not read where `sets_by` says it, see `choose_columns`.

    Raises:
        DataError, UsageError: as `open_table`.
    """
    try:
        columns, told = choose_columns(table.columns, options, table.where, sets_by)
        values, numbers = table.read(columns.names)
    except OSError as error:
        raise DataError(f"Cannot read {table.where!r}: {error.strerror or error}; check the path.") from error
    paths, labels, *rest = values
    sets, notes = None, list[str]()
    groups = None if columns.group is None else rest.pop()
    if columns.split is not None:
        said = options.split_column is not None
        sets, notes = roles_of(rest[0], numbers, columns.split, table.where, said=said)
    return Rows(paths, labels, sets, numbers, (*table.notes, told, *notes), groups, columns.group)
