"""Contact sheets: a grid of titled images, enlarged without blur so that small ones can be seen."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from numpy.typing import NDArray
from PIL import Image, ImageDraw

from beholder import files
from beholder.errors import UsageError
from beholder.figures.lettering import fit_text, font_for
from beholder.figures.pixels import enlarged, near_size

_SIDE = 128  # pixels on the long side that an image gets, about
_GAP = 16  # between images
_MARGIN = 24  # around the sheet
_NARROWEST = 72  # a column is never narrower than a short title
_TITLE_SIZE = 14
_TITLE_HEIGHT = 26  # from the foot of an image to the foot of its title
PAPER = (250, 250, 248)
INK = (52, 52, 50)


def contact_sheet(
    images: Sequence[NDArray[Any]], titles: Sequence[str], *, columns: int, scale: int | None = None
) -> Image.Image:
    """Draw `images` row by row, each with its title underneath.

    Args:
        images: arrays of shape (H, W), (H, W, 1) or (H, W, 3), of any sizes: uint8 as it is, any other dtype
            stretched from its own minimum and maximum to black and white.
        titles: one an image, any text; cut with an ellipsis where it is wider than its column. When all are empty, no
            room is left for them.
        columns: how many images a row has.
        scale: the whole factor to enlarge every image by. None chooses the one that brings each image's long side
            to about 128 pixels, and reduces larger images to that.

    Returns:
        An RGB image.

    Raises:
        ValueError: no images, not one title an image, columns or scale below 1, or an array that is no image.
    """
    if not len(images) or len(images) != len(titles) or columns < 1 or (scale is not None and scale < 1):
        raise ValueError(
            f"Expected at least one image, a title for each, columns and scale of at least 1. Received: "
            f"{len(images)} images, {len(titles)} titles, columns={columns}, scale={scale}."
        )
    tiles = [near_size(image, _SIDE) if scale is None else enlarged(image, scale) for image in images]
    columns = min(columns, len(tiles))
    rows = -(-len(tiles) // columns)
    title_height = _TITLE_HEIGHT if any(titles) else 0
    cell_width = max(_NARROWEST if title_height else 0, *(tile.width for tile in tiles))
    cell_height = max(tile.height for tile in tiles)
    sheet = Image.new(
        "RGB",
        (
            2 * _MARGIN + columns * cell_width + (columns - 1) * _GAP,
            2 * _MARGIN + rows * (cell_height + title_height) + (rows - 1) * _GAP,
        ),
        PAPER,
    )
    draw = ImageDraw.Draw(sheet)
    for index, (tile, title) in enumerate(zip(tiles, titles, strict=True)):
        row, column = divmod(index, columns)
        left = _MARGIN + column * (cell_width + _GAP)
        foot = _MARGIN + row * (cell_height + title_height + _GAP) + cell_height
        # Centred, and standing on its title, so that images of several sizes still line up.
        sheet.paste(tile, (left + (cell_width - tile.width) // 2, foot - tile.height))
        centre = (left + cell_width / 2, foot + _TITLE_HEIGHT - 7)
        font = font_for(title, _TITLE_SIZE)
        draw.text(centre, fit_text(title, font, cell_width), fill=INK, font=font, anchor="ms")
    return sheet


def save(sheet: Image.Image, path: Path) -> None:
    """Write `sheet` to `path` in the format that its suffix names, whole or not at all.

    Raises:
        UsageError: no image format has that suffix.
        StorageError: the disk is full or may not be written to.
    """
    kind = Image.registered_extensions().get(path.suffix.lower())
    if kind not in ("PNG", "JPEG", "WEBP"):
        raise UsageError(
            f"Cannot draw {str(path)!r}: {path.suffix!r} is not an image format to write; use .png, .jpg or .webp."
        )
    with files.replacing(path) as file:
        sheet.save(file, kind)
