"""How much of what was planted `beholder audit` finds in the shared images, and how much of what it finds is there.

usage: python bench/doctor.py duplicates [--planted 500] [--seed 0] [--sheet FILE.png]
       python bench/doctor.py labels [--budget 600] [--seed 0]
       python bench/doctor.py photographs [--planted 200] [--seed 0] [--sheet FILE.png]
       python bench/doctor.py clothes|sounds [--budget 300] [--seed 0]

duplicates: near copies of 500 training images are planted into the test set, of eight kinds and of a strength at
random, and 500 equal ones. Recall: planted copies that stand in one group with their original. Precision: groups with a
planted copy that hold nothing but its original and what was a copy of that before anything was planted. The images as
they are hold real copies; --sheet draws the least sure of them, for people to judge.

labels: one in twenty training images gets another label at random, a few become no photographs (flipped_labels.py).

photographs, clothes: the same for photographs of clothes, copies as files (planted_copies.py) and labels of all sets.

sounds: labels of spoken digits.
"""

from __future__ import annotations

import argparse
import io
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import flipped_labels
import images
import numpy as np
import planted_copies
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from beholder.data.checks.findings import Finding
from beholder.data.copies.duplicates import exact_duplicates, near_duplicates
from beholder.data.dataset import Dataset
from beholder.data.opening import open_source
from beholder.data.progress import silent

SHOWN = 200  # groups on a sheet
Pixels = NDArray[np.uint8]  # (H, W, 3)
Random = np.random.Generator


def reencoded(image: Pixels, random: Random) -> Pixels:
    """As a JPEG of quality 30 to 90."""
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, "JPEG", quality=int(random.integers(30, 91)))
    return np.asarray(Image.open(stream).convert("RGB"), np.uint8)


def resized(image: Pixels, random: Random) -> Pixels:
    """To a size from half to three times, and back."""
    height, width = image.shape[:2]
    factor = float(random.choice([0.5, 0.6, 0.75, 1.5, 2, 3]))
    filters = [Image.Resampling.BILINEAR, Image.Resampling.BICUBIC, Image.Resampling.LANCZOS]
    chosen = filters[int(random.integers(3))]
    other = Image.fromarray(image).resize((round(width * factor), round(height * factor)), chosen)
    return np.asarray(other.resize((width, height), Image.Resampling.BILINEAR))


def mirrored(image: Pixels, random: Random) -> Pixels:
    """Left is right."""
    del random
    return image[:, ::-1]


def shifted(image: Pixels, random: Random) -> Pixels:
    """By 1 to 3 pixels in one or both directions; what comes in is the edge, black, or the other side."""
    down, right = _some(random, 2, lowest=-3)
    if random.random() < 1 / 3:
        return np.roll(image, (down, right), (0, 1))
    border = ((3, 3), (3, 3), (0, 0))
    padded = np.pad(image, border, "edge") if random.random() < 1 / 2 else np.pad(image, border)
    height, width = image.shape[:2]
    return padded[3 + down : 3 + down + height, 3 + right : 3 + right + width]


def cropped(image: Pixels, random: Random) -> Pixels:
    """Cut by up to 3 pixels at each side, each for itself, and enlarged again."""
    height, width = image.shape[:2]
    left, top, right, bottom = _some(random, 4, lowest=0)
    cut = Image.fromarray(image).crop((left, top, width - right, height - bottom))
    return np.asarray(cut.resize((width, height), Image.Resampling.BILINEAR))


def brightened(image: Pixels, random: Random) -> Pixels:
    """20 to 30 % brighter or darker."""
    return _rounded(image * _factor(random))


def contrasted(image: Pixels, random: Random) -> Pixels:
    """20 to 30 % more or less contrast."""
    mean = image.mean()
    return _rounded((image - mean) * _factor(random) + mean)


def two_at_once(image: Pixels, random: Random) -> Pixels:
    """Two of the others, one after the other."""
    first, second = random.choice(len(SINGLE), 2, replace=False)
    once = SINGLE[int(first)](image, random)
    return SINGLE[int(second)](once, random)


SINGLE: list[Callable[[Pixels, Random], Pixels]] = [
    reencoded,
    resized,
    mirrored,
    shifted,
    cropped,
    brightened,
    contrasted,
]


def main() -> None:
    """Plant, look, count."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=["duplicates", "labels", "photographs", "clothes", "sounds"])
    parser.add_argument("--planted", type=int, help="how many; 500, and 200 photographs, by default")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--sheet", type=Path, help="where pairs that were not planted are drawn")
    parser.add_argument("--budget", type=float, default=600, help="seconds of the audit that looks for labels")
    arguments = parser.parse_args()
    if arguments.what == "labels":
        flipped_labels.measure(arguments.budget, arguments.seed)
        return
    if arguments.what == "clothes":
        flipped_labels.measure_clothes(arguments.budget, arguments.seed)
        return
    if arguments.what == "sounds":
        flipped_labels.measure_sounds(arguments.budget, arguments.seed)
        return
    if arguments.what == "photographs":
        planted_copies.measure(arguments.planted or 200, arguments.seed, arguments.sheet)
        return
    source = open_source(images.archive())
    sets = {set_name: source.readers[set_name](silent) for set_name in ("train", "test")}
    duplicates(sets, arguments.planted or 500, arguments.seed, arguments.sheet)


def duplicates(sets: dict[str, Dataset], planted: int, seed: int, sheet: Path | None) -> None:
    """Planted copies, looked for."""
    random = np.random.default_rng(seed)
    kinds = [*SINGLE, two_at_once]
    before, seconds = timed(lambda: near_duplicates(sets))
    count = sum(map(len, sets.values()))
    across = [one for one in before if len(set(one.sets)) > 1]
    print(
        f"{count:,} images as they are: {len(before)} groups of near copies in {seconds:.0f} s, "
        f"{len(across)} of them across sets"
    )
    originals = random.choice(len(sets["train"]), 2 * planted, replace=False)
    copies = [kinds[index % len(kinds)](sets["train"].images[row], random) for index, row in enumerate(originals)]
    copies = copies[:planted] + [sets["train"].images[row] for row in originals[planted:]]
    test = extended(sets["test"], np.stack(copies), sets["train"].labels[originals])
    mixed = {"train": sets["train"], "test": test}
    names = sets["train"].names
    wanted = {f"planted {index}": names[row] for index, row in enumerate(originals)}

    exact, seconds = timed(lambda: exact_duplicates(mixed))
    home = homes(exact)
    found = sum(home.get(one) is not None and home.get(one) == home.get(wanted[one]) for one in list(wanted)[planted:])
    print(f"equal: {found} of {planted} found in {seconds:.1f} s")

    near, seconds = timed(lambda: near_duplicates(mixed))
    home = homes(near)
    hits = {one: home.get(one) is not None and home.get(one) == home.get(wanted[one]) for one in list(wanted)[:planted]}
    print(f"near: {np.mean(list(hits.values())):.1%} of {planted} found in {seconds:.0f} s")
    for index, kind in enumerate(kinds):
        of_kind = list(hits.values())[index :: len(kinds)]
        print(f"  {kind.__name__:12} {np.mean(of_kind):.1%} of {len(of_kind)}")
    groups, wrong = strangers(near, wanted, before)
    print(
        f"{groups} groups with a planted copy, {wrong} of them with an image that was no copy of its original before:"
    )
    print(f"precision {1 - wrong / max(groups, 1):.1%}")
    if sheet is not None:
        draw(sheet, across, sets)
        print(f"{sheet}: the {min(len(across), SHOWN)} least sure of the groups across sets, as they are")


def timed(run: Callable[[], list[Finding]]) -> tuple[list[Finding], float]:
    """What `run` gives, and the seconds that it took."""
    start = time.monotonic()
    return run(), time.monotonic() - start


def extended(test: Dataset, added: NDArray[np.uint8], labels: NDArray[np.int64]) -> Dataset:
    """The test set with images that are called `planted 0` and so on."""
    names = [*test.names, *(f"planted {index}" for index in range(len(added)))]
    return replace(
        test,
        images=np.concatenate([test.images, added]),
        labels=np.concatenate([test.labels, labels]),
        names=names,
    )


def homes(findings: list[Finding]) -> dict[str, int]:
    """From the name of an image to the number of its group."""
    return {path: number for number, one in enumerate(findings) for path in one.paths}


def strangers(near: list[Finding], wanted: dict[str, str], before: list[Finding]) -> tuple[int, int]:
    """How many groups have a planted copy, and how many of these an image that was no copy of its original before."""
    known = homes(before)
    groups = wrong = 0
    for one in near:
        planted = [path for path in one.paths if path in wanted]
        if not planted:
            continue
        groups += 1
        originals = {wanted[path] for path in planted}
        families = {known[path] for path in originals if path in known}
        others = set(one.paths) - set(planted) - originals
        wrong += any(known.get(path) not in families for path in others)
    return groups, wrong


def draw(path: Path, groups: list[Finding], sets: dict[str, Dataset]) -> None:
    """The least sure groups, the first two images of each side by side."""
    rows = {(set_name, name): row for set_name, dataset in sets.items() for row, name in enumerate(dataset.names)}
    chosen = sorted(groups, key=lambda one: one.score)[:SHOWN]
    columns, side = 10, 64
    canvas = Image.new("RGB", (columns * (2 * side + 12), -(-len(chosen) // columns) * (side + 18)), "white")
    for index, one in enumerate(chosen):
        x, y = index % columns * (2 * side + 12), index // columns * (side + 18)
        ends = [0, next(place for place, set_name in enumerate(one.sets) if set_name != one.sets[0])]
        for place, member in enumerate(ends):
            image = sets[one.sets[member]].images[rows[one.sets[member], one.paths[member]]]
            canvas.paste(Image.fromarray(image).resize((side, side)), (x + place * side, y))
        ImageDraw.Draw(canvas).text((x, y + side + 2), f"{one.score:.3f}", fill="black")
    canvas.save(path)


def _some(random: Random, count: int, *, lowest: int) -> list[int]:
    """So many numbers from `lowest` to 3, not all of them 0."""
    while True:
        numbers = [int(number) for number in random.integers(lowest, 4, count)]
        if any(numbers):
            return numbers


def _rounded(image: NDArray[np.floating]) -> Pixels:
    return np.asarray(np.clip(np.rint(image), 0, 255), np.uint8)


def _factor(random: Random) -> float:
    return 1 + float(random.choice([-1, 1])) * float(random.uniform(0.2, 0.3))


if __name__ == "__main__":
    main()
