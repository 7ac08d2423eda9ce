"""Which columns of a table name the files, their labels and their sets: by their usual names, or as a person says."""

from __future__ import annotations

import difflib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from beholder.data.kinds import kind_of_name
from beholder.errors import DataError, UsageError

# The surest first: where one kind of name is there, those after it mean something else, as `id` beside `file_name`.
_PATHS = (
    "path filepath file filename imagepath imgpath imagefile imagefilename imagename imgname "
    "soundpath audiopath wavpath soundfile audiofile wavfile soundfilename audiofilename wavfilename",
    "image img picture photo sound audio wav",
    "imageid imgid soundid audioid id idcode",
)
_LABELS = ("label labels class classname target category",)
_SETS = ("split set subset partition", "fold")
_GROUPS = "group patient subject person speaker video clip case lesion product animal session"
_USES = {"path": "files", "label": "labels", "split": "sets"}
_MOST_NAMED = 12


@dataclass(frozen=True)
class TableOptions:
    """What a person says of a table; None: told from its names.

    Attributes:
        path_column: the column that names the image files.
        label_column: the one that has their labels.
        split_column: the one that says which set each is of.
        group_column: the one that says which images belong together; without it none do.
        image_root: the folder that paths are relative to; by default the table's own.

    Raises:
        UsageError: one of another kind.
    """

    path_column: str | None = None
    label_column: str | None = None
    split_column: str | None = None
    group_column: str | None = None
    image_root: str | Path | None = None

    def __post_init__(self) -> None:
        for name, value in vars(self).items():
            if value is not None and not isinstance(value, str | Path if name == "image_root" else str):
                raise UsageError(
                    f"Expected a {'path' if name == 'image_root' else 'text'} for {name}. Received: {value!r}."
                )

    def said(self) -> str | None:
        """The first option that a person gave, as they write it; None where they gave none."""
        given = [name for name, value in vars(self).items() if value is not None]
        return f"--{given[0].replace('_', '-')}" if given else None

    def or_else(self, others: Mapping[str, Any]) -> TableOptions:
        """These options, and of `others`, by their names, those that are not among them."""
        return replace(self, **{name: value for name, value in others.items() if getattr(self, name) is None})

    def refuse_for(self, data: object) -> None:
        """Refuse options beside data that are no table.

        Raises:
            UsageError: a person gave one.
        """
        if said := self.said():
            if isinstance(data, str | Path):
                raise UsageError(
                    f"{said} is for a table of files and labels, which {str(data)!r} is not; leave it out."
                )
            raise UsageError(f"{said} is for opening a table, and these data are open already; leave it out.")


NOTHING_SAID = TableOptions()
TABLE_OPTIONS = tuple(one.name for one in fields(TableOptions))


@dataclass(frozen=True)
class Columns:
    """The names of the columns that are read; `split` and `group` are None where no column says sets or groups."""

    path: str
    label: str
    split: str | None
    group: str | None = None

    @property
    def names(self) -> list[str]:
        """Those that there are."""
        return [self.path, self.label, *(one for one in (self.split, self.group) if one is not None)]


def choose_columns(
    names: Sequence[str], options: TableOptions, where: str, sets_by: str | None = None
) -> tuple[Columns, str]:
    """The columns of a table, and a sentence that says which they are.

    Args:
        names: of its columns.
        options: what the person says of them.
        where: what the table is called.
        sets_by: what says which set an image is of, `the folders`, say, so that no column does; None: a column may.

    Raises:
        UsageError: a column that a person named is not there.
        DataError: none, or more than one, has a usual name, or two columns that are needed have one name.
    """
    path = _said(names, options.path_column, "path", where) or _usual(names, _PATHS, "path", where)
    if path is None:
        raise DataError(f"{_no_path(names, where)}; name the column of files with --path-column.")
    others = [name for name in names if name != path]
    split = _said(names, options.split_column, "split", where)
    if split is None and sets_by is None:
        split = _usual(others, _SETS, "split", where)
    group = _said(names, options.group_column, "group", where)
    # pandas writes the numbers of rows into a first column without a name.
    rest = [name for name in others if name not in (split, group) and not _key(name).startswith("unnamed") and name]
    if sets_by is not None:
        rest = [name for name in rest if not any(_key(name) in kind.split() for kind in _SETS)]
    label = _said(names, options.label_column, "label", where) or _usual(rest, _LABELS, "label", where)
    only = " (the only other column)" if label is None and len(rest) == 1 else ""
    if label is None and len(rest) != 1:
        raise DataError(
            f"None of the columns {_listed(rest)} of {where!r} is known to hold labels (label, class, target, "
            "category); name the column of labels with --label-column."
            if rest
            else f"{where!r} has no column of labels beside {path!r}; add one called label."
        )
    columns = Columns(path, label or rest[0], split if sets_by is None else None, group)
    for name, count in Counter(names).items():
        if count > 1 and name in columns.names:
            raise DataError(f"{count} columns of {where!r} are called {name!r}; rename all but one of them.")
    [(most_used, uses)] = Counter(columns.names).most_common(1)
    if uses > 1:
        raise UsageError(
            f"The column {most_used!r} of {where!r} cannot have two uses; name another column for one of them."
        )
    sets = "" if split is None else f", sets from {split!r}"
    if sets_by is not None:
        sets = f", sets from {sets_by}" + ("" if split is None else f" and not from {split!r}")
    sets += "" if group is None else f", groups from {group!r}"
    told = "--path-column and --label-column" if sets_by else "--path-column, --label-column and --split-column"
    return columns, (
        f"Files are named by the column {columns.path!r}, labels taken from {columns.label!r}{only}{sets}; "
        f"{told} decide otherwise.{_group_hint(names, columns)}"
    )


def _group_hint(names: Sequence[str], columns: Columns) -> str:
    """A sentence where nobody said groups, and another column is called as they often are."""
    known = {*_GROUPS.split(), *(f"{one}id" for one in _GROUPS.split())}
    found = next((name for name in names if _key(name) in known and name not in columns.names), None)
    if found is None or columns.group is not None:
        return ""
    return f" If rows with the same {found!r} belong together, add --group-column {found!r} to keep them in one set."


def _said(names: Sequence[str], said: str | None, what: str, where: str) -> str | None:
    """The column that a person named, also where case, spaces or `_` differ."""
    if said is None or said in names:
        return said
    alike = [name for name in names if _key(name) == _key(said)]
    if len(alike) == 1:
        return alike[0]
    near = difflib.get_close_matches(said, names, n=1)
    hint = f"did you mean {near[0]!r}?" if near else f"its columns are {_listed(names)}."
    raise UsageError(f"{where!r} has no column {said!r} for --{what}-column; {hint}")


def _usual(names: Sequence[str], kinds: Sequence[str], what: str, where: str) -> str | None:
    """The only column with a name of the first kind that there is; None where there is none."""
    for kind in kinds:
        found = [name for name in dict.fromkeys(names) if _key(name) in kind.split()]
        if len(found) > 1:
            raise DataError(
                f"The columns {_listed(found)} of {where!r} all have a usual name for {_USES[what]}; "
                f"choose one with --{what}-column."
            )
        if found:
            return found[0]
    return None


def _no_path(names: Sequence[str], where: str) -> str:
    kinds = [kind for name in names if (kind := kind_of_name(name.strip()))]
    if kinds:
        return (
            f"{where!r} begins with a row that names {kinds[0].with_article}; begin it with the names of its columns, "
            "path and label"
        )
    usual = "path, file, filename, image, sound, id"
    return f"None of the columns {_listed(names)} of {where!r} is known to name files ({usual})"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _MOST_NAMED} more" if len(names) > _MOST_NAMED else ""
    return f"{', '.join(map(repr, names[:_MOST_NAMED]))}{more}"


def _key(name: str) -> str:
    return "".join(letter for letter in name.casefold() if letter.isalnum())
