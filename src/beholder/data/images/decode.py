"""One image file to pixels: the one decoding rule for training, answering and the page, so that they cannot differ.

The rule, version 2: the first frame, in a TIFF the first that is neither a reduced version of another nor a mask;
drafted, for a JPEG, to the smallest size that covers twice the target; grey of more than 8 bits scaled to 0..255,
colour cut to its high byte; transparency, and what a GIF's first frame does not cover, laid on white; RGB or grey
(ITU-R 601-2 luma); scaled (bilinear with antialiasing) to cover the target with an equal cut on both sides, to end
inside it with mid-grey around, or to its shape whatever the proportions: `fit`; turned upright as its EXIF says. An
image of the right size is not resampled. Colour profiles and gamma are not applied. A file that lacks its end is read
as far as it goes where that is nearly everything: `endings`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import IO, Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile

from beholder.data.images.array_rules import as_images, check_image
from beholder.data.images.endings import completed, refuse_missing, stream_lacks_end
from beholder.data.images.fitting import DEFAULT_FIT, ImageFit, framed, scaled
from beholder.data.images.headers import (
    TURNS,
    StoredImage,
    check_size,
    open_header,
    open_stream,
    orientation,
    why_unreadable,
)
from beholder.data.images.levels import flatten, load
from beholder.errors import DataError, ImageError

RULE = 2


@dataclass(frozen=True)
class ImageRules:
    """What an image becomes, and how.

    Attributes:
        height: in pixels.
        width: in pixels.
        mode: `RGB` (3 channels) or `L` (1, grey).
        fit: what is done to an image of other proportions: `crop`, `pad` or `stretch`, see `fitting`.

    Raises:
        DataError: a size below 1, an unknown mode or an unknown fit.
    """

    height: int
    width: int
    mode: Literal["RGB", "L"]
    fit: ImageFit = DEFAULT_FIT

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1 or self.mode not in ("RGB", "L"):
            raise DataError(f"Expected a height and width of at least 1 and mode 'RGB' or 'L'. Received: {self}.")
        if self.fit not in get_args(ImageFit):
            raise DataError(f"Expected a fit of {', '.join(get_args(ImageFit))}. Received: {self}.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a decoded image."""
        return self.height, self.width, 3 if self.mode == "RGB" else 1

    def to_json(self) -> dict[str, Any]:
        """The rules as a JSON object, with the version of the decoding rule."""
        return {"rule": RULE, "height": self.height, "width": self.width, "mode": self.mode, "fit": self.fit}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> ImageRules:
        """The rules that `to_json` wrote.

        Raises:
            DataError: another version of the rule, or a missing or impossible value.
        """
        if document.get("rule") != RULE:
            raise DataError(
                f"Expected image rule {RULE}. Received: rule={document.get('rule')!r}; use the version of Beholder "
                "that wrote it."
            )
        height, width = document.get("height"), document.get("width")
        mode: Any = document.get("mode")
        fit: Any = document.get("fit")
        if type(height) is not int or type(width) is not int:
            raise DataError(f"Expected whole numbers for height and width. Received: {document}.")
        return cls(height, width, mode, fit)


@dataclass(frozen=True)
class Header:
    """What the header of an image file tells: height and width in pixels, as seen upright, and the EXIF orientation."""

    format: str
    height: int
    width: int
    orientation: int


def decode(image: StoredImage | bytes, rules: ImageRules) -> NDArray[np.uint8]:
    """Decode an image file, or its bytes, into the size and mode that `rules` ask for.

    Returns:
        (height, width, C) uint8, C is 3 for `RGB` and 1 for `L`.

    Raises:
        ImageError: it cannot be read, is damaged, too small, too large, or of another format.
    """
    with _one_sentence(image), open_stream(image) as stream:
        return _decoded(stream, rules)


def decode_and_look_at_end(image: StoredImage | bytes, rules: ImageRules) -> tuple[NDArray[np.uint8], bool]:
    """As `decode`, and whether the file lacks its end, see `endings`; it is opened once."""
    with _one_sentence(image), open_stream(image) as stream:
        return _decoded(stream, rules), stream_lacks_end(stream)


def _decoded(stream: IO[bytes], rules: ImageRules) -> NDArray[np.uint8]:
    loaded = _drafted(open_header(stream), rules)
    try:
        return _pixels(loaded, rules)
    except OSError:
        if not isinstance(loaded, JpegImageFile):
            raise
        # It is most often cut short, and may lack nothing but its end.
        loaded = _drafted(open_header(completed(stream)), rules)
        loaded.load()
        refuse_missing(loaded)
        return _pixels(loaded, rules)


def _drafted(image: ImageFile, rules: ImageRules) -> ImageFile:
    """A JPEG in the smallest size that covers twice the target."""
    if isinstance(image, JpegImageFile):
        image.draft(image.mode, _turned((2 * rules.width, 2 * rules.height), orientation(image)))
    return image


def decode_opened(image: Image.Image, rules: ImageRules) -> NDArray[np.uint8]:
    """What `decode` makes of an image that Pillow has opened, or made; it is only loaded, not changed."""
    with _one_sentence(b""):
        check_size(image)
        return _pixels(image, rules)


def decode_array(pixels: NDArray[Any], rules: ImageRules) -> NDArray[np.uint8]:
    """Bring an image that is in memory into the size and mode that `rules` ask for, as `decode` does.

    Args:
        pixels: (H, W), (H, W, 1), (H, W, 3), or (H, W, 4) with alpha, which is laid on white; uint8, bool, or floats
            from 0 to 1.
        rules: the size and mode.

    Returns:
        (height, width, C) uint8, C is 3 for `RGB` and 1 for `L`.

    Raises:
        ImageError: another shape, dtype or range, or fewer than 2 pixels on a side.
    """
    try:
        check_image(pixels.shape, pixels.dtype)
        [image] = as_images(pixels[np.newaxis], "this array")
    except DataError as error:
        raise ImageError(str(error)) from error
    return refit(image, rules)


def read_size(image: StoredImage | bytes) -> tuple[int, int]:
    """Height and width in pixels of an image as seen upright; see `read_header`."""
    header = read_header(image)
    return header.height, header.width


def read_header(image: StoredImage | bytes) -> Header:
    """What the header of an image file tells.

    Raises:
        ImageError: as `decode`, as far as the header tells.
    """
    with _one_sentence(image), open_stream(image) as stream:
        return _header(stream)


def read_size_and_end(image: StoredImage | bytes) -> tuple[tuple[int, int], bool]:
    """As `read_size`, and whether the file lacks its end, see `endings`; it is opened once."""
    with _one_sentence(image), open_stream(image) as stream:
        header = _header(stream)
        return (header.height, header.width), stream_lacks_end(stream)


def _header(stream: IO[bytes]) -> Header:
    loaded = open_header(stream)
    width, height = _turned(loaded.size, orientation(loaded))
    return Header(str(loaded.format), height, width, orientation(loaded))


@contextmanager
def _one_sentence(image: StoredImage | bytes) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # Pillow answers junk with nearly every exception there is
        name = "this image" if isinstance(image, bytes) else repr(str(image))
        raise ImageError(f"Cannot read {name}: {why_unreadable(error)}.") from error


def _pixels(image: Image.Image, rules: ImageRules) -> NDArray[np.uint8]:
    loaded = load(image)
    # Read after it: a PNG may tell its orientation behind its pixels. TIFF files are turned by Pillow as they load.
    turn = orientation(image)
    size = rules.width, rules.height
    flat = scaled(flatten(loaded, rules.mode), _turned(size, turn), rules.fit)
    if turn in TURNS:
        flat = flat.transpose(TURNS[turn])
    return np.asarray(framed(flat, size)).reshape(rules.shape)


def refit(pixels: NDArray[np.uint8], rules: ImageRules) -> NDArray[np.uint8]:
    """What `decode` makes of a lossless file with these `pixels` (H, W, C) uint8: (height, width, C) uint8."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    size = rules.width, rules.height
    return np.asarray(framed(scaled(flatten(image, rules.mode), size, rules.fit), size)).reshape(rules.shape)


def _turned(size: tuple[int, int], orientation: int) -> tuple[int, int]:
    """Width and height of an upright image from those that are stored, and the other way round."""
    return (size[1], size[0]) if orientation >= 5 else size
