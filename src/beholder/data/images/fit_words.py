"""What is cut, padded or stretched of images that have to fit another size, in figures and in words."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

import numpy as np

from beholder.data.images.fitting import ImageFit
from beholder.data.images.sizes import Size

MOST_CUT = 0.1  # of an image's area, from which an answer comes with a word about it
_LEAST_TOLD = 0.01  # likewise, of a set's images
_FEW = 0.2  # of images looked at, up to which the others are nearly all
_DONE = {"crop": "scaled and cut", "pad": "scaled and padded", "stretch": "stretched"}
_IS = {"crop": "cut", "pad": "padding"}


def misfit(size: Size, target: Size) -> float:
    """How far the proportions of `size` are from those of `target`, 0 (equal) to 1.

    It is the share of the image that `crop` cuts off, the share of the target that `pad` fills, and 1 less than one by
    the factor by which `stretch` changes proportions.
    """
    scales = target[0] / size[0], target[1] / size[1]
    return 1 - min(scales) / max(scales)


def median_misfit(sizes: Sequence[Size], target: Size) -> float:
    """The median of `misfit` over `sizes`; 0 where there are none."""
    return float(np.median([misfit(size, target) for size in sizes])) if sizes else 0.0


def fitting_in_words(sizes: Sequence[Size], target: Size, fit: ImageFit) -> str | None:
    """What becomes of images of `sizes`, a sample, in the `target` size; None where all have it."""
    usual, count = Counter(sizes).most_common(1)[0] if sizes else (target, 0)
    others = len(sizes) - count
    if not others:
        return None if usual == target else _one_size(usual, target, fit)
    if usual == target and 2 * others < len(sizes):
        changed = _changed([size for size in sizes if size != target], target, fit)
        have = "has another size and is" if others == 1 else "have other sizes and are"
        most = "Nearly all" if others <= _FEW * len(sizes) else "Most"
        told = f"{most} images have {_words(target)} pixels; {others:,} of {len(sizes):,} looked at {have}"
        return f"{told} {_DONE[fit]} to this one{changed}."
    small, large = (choose(sizes, key=lambda size: size[0] * size[1]) for choose in (min, max))
    between = f"{_words(small)} to {_words(large)} pixels, {len(sizes):,} looked at"
    return f"Images of several sizes ({between}) become {_words(target)}{_changed(sizes, target, fit)}."


def with_a_way_out(told: str, sizes: Sequence[Size], target: Size) -> str:
    """The sentence `told` of images that are cropped, with the other ways to fit them where much is cut of some."""
    if all(misfit(size, target) <= MOST_CUT for size in sizes):
        return told
    return f"{told.removesuffix('.')}; --fit pad or --fit stretch cuts nothing."


def misfits_in_words(misfits: Sequence[float], target: Size, fit: ImageFit) -> str | None:
    """A sentence about images to answer of which much is cut, padded or stretched, by the `misfit` of each.

    None where there are none.
    """
    many = [share for share in misfits if share > MOST_CUT]
    if not many:
        return None
    takes, most = f"The network takes {_words(target)} pixels", max(many)
    if len(misfits) == 1:
        one = {
            "crop": f"{most:.0%} of this image is cut, half on either side",
            "pad": f"{most:.0%} of that is padding around this image, half on either side",
            "stretch": f"this image is stretched, its proportions change by a factor of {_factor(most)}",
        }
        return f"{takes}: {one[fit]}."
    which = f"{len(many):,} of {len(misfits):,} images looked at"
    several = {
        "crop": f"{which} lose more than {MOST_CUT:.0%} of their area, at most {most:.0%}",
        "pad": f"around {which} more than {MOST_CUT:.0%} of that is padding, at most {most:.0%}",
        "stretch": f"{which} are stretched, their proportions change by a factor of up to {_factor(most)}",
    }
    return f"{takes}: {several[fit]}."


def _one_size(size: Size, target: Size, fit: ImageFit) -> str:
    share = misfit(size, target)
    told = f"Images of {_words(size)} pixels"
    if share < _LEAST_TOLD:
        return f"{told} are scaled to {_words(target)}."
    wide = size[1] * target[0] > size[0] * target[1]
    told = f"{told} become {_words(target)}"
    if fit == "stretch":
        return f"{told}: stretched in {'height' if wide else 'width'} by a factor of {_factor(share)}."
    along = "width" if wide == (fit == "crop") else "height"
    halves = "half on the left, half on the right" if along == "width" else "half at either end"
    return f"{told}: {share:.0%} of the {along} is {_IS[fit]}, {halves}."


def _changed(sizes: Sequence[Size], target: Size, fit: ImageFit) -> str:
    """How much of images of several sizes is cut, padded or stretched."""
    most, median = max(misfit(size, target) for size in sizes), median_misfit(sizes, target)
    even = most - median < _LEAST_TOLD
    if fit == "stretch":
        if most < _LEAST_TOLD:
            return ", and proportions hardly change"
        by = f"{_factor(most)} each" if even else f"{_factor(median)} in the median, {_factor(most)} at most"
        return f": proportions change by a factor of {by}"
    if most < _LEAST_TOLD:
        return f", and hardly anything is {_IS[fit]}"
    if even:
        return f": {most:.0%} of each is {_IS[fit]}"
    return f": {median:.0%} of an image is {_IS[fit]} in the median, {most:.0%} at most"


def _factor(share: float) -> str:
    """By which a misfit changes proportions."""
    return f"{1 / (1 - share):.3g}"


def _words(size: Size) -> str:
    """As people write it: width × height."""
    return f"{size[1]} × {size[0]}"
