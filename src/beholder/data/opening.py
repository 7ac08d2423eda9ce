"""From what a person calls their data to an opened `Source`: the one place that knows every kind."""

from __future__ import annotations

import difflib
from pathlib import Path
from typing import Any

from beholder.data.arrays import from_arrays, open_npz
from beholder.data.cache_folder import default_cache
from beholder.data.cifar.archive import is_archive, open_archive
from beholder.data.cifar.layouts import LabelKind
from beholder.data.dataset import Dataset
from beholder.data.digits import open_digits
from beholder.data.download import find_or_download
from beholder.data.folders.folder import open_folder
from beholder.data.images.colour import Colour
from beholder.data.images.fitting import ImageFit
from beholder.data.images.refit import fitted_by, recoloured
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.errors import DataError

DATA_NAMES = ("digits", "cifar10", "cifar100")

Data = str | Path | Dataset | tuple[Any, Any]


def open_source(
    data: Data,
    *,
    labels: LabelKind = "fine",
    cache: Path | None = None,
    canvas: tuple[int, int] | None = None,
    colour: Colour = "auto",
    fit: ImageFit | None = None,
    for_audit: bool = False,
    progress: Progress = silent,
) -> Source:
    """Open what `data` names.

    Args:
        data: `digits`, `cifar10` or `cifar100`; the path of an archive, a `.npz` file or a folder of images; or in
            Python a `Dataset` or a pair of arrays (images, labels).
        labels: which of CIFAR-100's two sets of labels.
        cache: where downloads and decoded images are kept; the user's cache folder by default.
        canvas: height and width, in pixels, that a folder's images are decoded to; chosen from them by default.
        colour: `rgb` gives every image three channels and `grey` one; by default they keep what they have, and those
            of a folder get one where all images of a sample are grey.
        fit: how a folder's images of other proportions get into the canvas: `crop`, the default, cuts what stands over,
            `pad` adds grey, `stretch` gives up proportions. Others, which all have one size, stay as they are; a
            network that learns from them takes other images so.
        for_audit: take folders that training cannot work with, see `open_folder`.
        progress: told how far a download is.

    Raises:
        DataError: nothing of that name or path, or not something that can be read.
        UsageError: an unknown `colour` or `fit`.
    """
    if isinstance(data, tuple):
        data = from_arrays(*data)
    cache = cache or default_cache()
    if isinstance(data, Dataset):
        dataset = data
        source = Source("arrays", dataset.class_names, {"all": lambda _progress: dataset})
    elif data == "digits":
        source = open_digits()
    elif data in DATA_NAMES:
        archive = find_or_download(str(data), cache=cache, progress=progress)
        source = open_archive(archive, labels=labels, name=str(data), cache=cache)
    else:
        source = _open_path(Path(data), labels, cache, canvas, colour, fit, for_audit)
    return recoloured(fitted_by(source, fit), colour)


def _open_path(
    path: Path,
    labels: LabelKind,
    cache: Path,
    canvas: tuple[int, int] | None,
    colour: Colour,
    fit: ImageFit | None,
    for_audit: bool,
) -> Source:
    if not _is_there(path):
        near = difflib.get_close_matches(str(path), DATA_NAMES, n=1)
        guess = f" Did you mean {near[0]!r}?" if near else ""
        raise DataError(
            f"No data set is called {str(path)!r} and no file or folder is there; name one of {', '.join(DATA_NAMES)}, "
            f"or the path of an archive, a .npz file or a folder of images.{guess}"
        )
    if str(path) in DATA_NAMES:  # ./digits, say: its name must not be taken for that of the data set
        path = path.resolve()
    if path.suffix.lower() == ".npz":
        return open_npz(path)
    if is_archive(path):
        return open_archive(path, labels=labels, cache=cache)
    if path.is_dir():
        return open_folder(path, cache=cache, canvas=canvas, colour=colour, fit=fit, for_audit=for_audit)
    raise DataError(
        f"{str(path)!r} is not a kind of data that Beholder reads; give a folder of images, a CIFAR archive "
        "(.tar.gz) or a .npz file."
    )


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # too long for a name
        return False
