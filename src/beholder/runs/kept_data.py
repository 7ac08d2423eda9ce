"""Data without a name, as far as a RUN keeps them: the table of their files, or small arrays.

Arrays and tables in Python cannot be opened again by a name, so that `evaluate` and `resume` would have to be given
them each time.
"""

from __future__ import annotations

import csv
import io
import json
from functools import partial
from pathlib import Path

from beholder import files
from beholder.data.dataset import Dataset
from beholder.data.groups.rule import GroupRule
from beholder.data.progress import Progress, silent
from beholder.data.sounds.rules import SoundRules
from beholder.data.source import Source
from beholder.data.stored_arrays import Arrays, read_arrays, texts_from_array, texts_to_array, write_arrays
from beholder.errors import DataError, RunError

TABLE_FILE, ARRAYS_FILE = "data.csv", "data.npz"
MOST_BYTES = 64_000_000  # of images that are kept: some 20,000 of 32 × 32 in colour


def keep_data(run: Path, source: Source, progress: Progress = silent) -> None:
    """Keep in the RUN folder `run` the data of a `source` without a name, as far as they are small.

    Of a table of files its rows are kept, for `kept_data` to find the files where they lie. Arrays with a test set of
    their own are not kept: only `evaluate` opens that. Nor are tables with a column of groups, which would be lost.

    Raises:
        StorageError: the disk is full or may not be written to.
    """
    if source.named or (source.group_rule is not None and source.group_rule.kind == "column"):
        return
    if source.place is not None:
        files.write_bytes(run / TABLE_FILE, _table(source).encode("utf-8", "surrogateescape"))
        return
    if "test" in source.readers and "test" not in source.made:
        return
    sets, size = {}, 0
    for set_name, read in source.readers.items():  # those that trained have been read, and are kept by their readers
        sets[set_name] = read(progress)
        size += sets[set_name].images.shape[0] * _bytes(sets[set_name])
        if size > MOST_BYTES:
            return
    arrays: Arrays = {"class_names": texts_to_array(source.class_names)}
    for set_name, one in sets.items():
        arrays[f"{set_name}_images"], arrays[f"{set_name}_labels"] = one.images[:], one.labels
        arrays[f"{set_name}_names"] = texts_to_array(list(one.names))
        if one.groups is not None:
            arrays[f"{set_name}_groups"] = texts_to_array(list(one.groups))
        if one.recordings is not None and one.sound is not None:
            arrays[f"{set_name}_recordings"] = one.recordings
            arrays["sound"] = texts_to_array([json.dumps(one.sound.to_json())])
    write_arrays(run / ARRAYS_FILE, arrays)


def kept_data(run: Path) -> Path | Source | None:
    """The path of the table that the RUN folder `run` keeps, or a source of its arrays; None where it keeps neither.

    Raises:
        RunError: what it keeps is damaged.
    """
    if (run / TABLE_FILE).exists():
        return run / TABLE_FILE
    path = run / ARRAYS_FILE
    if not path.exists():
        return None
    try:
        read = read_arrays(path, most_bytes=3 * MOST_BYTES)
        class_names = tuple(texts_from_array(read["class_names"]))
        sets = {key.removesuffix("_images"): _dataset(read, key, class_names) for key in read if "_images" in key}
    except (OSError, ValueError, KeyError, DataError) as error:
        raise RunError(f"{str(path)!r} is damaged ({error}); delete it, and give the arrays as `data`.") from error
    readers = {set_name: partial(_kept, dataset) for set_name, dataset in sets.items()}
    grouped = any(one.groups is not None for one in sets.values())
    rule = GroupRule("given") if grouped else None
    made = frozenset({"test"} & sets.keys())
    sound = next(iter(sets.values())).sound
    return Source("arrays", class_names, readers, made=made, sound=sound, group_rule=rule, named=False)


def _kept(dataset: Dataset, _progress: Progress) -> Dataset:
    return dataset


def _bytes(dataset: Dataset) -> int:
    height, width, channels = dataset.image_shape
    return height * width * channels


def _dataset(read: Arrays, key: str, class_names: tuple[str, ...]) -> Dataset:
    set_name = key.removesuffix("_images")
    names, groups = texts_from_array(read[f"{set_name}_names"]), read.get(f"{set_name}_groups")
    belonging = None if groups is None else texts_from_array(groups)
    recordings, sound = read.get(f"{set_name}_recordings"), None
    if recordings is not None:
        sound = SoundRules.from_json(json.loads(texts_from_array(read["sound"])[0]))
    return Dataset(read[key], read[f"{set_name}_labels"], class_names, names, belonging, recordings, sound)


def _table(source: Source) -> str:
    """The rows of `source`: path and label, and the set where there are several, in columns called as they were."""
    table, text = source.table, io.StringIO(newline="")
    split = [table.split_column or "split"] if "all" not in source.files else []
    writer = csv.writer(text)
    writer.writerow([table.path_column, table.label_column, *split])
    for set_name, names in source.files.items():
        for name, label in zip(names, source.classes[set_name], strict=True):
            writer.writerow([name, label, *([set_name] if split else [])])
    return text.getvalue()
