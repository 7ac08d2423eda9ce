"""`doctor.py photographs`: near copies planted among photographs of clothes, found by an audit's search for copies.

Each of 200 photographs of the training set is changed and put into the test or the validation set, as a file: encoded
again, of another size, cut by a few pixels, brighter or darker, or mirrored. Recall: planted copies that stand in one
group with their original. A group is wrong where it holds two images that are no copies of each other: --sheet draws
every group that was not planted, for people to judge.
"""

from __future__ import annotations

import os
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import images
import numpy as np
from PIL import Image, ImageDraw, ImageEnhance, ImageOps

from beholder.data.checks.findings import Finding
from beholder.data.copies.duplicates import near_duplicates
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.progress import silent

Random = np.random.Generator
_SIDE, _COLUMNS = 150, 6  # of a sheet: pixels of an image, and images in a row


def reencoded(image: Image.Image, random: Random) -> tuple[Image.Image, int]:
    """At a JPEG quality of 20 to 60."""
    return image, int(random.integers(20, 61))


def resized(image: Image.Image, random: Random) -> tuple[Image.Image, int]:
    """To a half up to twice the size."""
    factor = float(random.choice([0.5, 0.6, 0.75, 1.5, 2]))
    return image.resize((round(image.width * factor), round(image.height * factor)), Image.Resampling.BICUBIC), 85


def cropped(image: Image.Image, random: Random) -> tuple[Image.Image, int]:
    """By 0 to 10 pixels at each side, each for itself."""
    left, top, right, bottom = (int(number) for number in random.integers(0, 11, 4))
    return image.crop((left, top + 1, image.width - right, image.height - bottom)), 85


def brightened(image: Image.Image, random: Random) -> tuple[Image.Image, int]:
    """15 to 35 % brighter or darker."""
    factor = 1 + float(random.choice([-1, 1])) * float(random.uniform(0.15, 0.35))
    return ImageEnhance.Brightness(image).enhance(factor), 85


def mirrored(image: Image.Image, random: Random) -> tuple[Image.Image, int]:
    """Left is right."""
    del random
    return ImageOps.mirror(image), 85


KINDS: list[Callable[[Image.Image, Random], tuple[Image.Image, int]]] = [
    reencoded,
    resized,
    cropped,
    brightened,
    mirrored,
]


def measure(planted: int, seed: int, sheet: Path | None) -> None:
    """Plant, look, count."""
    with clothes_with_copies(planted, seed) as (folder, originals):
        source = open_source(folder, for_audit=True)
        sets = {set_name: read(silent) for set_name, read in source.readers.items()}
        for dataset in sets.values():
            dataset.contents  # noqa: B018 - hashed once, for every check
        began = time.monotonic()
        found = near_duplicates(sets)
        seconds = time.monotonic() - began
    homes = {path: number for number, one in enumerate(found) for path in one.paths}
    hits = {copy: homes.get(copy, -1) == homes.get(original) for copy, original in originals.items()}
    print(f"{sum(map(len, sets.values())):,} photographs: {len(found)} groups in {seconds:.1f} s")
    print(f"planted: {np.mean(list(hits.values())):.1%} of {planted} found")
    for kind in KINDS:
        of_kind = [hit for copy, hit in hits.items() if kind.__name__ in copy]
        print(f"  {kind.__name__:12} {np.mean(of_kind):.1%} of {len(of_kind)}")
    both = [{path, original} for path, original in originals.items()]
    others = [one for one in found if set(one.paths) not in both]
    print(f"{len(others)} groups are not one planted copy and its original; the largest of all has {largest(found)}")
    if sheet is not None:
        draw(sheet, others, sets)


@contextmanager
def clothes_with_copies(planted: int, seed: int) -> Iterator[tuple[Path, dict[str, str]]]:
    """A folder of the clothes with so many copies across sets, and from each copy's name its original's."""
    random = np.random.default_rng(seed)
    clothes = images.clothes()
    with tempfile.TemporaryDirectory(dir=images.WORK) as scratch:
        folder = Path(scratch) / "clothes"
        shutil.copytree(clothes, folder, copy_function=os.link)  # no copy is written into
        files = sorted((folder / "train").glob("*/*"))
        originals = {}
        for number, row in enumerate(random.choice(len(files), planted, replace=False).tolist()):
            kind, home = KINDS[number % len(KINDS)], ("test", "val")[number // len(KINDS) % 2]
            copy = folder / home / files[row].parent.name / f"{kind.__name__}-{number}.jpg"
            with Image.open(files[row]) as image:
                changed, quality = kind(image.convert("RGB"), random)
            changed.save(copy, quality=quality)
            originals[str(copy.relative_to(folder))] = str(files[row].relative_to(folder))
        yield folder, originals


def largest(found: list[Finding]) -> int:
    """How many images the largest group has."""
    return max((len(one.paths) for one in found), default=0)


def draw(path: Path, groups: list[Finding], sets: dict[str, Dataset]) -> None:
    """Each group in a row of its own, at most the first few images of it."""
    rows = {(set_name, name): row for set_name, dataset in sets.items() for row, name in enumerate(dataset.names)}
    canvas = Image.new("RGB", (_COLUMNS * _SIDE, max(1, len(groups)) * (_SIDE + 14)), "white")
    for place, one in enumerate(groups):
        y = place * (_SIDE + 14)
        for column, member in enumerate(list(zip(one.sets, one.paths, strict=True))[:_COLUMNS]):
            image = Image.fromarray(sets[member[0]].images[rows[member]])
            image.thumbnail((_SIDE - 2, _SIDE))
            canvas.paste(image, (column * _SIDE, y))
        words = f"{place}: {one.score:.3f}, {len(one.paths)} images, {' '.join(dict.fromkeys(one.labels))}"
        ImageDraw.Draw(canvas).text((0, y + _SIDE + 1), words, fill="black")
    canvas.save(path)
    print(f"{path}: the {len(groups)} groups that were not planted alone")
