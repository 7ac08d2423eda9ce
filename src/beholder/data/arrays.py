"""Images that are arrays already: plain ones in Python, or `images` and `labels` in an `.npz` file."""

from __future__ import annotations

import math
import sys
import warnings
import zipfile
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from beholder.data.class_names import refuse_alike
from beholder.data.dataset import Dataset
from beholder.data.images.array_rules import as_images, check_images
from beholder.data.progress import Progress
from beholder.data.source import Source
from beholder.errors import BeholderError, DataError

# NumPy mutters about files of Python 2, which it reads all the same.
warnings.filterwarnings("ignore", message="Reading `.npy` or `.npz` file required", category=UserWarning)

_MOST_BYTES = {"images": 1 << 32, "labels": 1 << 28, "names": 1 << 24}
# Images shrink to a hundredth at best; what is large and shrinks more is made to fill a memory.
_MOST_SHRINKING, _LARGE = 200, 1 << 27
_BYTES_A_ROW = 100  # that an image costs beside its pixels: its name, its label


def open_npz(path: Path) -> Source:
    """Open an `.npz` file with `images` and `labels`, and maybe `names`; its one set is `all`.

    Shapes, dtypes and the meaning of labels are those of `from_arrays`, `names` being its `class_names`.

    Raises:
        DataError: it is missing, damaged, too large, or holds other arrays. The reader raises it about the images.
    """
    where = str(path)
    with _reading(path), zipfile.ZipFile(path) as file:
        shape, dtype = _header(file, "images", path)
        check_images(shape, dtype, where)
        labels = _array(file, "labels", path)
        names = _array(file, "names", path) if "names.npy" in file.namelist() else None
    if labels.ndim:  # before each of them becomes a text
        _check_counts(shape, labels, where)
    indices, class_names = classes_of(labels, None if names is None else list(_texts(names, where)), where)
    _check_counts(shape, indices, where)
    scaled = f"The images in {path.name} are {dtype} and were scaled from 0..1 to 0..255."

    def read_all(progress: Progress) -> Dataset:
        progress("Reading images", 0, 1)
        with _reading(path), zipfile.ZipFile(path) as file:
            images = _array(file, "images", path)
        check_images(images.shape, images.dtype, where)
        dataset = Dataset(as_images(images, where), indices, class_names, _row_names(len(images)))
        progress("Reading images", 1, 1)
        return dataset

    return Source(where, class_names, {"all": read_all}, (scaled,) if dtype.kind in "fb" else ())


def from_arrays(images: ArrayLike, labels: ArrayLike, class_names: Sequence[str] | None = None) -> Dataset:
    """Make a `Dataset` of plain arrays.

    Args:
        images: (N, H, W) or (N, H, W, 1) grey, (N, H, W, 3) RGB, or (N, H, W, 4) with alpha, which is laid on white;
            uint8, or floats from 0 to 1, which are scaled to 0..255 and rounded, or bool, which become 0 and 255.
        labels: (N,) or (N, 1); whole numbers or texts.
        class_names: with them, a number is an index into them and a text is one of them. Without, each different label
            is a class, in sorted order.

    Returns:
        Images (N, H, W, 1 or 3) uint8; a uint8 array of that shape is not copied.

    Raises:
        DataError: another shape or dtype, floats outside 0..1, labels outside the classes, no images.
    """
    images, labels = _as_array(images, "images"), _unmixed(labels)
    check_images(images.shape, images.dtype, "images")
    if class_names is not None and (
        isinstance(class_names, str | Mapping) or not isinstance(class_names, Iterable)
    ):  # walking through one gives letters, or keys in any order
        raise DataError(f"Expected a list of class names. Received: {type(class_names).__name__}.")
    indices, names = classes_of(labels, None if class_names is None else list(class_names), "labels")
    _check_counts(images.shape, indices, "images")
    return Dataset(as_images(images, "images"), indices, names, _row_names(len(images)))


def _row_names(count: int) -> list[str]:
    return [f"images/{row:05d}" for row in range(count)]


def _as_array(values: ArrayLike, what: str) -> NDArray[Any]:
    if isinstance(values, np.ma.MaskedArray):
        raise DataError(f"Expected {what} without a mask. Received: a masked array; fill or remove what it hides.")
    try:
        return np.asarray(values)
    except ValueError as error:
        raise DataError(f"Expected {what} that form one array; their lengths differ from row to row.") from error
    except Exception as error:  # whatever the library of these values raises
        raise DataError(f"Expected {what} as an array. Received: {type(values).__name__} ({error}).") from error


def _unmixed(labels: ArrayLike) -> NDArray[Any]:
    """As an array, in which a number among texts, such as the NaN of a missing one, has not become a text itself."""
    array = _as_array(labels, "labels")
    if array.dtype.kind == "U" and isinstance(labels, list | tuple) and not all(isinstance(one, str) for one in labels):
        return np.asarray(labels, object)
    return array


def _check_counts(shape: tuple[int, ...], labels: NDArray[Any], where: str) -> None:
    if len(labels) != shape[0]:
        raise DataError(f"Expected one label for each image in {where!r}. Received: {len(labels)} for {shape[0]}.")


def classes_of(labels: NDArray[Any], names: list[str] | None, where: str) -> tuple[NDArray[np.int64], tuple[str, ...]]:
    """Indices into the class names, (N,) int64, and these; see `from_arrays`.

    Raises:
        DataError: labels that are none, or outside the `names`; `where` is what a person knows them as.
    """
    if labels.ndim == 2 and labels.shape[1] == 1:  # as Keras keeps those of CIFAR-10
        labels = labels[:, 0]
    if labels.ndim != 1 or labels.dtype.kind not in "iuUSO":
        hints = {1: "; give labels.astype(int)", 2: "; where a 1 marks the class, give np.argmax(labels, axis=1)"}
        hint = hints.get(labels.ndim, "") if labels.dtype.kind in "fbiu" else ""
        raise DataError(
            f"Expected labels of shape (N,), whole numbers or texts, in {where!r}. "
            f"Received: shape={labels.shape}, dtype={labels.dtype}{hint}."
        )
    if labels.dtype.kind not in "iu":
        labels = _texts(labels, where)
    if names is None:
        values, indices = np.unique(labels, return_inverse=True)
        found = tuple(map(str, values))
        refuse_alike(found, where)
        return indices.astype(np.int64), found
    if not all(isinstance(name, str) for name in names) or len(set(names)) != len(names):
        raise DataError(f"Expected class names in {where!r} that are texts and differ from each other.")
    class_names = tuple(map(str, names))
    refuse_alike(class_names, where)
    if labels.dtype.kind == "U":
        order = {name: index for index, name in enumerate(class_names)}
        unknown = sorted(set(labels.tolist()) - set(order))
        if unknown:
            raise DataError(f"The label {unknown[0]!r} in {where!r} is not one of its {len(names)} class names.")
        return np.array([order[label] for label in labels.tolist()], np.int64), class_names
    if len(labels) and not 0 <= labels.min() <= labels.max() < len(names):
        raise DataError(
            f"Expected labels from 0 to {len(names) - 1} in {where!r}, one for each class name. "
            f"Received: {labels.min()} to {labels.max()}."
        )
    return labels.astype(np.int64), class_names


def _texts(values: NDArray[Any], where: str) -> NDArray[np.str_]:
    texts: list[Any] = values.tolist() if values.ndim == 1 else [None]
    try:
        texts = [text.decode("utf-8") if isinstance(text, bytes) else text for text in texts]
    except UnicodeDecodeError as error:
        raise DataError(f"Expected texts in UTF-8 in {where!r}; write them as `str`.") from error
    missing = [row for row, text in enumerate(texts) if values.ndim == 1 and _is_missing(text)]
    if missing:
        are = "is" if len(missing) == 1 else "are"
        raise DataError(
            f"{len(missing):,} of {len(texts):,} texts in {where!r} {are} missing, the first in row {missing[0]} "
            f"({texts[missing[0]]!r}); leave {'it' if len(missing) == 1 else 'them'} out."
        )
    other = [row for row, text in enumerate(texts) if not isinstance(text, str)]
    if other and values.ndim == 1 and values.dtype.kind == "O":
        raise DataError(
            f"Expected texts alone in {where!r}. Received: {texts[other[0]]!r:.40} in row {other[0]}; write it as text."
        )
    if other or values.dtype.kind not in "USO":
        raise DataError(
            f"Expected one row of texts in {where!r}. Received: shape={values.shape}, dtype={values.dtype}."
        )
    return np.array(texts, np.str_)


def _header(file: zipfile.ZipFile, key: str, path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of one array in `file`, once they agree with the size that the file announces."""
    if f"{key}.npy" not in file.namelist():
        raise DataError(f"{str(path)!r} holds no array {key!r}; save it with numpy.savez(..., images=..., labels=...).")
    entry = file.getinfo(f"{key}.npy")
    announced = entry.file_size
    with file.open(f"{key}.npy") as stream:
        version = np.lib.format.read_magic(stream)
        read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = read(stream)
        size = math.prod(shape) * dtype.itemsize
        if dtype.hasobject:
            raise DataError(
                f"{key!r} in {str(path)!r} holds Python objects, which may run code; save numbers or texts."
            )
        # Images of a few pixels cost more than these, and bytes become texts of four bytes a letter.
        cost = size + _BYTES_A_ROW * shape[0] if key == "images" and shape else size * (4 if dtype.kind == "S" else 1)
        if size > _MOST_BYTES[key] or (cost > _LARGE and cost > _MOST_SHRINKING * path.stat().st_size):
            raise DataError(f"{key!r} in {str(path)!r} declares {size:,} bytes, too many to load; save a smaller one.")
        if dtype.itemsize == 0 or size != announced - stream.tell() or any(side < 0 for side in shape):
            raise DataError(f"{key!r} in {str(path)!r} is cut short or damaged; save it again.")
    return shape, dtype


def _array(file: zipfile.ZipFile, key: str, path: Path) -> NDArray[Any]:
    _header(file, key, path)
    with file.open(f"{key}.npy") as stream:
        array: NDArray[Any] = np.lib.format.read_array(stream, allow_pickle=False)
        stream.read()  # the zip compares its checksum at the end
    if array.dtype.kind == "U":
        letters = np.frombuffer(array.tobytes(), np.dtype("u4").newbyteorder(array.dtype.byteorder))
        if letters.size and letters.max() > sys.maxunicode:
            raise DataError(f"{key!r} in {str(path)!r} holds something other than text; save it again.")
    return array


@contextmanager
def _reading(path: Path) -> Iterator[None]:
    """Whatever goes wrong while `path` is read becomes one sentence."""
    try:
        yield
    except BeholderError:
        raise
    except Exception as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else "it is damaged or no .npz file"
        raise DataError(f"Cannot read {str(path)!r}: {reason}; save it again or give another path.") from error


def _is_missing(text: object) -> bool:
    is_nan = isinstance(text, float) and text != text  # noqa: PLR0124  as pandas marks what is missing
    return text is None or is_nan or (isinstance(text, str) and not text.strip())
