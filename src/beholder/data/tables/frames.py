"""Tables that a person has in Python: data frames of pandas and polars, tables of Arrow, data sets of Hugging Face.

None of these libraries is imported: what has columns by name, each a list of values, will do.
"""

from __future__ import annotations

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from beholder.data.folders.reading import Reading
from beholder.data.folders.roles import role_of
from beholder.data.images.places import Folder
from beholder.data.source import Source
from beholder.data.tables.columns import Columns, TableOptions, choose_columns
from beholder.data.tables.objects import LabelledObjects, open_objects
from beholder.data.tables.roles import roles_of
from beholder.data.tables.rows import Rows, open_rows
from beholder.errors import DataError, UsageError

_FRAME, _FRAMES = "the data frame", "the data sets"  # as sentences call them


def is_frame(data: object) -> bool:
    """Whether `data` is a table in Python, or several by the names of sets."""
    if isinstance(data, Mapping):
        return bool(data) and all(is_frame(one) for one in data.values())
    return not isinstance(data, type) and _names(data) is not None and hasattr(data, "__getitem__")


def open_frame(data: Any, options: TableOptions, reading: Reading) -> Source:
    """The source of a table in Python: a column names image files, or holds images, and another one their labels.

    Args:
        data: the table, or tables by set name (`train`, `validation` or `val`, `test`).
        options: what the person says of its columns; paths are relative to `image_root`, else to the working folder.
        reading: how the images are read.

    Returns:
        A source without a name that could be opened again; its `table` names the columns and the root.

    Raises:
        DataError: its columns cannot be told, or as `open_rows` and `open_objects`.
        UsageError: a column that a person named is not there.
    """
    tables = dict(data) if isinstance(data, Mapping) else {"all": data}
    where = _FRAMES if isinstance(data, Mapping) else _FRAME
    sets_by = None if all(_set_name(name, tables) == "all" for name in tables) else f"the names of {_FRAMES}"
    columns, told = choose_columns(_names(next(iter(tables.values()))) or [], options, where, sets_by)
    images = {name: _lazily(table, columns.path) for name, table in tables.items()}
    if all(_is_path(values[0]) for values in images.values() if len(values)):
        return _of_files(tables, columns, options, (told,), where, reading)
    if columns.group is not None:
        raise DataError(
            f"group_column is for tables of image files, and {where} holds the images; give a Dataset with "
            "groups, or leave group_column out."
        )
    if options.image_root is not None:
        raise UsageError(f"The images of {where} are in its cells; leave image_root out.")
    objects = {
        _set_name(name, tables): LabelledObjects(images[name], _labels(table, columns.label), where)
        for name, table in tables.items()
    }
    notes = [told]
    if "all" in objects and columns.split is not None:
        values = texts(_column(next(iter(tables.values())), columns.split))
        roles, more = roles_of(values, range(len(values)), columns.split, where, said=options.split_column is not None)
        objects, notes = objects if roles is None else _by_role(objects["all"], roles), [*notes, *more]
    source = open_objects(objects, where, reading)
    return replace(source, notes=(*notes, *source.notes), named=False)


def frame_columns(data: Any) -> list[str]:
    """The names of the columns of a table in Python, of several those of the first."""
    return _names(next(iter(data.values())) if isinstance(data, Mapping) else data) or []


def texts(values: Sequence[Any]) -> list[str]:
    """Labels as texts: 3 and 3.0 as `3`, and empty what is missing, as None and NaN are."""
    return [_text(value) for value in values]


def _names(data: Any) -> list[str] | None:
    names = getattr(data, "column_names", None)  # of Hugging Face and Arrow, whose `columns` are values
    names = getattr(data, "columns", None) if names is None else names
    try:
        return (
            None
            if names is None or callable(names) or isinstance(names, str | Mapping)
            else [str(one) for one in names]
        )
    except TypeError:
        return None


def _set_name(name: Any, tables: Mapping[Any, Any]) -> str:
    if len(tables) == 1 and name == "all":
        return "all"
    role = role_of(str(name))
    if role is None:
        raise DataError(f"{name!r} is not the name of a set; call the tables train, validation and test.")
    return role


def _column(table: Any, name: str) -> list[Any]:
    """The values of a column."""
    try:
        values = table[name]
        for method in ("to_list", "tolist", "to_pylist"):
            if callable(getattr(values, method, None)):
                return list(getattr(values, method)())
        return list(values)
    except Exception as error:  # whatever that library raises
        raise DataError(f"The column {name!r} of {_FRAME} cannot be read as a list: {error!r:.200}.") from error


def _lazily(table: Any, name: str) -> Sequence[Any]:
    """The values of a column; of Hugging Face one at a time, since each is an image that is decoded when it is read."""
    return _Column(table, name) if hasattr(table, "features") else _column(table, name)


def _by_role(given: LabelledObjects, roles: Sequence[str]) -> dict[str, LabelledObjects]:
    """The images of each set that a column names."""
    rows = {role: [row for row, one in enumerate(roles) if one == role] for role in dict.fromkeys(roles)}
    return {
        role: LabelledObjects(_Chosen(given.images, chosen), [given.labels[row] for row in chosen], given.where)
        for role, chosen in rows.items()
    }


class _Chosen(Sequence[Any]):
    """Some rows of a column, each read when it is asked for."""

    def __init__(self, values: Sequence[Any], rows: Sequence[int]) -> None:
        self._values, self._rows = values, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, place: Any) -> Any:
        return self._values[self._rows[place]]


class _Column(Sequence[Any]):
    """A column of a data set of Hugging Face, read row by row."""

    def __init__(self, table: Any, name: str) -> None:
        self._table, self._name = table, name

    def __len__(self) -> int:
        return len(self._table)

    def __getitem__(self, row: Any) -> Any:
        if not 0 <= row < len(self):
            raise IndexError(row)
        return self._table[row][self._name]


def _is_path(value: Any) -> bool:
    return isinstance(value, str | os.PathLike)


def _of_files(
    tables: Mapping[Any, Any],
    columns: Columns,
    options: TableOptions,
    told: tuple[str, ...],
    where: str,
    reading: Reading,
) -> Source:
    paths: list[str] = []
    labels: list[str] = []
    sets: list[str] = []
    groups: list[str] = []
    for name, table in tables.items():
        values = _column(table, columns.path)
        paths += [_path(value, row, where) for row, value in enumerate(values, start=len(paths))]
        labels += _labels(table, columns.label)
        sets += [_set_name(name, tables)] * len(values)
        groups += [] if columns.group is None else texts(_column(table, columns.group))
    numbers = range(len(paths))
    roles: list[str] | None = None if set(sets) <= {"all"} else sets
    notes: list[str] = []
    if roles is None and columns.split is not None:
        values = texts(_column(next(iter(tables.values())), columns.split))
        roles, notes = roles_of(values, numbers, columns.split, where, said=options.split_column is not None)
    root = Path.cwd() if options.image_root is None else Path(options.image_root)
    belonging = None if columns.group is None else groups
    rows = Rows(paths, labels, roles, numbers, (*told, *notes), belonging, columns.group)
    source = open_rows(rows, Folder(root, whole=False), where, reading)
    split = (columns.split or "split") if roles is not None else None
    return replace(
        source, named=False, table=TableOptions(columns.path, columns.label, split, columns.group, root.resolve())
    )


def _path(value: Any, row: int, where: str) -> str:
    path = os.fspath(value) if _is_path(value) else value
    if not isinstance(path, str) or not path:
        raise DataError(f"Row {row} of {where} names no file ({value!r:.40}); leave it out.")
    return path


def _labels(table: Any, column: str) -> list[str]:
    """Labels as texts; those of Hugging Face's `ClassLabel` by the names that it keeps."""
    values = _column(table, column)
    features = getattr(table, "features", None)
    names = getattr(features[column], "names", None) if isinstance(features, Mapping) and column in features else None
    if not isinstance(names, Sequence) or isinstance(names, str):
        return texts(values)
    return [str(names[value]) if isinstance(value, int) and 0 <= value < len(names) else "" for value in values]


def _text(value: Any) -> str:
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value)
    return "" if text in ("<NA>", "NaT") else text.strip()
