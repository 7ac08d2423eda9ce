"""What is wrong with a data set as a whole: all images too dark, or classes with too few images or far fewer.

A set that was saved darker than it was meant, or as 0 and 1, looks the same from image to image.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beholder.data.checks.findings import Finding
from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset

_PIXELS_AT_ONCE = 1 << 20
# Of 255. An image beyond the first two is very dark or light in any set; where nearly all are beyond the second two,
# the set is: 12 or 14 bits in a file of 16 end there too.
_DARK, _LIGHT = 25, 243
_SET_DARK, _SET_LIGHT = 64, 191
_NARROW = 32  # levels from the darkest to the brightest
_NEARLY_ALL = 0.95
_FEW_IMAGES = 50  # to learn a class from; below, a handful of images decides what the network makes of it
_UNEVEN = 0.5  # of the images that a class would have if all had as many
_CHECK = "check how they were saved"


class Extremes(NamedTuple):
    """(n,) uint8 each: the lowest and the highest value of every image, over all its channels."""

    lowest: NDArray[np.uint8]
    highest: NDArray[np.uint8]

    @property
    def plain(self) -> NDArray[np.bool_]:
        """(n,) whether an image has one value alone."""
        return np.equal(self.lowest, self.highest)

    @property
    def dark(self) -> NDArray[np.bool_]:
        """(n,) whether no value of an image reaches a tenth of white, where not nearly all are such."""
        return _few(self.highest <= _DARK)

    @property
    def light(self) -> NDArray[np.bool_]:
        """(n,) whether every value of an image is nearly white, where not nearly all are such."""
        return _few(self.lowest >= _LIGHT)


def extremes(sets: Mapping[str, Dataset]) -> Extremes:
    """Of every image of `sets`, one set after the other."""
    found = [(np.zeros(0, np.uint8), np.zeros(0, np.uint8))]
    for dataset in sets.values():
        for rows in chunks(len(dataset), dataset.image_shape, _PIXELS_AT_ONCE):
            images = dataset.images[rows]
            images = images.reshape(len(images), -1)
            found.append((images.min(axis=1), images.max(axis=1)))
    lowest, highest = (np.concatenate(values) for values in zip(*found, strict=True))
    return Extremes(lowest, highest)


def whole_set_faults(sets: Mapping[str, Dataset]) -> list[str]:
    """A sentence for each thing that is wrong with all images of `sets`, or nearly all."""
    lowest, highest = extremes(sets)
    if not len(lowest):
        return []
    return [*_levels(lowest, highest), *([] if (lowest == highest).all() else _equal_classes(sets))]


def count_findings(sets: Mapping[str, Dataset]) -> list[Finding]:
    """Findings `few_images` and `imbalance`, one a class, about what there is to learn from; worst first.

    A class is uneven where it has less than half of the images that it would have if all had as many. Its score says
    how many are missing: 0.9 where nine in ten are. The test set does not count where there are others.
    """
    learned = [dataset for set_name, dataset in sets.items() if set_name != "test"] or list(sets.values())
    names, kind = learned[0].class_names, learned[0].file_kind
    counts = sum((np.bincount(dataset.labels, minlength=len(names)) for dataset in learned), np.zeros(len(names), int))
    even = counts.sum() / len(names)
    findings = []
    for name, count in sorted(zip(names, counts.tolist(), strict=True), key=lambda pair: pair[1]):
        there = f"{name!r} has {kind.count(count)}"
        if count < _FEW_IMAGES:
            sentence = f"{there} to learn from; bring {_FEW_IMAGES} or more."
            findings.append(Finding("few_images", (), (), 1 - count / _FEW_IMAGES, suggestion=name, sentence=sentence))
        if count < _UNEVEN * even:
            sentence = f"{there}, and a class has {even:,.0f} on average; networks will prefer the others."
            findings.append(Finding("imbalance", (), (), 1 - count / even, suggestion=name, sentence=sentence))
    return findings


def _levels(lowest: NDArray[np.uint8], highest: NDArray[np.uint8]) -> Iterator[str]:
    count = len(lowest)
    low, high = int(lowest.min()), int(highest.max())
    if (lowest == highest).all():
        which = f"of one and the same colour, {low} of 255" if low == high else "of one colour each"
        yield f"All {count:,} images are {which}, and show nothing; {_CHECK}."
    elif high == 1:
        yield (
            f"All images are black: the only values of {count:,} images are 0 and 1 of 255; where 1 is meant as white, "
            "multiply them by 255."
        )
    elif high <= _SET_DARK:
        yield f"All images are very dark: the brightest pixel of {count:,} images is {high} of 255; {_CHECK}."
    elif low >= _SET_LIGHT:
        yield f"All images are very light: the darkest pixel of {count:,} images is {low} of 255; {_CHECK}."
    elif high - low < _NARROW:
        yield f"All images are nearly of one grey: the values of {count:,} images are {low} to {high} of 255; {_CHECK}."
    elif (dark := int((highest <= _SET_DARK).sum())) >= _NEARLY_ALL * count:
        yield (
            f"Nearly all images are very dark: no pixel of {dark:,} of {count:,} images is brighter than {_SET_DARK} "
            f"of 255; {_CHECK}."
        )
    elif (light := int((lowest >= _SET_LIGHT).sum())) >= _NEARLY_ALL * count:
        yield (
            f"Nearly all images are very light: no pixel of {light:,} of {count:,} images is darker than {_SET_LIGHT} "
            f"of 255; {_CHECK}."
        )


def _equal_classes(sets: Mapping[str, Dataset]) -> Iterator[str]:
    """Classes whose images are all the same one."""
    firsts: dict[str, NDArray[np.uint8]] = {}
    counts: dict[str, int] = {}
    different: set[str] = set()
    for dataset in sets.values():
        for row, label in enumerate(dataset.labels.tolist()):
            name = dataset.class_names[label]
            if name not in different:
                image = dataset.images[row : row + 1][0]
                counts[name] = counts.get(name, 0) + 1
                if not np.array_equal(firsts.setdefault(name, image), image):
                    different.add(name)
    equal = {name: count for name, count in counts.items() if count > 1 and name not in different}
    if len(equal) == len(counts) and len({firsts[name].tobytes() for name in equal}) == 1:
        yield f"All {sum(equal.values()):,} images are equal to each other, in every class; {_CHECK}."
        return
    for name, count in equal.items():
        yield f"All {count:,} images of the class {name!r} are equal to each other; {_CHECK}."


def _few(chosen: NDArray[np.bool_]) -> NDArray[np.bool_]:
    return chosen if chosen.mean() < _NEARLY_ALL else np.zeros_like(chosen)
