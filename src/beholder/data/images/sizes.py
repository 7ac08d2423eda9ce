"""The size that images of a folder are brought to, and what is cut off for it, in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from beholder.data.images.decode import read_size
from beholder.errors import DataError, ImageError

Size = tuple[int, int]  # height, width in pixels

MOST_CUT = 0.1  # of an image's area, from which an answer comes with a word about it
_SAMPLE = 256
_MIN_SIDE, _MAX_SIDE = 8, 256
# Where so few of a sample have another size, they are brought to that of all others: one in twenty, or one of five.
_FEW_OTHERS, _FEW_SIZES = 0.05, 5
_LEAST_TOLD = 0.01  # of an image's area


def sample_sizes(root: Path, names: Sequence[str]) -> list[Size]:
    """Height and width, from their headers, of an evenly spaced sample of the image files `names` below `root`.

    Raises:
        DataError: none of them is readable.
    """
    count = min(_SAMPLE, len(names))
    sizes: list[Size] = []
    errors: list[ImageError] = []  # counted when the images are decoded
    for index in range(count):
        try:
            sizes.append(read_size(root / names[index * len(names) // count]))
        except ImageError as error:
            errors.append(error)
    if errors and not sizes:
        raise DataError(f"No image of a sample of {count} from {str(root)!r} is readable: {errors[0]}")
    return sizes


def choose_canvas(sizes: Sequence[Size]) -> Size:
    """Height and width for all images of a folder: the size that nearly all `sizes` share, or else a square.

    A shared size is kept where its short side is 8 to 256; a square has the median short side, within these limits.
    """
    usual, count = Counter(sizes).most_common(1)[0]
    few = _FEW_OTHERS * len(sizes) if len(sizes) < _FEW_SIZES else max(1, _FEW_OTHERS * len(sizes))
    if len(sizes) - count <= few and _MIN_SIDE <= min(usual) <= _MAX_SIDE:
        return usual
    side = int(np.clip(np.median([min(size) for size in sizes]), _MIN_SIDE, _MAX_SIDE))
    return side, side


def cut(size: Size, target: Size) -> float:
    """The share of an image of `size` that is cut off where it is scaled to cover `target`, 0 to 1."""
    scale = max(target[0] / size[0], target[1] / size[1])
    return 1 - target[0] * target[1] / (size[0] * size[1] * scale * scale)


def median_cut(sizes: Sequence[Size], target: Size) -> float:
    """The median of `cut` over `sizes`; 0 where there are none."""
    return float(np.median([cut(size, target) for size in sizes])) if sizes else 0.0


def fitting_in_words(sizes: Sequence[Size], target: Size) -> str | None:
    """What becomes of images of `sizes`, a sample: scaled, cut, or both; None where all have the `target` size."""
    usual, count = Counter(sizes).most_common(1)[0] if sizes else (target, 0)
    others = len(sizes) - count
    if not others:
        return None if usual == target else _one_size(usual, target)
    if usual == target:
        losing = _losing([size for size in sizes if size != target], target)
        have = "has another size and is" if others == 1 else "have other sizes and are"
        told = f"Nearly all images have {_words(target)} pixels; {others:,} of {len(sizes):,} looked at {have}"
        return f"{told} scaled and cut to this one{losing}."
    small, large = (choose(sizes, key=lambda size: size[0] * size[1]) for choose in (min, max))
    between = f"{_words(small)} to {_words(large)} pixels, {len(sizes):,} looked at"
    return f"Images of several sizes ({between}) become {_words(target)}{_losing(sizes, target)}."


def _one_size(size: Size, target: Size) -> str:
    share = cut(size, target)
    told = f"Images of {_words(size)} pixels"
    if share < _LEAST_TOLD:
        return f"{told} are scaled to {_words(target)}."
    wide = size[1] * target[0] > size[0] * target[1]
    where = "width is cut, half on the left, half on the right" if wide else "height is cut, half at either end"
    return f"{told} become {_words(target)}: {share:.0%} of the {where}."


def _losing(sizes: Sequence[Size], target: Size) -> str:
    """How much of images of several sizes is cut."""
    most, median = max(cut(size, target) for size in sizes), median_cut(sizes, target)
    if most < _LEAST_TOLD:
        return ", and hardly anything is cut"
    if most - median < _LEAST_TOLD:
        return f": {most:.0%} of each is cut"
    return f": {median:.0%} of an image is cut in the median, {most:.0%} at most"


def cuts_in_words(shares: Sequence[float], target: Size) -> str | None:
    """A sentence about images to answer of which much is cut, by the `cut` of each; None where there are none."""
    many = [share for share in shares if share > MOST_CUT]
    if not many:
        return None
    if len(shares) == 1:
        told = f"{many[0]:.0%} of this image is cut, half on either side"
    else:
        lose = f"{len(many):,} of {len(shares):,} images looked at lose more than {MOST_CUT:.0%} of their area"
        told = f"{lose}, at most {max(many):.0%}"
    return f"The network takes {_words(target)} pixels: {told}."


def _words(size: Size) -> str:
    """As people write it: width × height."""
    return f"{size[1]} × {size[0]}"
