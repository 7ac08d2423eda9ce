"""From what a person calls their data to an opened `Source`: the one place that knows every kind."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from dataclasses import replace
from os import PathLike
from pathlib import Path
from typing import Any

from beholder.addresses import at_home, shortened, why_no_file
from beholder.arguments import checked_arguments
from beholder.arguments import path as path_argument
from beholder.data.arrays import from_arrays, open_npz
from beholder.data.cache_folder import default_cache
from beholder.data.cifar.archive import is_archive, open_archive
from beholder.data.cifar.layouts import LabelKind
from beholder.data.dataset import Dataset
from beholder.data.decoding import Rules
from beholder.data.digits import open_digits
from beholder.data.download import find_or_download
from beholder.data.folders.folder import open_tree
from beholder.data.folders.how import refuse_other_seconds
from beholder.data.folders.reading import Reading
from beholder.data.folders.tree import Tree
from beholder.data.groups.grouped import grouped_by_pattern
from beholder.data.groups.rule import GroupRule
from beholder.data.images.colour import Colour
from beholder.data.images.decode import ImageRules
from beholder.data.images.fitting import ImageFit
from beholder.data.images.places import Folder
from beholder.data.images.refit import fitted_by, recoloured
from beholder.data.progress import Progress, silent
from beholder.data.sounds.rules import SoundRules
from beholder.data.source import Source
from beholder.data.tables.beside import (
    is_folder_of_metadata,
    is_zip_of_table,
    metadata_columns,
    open_folder_of_metadata,
    open_zip,
    zip_columns,
)
from beholder.data.tables.columns import TableOptions
from beholder.data.tables.frames import frame_columns, is_frame, open_frame
from beholder.data.tables.table import TABLE_SUFFIXES, is_table_name, open_table, table_file
from beholder.errors import DataError, UsageError

DATA_NAMES = ("digits", "cifar10", "cifar100")

# A path, a Dataset, a pair of arrays, or a table in Python, which is told by what it can do.
Data = str | PathLike[str] | Dataset | Sequence[Any] | Mapping[str, Any] | Any


@checked_arguments()
def open_source(
    data: Data,
    *,
    labels: LabelKind = "fine",
    cache: Path | None = None,
    canvas: tuple[int, int] | None = None,
    colour: Colour = "auto",
    fit: ImageFit | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
    image_root: str | Path | None = None,
    group_pattern: str | None = None,
    seconds: float | None = None,
    rules: Rules | None = None,
    for_audit: bool = False,
    progress: Progress = silent,
) -> Source:
    """Open what `data` names.

    Args:
        data: `digits`, `cifar10` or `cifar100`; the path of an archive, a `.npz` file, a folder of images or of sounds,
            a table of files and labels or a `.zip` of one of these two; or in Python a `Dataset`, a pair of arrays
            (images, labels), or a table: a data frame of pandas or polars, or a `datasets.Dataset` of Hugging Face.
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded images are kept; the user's cache folder by default.
        canvas: height and width, in pixels, that a folder's images are decoded to; chosen from them by default.
        colour: `rgb` gives every image three channels and `grey` one; by default they keep what they have, and those
            of a folder get one where all images of a sample are grey.
        fit: how a folder's images of other proportions get into the canvas: `crop`, the default, cuts what stands over,
            `pad` adds grey, `stretch` gives up proportions. Others, which all have one size, stay as they are; a
            network that learns from them takes other images so.
        path_column: of a table, the column that names the image files; like the next two told from its name by default.
        label_column: of a table, the column of labels.
        split_column: of a table, the column that says which set an image is of.
        group_column: of a table, the column that says which images belong together, and so to one set.
        image_root: of a table, the folder that paths are relative to; by default that of the table.
        group_pattern: of images in files, a regular expression that is searched for in the path of each: those in which
            its first capture group finds the same belong together, see `grouped_by_pattern`.
        seconds: of sounds, the length of a clip that a network hears; chosen from them by default.
        rules: those of an earlier model, which the data have to go by: its kind, size, colour and fit of images, its
            rate and seconds of sounds. They take the place of `canvas`, `colour`, `fit` and `seconds`.
        for_audit: take folders that training cannot work with, see `open_tree`.
        progress: told how far a download is.

    Raises:
        DataError: nothing of that name or path, not something that can be read, or of another kind than `rules`.
        UsageError: an unknown `colour` or `fit`, options of a table for other data, or of images for sounds; coarse
            `labels` of anything but CIFAR-100; or a `Dataset` of sounds in clips of other `seconds`.
    """
    if isinstance(rules, ImageRules):
        canvas, fit, seconds = (rules.height, rules.width), rules.fit, None
        colour = "grey" if rules.mode == "L" else "rgb"
    elif isinstance(rules, SoundRules):
        seconds = rules.seconds
    reading = Reading(cache or default_cache(), canvas, colour, fit, for_audit, seconds, rules)
    options = TableOptions(path_column, label_column, split_column, group_column, image_root)
    source = _opened(data, labels, options, reading, progress)
    if labels != source.labels:
        raise UsageError(f"--labels {labels} is for CIFAR-100, which {source.name!r} is not; leave it out.")
    source = grouped_by_pattern(replace(source, seconds=seconds), group_pattern)
    reading.check_kind(source.name, source.file_kind)
    if rules is None:
        refuse_other_seconds(source.name, source.sound, seconds)
    return source if source.kind == "sound" else recoloured(fitted_by(source, fit), colour)


def refuse_beside_source(table: TableOptions, labels: LabelKind | None) -> None:
    """Refuse what only opening obeys, beside a `Source`, which is open already.

    Raises:
        UsageError: a person said something of a table, or chose CIFAR-100's coarse labels.
    """
    said = table.said() or ("--labels" if labels == "coarse" else None)
    if said:
        raise UsageError(f"{said} is for opening data, and these are open already; give it to open_source instead.")


def labels_as_before(data: Data, labels: LabelKind) -> LabelKind:
    """The `labels` that an earlier run was asked for, where `data` are a CIFAR archive; others have but one kind."""
    path = _path_of(data)
    chosen = labels == "fine" or (isinstance(data, str) and data in DATA_NAMES) or (path and is_archive(path))
    return labels if chosen else "fine"


def is_table(data: Data) -> bool:
    """Whether `data` are a table, or a folder or zip that is read by one also where nobody says a column.

    Raises:
        DataError: a zip is damaged, or holds several tables.
    """
    path = _path_of(data)
    if path is None:
        return is_frame(data)
    if path.is_dir():
        return is_folder_of_metadata(path)
    return is_zip_of_table(path) if path.suffix.lower() == ".zip" else is_table_name(path)


def column_names(data: Data) -> list[str]:
    """The columns of `data` where they are a table, a folder or zip with its table, or a data frame; none of others.

    Raises:
        DataError: it is a table that is empty or damaged, or a zip that is or that holds several.
    """
    if is_frame(data):
        return frame_columns(data)
    path = _path_of(data)
    if path is None:
        return []
    if path.is_dir():
        return metadata_columns(path)
    if path.suffix.lower() == ".zip":
        return zip_columns(path)
    return table_file(str(path), lambda: path.open("rb")).columns if is_table_name(path) else []


def _path_of(data: Data) -> Path | None:
    """The file or folder that `data` name; None where they name none."""
    if not isinstance(data, str | PathLike) or data in DATA_NAMES:
        return None
    path = Path(at_home(str(data)))
    return path if _is_there(path) else None


def _opened(data: Data, labels: LabelKind, options: TableOptions, reading: Reading, progress: Progress) -> Source:
    """The source of `data` with what was said of its table, before its images are grouped, fitted or recoloured."""
    if isinstance(data, Dataset | tuple | list) or (isinstance(data, str) and data in DATA_NAMES):
        options.refuse_for(data)
    if isinstance(data, tuple | list):
        data = from_arrays(*pair("data", data))
    if isinstance(data, Dataset):
        dataset = data
        rule = None if dataset.groups is None else GroupRule("given")
        every = {"all": lambda _progress: dataset}
        return Source("arrays", dataset.class_names, every, sound=dataset.sound, group_rule=rule, named=False)
    if is_frame(data):
        return open_frame(data, options, reading)
    if isinstance(data, str) and data == "digits":
        return open_digits()
    if isinstance(data, str) and data in DATA_NAMES:
        archive = find_or_download(str(data), cache=reading.cache, progress=progress)
        return open_archive(archive, labels=labels, name=str(data), cache=reading.cache)
    if reason := why_no_file(str(data)):
        raise DataError(f"{shortened(str(data))!r} {reason}.")
    return replace(_open_path(_as_path(data), labels, options, reading), table=options)


def _open_path(
    path: Path,
    labels: LabelKind,
    options: TableOptions,
    reading: Reading,
) -> Source:
    if not _is_there(path):
        near = difflib.get_close_matches(str(path).lower(), DATA_NAMES, n=1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"No data set is called {str(path)!r} and no file or folder is there; name one of {', '.join(DATA_NAMES)}, "
            f"or the path of a folder of images or of sounds, a table, an archive or a .npz file.{guess}"
        )
    if str(path) in DATA_NAMES:  # ./digits, say: its name must not be taken for that of the data set
        path = path.resolve()
    if is_table_name(path) and path.is_file():
        return open_table(path, options, reading)
    if path.suffix.lower() == ".zip":
        return open_zip(path, options, reading)
    if path.is_dir() and (options.said() or is_folder_of_metadata(path)):
        return open_folder_of_metadata(path, options, reading)
    options.refuse_for(path)
    if path.suffix.lower() == ".npz":
        return open_npz(path)
    if is_archive(path):
        return open_archive(path, labels=labels, cache=reading.cache)
    if path.is_dir():
        return open_tree(Folder(path), Tree(), str(path), reading)
    raise DataError(
        f"{str(path)!r} is not a kind of data that Beholder reads; give a folder of images or of sounds, a table of "
        f"files and labels ({', '.join(TABLE_SUFFIXES)}), a .zip of one of these, a CIFAR archive (.tar.gz) or a .npz "
        "file."
    )


def pair(name: str, values: Sequence[Any]) -> tuple[Any, Any]:
    """The images and labels that a person gave as `values`.

    Raises:
        DataError: these are not two.
    """
    if len(values) != 2:
        raise DataError(f"Expected {name} as a pair of arrays, (images, labels). Received: {len(values)} of them.")
    return values[0], values[1]


def _as_path(data: Any) -> Path:
    try:
        return path_argument("data", data)
    except UsageError as error:
        kind = "None" if data is None else f"{data!r:.80}" if isinstance(data, str) else type(data).__name__
        raise DataError(
            "Expected data as a name, a path, a pair of arrays (images, labels), a Dataset or a table. "
            f"Received: {kind}."
        ) from error


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a name
        return False
