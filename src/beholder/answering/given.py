"""What a person may give as images to be answered, and what that is: one rule for every way in.

Much that is no list can be walked through: a text gives letters, a file its lines, one image its rows. So what is one
image is told first, and only then is anything taken for many.
"""

from __future__ import annotations

import functools
import logging
import os
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import IO, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from beholder.addresses import at_home, shortened, why_no_file
from beholder.data.dataset import Dataset
from beholder.data.decoding import Rules, decode_rows, kind_of
from beholder.data.images.array_rules import CHANNELS, as_images, check_images
from beholder.data.images.decode import ImageRules, decode_array, decode_opened
from beholder.data.recordings import numbered
from beholder.data.sounds.rules import SoundRules
from beholder.errors import DataError, ImageError, UsageError

# An error stands for an image that could not be fetched, and becomes its answer.
ImageLike = (
    str | os.PathLike[str] | bytes | bytearray | memoryview | NDArray[Any] | Image.Image | IO[bytes] | ImageError
)
UNNAMED = "-"
_EXPECTED = (
    "Expected an image, as a path, the bytes of a file, an array (H, W, C), a Pillow image or a file opened with 'rb', "
    "or a list, an iterator or a batch (N, H, W, C) of images"
)
_EXPECTED_SOUND = (
    "Expected a sound, as a path, the bytes of a file or a file opened with 'rb', or a list or an iterator of sounds"
)
_LOOKED_AT = 256  # images of a batch that are looked at for their range


class Given(NamedTuple):
    """One image, or sound: its path, or `-`, and where its pixels are from; of a sound they may be all its windows."""

    path: str
    image: Path | bytes | NDArray[Any] | ImageError


def each(images: Iterable[ImageLike] | ImageLike, rules: Rules) -> Iterator[Given]:
    """Every image that `images` are, one or many, taken as they are asked for.

    Args:
        images: see `_EXPECTED`; or a `Dataset`. An array of three sides is one image where its last side is 1, 3 or 4,
            else a batch of grey ones.
        rules: what the network takes.

    Raises:
        UsageError: it is nothing of that kind. One of many that is not becomes an item with an error.
        DataError: a batch of another shape, dtype or range.
    """
    given: object = images
    if isinstance(given, Dataset):
        if given.recordings is not None and isinstance(rules, SoundRules):
            return _recordings(given, given.recordings, rules)
        if given.file_kind is not kind_of(rules):
            takes = kind_of(rules).plural
            raise UsageError(
                f"The data set holds {given.file_kind.plural}, and the network takes {takes}; give {takes}."
            )
        images = np.asarray(given.images)
    expected = expected_of(rules)
    if hasattr(images, "columns") and hasattr(images, "__getitem__"):
        raise UsageError(f"{expected}. Received: a table; give its column of paths, such as table['path'].")
    array = _as_array(images, rules)
    if array is not None and (array.ndim == 1 and (array.dtype.kind in "OU" or not array.size)):
        images = array.tolist()  # of paths or images, as a column of a table gives them
    elif array is not None:
        return _rows(array, rules)
    elif isinstance(images, ImageError) or _is_one(images):
        return iter([_item(images, rules)])
    if isinstance(images, Mapping | ImageError) or not isinstance(images, Iterable):
        raise UsageError(f"{expected}. Received: {_kind(images)}.")
    return (_item(image, rules) for image in images)


def only(images: Iterable[ImageLike] | ImageLike, rules: Rules) -> Given:
    """The one image, or sound, that `images` are.

    Raises:
        UsageError, DataError: as `each`, or there are none, or many.
    """
    found = list(islice(each(images, rules), 2))
    if len(found) != 1:
        raise UsageError(f"Expected one {kind_of(rules).name}. Received: {'more than one' if found else 'none'}.")
    return found[0]


def expected_of(rules: Rules) -> str:
    """What may be given to a network that takes files by `rules`, as the beginning of a sentence."""
    return _EXPECTED_SOUND if isinstance(rules, SoundRules) else _EXPECTED


def rows_of(given: Given, rules: Rules) -> NDArray[np.uint8]:
    """(n, height, width, C) uint8, as `rules` ask for: one row of an image, of a sound all its windows.

    Raises:
        ImageError: it cannot be read, or is none.
    """
    if isinstance(given.image, ImageError):
        raise given.image
    if not isinstance(given.image, np.ndarray):
        return decode_rows(given.image, rules)
    if isinstance(rules, SoundRules):
        return _windows(given.image, rules)
    return decode_array(given.image, rules)[np.newaxis]


def _windows(array: NDArray[Any], rules: SoundRules) -> NDArray[np.uint8]:
    """Windows of a sound that were decoded before, (n, H, W, 1) uint8; samples have no rate here."""
    if array.dtype == np.uint8 and array.shape[-3:] == rules.shape and array.ndim in (3, 4) and len(array):
        windows: NDArray[np.uint8] = array.reshape(-1, *rules.shape)
        return windows
    raise ImageError(
        f"{_EXPECTED_SOUND}. Received: an array, shape={array.shape}, dtype={array.dtype}; save samples as a WAV file."
    )


def _recordings(given: Dataset, recordings: NDArray[np.int64], rules: SoundRules) -> Iterator[Given]:
    """The sounds of a data set, each with all its windows; `recordings` are its own."""
    place = numbered(recordings)
    order, ends = np.argsort(place, kind="stable"), np.cumsum(np.bincount(place))
    for rows in np.split(order, ends[:-1]):
        yield Given(UNNAMED, _windows(np.asarray(given.images[rows]), rules))


def _is_one(image: object) -> bool:
    one = (str, os.PathLike, bytes, bytearray, memoryview, Image.Image)
    return isinstance(image, one) or callable(getattr(image, "read", None))


def _item(image: Any, rules: Rules) -> Given:
    """A single image; what is none becomes an error, so that the others of its list are answered."""
    path = shortened(os.fsdecode(image)) if isinstance(image, str | os.PathLike) else UNNAMED
    try:
        return Given(path, _taken(image, path, rules))
    except ImageError as error:
        return Given(path, error)
    except (DataError, UsageError) as error:
        return Given(path, ImageError(str(error)))


def _taken(image: Any, path: str, rules: Rules) -> Path | bytes | NDArray[Any] | ImageError:
    """Where the pixels of one image are from; files and Pillow's images are read here, in their order."""
    if isinstance(image, ImageError | bytes | bytearray | memoryview):
        return image if isinstance(image, ImageError) else bytes(image)
    if isinstance(image, str | os.PathLike):
        if not path or "\0" in path:
            raise ImageError(f"Expected the path of {kind_of(rules).with_article}. Received: {path!r}.")
        if reason := why_no_file(path):
            raise ImageError(f"{path!r} {reason}.")
        return Path(at_home(path))
    # Not in a thread: one of them may be given twice.
    if isinstance(image, Image.Image) and isinstance(rules, ImageRules):
        return decode_opened(image, rules)
    if callable(getattr(image, "read", None)):
        return _content(image)
    array = _as_array(image, rules)
    if array is None:
        raise ImageError(f"{expected_of(rules).partition(', or a list')[0]}. Received: {_kind(image)}.")
    if isinstance(rules, SoundRules):
        return _windows(array, rules)
    _warn_of_zeros_and_ones(array)
    return array


def _content(file: Any) -> bytes:
    """All of a file, from its start where it can go back there, as Pillow reads one."""
    try:
        if file.seekable():
            file.seek(0)
    except (AttributeError, OSError, ValueError):
        pass  # reading it says what is wrong
    try:
        content = file.read()
    except (OSError, ValueError) as error:
        raise ImageError(f"Cannot read this file: {error}; open it with 'rb'.") from error
    if not isinstance(content, bytes):
        raise ImageError(f"Expected a file opened with 'rb'. Received: one from which {_kind(content)} is read.")
    return content


def _as_array(value: object, rules: Rules) -> NDArray[Any] | None:
    """`value` as an array, where it is one, or of a library that can make it one; else None."""
    if not isinstance(value, np.ndarray):
        if isinstance(value, Image.Image | str | bytes) or not hasattr(value, "__array__") or isinstance(value, type):
            return None
        try:
            value = np.asarray(value)
        except Exception as error:  # whatever that library raises
            raise UsageError(
                f"{expected_of(rules)}. Received: {_kind(value)}, which cannot become an array ({error})."
            ) from error
    if isinstance(value, np.ma.MaskedArray):
        raise UsageError(
            "Expected an array without a mask. Received: a masked one; fill it, for example with images.filled(0)."
        )
    return value


def _rows(array: NDArray[Any], rules: Rules) -> Iterator[Given]:
    """The images of an array: one of two sides, or of three with channels; else a batch."""
    if isinstance(rules, SoundRules):  # windows of one sound, or of one each
        return (_item(sound, rules) for sound in (array if array.ndim == 4 else [array]))
    if array.ndim < 3 or (array.ndim == 3 and array.shape[2] in CHANNELS):
        return iter([_item(array, rules)])
    if not len(array):
        return iter(())
    if array.ndim == 3 and len(array) in CHANNELS[1:] and (rules.mode, array.shape[1:]) != ("L", rules.shape[:2]):
        raise UsageError(
            f"An array of shape {array.shape} may be {len(array)} grey images, or one image with its channels first; "
            "give images[..., np.newaxis] for grey images, or np.moveaxis(image, 0, -1) for one."
        )
    check_images(array.shape, array.dtype, "images")
    _warn_of_zeros_and_ones(array)
    return (Given(UNNAMED, pixels) for pixels in as_images(array, "images"))


def _warn_of_zeros_and_ones(array: NDArray[Any]) -> None:
    if array.dtype == np.uint8 and array.ndim > 1 and array.size:
        first = array[:_LOOKED_AT] if array.ndim == 4 else array
        if first.max() == 1:
            say_once(
                "The values of this uint8 array are 0 and 1 alone, which is black; where 1 is meant as white, give "
                "floats, or images * 255."
            )


def _kind(value: object) -> str:
    if value is None:
        return "None"
    return f"{value!r:.40}" if isinstance(value, int | float) else f"an object of type {type(value).__name__}"


@functools.cache
def say_once(sentence: str) -> None:
    """Log a warning, the first time it is to be said in this process."""
    logging.getLogger("beholder").warning(sentence)
