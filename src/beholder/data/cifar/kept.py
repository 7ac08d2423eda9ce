"""What a packed archive holds, kept in the cache: to unpack and check it takes seconds, each time.

A kept set counts for nothing once the archive is not the file that it was, or what is kept is damaged.
"""

from __future__ import annotations

import functools
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import numpy as np

from beholder.data.dataset import Dataset
from beholder.data.images.stamps import stamps
from beholder.data.progress import Progress
from beholder.data.remembered import key_of, remembered
from beholder.data.source import Source
from beholder.data.stored_arrays import read_arrays, texts_from_array, texts_to_array, write_arrays
from beholder.errors import DataError, StorageError

_MOST_BYTES = 1 << 32
_SPARE = 1 << 30  # bytes that are left free on the disk


def open_kept(path: Path, labels: str, cache: Path, open_archive: Callable[[], Source]) -> Source:
    """The source that `open_archive` opens, from the cache as far as it is there.

    Args:
        path: of the archive, a single file.
        labels: which labels of CIFAR-100.
        cache: the folder.
        open_archive: is called when something is not in the cache.

    Raises:
        DataError, UsageError: as `open_archive`.
    """
    [stamp] = stamps(path.parent, [path.name], {})
    which = [str(path.resolve()), labels]
    opened = functools.cache(open_archive)
    facts = remembered(cache, "archive", [*which, stamp], lambda: _facts(opened()))

    def reader(set_name: str) -> Callable[[Progress], Dataset]:
        def read(progress: Progress) -> Dataset:
            file = cache / "archives" / f"{key_of([*which, set_name])[:32]}.npz"
            made_of = key_of([stamp])
            known = _kept(file, made_of, tuple(facts["class_names"]))
            if known is None:
                known = opened().readers[set_name](progress)
                _keep(file, made_of, known)
            return known

        return read

    return Source(
        str(path), tuple(facts["class_names"]), {name: reader(name) for name in facts["sets"]}, tuple(facts["notes"])
    )


def _facts(source: Source) -> dict[str, Any]:
    return {"class_names": source.class_names, "sets": list(source.readers), "notes": source.notes}


def _kept(file: Path, made_of: str, class_names: tuple[str, ...]) -> Dataset | None:
    """The set in `file`; None where there is none, it was made of something else, or it is damaged."""
    with suppress(OSError, ValueError, DataError):
        arrays = read_arrays(file, most_bytes=_MOST_BYTES, names=("made_of", "images", "labels", "names"))
        if texts_from_array(arrays["made_of"]) == [made_of]:
            return Dataset(arrays["images"], arrays["labels"], class_names, texts_from_array(arrays["names"]))
    return None


def _keep(file: Path, made_of: str, dataset: Dataset) -> None:
    """Keep `dataset` in `file`, where there is room."""
    with suppress(OSError, StorageError):  # it is read from the archive again next time
        file.parent.mkdir(parents=True, exist_ok=True)
        if shutil.disk_usage(file.parent).free > int(np.prod(dataset.images.shape)) + _SPARE:
            texts = {"made_of": texts_to_array([made_of]), "names": texts_to_array(dataset.names)}
            write_arrays(file, {"images": dataset.images[:], "labels": dataset.labels, **texts})
