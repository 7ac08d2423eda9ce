"""One picture file to pixels: the one decoding rule for training, answering and the page, so that they cannot differ.

The rule, version 1: the first frame; drafted, for a JPEG, to the smallest size that covers twice the target; 16-bit
grey divided by 257; transparency laid on white; RGB or grey (ITU-R 601-2 luma); scaled to cover the target (bilinear
with antialiasing) with an equal cut on both sides; turned upright as its EXIF says. A picture of the right size is not
resampled.
"""

from __future__ import annotations

import io
import struct
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
from numpy.typing import NDArray
from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from beholder.data.picture_memory import excessive_memory
from beholder.errors import DataError, PictureError

RULE = 1
MAX_PIXELS = 250_000_000
_BAND_PIXELS = 1_000_000

# Pillow's plug-ins mutter about damaged metadata, which we neither read nor need.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.\w+ImagePlugin")
# It has a limit of its own for pixels, which ours takes the place of.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_TIFF_STARTS = (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")
# EXIF 2.32, tag 0x0112: how the stored picture has to be turned to stand upright.
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class _RefusedError(Exception):
    """Why a picture is refused, as the second half of a sentence."""


@dataclass(frozen=True)
class PictureRules:
    """What a picture becomes: `height` and `width` in pixels, and `mode`, `RGB` (3 channels) or `L` (1, grey).

    Raises:
        DataError: a size below 1 or an unknown mode.
    """

    height: int
    width: int
    mode: Literal["RGB", "L"]

    def __post_init__(self) -> None:
        if self.height < 1 or self.width < 1 or self.mode not in ("RGB", "L"):
            raise DataError(f"Expected a height and width of at least 1 and mode 'RGB' or 'L'. Received: {self}.")

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of a decoded picture."""
        return self.height, self.width, 3 if self.mode == "RGB" else 1

    def to_json(self) -> dict[str, Any]:
        """The rules as a JSON object, with the version of the decoding rule."""
        return {"rule": RULE, "height": self.height, "width": self.width, "mode": self.mode}

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> PictureRules:
        """The rules that `to_json` wrote.

        Raises:
            DataError: another version of the rule, or a missing or impossible value.
        """
        if document.get("rule") != RULE:
            raise DataError(
                f"Expected picture rule {RULE}. Received: rule={document.get('rule')!r}; use the version of Beholder "
                "that wrote it."
            )
        height, width, mode = document.get("height"), document.get("width"), document.get("mode")
        if type(height) is not int or type(width) is not int or mode not in ("RGB", "L"):
            raise DataError(f"Expected whole numbers height and width and mode 'RGB' or 'L'. Received: {document}.")
        return cls(height, width, mode)


@dataclass(frozen=True)
class Header:
    """What the header of a picture file tells.

    Attributes:
        format: `JPEG`, `PNG`, `WEBP`, `BMP`, `GIF` or `TIFF`.
        height: in pixels, as seen upright; likewise `width`.
        width: see there.
        orientation: as its EXIF has it, 1 to 8; 1 is upright.
    """

    format: str
    height: int
    width: int
    orientation: int


def decode(picture: Path | bytes, rules: PictureRules) -> NDArray[np.uint8]:
    """Decode a picture file, or its bytes, into the size and mode that `rules` ask for.

    Returns:
        (height, width, C) uint8, C is 3 for `RGB` and 1 for `L`.

    Raises:
        PictureError: it cannot be read, is damaged, too small, too large, or of another format.
    """
    try:
        with _stream(picture) as stream:
            return _pixels(_open(stream), rules)
    except Exception as error:  # Pillow answers junk with nearly every exception there is.
        raise PictureError(f"Cannot read {_name(picture)}: {_reason(error)}.") from error


def fit(pixels: NDArray[np.uint8], rules: PictureRules) -> NDArray[np.uint8]:
    """Bring a picture that is in memory into the size and mode that `rules` ask for, as `decode` does.

    Args:
        pixels: (H, W), (H, W, 1) or (H, W, 3) uint8.
        rules: the size and mode.

    Returns:
        (height, width, C) uint8, C is 3 for `RGB` and 1 for `L`.

    Raises:
        PictureError: another shape or dtype.
    """
    if pixels.dtype != np.uint8 or pixels.ndim not in (2, 3) or pixels.shape[2:] not in ((), (1,), (3,)):
        raise PictureError(
            f"Expected a picture of shape (H, W), (H, W, 1) or (H, W, 3) and dtype uint8. Received: "
            f"shape={pixels.shape}, dtype={pixels.dtype}."
        )
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2:] == (1,) else pixels)
    return np.asarray(_cover(_flatten(image, rules.mode), (rules.width, rules.height))).reshape(rules.shape)


def measure(picture: Path | bytes) -> tuple[int, int]:
    """Height and width in pixels of a picture as seen upright, from its header alone.

    Raises:
        PictureError: as `decode`, as far as the header tells.
    """
    header = read_header(picture)
    return header.height, header.width


def read_header(picture: Path | bytes) -> Header:
    """What the header of a picture file tells.

    Raises:
        PictureError: as `decode`, as far as the header tells.
    """
    try:
        with _stream(picture) as stream:
            image = _open(stream)
            orientation = _orientation(image)
            width, height = _swapped(image.size) if orientation >= 5 else image.size
            return Header(str(image.format), height, width, orientation)
    except Exception as error:  # as in decode
        raise PictureError(f"Cannot read {_name(picture)}: {_reason(error)}.") from error


def _stream(picture: Path | bytes) -> IO[bytes]:
    if isinstance(picture, bytes):
        return io.BytesIO(picture)
    if picture.is_fifo():  # opening one waits for somebody to write to it
        raise _RefusedError("it is a pipe; give a file")
    return picture.open("rb")


def _open(stream: IO[bytes]) -> ImageFile:
    """Read the header. `Image.open` would try other formats too, and has a limit of its own that it warns about."""
    start = stream.read(16)
    stream.seek(0)
    image = _format(start)(stream)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise _RefusedError(
            f"it has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million; make it smaller"
        )
    need = excessive_memory(image, stream)
    if need is not None:
        raise _RefusedError(f"it is a small file that would take {need / 1e6:,.0f} MB of memory; make it smaller")
    if min(width, height) < 2:
        raise _RefusedError(f"it has {width} x {height} pixels, fewer than 2 on a side; remove it")
    return image


def _format(start: bytes) -> type[ImageFile]:
    formats: list[tuple[bool, type[ImageFile]]] = [
        (start.startswith(b"\xff\xd8\xff"), JpegImageFile),
        (start.startswith(b"\x89PNG\r\n\x1a\n"), PngImageFile),
        (start.startswith(b"RIFF") and start[8:12] == b"WEBP", WebPImageFile),
        (start.startswith(b"BM"), BmpImageFile),
        (start.startswith((b"GIF87a", b"GIF89a")), GifImageFile),
        (start.startswith(_TIFF_STARTS), TiffImageFile),
    ]
    for fits, image_file in formats:
        if fits:
            return image_file
    if not start:
        raise _RefusedError("it is empty; bring a whole copy or remove it")
    raise _RefusedError("it is not a JPEG, PNG, WebP, BMP, GIF or TIFF picture; convert or remove it")


def _pixels(image: ImageFile, rules: PictureRules) -> NDArray[np.uint8]:
    target = rules.width, rules.height
    if isinstance(image, JpegImageFile):
        width, height = _swapped(target) if _orientation(image) >= 5 else target
        image.draft(image.mode, (2 * width, 2 * height))
    image.load()
    # Read again: a PNG may tell its orientation behind its pixels. TIFF files are turned by Pillow as they load.
    orientation = _orientation(image)
    flat = _cover(_flatten(image, rules.mode), _swapped(target) if orientation >= 5 else target)
    if orientation in _TURNS:
        flat = flat.transpose(_TURNS[orientation])
    return np.asarray(flat).reshape(rules.shape)


def refit(pixels: NDArray[np.uint8], rules: PictureRules) -> NDArray[np.uint8]:
    """What `decode` makes of a lossless file with these `pixels` (H, W, C) uint8: (height, width, C) uint8."""
    image = Image.fromarray(pixels[..., 0] if pixels.shape[2] == 1 else pixels)
    return np.asarray(_cover(_flatten(image, rules.mode), (rules.width, rules.height))).reshape(rules.shape)


def _flatten(image: Image.Image, mode: str) -> Image.Image:
    """Eight bits a channel, no transparency, in `mode`."""
    if image.mode.startswith("I;16"):
        # 65535 / 255 = 257; half of it is added to round, where Pillow's own conversion clips.
        grey = np.asarray(image).astype(np.uint32)
        grey += 128
        grey //= 257  # in place: each copy of a large picture fills the memory
        image = Image.fromarray(grey.astype(np.uint8))
    elif image.mode in ("I", "F"):
        raise _RefusedError("its numbers have no known range (32-bit or floating point); save it with 8 or 16 bits")
    elif image.has_transparency_data:
        return _on_white(image, mode)
    return image if image.mode == mode else image.convert(mode)


def _on_white(image: Image.Image, mode: str) -> Image.Image:
    """Laid on white, band by band: three more copies of a large picture would fill the memory."""
    rows = max(1, _BAND_PIXELS // image.width)
    flat = Image.new(mode, image.size)
    for top in range(0, image.height, rows):
        band = image.crop((0, top, image.width, min(top + rows, image.height)))
        white = Image.new("RGBA", band.size, "white")
        white.alpha_composite(band.convert("RGBA"))
        flat.paste(white.convert(mode), (0, top))
    return flat


def _cover(image: Image.Image, target: tuple[int, int]) -> Image.Image:
    """Scale so that the picture just covers `target` (width, height), and cut what stands over on both sides."""
    if image.size == target:
        return image
    shrink = min(image.width / target[0], image.height / target[1])
    width, height = min(target[0] * shrink, image.width), min(target[1] * shrink, image.height)
    left, top = (image.width - width) / 2, (image.height - height) / 2
    box = (left, top, min(left + width, image.width), min(top + height, image.height))
    return image.resize(target, Image.Resampling.BILINEAR, box=box)


def _orientation(image: ImageFile) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) where there is none or the EXIF is damaged.

    Pillow's own reader parses every tag and warns about damage, which costs more than decoding a small picture.
    """
    exif = image.info.get("exif")
    if not isinstance(exif, bytes):
        return 1
    tiff = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(tiff[:2])
    if order is None:
        return 1
    try:
        (start,) = struct.unpack_from(f"{order}I", tiff, 4)
        (count,) = struct.unpack_from(f"{order}H", tiff, start)
        for entry in range(start + 2, start + 2 + 12 * count, 12):
            tag, _kind, _count, value = struct.unpack_from(f"{order}HHIH", tiff, entry)
            if tag == 0x0112:
                return int(value) if value in _TURNS else 1
    except struct.error:
        pass
    return 1


def _swapped(size: tuple[int, int]) -> tuple[int, int]:
    return size[1], size[0]


def _name(picture: Path | bytes) -> str:
    return "this picture" if isinstance(picture, bytes) else repr(str(picture))


def _reason(error: Exception) -> str:
    """Why, and what to do, for whatever was raised while a picture was read."""
    if isinstance(error, _RefusedError):
        return str(error)
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror[0].lower()}{error.strerror[1:]}; check the path and its rights"
    if isinstance(error, MemoryError):
        return "it needs more memory than there is; make it smaller"
    if isinstance(error, Image.DecompressionBombError):
        return "it has too many pixels; make it smaller"
    if "truncated" in str(error).lower():
        return "it is cut short; bring a whole copy or remove it"
    detail = " ".join(str(error).split()).rstrip(".")[:120] or type(error).__name__
    return f"it is damaged ({detail}); bring a whole copy or remove it"
