"""The levels of an opened image: eight bits a channel, no transparency, RGB or grey.

Where Pillow reads a file otherwise than the file says, that is corrected here, or the file is refused with the reason.
"""

from __future__ import annotations

import numpy as np
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile

from beholder.data.images.headers import RefusedError

_BAND_PIXELS = 1_000_000
# Of TIFF 6.0: tags, and a few of their values.
_BITS, _COMPRESSION, _PHOTOMETRIC, _PLANES, _NUMBERS = 258, 259, 262, 284, 339
_UNCOMPRESSED, _WHITE_IS_ZERO, _SEPARATE, _SIGNED = 1, 0, 2, 2


def load(image: Image.Image) -> Image.Image:
    """The image with its pixels, as its file means them; `image` itself where Pillow reads them so.

    Raises:
        RefusedError: it is stored in a way that is not read rightly.
        Exception: whatever Pillow raises for a damaged file.
    """
    if isinstance(image, GifImageFile):
        return _load_gif(image)
    highest, white_is_zero = 65535, False
    if isinstance(image, TiffImageFile):
        _refuse_misread(image)
        highest = (1 << image.tag_v2.get(_BITS, (16,))[0]) - 1
        white_is_zero = image.tag_v2.get(_PHOTOMETRIC) == _WHITE_IS_ZERO
    if isinstance(image, PngImageFile) and image.mode == "RGB" and _marks_16_bit_colour(image):
        raise RefusedError("it marks a 16-bit colour as transparent; save it with 8 bits or without transparency")
    image.load()
    if image.mode.startswith("I;16"):
        return _eight_bits(image, highest, white_is_zero)
    if isinstance(image, BmpImageFile) and image.mode == "RGBA" and image.getchannel("A").getextrema() == (0, 0):
        return image.convert("RGB")  # nobody saves what cannot be seen: the fourth byte was left empty
    return image


def flatten(image: Image.Image, mode: str) -> Image.Image:
    """Eight bits a channel, no transparency, in `mode` (`RGB` or `L`).

    Raises:
        RefusedError: its numbers have no known range.
    """
    if image.mode in ("I", "F"):
        raise RefusedError("its numbers have no known range (32-bit or floating point); save it with 8 or 16 bits")
    if image.mode == "La":  # premultiplied; Pillow converts it to nothing else
        image = image.convert("LA")
    if image.has_transparency_data:
        return _on_white(image, mode)
    return image if image.mode == mode else image.convert(mode)


def _refuse_misread(image: TiffImageFile) -> None:
    """What Pillow reads without complaint, and wrongly."""
    tags = image.tag_v2
    bits = tags.get(_BITS, (1,))
    if _SIGNED in tags.get(_NUMBERS, (1,)):
        raise RefusedError("its numbers are signed, without a known black; save it with 8 or 16 bits, unsigned")
    apart = tags.get(_PLANES, 1) == _SEPARATE and len(bits) > 1
    if apart and (len(bits) == 2 or (bits[0] > 8 and tags.get(_COMPRESSION, 1) == _UNCOMPRESSED)):
        raise RefusedError("its channels are stored one after the other; save it with interleaved channels")


def _marks_16_bit_colour(image: PngImageFile) -> bool:
    key = image.info.get("transparency")
    if not isinstance(key, tuple):
        return False
    # Pillow keeps the high bytes of such pixels, and compares them with the low bytes of the colour.
    return max(key) > 255 or any(str(tile[3]).startswith("RGB;16") for tile in image.tile)


def _eight_bits(image: Image.Image, highest: int, white_is_zero: bool) -> Image.Image:
    """16-bit grey, of which `highest` is the largest value, as `L`; what is transparent is white."""
    values = np.asarray(image)
    grey = values.astype(np.uint32)
    grey *= 255  # in place: each copy of a large image fills the memory
    grey += highest // 2  # to round, where Pillow's own conversion clips
    grey //= highest
    levels = grey.astype(np.uint8)
    if white_is_zero:
        np.subtract(255, levels, out=levels)
    key = image.info.get("transparency")
    if isinstance(key, int):
        levels[values == key] = 255
    return Image.fromarray(levels)


def _load_gif(image: GifImageFile) -> Image.Image:
    """A first frame may cover a part of the image: the rest is transparent, as browsers show it."""
    drawn = image.tile[0][1] if image.tile else (0, 0, *image.size)
    image.load()
    if drawn == (0, 0, *image.size):
        return image
    whole = Image.new("RGBA", image.size)
    whole.paste(image.convert("RGBA").crop(drawn), drawn)
    return whole


def _on_white(image: Image.Image, mode: str) -> Image.Image:
    """Laid on white, band by band: three more copies of a large image would fill the memory."""
    rows = max(1, _BAND_PIXELS // image.width)
    flat = Image.new(mode, image.size)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        white = Image.new("RGBA", band.size, "white")
        white.alpha_composite(band.convert("RGBA"))
        flat.paste(white.convert(mode), (0, top))
    return flat
