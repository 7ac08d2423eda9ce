"""The size that images of a folder are brought to: the one that they share, or one of the shape that most have."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence

import numpy as np

from beholder.data.images.decode import read_size
from beholder.data.images.places import Place
from beholder.data.sampling import sample_headers

Size = tuple[int, int]  # height, width in pixels

_SAMPLE = 256  # images whose headers are read
_MIN_SIDE, _MAX_SIDE = 8, 256
# Where so few of a sample have another size, they are brought to that of all others: one in twenty, or one of five.
_FEW_OTHERS, _FEW_SIZES = 0.05, 5
# Oblong is what a square would cut by more than a tenth. Where two images of three are, in one direction, cutting the
# others more costs less than cutting all: of 3 : 4 and 4 : 3 it breaks even at 57 of 100, and what it takes from the
# others is much.
_OBLONG, _MOST = 1 / 0.9, 2 / 3
_LONGEST = 2.0  # times the short side: what is longer would be mostly background, and costs time


def sample_sizes(place: Place, names: Sequence[str]) -> list[Size]:
    """Height and width, from their headers, of an evenly spaced sample of the image files `names` in `place`.

    Raises:
        DataError: none of them is readable.
    """
    return sample_headers(place, names, read_size, _SAMPLE, "images")


def choose_canvas(sizes: Sequence[Size]) -> Size:
    """Height and width for all images of a folder, from the `sizes` of a sample.

    A size that nearly all share is kept where its short side is 8 to 256, and otherwise scaled to these limits. Images
    of several sizes get the median short side, within the limits, and the median of their proportions if two in three
    of them are oblong in the same direction; a square if not. What is chosen is at most twice as long as short.
    """
    usual, count = Counter(sizes).most_common(1)[0]
    few = _FEW_OTHERS * len(sizes) if len(sizes) < _FEW_SIZES else max(1, _FEW_OTHERS * len(sizes))
    shared = len(sizes) - count <= few
    if shared and _MIN_SIDE <= min(usual) <= _MAX_SIDE:
        return usual
    like = [usual] if shared else sizes
    short = int(np.clip(np.median([min(size) for size in like]), _MIN_SIDE, _MAX_SIDE))
    proportion = _proportion(usual) if shared else _usual_proportion(sizes)
    long = round(short * min(math.exp(abs(proportion)), _LONGEST))
    return (short, long) if proportion > 0 else (long, short)


def _proportion(size: Size) -> float:
    """The logarithm of width by height: above 0 for what is wider than high, and as far below for the same, turned."""
    return math.log(size[1] / size[0])


def _usual_proportion(sizes: Sequence[Size]) -> float:
    """The median of `_proportion` where most are oblong in one direction; 0, a square, where they are not."""
    proportions = np.array([_proportion(size) for size in sizes])
    least = math.log(_OBLONG)
    most = max(np.mean(proportions > least), np.mean(proportions < -least))
    return float(np.median(proportions)) if most >= _MOST else 0.0
