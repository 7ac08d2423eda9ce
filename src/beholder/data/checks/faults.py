"""What is wrong with single images: their files, and their pixels.

The list of checks, and the limits of dark, light and without information, are CleanVision's (Cleanlab, Apache-2.0,
github.com/cleanlab/cleanvision), rewritten for arrays: CleanVision takes files one by one, and brings pandas along.
Its limits are for photographs. A data set of line drawings is no fault, so an image must also stand out from its own:
it has less than half of what the median image has, or hardly anything.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from beholder.data.checks.about_files import AboutFiles, worst_first
from beholder.data.checks.findings import Finding, Kind
from beholder.data.checks.whole_set import extremes
from beholder.data.chunks import chunks
from beholder.data.dataset import Dataset
from beholder.data.images.decode import Header, read_header
from beholder.data.images.formats import SUFFIXES_OF
from beholder.data.progress import Progress, silent
from beholder.data.source import Source
from beholder.errors import ImageError

_PIXELS_AT_ONCE = 1 << 20
_BRIGHTNESS = np.array([0.241, 0.691, 0.068], np.float32)  # of red, green and blue squared
_TURNED = {
    2: "mirrored",
    3: "upside down",
    4: "mirrored and upside down",
    5: "mirrored and on its side",
    6: "on its side",
    7: "mirrored and on its side",
    8: "on its side",
}


class _Check(NamedTuple):
    """Images of `kind` have less than `limit` of a quantity of `_quantities`; in its order."""

    kind: Kind
    limit: float
    sentence: str


_CHECKS = (
    _Check("low_information", 3.0, "nearly of one colour: {value:.1f} bits a pixel"),
    _Check("dark", 0.32, "very dark: hardly a pixel reaches {value:.0%} of white"),
    _Check("light", 0.05, "very light: hardly a pixel is {value:.0%} darker than white"),
    _Check("blurred", 0.16, "blurred: its edges are soft ({value:.2f} of its contrast)"),
)


def image_faults(sets: Mapping[str, Dataset], progress: Progress = silent) -> list[Finding]:
    """Images that are nearly of one colour, very dark, very light or blurred; of each kind the worst first."""
    total = sum(len(dataset) for dataset in sets.values())
    if not total:
        return []
    measured = np.empty((len(_CHECKS), total), np.float32)
    done = 0
    with ThreadPoolExecutor() as threads:  # NumPy lets go of the interpreter while it works
        for values in threads.map(_quantities, _chunks(sets)):
            measured[:, done : done + values.shape[1]] = values
            done += values.shape[1]
            progress("Checking images", done, total)
    levels = extremes(sets)
    # An image that has the fault in any set: comparing with the others hides what most of them have.
    certain = {"low_information": levels.plain, "dark": levels.dark, "light": levels.light}
    nowhere = np.zeros(total, bool)
    found = [
        one
        for check, values in zip(_CHECKS, measured, strict=True)
        for one in worst_first(_lacking(check, values, sets, certain.get(check.kind, nowhere)))
    ]
    # One that shows nothing is not dark, light or blurred too.
    plain = {(one.paths, one.sets) for one in found if one.kind == "low_information"}
    return [one for one in found if one.kind == "low_information" or (one.paths, one.sets) not in plain]


def file_faults(source: Source, progress: Progress = silent) -> list[Finding]:
    """Image files that are unreadable, of another format than their name says, oddly sized, or turned by EXIF alone.

    Only an opened folder has image files. What could not be read is known once its sets were read.
    """
    if source.place is None:
        return []
    about = AboutFiles(source)
    found = about.unreadable()
    headers: list[tuple[str, Header]] = []
    files = about.readable
    for done, name in enumerate(files):
        if done % 256 == 0:
            progress("Checking files", done, len(files))
        try:
            headers.append((name, read_header(source.place.image(name))))
        except ImageError as error:
            found.append(about.finding("unreadable", name, 1.0, str(error)))
    progress("Checking files", len(files), len(files))
    for name, header in headers:
        if Path(name).suffix.lower() not in SUFFIXES_OF[header.format]:
            sentence = f"{name} is a {header.format} file, which its name does not say; it is read all the same."
            found.append(about.finding("wrong_format", name, 1.0, sentence))
    found += worst_first(about.finding("odd_size", *one) for one in _odd_sizes(headers))
    for name, header in headers:
        if turned := _TURNED.get(header.orientation):
            sentence = f"{name} is stored {turned}, and upright by its EXIF alone; Beholder turns it."
            found.append(about.finding("exif_orientation", name, 0.5, sentence))
    return found


def _chunks(sets: Mapping[str, Dataset]) -> Iterator[NDArray[np.uint8]]:
    for dataset in sets.values():
        for rows in chunks(len(dataset), dataset.image_shape, _PIXELS_AT_ONCE):
            yield dataset.images[rows]


def _quantities(images: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(4, n) float32 of n images: entropy in bits, brightest pixels, distance from white, and sharpness.

    The brightest pixel in a hundred and the darkest in twenty are left out, so that a speck changes nothing.
    """
    bright = _brightness(images)
    shares = _histograms(bright)
    up_to = np.cumsum(shares, axis=1)
    brightest, darkest = (up_to < 0.99).sum(axis=1) / 255, (up_to < 0.05).sum(axis=1) / 255
    entropy = (shares * np.log2(1 / np.where(shares > 0, shares, 1))).sum(axis=1)
    return np.stack([entropy, brightest, 1 - darkest, _sharpness(bright.astype(np.float32))]).astype(np.float32)


def _histograms(levels: NDArray[np.uint8]) -> NDArray[np.float32]:
    """(n, 256) float32: the share of each image's pixels that has each level."""
    flat = levels.reshape(len(levels), -1)
    numbers = flat + 256 * np.arange(len(flat))[:, np.newaxis]
    counts = np.bincount(numbers.ravel(), minlength=256 * len(flat)).reshape(len(flat), 256)
    return (counts / flat.shape[1]).astype(np.float32)


def _sharpness(bright: NDArray[np.float32]) -> NDArray[np.float32]:
    """(n,) deviation of the Laplacian (Pech-Pacheco et al., ICPR 2000), in units of that of the pixels."""
    if min(bright.shape[1:]) < 3:
        return np.full(len(bright), np.inf, np.float32)
    middle = bright[:, 1:-1, 1:-1]
    edges = bright[:, :-2, 1:-1] + bright[:, 2:, 1:-1] + bright[:, 1:-1, :-2] + bright[:, 1:-1, 2:] - 4 * middle
    deviation = bright.std(axis=(1, 2))
    plain = deviation < 2  # grey levels: such an image has nothing that could be blurred
    return np.where(plain, np.float32(np.inf), edges.std(axis=(1, 2)) / np.maximum(deviation, 1e-6))


def _brightness(images: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """(n, H, W) uint8, as the eye weighs it (Finley, HSP colour model, 2006)."""
    if images.shape[3] == 1:
        return images[..., 0]
    channels = images.astype(np.float32)
    bright: NDArray[np.float32] = np.sqrt((channels * channels) @ _BRIGHTNESS)
    return np.rint(bright).astype(np.uint8)


def _lacking(
    check: _Check, values: NDArray[np.float32], sets: Mapping[str, Dataset], certain: NDArray[np.bool_]
) -> Iterator[Finding]:
    finite = values[np.isfinite(values)]
    limit = min(check.limit, float(np.median(finite)) / 2) if len(finite) else check.limit
    images = ((dataset, set_name, row) for set_name, dataset in sets.items() for row in range(len(dataset)))
    for (dataset, set_name, row), value, sure in zip(images, values.tolist(), certain.tolist(), strict=True):
        if value < limit or sure:
            name, label = dataset.names[row], dataset.class_names[dataset.labels[row]]
            score = 1 - value / (limit if value < limit else check.limit)
            sentence = f"{name} is {check.sentence.format(value=value)}."
            yield Finding(check.kind, (name,), (set_name,), score, (label,), sentence=sentence)


def _odd_sizes(headers: Sequence[tuple[str, Header]]) -> Iterator[tuple[str, float, str]]:
    """Name, score and sentence of each odd size: far outside the middle half of all, or very long.

    The limit is three times the width of that half, as in CleanVision.
    """
    if not headers:
        return
    sides = np.sqrt([header.height * header.width for _, header in headers])
    shapes = np.array([min(one.height / one.width, one.width / one.height) for _, one in headers])
    low, middle, high = np.percentile(sides, [25, 50, 75])
    reach = max(3 * (high - low), middle / 2)  # where nearly all have one size, half of it is not odd yet
    usual_shape = float(np.median(shapes))
    for (name, header), side, shape in zip(headers, sides.tolist(), shapes.tolist(), strict=True):
        size = f"{name} has {header.width} × {header.height} pixels"
        if not low - reach <= side <= high + reach:
            word = "small" if side < middle else "large"
            away = min(side, middle) / max(side, middle)
            yield name, 1 - away, f"{size}, unusually {word} for these data."
        elif shape < 0.35 and shape < usual_shape / 2:
            yield name, 1 - shape, f"{size}, an unusual shape for these data."
