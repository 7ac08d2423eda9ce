"""Image files opened as far as their header: format, limits, orientation, and why a file is refused."""

from __future__ import annotations

import io
import re
import struct
import warnings
from typing import IO, Literal, Protocol

from PIL import Image
from PIL.BmpImagePlugin import BmpImageFile
from PIL.GifImagePlugin import GifImageFile
from PIL.ImageFile import ImageFile
from PIL.JpegImagePlugin import JpegImageFile
from PIL.PngImagePlugin import PngImageFile
from PIL.TiffImagePlugin import TiffImageFile
from PIL.WebPImagePlugin import WebPImageFile

from beholder.data.images.formats import START, image_format

MAX_PIXELS = 250_000_000
LEAST_SIDE = 2  # pixels
# Bytes of memory that decoding may take whatever the file is, and as a multiple of the file's size: a few bytes can
# announce an image of a gigabyte, and an honest one shrinks to a hundredth at best.
_MOST_BYTES, _MOST_GROWING = 1_000_000_000, 100
_SUBFILE, _SUBPAGES, _REDUCED, _MASK, _MOST_PAGES = 254, 330, 1, 4, 16

# Pillow's plug-ins mutter about damaged metadata, which we neither read nor need.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.\w+ImagePlugin")
# It has a limit of its own for pixels, which ours takes the place of.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)

_FORMATS: dict[str, type[ImageFile]] = {
    "JPEG": JpegImageFile,
    "PNG": PngImageFile,
    "WEBP": WebPImageFile,
    "BMP": BmpImageFile,
    "GIF": GifImageFile,
    "TIFF": TiffImageFile,
}
# EXIF 2.32, tag 0x0112: how the stored image has to be turned to stand upright.
TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


# From words of Pillow's to ours.
_SENTENCES = (
    ("decompression bomb", "it has too many pixels; make it smaller"),
    ("truncated|requires a buffer", "it is cut short; get a complete copy, or remove it"),
    ("identified by this driver|decoder object", "it is damaged; get a complete copy, or remove it"),
    (r"^\d+$", "it is compressed in a way that Beholder does not read; save it as PNG"),  # a number of TIFF's
    (
        "unknown (pixel|raw) mode|unsupported|cannot handle|not supported|string index out of range",
        "its pixels are stored in a way that Beholder does not read; save it as PNG, with 8 or 16 bits",
    ),
)


class StoredImage(Protocol):
    """An image file that can be opened: a `Path`, or one in an archive. As text it is what a person calls it."""

    def is_fifo(self) -> bool:
        """Whether opening it would wait for somebody to write to it."""

    def open(self, mode: Literal["rb"], /) -> IO[bytes]:
        """Its bytes, from the first on."""


class RefusedError(Exception):
    """Why an image is refused, as the second half of a sentence."""


def open_stream(image: StoredImage | bytes) -> IO[bytes]:
    """The bytes of an image file; a pipe is refused, and an `OSError` says that it cannot be opened."""
    if isinstance(image, bytes):
        return io.BytesIO(image)
    if image.is_fifo():
        raise RefusedError("it is a pipe; give a file")
    return image.open("rb")


def open_header(stream: IO[bytes]) -> ImageFile:
    """Read the header. `Image.open` would try other formats too, and has a limit of its own that it warns about.

    Raises:
        RefusedError: it is of another format, too large or too small.
        Exception: whatever Pillow raises for a damaged file.
    """
    start = stream.read(START)
    stream.seek(0)
    image = _image_file(start)(stream)
    if isinstance(image, TiffImageFile):
        _seek_whole_page(image)
    check_size(image)
    need = image.width * image.height * _bytes_a_pixel(image)
    if need > _MOST_BYTES:
        place = stream.tell()
        if need > _MOST_GROWING * stream.seek(0, io.SEEK_END):
            raise RefusedError(
                f"decoding this small file would take {need / 1e6:,.0f} MB of memory; make the image smaller"
            )
        stream.seek(place)
    return image


def _bytes_a_pixel(image: ImageFile) -> int:
    """As measured with Pillow 13 on images of 25 million pixels, rounded up."""
    if isinstance(image, WebPImageFile):
        return 17
    transparent = image.mode in ("RGBA", "LA", "PA") or "transparency" in image.info
    layered = isinstance(image, TiffImageFile | GifImageFile) or bool(image.info.get("progressive"))
    return 10 if transparent or layered or image.mode.startswith("I;16") else 5


def _seek_whole_page(image: TiffImageFile) -> None:
    """Go on from a thumbnail or a mask (TIFF 6.0, tag NewSubfileType) to the first page that is neither."""
    for page in range(1, _MOST_PAGES):
        if not image.tag_v2.get(_SUBFILE, 0) & (_REDUCED | _MASK):
            return
        try:
            image.seek(page)
        except EOFError:
            break
    image.seek(0)
    if _SUBPAGES in image.tag_v2:  # where raw files have what the camera saw
        raise RefusedError("only a preview of it could be read, as of a camera's raw file; save it as JPEG or PNG")


def check_size(image: Image.Image) -> None:
    """Refuse an image that has too many pixels, or too few on a side.

    Raises:
        RefusedError: it has.
    """
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise RefusedError(
            f"it has {width} x {height} pixels, more than {MAX_PIXELS // 10**6} million; make it smaller"
        )
    if min(width, height) < LEAST_SIDE:
        raise RefusedError(f"it has {width} x {height} pixels, fewer than {LEAST_SIDE} on a side; remove it")


def _image_file(start: bytes) -> type[ImageFile]:
    name = image_format(start)
    if name in _FORMATS:
        return _FORMATS[name]
    if not start:
        raise RefusedError("it is empty; get a complete copy, or remove it")
    if name:
        article = "an" if name in ("AVIF", "OpenEXR") else "a"
        raise RefusedError(f"it is {article} {name} image, which Beholder does not read; save it as PNG or JPEG")
    raise RefusedError("it is not a JPEG, PNG, WebP, BMP, GIF or TIFF image; convert or remove it")


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8; 1 (upright) where there is none or the EXIF is damaged.

    Pillow's own reader parses every tag and warns about damage, which costs more than decoding a small image.
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
                return int(value) if value in TURNS else 1
    except struct.error:
        pass
    return 1


def why_unreadable(error: Exception) -> str:
    """Why, and what to do, for whatever was raised while an image was read."""
    if isinstance(error, RefusedError):
        return str(error)
    if isinstance(error, IsADirectoryError):
        return "it is a folder; give the image files in it"
    if isinstance(error, OSError) and error.strerror:
        return f"{error.strerror[0].lower()}{error.strerror[1:]}; check the path and its permissions"
    if isinstance(error, MemoryError):
        return "it needs more memory than there is; make it smaller"
    told = " ".join(str(error).split())
    for words, sentence in _SENTENCES:
        if re.search(words, told, re.IGNORECASE):
            return sentence
    return f"it is damaged ({told.rstrip('.')[:120] or type(error).__name__}); get a complete copy, or remove it"
